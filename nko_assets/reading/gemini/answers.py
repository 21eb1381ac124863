"""What came back for a frame, judged: lines and entries, or the status that says what went wrong.

Never raises, never guesses: whatever is not a complete reading of the right frame is a failure with
its name, and the raw answer is kept by whoever calls. Nothing becomes an empty success: a frame is
without text only when the answer says so itself.

The model's word about itself decides nothing. A line's confidence comes from its stated legibility
and is one half at best, below what a reading needs to be accepted; trust is computed elsewhere,
from what other readers, the validator and a dictionary say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from nko_assets.nko import normalize
from nko_assets.reading.answers import Entry, Line, entry_kind
from nko_assets.reading.gemini.content import NO_TEXT, Content, Fault, Row, parse_content
from nko_assets.reading.gemini.envelope import ResultLine, Usage, open_envelope, parse_result
from nko_assets.reading.gemini.suspicion import find_fault, find_loop_in_part, has_nko

__all__ = ["Judged", "ResultLine", "judge", "parse_result", "read_stored"]

_CONFIDENCE: Mapping[str, float] = {"clear": 0.5, "partly": 0.25, "poor": 0.1}
_UNSTATED = 0.25
_LATIN_LETTER = re.compile("[A-Za-zÀ-ɏɓɔɛɲŋ]")


@dataclass(frozen=True, slots=True)
class Judged:
    """An answer and what it is worth.

    `status` is one of `schemas.readings.READING_STATUSES`; `reason` is empty for ok. `can_heal` is
    False for a failure that asking again brings back (a request that the service refuses).
    Where the frame shows no English, an entry has the model's own translation, marked as such in
    `english_by`. `model_confidence` and `unread` are signals. Tokens are 0 where the answer does
    not count them.
    """

    status: str
    reason: str
    lines: tuple[Line, ...] = ()
    entries: tuple[Entry, ...] = ()
    input_tokens: int = 0
    output_tokens: int = 0
    thinking_tokens: int = 0
    model_confidence: float | None = None
    can_heal: bool = True
    frame_type: str = ""
    unread: str = ""


def judge(result: ResultLine, frame_id: str) -> Judged:
    """What `result` says about frame `frame_id`."""
    envelope = open_envelope(result)
    usage = envelope.usage
    if envelope.status == "max_tokens" and (loop := find_loop_in_part(envelope.text)):
        return _failure(Fault("loop", f"{loop}, until the limit of tokens"), usage)
    if envelope.status:
        return _failure(Fault(envelope.status, envelope.reason), usage, can_heal=envelope.can_heal)
    content = parse_content(envelope.text)
    if isinstance(content, Fault):
        loop = find_loop_in_part(envelope.text)
        return _failure(Fault("loop", loop) if loop else content, usage)
    fault = _fault(content, frame_id)
    if fault is not None:
        return _failure(fault, usage, content)
    return _reading(content, usage)


def read_stored(raw: str, frame_id: str) -> Judged:
    """What `judge` said of a result line, from the line as it was kept."""
    return judge(parse_result(raw), frame_id)


def _fault(content: Content, frame_id: str) -> Fault | None:
    """What is wrong with an answer that could be parsed, or None."""
    if content.frame_id != frame_id:
        return Fault(
            "wrong_frame", f"the answer is about {content.frame_id[:60]!r}, not {frame_id!r}"
        )
    if content.rows:
        if content.frame_type == NO_TEXT:
            return Fault("malformed", f"no text, it says, and gives {len(content.rows)} rows")
        return find_fault(content.rows)
    if content.frame_type == NO_TEXT:
        return Fault(NO_TEXT, "the answer says that the frame has no text")
    if content.unread:
        return Fault("missing", f"there is text, and none of it was read: {content.unread[:200]}")
    return Fault("malformed", f"no rows, but frame type {content.frame_type or 'none'!r}")


def _failure(
    fault: Fault, usage: Usage, content: Content | None = None, *, can_heal: bool = True
) -> Judged:
    return Judged(
        status=fault.status,
        reason=fault.reason,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        thinking_tokens=usage.thinking_tokens,
        model_confidence=content.confidence if content else None,
        can_heal=can_heal,
        frame_type=content.frame_type if content else "",
        unread=content.unread if content else "",
    )


def _reading(content: Content, usage: Usage) -> Judged:
    lines: list[Line] = []
    entries: list[Entry] = []
    for row in content.rows:
        entry = _read_row(row, lines)
        if entry is not None:
            entries.append(entry)
    if not lines:
        return _failure(Fault("malformed", "translations of texts that it does not give"), usage)
    return Judged(
        status="ok",
        reason="",
        lines=tuple(lines),
        entries=tuple(entries),
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        thinking_tokens=usage.thinking_tokens,
        model_confidence=content.confidence,
        frame_type=content.frame_type,
        unread=content.unread,
    )


def _read_row(row: Row, lines: list[Line]) -> Entry | None:
    """Add the texts of `row` that the frame shows to `lines`; the entry of its N'Ko, if any."""
    confidence = _CONFIDENCE.get(row.legibility, _UNSTATED)
    shown: dict[str, str] = {}
    place = len(lines)
    for name, language in (
        ("nko", "nqo"),
        ("latin", "nqo-Latn"),
        ("english", "en"),
        ("french", "fr"),
    ):
        raw: str = getattr(row, name)
        text = _one_line(raw) if raw else ""
        if not text:
            continue
        shown[name] = text
        script = _script(text)
        lines.append(
            Line(
                line=len(lines),
                box=(),
                script=script,
                language="und" if name == "nko" and script in {"latin", "other"} else language,
                text=text,
                raw=raw,
                confidence=confidence,
            )
        )
    nko = shown.get("nko", "")
    if not has_nko(nko):
        return None
    gloss = _one_line(row.gloss)
    by = "frame" if "english" in shown else "reader" if gloss else None
    return Entry(
        line=place,
        kind=entry_kind(nko),
        nko=nko,
        nko_raw=row.nko,
        latin_shown=shown.get("latin"),
        english=shown.get("english") or gloss or None,
        french=shown.get("french"),
        pos=row.pos,
        box=(),
        confidence=confidence,
        english_by=by,
    )


def _one_line(text: str) -> str:
    """`text` in its one spelling, on one line: a row is one text, however the frame breaks it."""
    return normalize(text).replace("\n", " ")


def _script(text: str) -> str:
    nko, latin = has_nko(text), _LATIN_LETTER.search(text) is not None
    if nko:
        return "mixed" if latin else "nko"
    return "latin" if latin else "other"
