"""The content of an answer: JSON text to rows of strings, or what is wrong with it as an answer.

Only what costs nothing is forgiven: a code fence around the whole, raw line ends inside a string,
null for "". Whatever would need a guess is a failure, to be asked again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nko_assets.nko import leaks
from nko_assets.reading.gemini.versions import answer_schema

NO_TEXT = "no_text"

_FENCE = re.compile(r"```(?:json)?\s*(\{.*\})\s*```", re.DOTALL | re.IGNORECASE)
_DECODER = json.JSONDecoder(strict=False)
_SURROGATE = re.compile("[\ud800-\udfff]")
# What models write into a field that has to be there and has nothing to say.
_NOTHING = frozenset({"null", "none", "n/a", "not shown", "nil", "undefined"})
_ROW = answer_schema()["properties"]["rows"]["items"]["properties"]
_PARTS_OF_SPEECH = frozenset(_ROW["pos"]["enum"]) - {"none"}
TEXT_FIELDS = ("nko", "latin", "english", "french", "gloss")
"""The fields of a row that hold text."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A failure: its status and what happened."""

    status: str
    reason: str


@dataclass(frozen=True, slots=True)
class Row:
    """One row as the model wrote it; fields without text are empty, `pos` is None for none."""

    nko: str
    latin: str
    english: str
    french: str
    gloss: str
    pos: str | None
    legibility: str


@dataclass(frozen=True, slots=True)
class Content:
    """What an answer says: the rows that have text, and its signals."""

    frame_id: str
    frame_type: str
    rows: tuple[Row, ...]
    unread: str
    confidence: float | None


def parse_content(text: str) -> Content | Fault:
    """The content of an answer's text, or the fault that makes it none."""
    stripped = text.strip(" \t\r\n\ufeff")
    if fenced := _FENCE.fullmatch(stripped):
        stripped = fenced[1]
    try:
        value, end = _DECODER.raw_decode(stripped)
    except (ValueError, RecursionError):
        return _no_json(stripped, "the answer is not JSON, or JSON that breaks off")
    if rest := stripped[end:].strip():
        return _no_json(rest, "there is text after the JSON")
    if not isinstance(value, dict):
        return Fault("malformed", f"the answer is no JSON object but {type(value).__name__}")
    return _content(value)


def _no_json(text: str, what: str) -> Fault:
    """The fault of an answer that is `what` because of `text`."""
    leak = leaks.find(text)
    # JSON itself looks like escaped text, and a fence that was not closed is no reasoning.
    if leak and leak.name in {"leaked_reasoning", "label", "markup"}:
        return Fault("leaked_thought", f"the answer is not JSON alone: {leak.excerpt!r}")
    return Fault("malformed", f"{what}: {text[-60:]!r}")


def _content(value: Mapping[str, Any]) -> Content | Fault:
    frame_id, rows = value.get("frame_id"), value.get("rows")
    if not isinstance(frame_id, str):
        return Fault("malformed", "the answer names no frame")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        return Fault("malformed", "the answer has no list of rows")
    try:
        parsed = [_row(row) for row in rows]
        frame_type, unread = _text(value.get("frame_type")), _text(value.get("unread"))
    except TypeError as error:
        return Fault("malformed", str(error))
    return Content(
        frame_id=frame_id.strip(),
        frame_type=frame_type,
        rows=tuple(row for row in parsed if any(getattr(row, name) for name in TEXT_FIELDS)),
        unread=unread,
        confidence=_share(value.get("confidence")),
    )


def _row(row: Mapping[str, Any]) -> Row:
    pos = _text(row.get("pos")).lower()
    return Row(
        nko=_text(row.get("nko")),
        latin=_text(row.get("latin")),
        english=_text(row.get("english")),
        french=_text(row.get("french")),
        gloss=_text(row.get("gloss")),
        pos=pos if pos in _PARTS_OF_SPEECH else None,
        legibility=_text(row.get("legibility")).lower(),
    )


def _text(value: object) -> str:
    """A field's text, empty for what says nothing; raises TypeError for a list or an object."""
    if value is None:
        return ""
    if isinstance(value, int | float):
        return str(value)
    if not isinstance(value, str):
        raise TypeError(f"a field holds no text but {type(value).__name__}")
    if value.strip().lower() in _NOTHING:
        return ""
    # Half a surrogate pair can be written neither to a file nor to a database.
    return _SURROGATE.sub("\ufffd", value) if not value.isascii() else value


def _share(value: object) -> float | None:
    """A probability, also when it came as text or per cent; None for anything else."""
    try:
        number = float(value)  # type: ignore[arg-type]  # whatever is no number raises
    except (TypeError, ValueError):
        return None
    if 1 < number <= 100:
        number /= 100
    return number if 0 <= number <= 1 else None
