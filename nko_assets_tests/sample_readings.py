"""Readings that a perfect reader would give for the sample channel, for tests to spoil."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from nko_assets.reading.answers import Entry, Line, Reading, entry_kind
from nko_assets.sample.truth import truth_for


def perfect_reading(video_id: str, timestamp_ms: int) -> Reading:
    """Everything that the slide at that time shows, exactly."""
    slide = truth_for(video_id).slide_at(timestamp_ms)
    lines = tuple(
        Line(place, line.box, line.script, line.language, line.text, line.text, 0.9)
        for place, line in enumerate(slide.lines)
    )
    entries = tuple(
        Entry(
            line=entry.line,
            kind=entry_kind(entry.nko),
            nko=entry.nko,
            nko_raw=entry.nko,
            latin_shown=entry.latin_shown,
            english=entry.english,
            french=entry.french,
            pos=None,
            box=entry.box,
            confidence=0.9,
            english_by=None if entry.english is None else "frame",
        )
        for entry in slide.entries
    )
    return Reading(
        frame_id=f"{video_id}:{timestamp_ms}",
        video_id=video_id,
        timestamp_ms=timestamp_ms,
        status="ok" if lines else "no_text",
        reason="" if lines else "the slide is blank",
        lines=lines,
        entries=entries,
        confidence=0.9,
        reader="perfect",
        model="truth",
        request_hash="0" * 64,
    )


def perfect_readings(video_id: str, every_ms: int = 5_000) -> list[Reading]:
    """One reading each `every_ms` of a lesson."""
    duration = truth_for(video_id).duration_ms
    return [perfect_reading(video_id, time) for time in range(0, duration, every_ms)]


def spoilt(readings: Iterable[Reading], **changes: object) -> list[Reading]:
    """The same readings with fields replaced."""
    return [replace(reading, **changes) for reading in readings]  # type: ignore[arg-type]
