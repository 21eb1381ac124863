"""What one lesson contributes to the training report: counts, and a few samples with pictures.

A lesson's tables are reduced one after the other, so that the report over hundreds of videos
never holds more than one lesson's pictures.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import polars as pl
from PIL import Image

BINS = 20
"""Bins of the confidence histogram, each 1 / BINS wide."""

SAMPLES_PER_DECISION = 2
"""Samples that a lesson offers of each decision."""

ROWS_PER_REASON = 3
"""Rows that a lesson offers for each reason."""

SAMPLED_DECISIONS = ("accepted", "needs_review", "rejected")

# The readings that came to a result, text or none.
_READ = ("ok", "no_text")

_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_QUOTED = re.compile(r"«[^»]*»|“[^”]*”|\"[^\"]*\"|(?<!\w)'[^']*'(?!\w)|`[^`]*`")

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
    signals: tuple[str, ...]
    nko: str
    latin: str
    english: str
    french: str
    confidence: float | None
    picture: bytes = b""


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """How many rows, of a lesson or of all, got one decision for one reason, with some of them."""

    decision: str
    reason: str
    count: int
    rows: tuple[RowSample, ...]


@dataclass(frozen=True, slots=True)
class StatusCount:
    """How many readings, of a lesson or of all, ended in one status, with the first reason given."""

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
    models: tuple[str, ...] = ()
    statuses: tuple[StatusCount, ...] = ()
    reasons: tuple[ReasonCount, ...] = ()
    confidence: dict[str, tuple[int, ...]] = field(default_factory=dict)
    known: tuple[tuple[float, bool], ...] = ()
    """Confidence of each entry whose N'Ko is known, and whether it was read right."""
    samples: tuple[RowSample, ...] = ()


def lesson_facts(
    video_id: str,
    *,
    frames: int,
    unique_frames: pl.DataFrame,
    readings: pl.DataFrame,
    reviewed: pl.DataFrame,
    known: Mapping[str, bool] | None = None,
) -> LessonFacts:
    """Reduce the tables of one video.

    `frames` is the height of the Frames table; `unique_frames`, `readings` and `reviewed` follow
    `UniqueFrames`, `Readings` and `ReviewedReadings`. Rows of kind 'frame' are not counted as
    entries. `known` says of readings, by their id, whether their N'Ko was read right.
    """
    frame_statuses = _counts(unique_frames, "status")
    lines = readings.select("lines").explode("lines").drop_nulls().unnest("lines")
    entries = reviewed.filter(pl.col("entry") >= 0)
    decisions = _counts(entries, "decision")
    reading_statuses = _counts(readings, "status")
    return LessonFacts(
        video_id=video_id,
        frames=frames,
        kept=frame_statuses.get("kept", 0),
        repeats=frame_statuses.get("repeat", 0),
        superseded=frame_statuses.get("superseded", 0),
        blank=frame_statuses.get("blank", 0),
        readings=readings.height,
        read=sum(reading_statuses.get(status, 0) for status in _READ),
        lines=lines.height,
        nko_lines=lines.filter(pl.col("script") == "nko").height,
        entries=entries.height,
        accepted=decisions.get("accepted", 0),
        needs_review=decisions.get("needs_review", 0),
        rejected=decisions.get("rejected", 0),
        cost_usd=math.fsum(readings["cost_usd"]),
        models=_models(readings),
        statuses=_statuses(readings),
        reasons=_reasons(reviewed),
        confidence=_confidence(entries),
        known=_known(entries, known or {}),
        samples=_samples(entries, unique_frames.filter(pl.col("status") == "kept")),
    )


def line_picture(jpeg: bytes, box: Sequence[int]) -> bytes:
    """The part of a frame inside `box` (x0, y0, x1, y1 in pixels) as a small JPEG.

    The whole frame when there is no box or it lies outside; b"" when `jpeg` is not a picture.
    """
    try:
        with Image.open(BytesIO(jpeg)) as frame:
            picture = frame.convert("RGB")
    except OSError:
        return b""
    if len(box) == 4:
        margin = round((box[3] - box[1]) * _PICTURE_MARGIN)
        left, top = max(box[0] - margin, 0), max(box[1] - margin, 0)
        right, bottom = min(box[2] + margin, picture.width), min(box[3] + margin, picture.height)
        if left < right and top < bottom:
            picture = picture.crop((left, top, right, bottom))
    picture.thumbnail(_PICTURE_SIZE)
    while True:
        for quality in (78, 60, 45):
            out = BytesIO()
            picture.save(out, "JPEG", quality=quality, optimize=True)
            if out.tell() <= _PICTURE_BYTES:
                return out.getvalue()
        picture.thumbnail((picture.width // 2 + 1, picture.height // 2 + 1))


def reason_group(reason: str, signals: Sequence[str] = (), *, whole_frame: bool = False) -> str:
    """`reason` without what differs from row to row: quotations and numbers become an ellipsis.

    The signals that were raised are part of it, and so is that it concerns a frame and no entry.
    """
    group = _NUMBER.sub("…", _QUOTED.sub("…", reason)).strip()
    raised = f" [{', '.join(sorted(set(signals)))}]" if signals else ""
    return f"{'whole frame: ' if whole_frame else ''}{group}{raised}"


def _counts(table: pl.DataFrame, column: str) -> dict[str, int]:
    return dict(table.group_by(column).len().iter_rows())


def _models(readings: pl.DataFrame) -> tuple[str, ...]:
    pairs = readings.select("reader", "model").unique().rows()
    return tuple(sorted({f"{reader}: {model}" for reader, model in pairs}))


def _statuses(readings: pl.DataFrame) -> tuple[StatusCount, ...]:
    grouped = (
        readings.sort("timestamp_ms")
        .group_by("status", maintain_order=True)
        .agg(pl.len().alias("count"), pl.col("reason").first())
        .sort("status")
    )
    return tuple(StatusCount(**row) for row in grouped.iter_rows(named=True))


def _reasons(reviewed: pl.DataFrame) -> tuple[ReasonCount, ...]:
    turned_away = reviewed.filter(pl.col("decision").is_in(["rejected", "needs_review"]))
    groups: dict[tuple[str, str], list[RowSample]] = {}
    counts: dict[tuple[str, str], int] = {}
    for row in turned_away.sort("reading_id").iter_rows(named=True):
        reason = reason_group(row["reason"], row["signals"], whole_frame=row["entry"] < 0)
        group = (row["decision"], reason)
        counts[group] = counts.get(group, 0) + 1
        if counts[group] <= ROWS_PER_REASON:
            groups.setdefault(group, []).append(_row_sample(row))
    return tuple(
        ReasonCount(decision, reason, counts[decision, reason], tuple(rows))
        for (decision, reason), rows in sorted(groups.items())
    )


def _confidence(entries: pl.DataFrame) -> dict[str, tuple[int, ...]]:
    binned = (
        entries.drop_nulls("confidence")
        .with_columns(
            (pl.col("confidence") * BINS).floor().clip(0, BINS - 1).cast(pl.Int32).alias("bin")
        )
        .group_by("decision", "bin")
        .len()
    )
    counts: dict[str, list[int]] = {}
    for decision, number, count in binned.sort("decision", "bin").iter_rows():
        counts.setdefault(decision, [0] * BINS)[number] = count
    return {decision: tuple(bins) for decision, bins in counts.items()}


def _known(entries: pl.DataFrame, known: Mapping[str, bool]) -> tuple[tuple[float, bool], ...]:
    rows = entries.drop_nulls("confidence").select("confidence", "reading_id").iter_rows()
    return tuple(
        (confidence, known[identity]) for confidence, identity in rows if identity in known
    )


def _samples(entries: pl.DataFrame, kept: pl.DataFrame) -> tuple[RowSample, ...]:
    """The first rows of each decision in the order of their ids, which are hashes: a fair draw."""
    drawn = [
        row
        for decision in SAMPLED_DECISIONS
        for row in entries.filter(pl.col("decision") == decision)
        .sort("reading_id")
        .head(SAMPLES_PER_DECISION)
        .iter_rows(named=True)
    ]
    wanted = [row["frame_id"] for row in drawn]
    shown = kept.filter(pl.col("frame_id").is_in(wanted))
    pictures: dict[str, bytes] = dict(shown.select("frame_id", "jpeg").iter_rows())
    return tuple(
        _row_sample(
            row,
            line_picture(pictures[row["frame_id"]], row["box"] or ())
            if row["frame_id"] in pictures
            else b"",
        )
        for row in drawn
    )


def _row_sample(row: dict[str, Any], picture: bytes = b"") -> RowSample:
    return RowSample(
        reading_id=row["reading_id"],
        frame_id=row["frame_id"],
        video_id=row["video_id"],
        timestamp_ms=row["timestamp_ms"],
        decision=row["decision"],
        reason=row["reason"],
        signals=tuple(row["signals"]),
        nko=row["nko"] or row["nko_raw"],
        latin=row["latin"],
        english=row["english"] or "",
        french=row["french"] or "",
        confidence=row["confidence"],
        picture=picture,
    )
