"""What a reviewer is asked and what came of it: items, entries of the history, progress."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from nko_assets.failures import PermanentFailure
from nko_assets.reading.decisions import HumanDecision

LEASE = timedelta(minutes=10)
"""How long an item is one reviewer's alone after it was handed out."""

ORIGINS = ("explorer", "label studio", "file")
"""Where a decision was taken: in the explorer, or elsewhere and imported."""


@dataclass(frozen=True, slots=True)
class Said:
    """What one reader read at the place of an item; `nko` is empty when it read nothing there."""

    reader: str
    nko: str


@dataclass(frozen=True, slots=True)
class NewItem:
    """One entry of a frame as it was read, for the queue.

    `nko` is normalized, `latin` romanized from it by rule; `box` is x0, y0, x1, y1 in pixels of
    the frame, or empty; `gate` is accepted, needs_review or rejected, for the `reason`. `said`
    holds what each reader read, first the one in use. `teaches` is what a decision would teach if
    the text occurred here alone, from 0 on.
    """

    reading_id: str
    video_id: str
    frame_id: str
    entry: int
    timestamp_ms: int
    nko: str
    latin: str
    latin_shown: str | None
    english: str | None
    french: str | None
    box: tuple[int, ...]
    confidence: float | None
    signals: tuple[str, ...]
    gate: str
    reason: str
    said: tuple[Said, ...]
    teaches: float


@dataclass(frozen=True, slots=True)
class ReviewItem(NewItem):
    """An item as a reviewer gets it.

    `decision` is the one in effect on this very text, None while the item waits. `last_decision`
    is the id that `decide` wants back as `seen_decision`: that of the last decision on the reading
    that nobody undid, whatever text it was on. `occurrences` counts the items with the same text.
    """

    priority: float
    occurrences: int
    decision: HumanDecision | None
    last_decision: int | None
    claimed_by: str | None
    claimed_until: datetime | None


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One row of the history of a reading: a decision, or the undoing of the one `undoes` names.

    `verdict` is accept, correct, reject or undo; `undone` tells that a later row undoes it.
    `english_was` and `french_was` are what was read beside the N'Ko, where that is known.
    """

    id: int
    reading_id: str
    verdict: str
    by: str
    at: datetime
    origin: str
    seen: str
    english_was: str | None
    french_was: str | None
    nko: str | None
    english: str | None
    french: str | None
    note: str | None
    undoes: int | None
    undone: bool

    @property
    def decision(self) -> HumanDecision:
        """The entry as a decision; raises ValueError when it is the undoing of one."""
        return HumanDecision(
            reading_id=self.reading_id,
            verdict=self.verdict,
            by=self.by,
            at=self.at.isoformat(),
            seen=self.seen,
            nko=self.nko,
            english=self.english,
            french=self.french,
            note=self.note,
        )


@dataclass(frozen=True, slots=True)
class Decided:
    """The decisions on some readings that nobody undid, oldest first.

    `last` is the id of the last row of their history, an undoing included; 0 without any.
    """

    decisions: Sequence[HumanDecision]
    last: int


@dataclass(frozen=True, slots=True)
class ItemsPut:
    """What putting the items of a video did.

    `waiting` of its `items` need a decision; `outdated` of these had one, on another text than is
    read now. `removed` were in the queue and are not read any more; their decisions are kept.
    """

    items: int
    waiting: int
    outdated: int
    removed: int


@dataclass(frozen=True, slots=True)
class ReviewProgress:
    """How far the review is.

    `waiting` items were left to people by the gate and have no decision in effect, `unchecked`
    were decided by the gate alone, `decided` by people; `outdated` of the undecided had a decision
    on another text than is read now. `by_reviewer` and `by_verdict` count the decisions in effect;
    `agreement` is the share of these that found the N'Ko right as it was read, None without any.
    """

    waiting: int
    unchecked: int
    decided: int
    outdated: int
    by_reviewer: Mapping[str, int]
    by_verdict: Mapping[str, int]
    agreement: float | None


@dataclass(frozen=True, slots=True)
class Imported:
    """What importing decisions did: how many are `new`, and how many were there already."""

    new: int
    known: int


class AlreadyDecided(PermanentFailure):
    """Somebody changed what is decided on this reading since the reviewer looked.

    `by` and `at` tell who and when, `decision_id` which decision stands now: None when theirs was
    to undo the one that the reviewer saw.
    """

    def __init__(self, by: str, at: datetime, verdict: str, decision_id: int | None) -> None:
        did = {
            "accept": "accepted this reading",
            "correct": "corrected this reading",
            "reject": "rejected this reading",
            "undo": "took back the decision on this reading",
        }[verdict]
        super().__init__(
            f"{by} {did} at {at:%Y-%m-%d %H:%M} UTC, after you saw it.",
            "Look at it again, and decide once more if you see it otherwise.",
        )
        self.by = by
        self.at = at
        self.verdict = verdict
        self.decision_id = decision_id
