"""What a reader is asked and what it answers: a frame in, lines and entries out, and their table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from nko_assets.nko import words
from nko_assets.schemas.readings import Readings

Box = tuple[int, int, int, int]
"""x0, y0, x1, y1 in pixels of the frame, y downwards; x1 and y1 are just outside."""

_SENTENCE_ENDS = (".", "؟", "?", "߹", "!")
_CLOSING = ' »›)"﴾⸝'


@dataclass(frozen=True, slots=True)
class FrameRequest:
    """One frame to be read: its picture as JPEG and the ids that come back with the answer."""

    frame_id: str
    video_id: str
    timestamp_ms: int
    jpeg: bytes


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text on a frame.

    `script` and `language` are those of `schemas.readings`; `text` is normalized, in logical
    order and NFC, `raw` is what the reader said before normalizing; `confidence` is 0 to 1. `box`
    is a `Box`, or empty when the reader says what it read and not where.
    """

    line: int
    box: tuple[int, ...]
    script: str
    language: str
    text: str
    raw: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Entry:
    """N'Ko text with what the frame shows beside it: its romanization and its translations.

    `english_by` says where the English is from: "frame" when it is shown, "reader" when it is the
    reader's own translation; None when there is no English. French is only ever what is shown.
    """

    line: int
    kind: str
    nko: str
    nko_raw: str
    latin_shown: str | None
    english: str | None
    french: str | None
    pos: str | None
    box: tuple[int, ...]
    confidence: float
    english_by: str | None


@dataclass(frozen=True, slots=True)
class Reading:
    """A reader's answer for one frame, whatever came of it; one row of `Readings`."""

    frame_id: str
    video_id: str
    timestamp_ms: int
    status: str
    reason: str
    lines: tuple[Line, ...]
    entries: tuple[Entry, ...]
    confidence: float | None
    reader: str
    model: str
    request_hash: str
    attempt: int = 1
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    raw_answer: str = ""

    @classmethod
    def without_text(
        cls,
        request: FrameRequest,
        *,
        status: str,
        reason: str,
        reader: str,
        model: str,
        request_hash: str,
        attempt: int = 1,
    ) -> Reading:
        """A reading that holds no line: a frame without text, or a failure with its name."""
        return cls(
            frame_id=request.frame_id,
            video_id=request.video_id,
            timestamp_ms=request.timestamp_ms,
            status=status,
            reason=reason,
            lines=(),
            entries=(),
            confidence=None,
            reader=reader,
            model=model,
            request_hash=request_hash,
            attempt=attempt,
        )


def union(boxes: Sequence[Box]) -> Box:
    """The smallest box around all of `boxes`."""
    return (
        min(box[0] for box in boxes),
        min(box[1] for box in boxes),
        max(box[2] for box in boxes),
        max(box[3] for box in boxes),
    )


def entry_kind(nko: str) -> str:
    """'word', 'phrase' or 'sentence': more than one word, and whether it ends like a sentence."""
    if nko.rstrip(_CLOSING).endswith(_SENTENCE_ENDS):
        return "sentence"
    return "word" if len(words(nko)) <= 1 and " " not in nko.strip() else "phrase"


def readings_table(readings: Iterable[Reading]) -> pl.DataFrame:
    """The `Readings` table of `readings`, in their order; typed also when there are none."""
    rows = [
        {
            **_values(reading),
            "lines": [_values(line) for line in reading.lines],
            "entries": [_values(entry) for entry in reading.entries],
        }
        for reading in readings
    ]
    return pl.DataFrame(rows, schema=Readings.polars_schema())


def _values(record: Reading | Line | Entry) -> dict[str, object]:
    """The fields of `record` as they are: `asdict` copies each and takes as long as reading it."""
    return {name: getattr(record, name) for name in record.__slots__}
