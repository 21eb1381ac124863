"""The curves of a training in `metrics.jsonl`: loss and token accuracy, as they come.

One line a log: `step`, `epoch`, `split` (train or validation), `loss`, `token_accuracy`,
`learning_rate` (null for validation) and `seconds` of training so far, over all its runs.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nko_assets.files import write_atomically


def read_curve(path: Path) -> list[dict[str, Any]]:
    """The lines so far; one that is being written, or was broken off, is left out."""
    if not path.is_file():
        return []
    text = path.read_text(encoding="utf-8")
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


def cut_curve(path: Path, step: int) -> float:
    """Drop what was logged after `step`, for it will be trained again; returns the seconds until then."""
    kept = [line for line in read_curve(path) if line["step"] <= step]
    write_atomically(path, "".join(f"{json.dumps(line)}\n" for line in kept).encode())
    return max((line["seconds"] for line in kept), default=0.0)


def append(path: Path, line: dict[str, Any]) -> None:
    """Add one line, whole."""
    with path.open("a", encoding="utf-8") as curve:
        curve.write(f"{json.dumps(line)}\n")
