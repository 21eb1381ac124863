"""Which frames of a video show something new, and which frame stands for each of the others.

No ink is ever lost: a frame is dropped only when every tile of its ink is found in a frame that is
kept (or, for the one moment of a transition, in the kept frame before it and the frame after it
together). Frames are compared with those kept, never with their neighbour, so that nothing drifts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from nko_assets.video.ink import FrameInk, InkComparison, compare_ink, softened, strength_ratio
from nko_assets.video.moving import StillInk, with_moving_cells

Status = Literal["kept", "repeat", "superseded", "blank"]

THRESHOLD = 0.85
# Slides that a lesson may return to, besides the one on screen.
_REMEMBERED = 8
# Edges this much stronger are the same text in focus.
_SHARPER = 1.15
# Pixels of blur: a scene that the encoder has yet to refine, a page that is being turned.
_OUT_OF_FOCUS = (1.0, 2.0, 3.0)
# The first repeat is preferred sooner: the frame before it may be the end of a fade, or the start
# of a scene that the encoder has yet to refine.
_FRESH = 1.03


@dataclass(frozen=True, slots=True)
class FrameDecision:
    """What becomes of one frame."""

    index: int
    """Position in the sequence given to `deduplicate`."""
    timestamp_ms: int
    status: Status
    """kept; repeat: the frame that represents it was kept before and has all its ink; superseded:
    so does one that came later; blank: it has no ink."""
    represented_by: int | None
    """Index of a kept frame, its own if it is kept; None for a blank frame."""
    similarity: float
    """Share of ink, in the least similar tile, that the frame compared with has: for kept and
    repeat frames the last one kept, for superseded ones the one that replaced it."""
    first_seen_ms: int
    """For a kept frame the earliest time of all that it represents, else the frame's own time."""
    last_seen_ms: int
    """The latest time of all that it represents, or did until it was superseded."""
    reason: str


@dataclass(frozen=True, slots=True)
class _Frame:
    index: int
    still: StillInk

    @property
    def ink(self) -> FrameInk:
        return self.still.ink


def deduplicate(frames: Iterable[FrameInk], threshold: float = THRESHOLD) -> list[FrameDecision]:
    """One decision for each frame, in order; `frames` in order of time, consumed one by one.

    A frame whose ink the last kept one has to at least `threshold` in every tile is a repeat of
    it. Any other is kept, and if it holds in turn all the ink of the last kept one, as a slide
    that grew by a line does, it supersedes it.
    """
    return _Deduplication(threshold).run(frames)


class _Deduplication:
    def __init__(self, threshold: float) -> None:
        self._threshold = threshold
        self._decisions: list[FrameDecision] = []
        self._current: _Frame | None = None
        self._earlier: deque[_Frame] = deque(maxlen=_REMEMBERED)
        self._in_transition = False

    def run(self, frames: Iterable[FrameInk]) -> list[FrameDecision]:
        for index, still in enumerate(with_moving_cells(frames)):
            self._decide(_Frame(index, still))
        return self._resolved()

    def _decide(self, frame: _Frame) -> None:
        kept = self._current
        against = _against(frame, *([kept.ink] if kept else []))
        similarity = against.similarity()
        was_in_transition, self._in_transition = self._in_transition, False
        if not against.holds_ink():
            self._note(frame, "blank", None, similarity, "no ink")
        elif kept is None:
            self._note(frame, "kept", frame.index, similarity, "the first frame with ink")
            self._current = frame
        elif similarity >= self._threshold:
            self._repeat(frame, kept, similarity)
        elif self._has_blurred(frame, kept):
            self._note(frame, "repeat", kept.index, similarity, "a blurred view of the kept frame")
        elif (returned := self._returned(frame)) is not None:
            self._turn_to(returned[0])
            self._note(
                frame, "repeat", returned[0].index, returned[1], "an earlier frame is shown again"
            )
        elif not was_in_transition and self._in_between(frame, kept):
            self._in_transition = True
            self._note(
                frame,
                "repeat",
                kept.index,
                similarity,
                "a transition: the kept frame and the one after it together have all its ink",
            )
        else:
            self._keep(frame, kept, similarity)

    def _in_between(self, frame: _Frame, kept: _Frame) -> bool:
        """Whether the frame adds nothing to the kept one and the next one, but needs both."""
        following = frame.still.following
        return (
            following is not None
            and _against(frame, following).similarity() < self._threshold
            and _against(frame, kept.ink, following).similarity() >= self._threshold
        )

    def _repeat(self, frame: _Frame, kept: _Frame, similarity: float) -> None:
        needed = _FRESH if frame.index == kept.index + 1 else _SHARPER
        sharper = strength_ratio(kept.ink, frame.ink, _moving(kept) | _moving(frame)) >= needed
        if sharper and self._supersede(kept, frame, "the same ink, sharper"):
            self._note(frame, "kept", frame.index, similarity, "the same ink, sharper")
            self._current = frame
        else:
            self._note(frame, "repeat", kept.index, similarity, "all its ink was there before")

    def _keep(self, frame: _Frame, kept: _Frame, similarity: float) -> None:
        if not self._supersede(kept, frame, "all its ink stays when more is added"):
            self._earlier.append(kept)
        self._note(frame, "kept", frame.index, similarity, "new ink")
        self._current = frame

    def _returned(self, frame: _Frame) -> tuple[_Frame, float] | None:
        for earlier in reversed(self._earlier):
            similarity = _against(frame, earlier.ink).similarity()
            if similarity >= self._threshold:
                return earlier, similarity
        return None

    def _has_blurred(self, frame: _Frame, other: _Frame) -> bool:
        """Whether `frame` is `other` out of focus, or part of it."""
        return any(
            _against(frame, softened(other.ink, sigma)).similarity() >= self._threshold
            for sigma in _OUT_OF_FOCUS
        )

    def _turn_to(self, earlier: _Frame) -> None:
        """Make a frame kept earlier the one on screen again."""
        self._earlier.remove(earlier)
        if self._current is not None:
            self._earlier.append(self._current)
        self._current = earlier

    def _supersede(self, kept: _Frame, by: _Frame, reason: str) -> bool:
        """Let `by` stand for `kept` if it has all its ink; whether it does."""
        if kept.ink.shape != by.ink.shape:
            return False
        # The speaker hides no text, but a pointer does: what it covers in `by` is not had.
        similarity = _against(kept, by.ink).without(by.still.speaker).similarity()
        if similarity < self._threshold and not self._has_blurred(kept, by):
            return False
        self._decisions[kept.index] = replace(
            self._decisions[kept.index],
            status="superseded",
            represented_by=by.index,
            similarity=similarity,
            reason=reason,
        )
        return True

    def _note(
        self, frame: _Frame, status: Status, by: int | None, similarity: float, reason: str
    ) -> None:
        seen = frame.ink.timestamp_ms
        self._decisions.append(
            FrameDecision(frame.index, seen, status, by, similarity, seen, seen, reason)
        )

    def _resolved(self) -> list[FrameDecision]:
        """The decisions with every link followed to the kept frame at its end, and times gathered."""
        last = [decision.timestamp_ms for decision in self._decisions]
        first = list(last)
        represented = [self._represented(decision) for decision in self._decisions]
        for decision, chain in zip(self._decisions, represented, strict=True):
            if chain:
                first[chain[-1]] = min(first[chain[-1]], decision.timestamp_ms)
            for index in chain:
                last[index] = max(last[index], decision.timestamp_ms)
        return [
            replace(
                decision,
                represented_by=chain[-1] if chain else None,
                first_seen_ms=first[decision.index],
                last_seen_ms=last[decision.index],
            )
            for decision, chain in zip(self._decisions, represented, strict=True)
        ]

    def _represented(self, decision: FrameDecision) -> list[int]:
        """The frames that stand for this one, from the first it was matched with to the kept one."""
        chain: list[int] = []
        by = decision.represented_by
        while by is not None:
            chain.append(by)
            further = self._decisions[by].represented_by
            by = None if further == by else further
        return chain


def _moving(frame: _Frame) -> np.ndarray:
    return frame.still.speaker | frame.still.pointer


def _against(frame: _Frame, *others: FrameInk) -> InkComparison:
    """How much of the frame's ink, where nothing moves, any of `others` has."""
    return compare_ink(frame.ink, *others).without(_moving(frame))
