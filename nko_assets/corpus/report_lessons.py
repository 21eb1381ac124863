"""What one lesson contributes to the training report: counts, and a few samples with pictures.

A lesson's tables are reduced one after the other, so that the report over hundreds of videos
never holds more than one lesson's pictures.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from io import BytesIO

import polars as pl
from PIL import Image

BINS = 20
"""Bins of the confidence histogram, each 1 / BINS wide."""

SAMPLES_PER_DECISION = 2
"""Samples that a lesson offers of each decision."""

ROWS_PER_REASON = 3
"""Rows that a lesson offers for each reason."""

SAMPLED_DECISIONS = ("accepted", "needs_review", "rejected")

_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_QUOTED = re.compile(r"«[^»]*»|“[^”]*”|‘[^’]*’|\"[^\"]*\"|'[^']*'|`[^`]*`")

_PICTURE_SIZE = (520, 150)  # pixels, at most
_PICTURE_BYTES = 14_000
_PICTURE_MARGIN = 0.25  # of the line's height, so that marks above and below stay in


@dataclass(frozen=True, slots=True)
class RowSample:
    """One reviewed row as the report shows it; `picture` is a JPEG, empty when there is none."""

    reading_id: str
    frame_id: str
    video_id: str
    timestamp_ms: int
    decision: str
    reason: str
    nko: str
    latin: str
    english: str
    french: str
    confidence: float | None
    picture: bytes = b""


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """How many rows of a lesson got one decision for one reason, with the first of them."""

    decision: str
    reason: str
    count: int
    rows: tuple[RowSample, ...]


@dataclass(frozen=True, slots=True)
class StatusCount:
    """How many readings of a lesson ended in one status, with the first reason given."""

    status: str
    count: int
    reason: str


@dataclass(frozen=True, slots=True)
class LessonFacts:
    """The counts of one video, from frames to decisions, and its samples."""

    video_id: str
    frames: int = 0
    kept: int = 0
    repeats: int = 0
    superseded: int = 0
    blank: int = 0
    readings: int = 0
    read: int = 0
    lines: int = 0
    nko_lines: int = 0
    entries: int = 0
    accepted: int = 0
    needs_review: int = 0
    rejected: int = 0
    cost_usd: float = 0.0
    reviewed: bool = False
    models: tuple[str, ...] = ()
    statuses: tuple[StatusCount, ...] = ()
    reasons: tuple[ReasonCount, ...] = ()
    confidence: dict[str, tuple[int, ...]] = field(default_factory=dict)
    samples: tuple[RowSample, ...] = ()


def lesson_facts(
    video_id: str,
    *,
    frames: int = 0,
    unique_frames: pl.DataFrame | None = None,
    readings: pl.DataFrame | None = None,
    reviewed: pl.DataFrame | None = None,
) -> LessonFacts:
    """Reduce the tables of one video; a table that does not exist yet is None.

    `frames` is the height of the Frames table; `unique_frames`, `readings` and `reviewed` follow
    `UniqueFrames`, `Readings` and `ReviewedReadings`. Rows of kind 'frame' are not counted as
    entries.
    """
