"""What is on screen at each moment of a sample lesson: its lines, its entries, their places.

Derived from the lessons by a pure function, so nothing has to be stored beside the videos.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from nko_assets.sample.layouts import lay_out
from nko_assets.sample.lessons import Lesson, lesson
from nko_assets.sample.page import Box, PlacedLine, SlideLayout

_SCRIPTS_AND_LANGUAGES = {
    "nko": ("nko", "nqo"),
    "digits": ("nko", "nqo"),
    "speaker": ("nko", "nqo"),
    "latin_shown": ("latin", "nqo-Latn"),
    "english": ("latin", "en"),
    "french": ("latin", "fr"),
    "label": ("latin", "und"),
}
_OWN_TEXT = ("made for this sample", "CC0-1.0")


@dataclass(frozen=True, slots=True)
class TruthLine:
    """One line on screen: NFC text in logical order, `box` in pixels of the 1280 × 720 frame."""

    text: str
    script: str
    language: str
    box: Box
    source: str
    licence: str


@dataclass(frozen=True, slots=True)
class TruthEntry:
    """N'Ko text with what the slide shows beside it.

    `line` is the place of its first line among the slide's lines; `box` holds all of them.
    """

    line: int
    nko: str
    latin_shown: str | None
    english: str | None
    french: str | None
    box: Box


@dataclass(frozen=True, slots=True)
class TruthSlide:
    """One state of a slide, visible from `start_ms` up to, not including, `end_ms`."""

    slide: int
    visible_rows: int
    start_ms: int
    end_ms: int
    lines: tuple[TruthLine, ...]
    entries: tuple[TruthEntry, ...]


@dataclass(frozen=True, slots=True)
class LessonTruth:
    """Everything that a lesson shows, state by state."""

    video_id: str
    title: str
    duration_ms: int
    slides: tuple[TruthSlide, ...]
    """The states in order: a slide that builds up gives one for each row."""

    def slide_at(self, timestamp_ms: int) -> TruthSlide:
        """What is visible at a time; raises `ValueError` outside the video."""
        if not 0 <= timestamp_ms < self.duration_ms:
            raise ValueError(
                f"{self.video_id} lasts {self.duration_ms} ms; there is no {timestamp_ms} ms"
            )
        return self.slides[bisect_right(self.slides, timestamp_ms, key=lambda s: s.start_ms) - 1]


@lru_cache(maxsize=64)
def truth_for(video_id: str) -> LessonTruth:
    """The truth of a lesson; raises `KeyError` for an id that the channel does not have."""
    return truth_of(lesson(video_id))


def truth_of(known: Lesson) -> LessonTruth:
    """The truth of any lesson, also one that is not part of the channel."""
    states: list[TruthSlide] = []
    now = 0
    for number, slide in enumerate(known.slides):
        for visible in slide.states:
            layout = lay_out(known, number, visible)
            states.append(
                TruthSlide(
                    slide=number,
                    visible_rows=visible,
                    start_ms=now,
                    end_ms=now + slide.state_ms,
                    lines=tuple(_truth_line(line) for line in layout.lines),
                    entries=tuple(_entries(layout)),
                )
            )
            now += slide.state_ms
    return LessonTruth(known.video_id, known.title, now, tuple(states))


def _truth_line(line: PlacedLine) -> TruthLine:
    script, language = _SCRIPTS_AND_LANGUAGES[line.piece.role]
    row = line.piece.row
    source, licence = (row.source, row.licence) if row else _OWN_TEXT
    return TruthLine(line.piece.text, script, language, line.box, source, licence)


def _entries(layout: SlideLayout) -> list[TruthEntry]:
    """An entry for each row with N'Ko, which may run over several lines."""
    entries = []
    for row, lines in groupby(enumerate(layout.lines), key=lambda item: item[1].piece.row):
        spread = [(place, line.box) for place, line in lines if line.piece.role == "nko"]
        if row is None or row.nko is None or not spread:
            continue
        entries.append(
            TruthEntry(
                line=spread[0][0],
                nko=row.nko,
                latin_shown=row.latin,
                english=row.english,
                french=row.french,
                box=_around([box for _, box in spread]),
            )
        )
    return entries


def _around(boxes: list[Box]) -> Box:
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return min(x0), min(y0), max(x1), max(y1)
