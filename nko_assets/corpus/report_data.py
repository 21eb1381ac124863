"""What the training report takes in and what it says: plain facts, no HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import polars as pl

from nko_assets.corpus.report_lessons import LessonFacts, ReasonCount, RowSample, StatusCount
from nko_assets.reading.trust.model import HeldOut
from nko_assets.reading.trust.reliability import ReliabilityBin

Status = Literal["met", "not met", "unknown"]


@dataclass(frozen=True, slots=True)
class Targets:
    """The success criteria of the corpus and of the model trained on it."""

    videos: int = 532
    phrases: int = 5_000
    words: int = 2_000
    examples: int = 10_000
    accuracy: float = 0.85
    reader_error_rate: float = 0.015
    cost_usd: float = 556.0


TARGETS = Targets()
"""What is wanted of the channel that this project was made for."""


@dataclass(frozen=True, slots=True)
class ReaderScore:
    """The reader measured against the known text of the sample channel.

    `error_rate` is character errors ÷ characters of N'Ko known; `pairing` the share of the known
    pairs that were paired right.
    """

    error_rate: float
    characters: int
    lines: int
    pairing: float


@dataclass(frozen=True, slots=True)
class SplitFacts:
    """Rows of each file on each side, and what was found on both sides (None: not checked).

    `leaks` names each kind looked for (see `leakage.Leak`) with its count.
    """

    train: Mapping[str, int]
    validation: Mapping[str, int]
    leaks: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportInputs:
    """Everything the report is computed from.

    `videos` follows `Videos`; `pairs`, `conversations`, `ocr_samples` and `vocabulary` follow
    their models of `schemas.training` (synthetic rows included, the pictures of `ocr_samples` may
    be left out). `lessons` holds one `lesson_facts` a video that is decided. `failures` names each
    failed video with its reason. `dropped` gives, for each training file, the rows dropped by reason.
    `tone_variants` maps a spelling without tones to the spellings that differ by tone alone.
    `gate` is the confidence at which a row is accepted. `held_out` is what the trust model was
    measured on, None where confidence is the offline reader's own.
    """

    videos: pl.DataFrame
    lessons: Sequence[LessonFacts]
    pairs: pl.DataFrame
    conversations: pl.DataFrame
    ocr_samples: pl.DataFrame
    vocabulary: pl.DataFrame
    gate: float
    failures: Mapping[str, str] = field(default_factory=dict)
    dropped: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    tone_variants: Mapping[str, Sequence[str]] = field(default_factory=dict)
    splits: SplitFacts | None = None
    sample_score: ReaderScore | None = None
    held_out: HeldOut | None = None
    accuracy: float | None = None
    targets: Targets = TARGETS


@dataclass(frozen=True, slots=True)
class Criterion:
    """One success criterion: what was wanted, what is there, and how it is computed.

    `unit` is 'count', 'share' or 'usd'; `at_least` is false where less is better; `value` is None
    while it is unknown.
    """

    name: str
    target: float
    value: float | None
    unit: Literal["count", "share", "usd"]
    at_least: bool
    status: Status
    how: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of the funnel; stages of one `unit` share a scale."""

    key: str
    label: str
    unit: str
    count: int
    note: str


@dataclass(frozen=True, slots=True)
class VideoRow:
    """One video of the channel as the report lists it."""

    video_id: str
    title: str
    status: Literal["done", "failed", "waiting"]
    reason: str
    minutes: float | None
    frames: int
    kept: int
    entries: int
    accepted: int
    needs_review: int
    rejected: int
    pairs: int


@dataclass(frozen=True, slots=True)
class DroppedRows:
    """Rows of one training file that were dropped for one reason."""

    file: str
    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class ToneFamily:
    """Spellings that differ by tone alone, each with its meaning where a pair gives one."""

    base: str
    forms: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class SplitRow:
    """Rows of one file on each side of the split, and on neither."""

    file: str
    train: int
    validation: int
    excluded: int


@dataclass(frozen=True, slots=True)
class LicenceRow:
    """Rows of the training files that share a source and a licence, by file."""

    source: str
    licence: str
    videos: int
    rows: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Whether confidence keeps its word: on held-out rendered frames, and on entries of this corpus.

    `held_out` is None where confidence is the offline reader's own. `bins` are those of the
    `known` entries, whose text is known or was decided by a person; of the `sure` ones, at or above
    the gate, `wrong` are wrong.
    """

    held_out: HeldOut | None
    known: int
    sure: int
    wrong: int
    error: float
    bins: tuple[ReliabilityBin, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The report, ready to be written as JSON or drawn as a page."""

    summary: Mapping[str, int]
    criteria: tuple[Criterion, ...]
    funnel: tuple[Stage, ...]
    videos: tuple[VideoRow, ...]
    reading_statuses: tuple[StatusCount, ...]
    models: tuple[str, ...]
    gate: float
    confidence: Mapping[str, tuple[int, ...]]
    calibration: Calibration
    reasons: tuple[ReasonCount, ...]
    samples: tuple[RowSample, ...]
    dropped: tuple[DroppedRows, ...]
    tone_variants: tuple[ToneFamily, ...]
    tone_variants_total: int
    splits: tuple[SplitRow, ...]
    leaks: Mapping[str, int] | None
    licences: tuple[LicenceRow, ...]

    @property
    def is_empty(self) -> bool:
        """Whether no video is done, nor has failed."""
        return not any(row.status != "waiting" for row in self.videos)
