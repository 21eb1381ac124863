"""Which student is in use: one small file that names its weights, changed by the gate alone."""

from __future__ import annotations

import json
from pathlib import Path

from nko_assets.failures import ConfigurationError
from nko_assets.files import sha256_of

WEIGHTS_FILE = "nko_lines.onnx"
_ACCEPTED = "accepted.json"
_DIGITS = 12  # of the digest, as in the name of the reader's model


def students(root: Path) -> Path:
    """The folder of the students below a data root."""
    return root / "tuning" / "student"


def accepted_file(folder: Path) -> Path:
    """Where the students' folder says which of them is in use."""
    return folder / _ACCEPTED


def student_folder(folder: Path, digest: str) -> Path:
    """Where the student whose weights have this SHA-256 lies."""
    return folder / digest[:_DIGITS]


def accepted(digest: str) -> bytes:
    """What the file says when the weights with this SHA-256 are in use."""
    return (json.dumps({"weights": digest}) + "\n").encode()


def accepted_weights(folder: Path) -> Path | None:
    """The weights of the student in use; None where none was accepted yet.

    Raises ConfigurationError when they are not there or not what was accepted.
    """
    try:
        digest = str(json.loads(accepted_file(folder).read_text(encoding="utf-8"))["weights"])
    except FileNotFoundError:
        return None
    weights = student_folder(folder, digest) / WEIGHTS_FILE
    if not weights.is_file() or sha256_of(weights) != digest:
        raise ConfigurationError(
            f"The weights of the accepted student are not at {weights}, or were changed.",
            f"Put them back, or remove {accepted_file(folder)} and materialize student again.",
        )
    return weights
