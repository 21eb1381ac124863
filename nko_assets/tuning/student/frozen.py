"""The frozen set: lines by which weights of the offline reader are compared, chosen once.

Half of it are lines of real frames, from videos of validation, that a person accepted or corrected;
half are rendered lines, hard ones, in the typefaces of training. It is written under the digest of
its content and never made anew, so that every student is judged by the same lines.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal

import cv2
import numpy as np

from nko_assets.failures import PermanentFailure
from nko_assets.files import write_atomically
from nko_assets.reading.charset import fold, visual_classes
from nko_assets.reading.recognizer import line_input
from nko_assets.reading.training.lines import TRAINED_FACES, has_room, render_sheet
from nko_assets.reading.training.text import LineWriter
from nko_assets.tuning.student.crops import Crop
from nko_assets.typeset import TYPEFACES

LEAST_REAL: Final = 40
"""Fewer lines do not show that errors fell, unless nearly all of them did."""
MOST_REAL: Final = 400
RENDERED: Final = 400

# No seed of a training run: its rendered lines are others.
_SEED: Final = 20_000_003
_SHEET_LINES: Final = 8
_RENDERED_LICENCE: Final = "CC0-1.0"
_CHOSEN: Final = "chosen.json"
_AGAIN: Final = (
    "Put it back from a copy, or move the folder away: a set is then chosen anew, and the student "
    "in use was judged by another."
)

Kind = Literal["real", "rendered"]


@dataclass(frozen=True, slots=True)
class FrozenLine:
    """A line to be read: an encoded picture, what it says, and for a real one where it is from."""

    kind: Kind
    id: str
    video_id: str
    text: str
    encoded: bytes
    licence: str

    def picture(self) -> np.ndarray:
        """Gray uint8 (height, width)."""
        return np.asarray(
            cv2.imdecode(np.frombuffer(self.encoded, np.uint8), cv2.IMREAD_GRAYSCALE), np.uint8
        )


@dataclass(frozen=True, slots=True)
class FrozenSet:
    """The lines, and the digest of their content."""

    digest: str
    lines: tuple[FrozenLine, ...]

    def of(self, kind: Kind) -> list[FrozenLine]:
        """The lines of one kind."""
        return [line for line in self.lines if line.kind == kind]

    @property
    def videos(self) -> frozenset[str]:
        """The videos that no line may be taught from."""
        return frozenset(line.video_id for line in self.lines if line.video_id)

    @property
    def texts(self) -> list[str]:
        """What the real lines say: nothing like it is taught."""
        return [line.text for line in self.of("real")]


def frozen_set(folder: Path, validation: Sequence[Crop], videos: Sequence[str]) -> FrozenSet:
    """The set in `folder`; where there is none it is chosen from `validation`, and written.

    `videos` are those held out, to be named when too few of their lines were looked at. Raises
    PermanentFailure for fewer than LEAST_REAL lines that a person vouches for, and when the set
    that is there is not what was written.
    """
    if (folder / _CHOSEN).exists():
        return read_frozen_set(folder)
    real = _choose(validation, videos)
    lines = (*real, *rendered_lines(RENDERED))
    content = "".join(_line(line) for line in lines).encode()
    digest = hashlib.sha256(content).hexdigest()
    write_atomically(folder / f"{digest}.jsonl", content)
    facts = {
        "digest": digest,
        "real": len(real),
        "rendered": RENDERED,
        "videos": sorted({line.video_id for line in real}),
    }
    write_atomically(folder / _CHOSEN, (json.dumps(facts, indent=1) + "\n").encode())
    return FrozenSet(digest, lines)


def frozen_lines_digest(
    folder: Path, validation: Callable[[], Sequence[Crop]], videos: Sequence[str]
) -> str:
    """The digest of the real lines of what `frozen_set` would give; writes nothing.

    The rendered ones are always the same. `validation` is called where there is no set yet.
    """
    if (folder / _CHOSEN).exists():
        real = read_frozen_set(folder).of("real")
    else:
        real = _choose(validation(), videos)
    return hashlib.sha256("".join(map(_line, real)).encode()).hexdigest()


def _choose(validation: Sequence[Crop], videos: Sequence[str]) -> list[FrozenLine]:
    seen = sorted((crop for crop in validation if crop.by == "person"), key=lambda crop: crop.id)
    if len(seen) < LEAST_REAL:
        where = ", ".join(videos[:5]) or "none yet: splits needs two videos or more"
        raise PermanentFailure(
            f"A student is judged by {LEAST_REAL} lines of validation videos that a person accepted "
            f"or corrected; there are {len(seen)}.",
            f"Review at least {LEAST_REAL - len(seen)} more of their lines (nko explore), then "
            f"materialize reviewed_readings and splits again. Validation videos: {where}.",
        )
    # Ids are hashes: their order is a lot that is drawn the same way everywhere.
    return [
        FrozenLine("real", crop.id, crop.video_id, crop.text, crop.jpeg, crop.licence)
        for crop in seen[:MOST_REAL]
    ]


def read_frozen_set(folder: Path) -> FrozenSet:
    """The set in `folder`; raises PermanentFailure when it is missing or not what its name says."""
    digest = str(json.loads((folder / _CHOSEN).read_text(encoding="utf-8"))["digest"])
    path = folder / f"{digest}.jsonl"
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise PermanentFailure(f"The frozen set {path} is missing.", _AGAIN) from None
    if hashlib.sha256(content).hexdigest() != digest:
        raise PermanentFailure(f"The frozen set {path} was changed.", _AGAIN)
    rows = content.decode().split("\n")
    return FrozenSet(digest, tuple(_frozen_line(json.loads(row)) for row in rows if row))


def rendered_lines(count: int, seed: int = _SEED) -> list[FrozenLine]:
    """`count` rendered lines of invented words, all typefaces of training in turn.

    Lines that were squeezed so much that nobody could read them are left out.
    """
    rng = np.random.default_rng(seed)
    writer = LineWriter()
    lines: list[FrozenLine] = []
    sheet = 0
    while len(lines) < count:
        face = TYPEFACES[TRAINED_FACES[sheet % len(TRAINED_FACES)]]
        sheet += 1
        lengths = np.exp(rng.uniform(np.log(6), np.log(52), _SHEET_LINES)).astype(int)
        texts = [writer.line(rng, int(length), face) for length in lengths]
        for line in render_sheet(rng, texts, face):
            if not has_room(line_input(line.image).shape[1], visual_classes(line.text)):
                continue
            picture = cv2.imencode(".png", np.ascontiguousarray(line.image))[1].tobytes()
            name = f"rendered-{seed}-{len(lines)}"
            lines.append(
                FrozenLine("rendered", name, "", fold(line.text), picture, _RENDERED_LICENCE)
            )
    return lines[:count]


def _line(line: FrozenLine) -> str:
    row = asdict(line) | {"encoded": base64.b64encode(line.encoded).decode()}
    return json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n"


def _frozen_line(row: Mapping[str, Any]) -> FrozenLine:
    return FrozenLine(**{**row, "encoded": base64.b64decode(row["encoded"])})
