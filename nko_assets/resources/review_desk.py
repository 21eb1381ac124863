"""The desk at which people review readings: items out, decisions in, over the store."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

import psycopg

from nko_assets.reading import reviews
from nko_assets.reading.decisions import HumanDecision
from nko_assets.reading.reviews import (
    Decided,
    HistoryEntry,
    Imported,
    ItemsPut,
    NewItem,
    ReviewItem,
    ReviewProgress,
)
from nko_assets.resources.store import Store


class ReviewDesk:
    """The review queue and the decisions in the database of a store; safe for many threads.

    Every method raises `TransientFailure` when the database does not answer.
    """

    def __init__(self, store: Callable[[], Store]) -> None:
        """`store` gives the opened store when it is first needed."""
        self._store = store

    def identity(self) -> str:
        """The id of the queue: what was put into it is in no other."""
        with self._connected() as conn:
            return reviews.identity(conn)

    def put_items(self, video_id: str, items: Sequence[NewItem]) -> ItemsPut:
        """Make `items` those of the video, in place of what it had; decisions and claims stay."""
        with self._connected() as conn:
            return reviews.put_items(conn, video_id, items)

    def next_item(self, reviewer: str, without: Collection[str] = ()) -> ReviewItem | None:
        """The undecided item that would teach most and is nobody else's, claimed for `reviewer`.

        Those with the reading_ids `without` are passed over: what was skipped, or is before the
        reviewer while the next one is fetched ahead. None when there is nothing left.
        """
        with self._connected() as conn:
            return reviews.next_item(conn, reviewer, without)

    def claim(self, reading_id: str, reviewer: str) -> bool:
        """Claim one item, or hold it for longer; False when it is decided or somebody else's."""
        with self._connected() as conn:
            return reviews.claim(conn, reading_id, reviewer)

    def item(self, reading_id: str) -> ReviewItem | None:
        """The item as it is now, or None when there is none of this reading."""
        with self._connected() as conn:
            return reviews.item(conn, reading_id)

    def items_of(self, video_id: str) -> list[ReviewItem]:
        """The items of a video, decided or not, in the order of its frames and their entries."""
        with self._connected() as conn:
            return reviews.items_of(conn, video_id)

    def release(self, reading_id: str, reviewer: str, until: datetime | None = None) -> bool:
        """Give back what `reviewer` claimed, so that others may have it at once.

        With `until`, only while the claim ends then: one that was made anew since stays.
        """
        with self._connected() as conn:
            return reviews.release(conn, reading_id, reviewer, until)

    def decide(self, decision: HumanDecision, seen_decision: int | None) -> int:
        """Record a decision of the explorer and give its id.

        `seen_decision` is `ReviewItem.last_decision` of the item that the reviewer had before
        them. The same decision sent again is found done. Raises `AlreadyDecided` when somebody
        decided since.
        """
        with self._connected() as conn:
            return reviews.decide(conn, decision, seen_decision)

    def undo(self, decision_id: int, by: str) -> int:
        """Take a decision back and give the id of the row that says so.

        What was decided before it is in effect again. Undoing twice is found done. Raises
        `AlreadyDecided` when somebody decided after it, `PermanentFailure` when there is no such
        decision.
        """
        with self._connected() as conn:
            return reviews.undo(conn, decision_id, by)

    def history(self, reading_id: str) -> list[HistoryEntry]:
        """Everything that was decided and undone on a reading, oldest first."""
        with self._connected() as conn:
            return reviews.history(conn, reading_id)

    def decided(self, reading_ids: Collection[str]) -> Decided:
        """What was decided on these readings, and how far their history is."""
        with self._connected() as conn:
            return reviews.decided(conn, reading_ids)

    def decisions(self) -> list[HumanDecision]:
        """All decisions that nobody undid, oldest first.

        Several may be on one reading: the last that is on the text as it is read now counts.
        """
        with self._connected() as conn:
            return reviews.decisions(conn)

    def changed_videos(self, since: int) -> dict[str, int]:
        """The videos whose items were decided on after row `since` of the history, with the last.

        What is decided on readings that are not queued yet is heeded when they are reviewed.
        """
        with self._connected() as conn:
            return reviews.changed_videos(conn, since)

    def import_decisions(self, taken: Sequence[HumanDecision], origin: str) -> Imported:
        """Add decisions that were taken elsewhere; what is there already is not added again.

        They take their place by the time at which they were taken: an older one never comes into
        effect in place of a newer one. All are added, or none.
        """
        with self._connected() as conn:
            return reviews.import_decisions(conn, taken, origin)

    def progress(self) -> ReviewProgress:
        """How far the review of all videos is."""
        with self._connected() as conn:
            return reviews.progress(conn)

    @contextmanager
    def _connected(self) -> Iterator[psycopg.Connection]:
        with self._store().session() as conn:
            yield conn
