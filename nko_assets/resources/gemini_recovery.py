"""Jobs that lie at the service and not in the ledger: their answers are taken, not paid again.

A ledger is empty when it was lost, or when someone starts over in a new folder with an old key. The
names of our jobs tell them apart from everything else that the key's owner does there.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from nko_assets.reading import ledger
from nko_assets.reading.gemini.answers import parse_result
from nko_assets.reading.gemini.bookkeeping import new_answer
from nko_assets.reading.ledger import BatchState, ForeignJob, NewAnswer
from nko_assets.reading.reader import Progress
from nko_assets.resources.gemini_batches import GeminiBatches, NotFound, RemoteJob
from nko_assets.resources.gemini_jobs import Clock, answers_in, kept_until, labelled
from nko_assets.resources.store import Store

_OURS = re.compile("nko-[0-9a-f]{24}")
_AT_ONCE = 500  # lines of results that are looked up in the ledger together


class GeminiRecovery:
    """Looks through the service's jobs for those that an earlier ledger made."""

    def __init__(
        self, service: GeminiBatches, store: Callable[[], Store], folder: Path, clock: Clock
    ) -> None:
        """Results lie in `folder` while they are looked through; nothing is asked yet."""
        self._service = service
        self._store = store
        self._folder = folder
        self._clock = clock

    def recover(self, say: Progress) -> frozenset[str]:
        """Give queued requests the answers that are there already; the videos that have to wait.

        They wait for jobs that may answer them: those that still run, and those whose answers
        cannot be read now. To be called before jobs are planned.
        """
        unread = [
            remote
            for remote in self._foreign()
            if not (remote.state.final and self._search(remote, say))
        ]
        waiting: set[str] = set()
        for remote in unread:
            if videos := self._may_answer(remote):
                what = "has answers that cannot be read now" if remote.state.final else "still runs"
                say(
                    f"{remote.display_name} of an earlier ledger {what}; "
                    f"videos that wait: {len(videos)}"
                )
                waiting.update(videos)
        return frozenset(waiting)

    def _foreign(self) -> list[RemoteJob]:
        """The jobs that are ours by name and not in the ledger, oldest first."""
        ours = {
            remote.service_name: remote
            for remote in self._service.jobs()
            if _OURS.fullmatch(remote.display_name)
        }
        with self._store().session() as conn:
            names = ledger.foreign_jobs(
                conn, {name: remote.display_name for name, remote in ours.items()}
            )
        # Attempts are answered in their order, as they were when they were made.
        return sorted((ours[name] for name in names), key=lambda remote: remote.created_at)

    def _may_answer(self, remote: RemoteJob) -> list[str]:
        """The queued videos that may be in the job, by the label of its file."""
        with self._store().session() as conn:
            videos = sorted(ledger.queued_videos(conn))
        if not videos:
            return []
        return labelled(self._service.label_of(remote.display_name), videos)

    def _search(self, remote: RemoteJob, say: Progress) -> bool:
        """Look through what a job answered for what is queued, unless that was done before.

        Returns False when its answers cannot be read now and may be later.
        """
        started = self._clock()
        with self._store().session() as conn:
            if not ledger.unsearched_jobs(conn, [remote.service_name]):
                return True
        folder = self._folder / remote.display_name
        job = ForeignJob(
            name=remote.display_name,
            service_name=remote.service_name,
            model=remote.model,
            state=BatchState(remote.state.value),
            created_at=remote.created_at,
        )
        answers = self._answers(remote, folder) if self._may_answer(remote) else iter(())
        try:
            with self._store().session() as conn:
                done = ledger.adopt(conn, job, answers, started)
        except NotFound:
            if started <= kept_until(remote):
                return False
            with self._store().session() as conn:
                done = ledger.adopt(conn, job, iter(()), started)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        taken = done.answered + done.queued_again + done.failed
        if taken:
            say(f"{taken:,} answers of {job.name}, a job of an earlier ledger, are taken over")
        return True

    def _answers(self, remote: RemoteJob, folder: Path) -> Iterator[NewAnswer]:
        day = remote.created_at.date()
        results = map(parse_result, answers_in(self._service, remote, folder))
        while some := list(islice(results, _AT_ONCE)):
            by_hash = {
                key[0]: result for result in some if (key := ledger.parse_key(result.key or ""))
            }
            with self._store().session() as conn:
                queued = ledger.queued_requests(conn, list(by_hash))
            for planned in queued:
                yield new_answer(by_hash[planned.hash], planned, day)
