"""Reading with the Gemini Batch API: frames are queued, sent in few jobs, and collected hours later.

What was asked, answered and paid is in the ledger; this module only decides what is done next. Any
number of processes may do so at once, and any of them may be killed.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from nko_assets.failures import HeldBack, NkoError, NotReady, PermanentFailure, TransientFailure
from nko_assets.reading import ledger
from nko_assets.reading.answers import FrameRequest, Reading
from nko_assets.reading.gemini.bookkeeping import (
    READER,
    first_again,
    hash_of,
    new_request,
    price_now,
    reading_of,
)
from nko_assets.reading.gemini.models import model_named
from nko_assets.reading.gemini.request import AskSettings, first_settings, identity
from nko_assets.reading.ledger import (
    Backlog,
    BudgetExceeded,
    Limits,
    PlannedRequest,
)
from nko_assets.reading.reader import Job, JobState, JobStatus, Progress
from nko_assets.resources.gemini_batches import GeminiBatches
from nko_assets.resources.gemini_jobs import Clock, Frames, GeminiJobs
from nko_assets.resources.gemini_recovery import GeminiRecovery
from nko_assets.resources.gemini_status import AT_SERVICE, NOT_SENT, Look, status_of
from nko_assets.resources.store import Store

_POLL_EVERY = timedelta(seconds=30)
_AT_ONCE = 500  # answers read from the ledger together
_MOST_ATTEMPTS = 3 * ledger.MAX_ATTEMPTS  # when a person has frames asked again and again


def utc_now() -> datetime:
    """The time now, in UTC."""
    return datetime.now(UTC)


class GeminiReader:
    """Reads frames with one Gemini model through the Batch API; a `DeferredReader`."""

    name = READER
    deferred = True

    def __init__(
        self,
        service: GeminiBatches,
        store: Callable[[], Store],
        frames: Frames,
        *,
        model: str,
        resolution: str,
        limits: Limits,
        folder: Path,
        poll_every: timedelta = _POLL_EVERY,
        clock: Clock = utc_now,
    ) -> None:
        """Nothing is opened or asked yet.

        `frames` gives the JPEGs when a job is sent; `folder` holds job files and results while they
        are in use; `poll_every` is how often the service is asked about one job. Raises
        `ConfigurationError` for a model or a resolution that is not known.
        """
        self.model = model_named(model).name
        self._resolution = resolution
        self._settings = first_settings(self.model, resolution)
        self._store = store
        self._limits = limits
        self._poll_every = poll_every
        self._clock = clock
        self._jobs = GeminiJobs(service, store, frames, folder, clock)
        self._recovery = GeminiRecovery(service, store, folder, clock)
        self._sending = _Sending()
        self._only: set[str] | None = None

    @property
    def settings(self) -> Mapping[str, object]:
        """Prompt, schema, resolution and the rest of what a frame is asked with first."""
        return identity(self._settings)

    def for_sample(self) -> GeminiReader:
        """The same reader for a sample of frames; a `DeferredReader` says what it does otherwise."""
        other = copy(self)
        other._sending = _Sending()
        other._only = set()
        return other

    def submit(self, requests: Sequence[FrameRequest], *, reading: int = 1) -> Job:
        """Queue the frames in the ledger and return the receipt; `flush` sends them.

        Frames that were queued, asked or answered before stay as they are. What else is queued of
        these videos for the same `reading`, from other frames, settings or another model, is
        withdrawn: nobody waits for it any more. Raises PermanentFailure for a frame that is no
        picture, and then none of them is queued.
        """
        settings = first_settings(self.model, self._resolution, reading)
        now = self._clock()
        rows = [new_request(each, self.model, settings, self._today()) for each in requests]
        with self._store().session() as conn:
            ledger.enqueue(conn, rows, now)
            if self._only is None:
                videos = {request.video_id for request in requests}
                hashes = [row.hash for row in rows]
                ledger.withdraw(conn, videos, {"reading": reading}, but=hashes)
        if self._only is not None:
            self._only.update(row.hash for row in rows)
        # Frames that show the very same picture are one request.
        cost = sum({row.hash: row.estimated_usd for row in rows}.values())
        return Job.of(self.name, self.model, [row.hash for row in rows], cost, reading)

    def withdraw(self, video_ids: Collection[str], *, reading: int) -> None:
        """Take from the queue what is asked of these videos for `reading`: nobody waits for it."""
        with self._store().session() as conn:
            ledger.withdraw(conn, video_ids, {"reading": reading}, but=())

    def flush(self, say: Progress, *, force: bool = False) -> None:
        """Send what is queued for this model, in as few jobs as the limits allow.

        Without `force`, fewer than a job's worth of videos wait for a while. What does not fit the
        tier's limits, or comes while the service wants to be left alone, stays queued. Raises
        `BudgetExceeded` when the budget is what lacks; what it allows has been sent then.
        """
        with self._sending.lock:
            self._flush(say, force=force)

    def poll(self, job: Job) -> JobStatus:
        """How many of the job's frames have their answer, and what the others wait for.

        Settles any jobs of the service that have ended and sends what has waited long enough, at
        most once in `poll_every`: what the job waits for may be that another one ends. A service or
        database that does not answer is told in the note. Raises `HeldBack` when all that is left
        waits for money, `ConfigurationError` when the service refuses the key or what was asked.
        """
        try:
            now = self._look(job, take_checks=True)
            trouble: NkoError | None = None
            if now.waits:
                flushed = self._sending.at
                trouble, held = self._settled(now), self._flush_when_due()
                if now.due or self._sending.at != flushed:
                    now = self._look(job)
                if held is not None and now.unsent:
                    if not isinstance(held, BudgetExceeded | TransientFailure):
                        raise held
                    trouble = held
            status = status_of(now, trouble, self._sending.why_queued, self._clock())
        except HeldBack:
            raise
        except TransientFailure as error:
            status = JobStatus(JobState.RUNNING, f"Nothing is known now: {error.message}")
        return replace(status, ask_again_s=self._poll_every.total_seconds())

    def collect(
        self, job: Job, requests: Sequence[FrameRequest], progress: Progress
    ) -> Iterator[Reading]:
        """The readings that the ledger has for `requests`; can be repeated.

        Raises PermanentFailure for a frame that the job does not hold, NotReady for one that has
        no answer yet.
        """
        asked = self._hashes(job, requests)
        for start in range(0, len(requests), _AT_ONCE):
            some = requests[start : start + _AT_ONCE]
            hashes = asked[start : start + _AT_ONCE]
            with self._store().session() as conn:
                stored = {each.hash: each for each in ledger.answers_for(conn, hashes)}
            if missing := set(hashes) - stored.keys():
                raise NotReady(
                    f"{len(missing):,} frames of {job.name} have no answer yet.",
                    "Materialize gemini_results later.",
                )
            for request, hashed in zip(some, hashes, strict=True):
                yield reading_of(stored[hashed], request)
            progress(f"{start + len(some):,} of {len(requests):,} readings")

    def ended(self) -> tuple[str, ...]:
        """Names of the service's jobs that have ended and whose answers are not recorded yet.

        Trouble with asking about a job is raised only when no other one has ended.
        """
        with self._store().session() as conn:
            due = ledger.take_checks(conn, self._clock(), self._poll_every)
        names: list[str] = []
        failures: list[NkoError] = []
        for job in due:
            try:
                remote = self._jobs.ask(job)
            except NkoError as error:
                failures.append(error)
            else:
                if remote is None or remote.state.final:
                    names.append(job.name)
        if failures and not names:
            raise failures[0]
        return tuple(names)

    def settle(self, say: Progress) -> None:
        """Ask about every job at the service now, and record the answers of those that have ended.

        Raises the first failure after all were asked about.
        """
        with self._store().session() as conn:
            jobs = ledger.unfinished_jobs(conn)
        failures = self._settle([job.name for job in jobs if job.state in AT_SERVICE], say)
        for failure in failures.values():
            raise failure

    def retry_failed(self, video_ids: Sequence[str] | None = None) -> int:
        """Queue again what has failed for good, of these videos or of all; how many frames that is.

        They are asked once more as they were asked first. Left out are frames that this reader
        would ask otherwise now, and those that have failed nine times.
        """
        with self._store().session() as conn:
            failed = ledger.failed_requests(conn, self.model, video_ids)
            today = self._today()
            again = {
                each.hash: first_again(each, today) for each in failed if self._would_ask(each)
            }
            return ledger.requeue(conn, again, self._clock(), max_attempts=_MOST_ATTEMPTS)

    def _would_ask(self, request: PlannedRequest) -> bool:
        settings = AskSettings.from_dict(request.first_settings)
        return settings == first_settings(self.model, self._resolution, settings.reading)

    def _today(self) -> date:
        """The day whose prices hold."""
        return self._clock().astimezone(UTC).date()

    def _settle(self, names: Sequence[str], say: Progress) -> dict[str, NkoError]:
        """Settle these jobs; trouble, by job, with one does not keep the others waiting."""
        failures: dict[str, NkoError] = {}
        for name in names:
            try:
                self._jobs.settle(name, say)
            except NkoError as error:
                failures[name] = error
        return failures

    def _flush(self, say: Progress, *, force: bool) -> None:
        """Send; trouble with a job that was planned before does not keep the others waiting."""
        self._sending.begin(self._clock())
        trouble: NkoError | None = None
        for name in self._unsent():
            try:
                if not self._jobs.carry_out(name, say):
                    break
            except NkoError as error:
                trouble = trouble or error
        else:
            self._send_queued(say, force=force)
        if trouble is not None:
            raise trouble

    def _unsent(self) -> list[str]:
        """Jobs that were planned and not sent, by a process that ended or was told to wait."""
        with self._store().session() as conn:
            if self._only is None:
                jobs = ledger.unfinished_jobs(conn)
            else:
                jobs = ledger.jobs_of(conn, list(self._only))
        return [job.name for job in jobs if job.state in NOT_SENT]

    def _send_queued(self, say: Progress, *, force: bool) -> None:
        with self._store().session() as conn:
            if not ledger.backlog(conn, self.model).queued_requests:
                return
        waiting = self._recovery.recover(say)
        today = self._today()
        while True:
            try:
                with self._store().session() as conn:
                    plan = ledger.claim(
                        conn,
                        self._limits,
                        self._clock(),
                        force=force,
                        without=waiting,
                        model=self.model,
                        only=self._only,
                        price=lambda request: price_now(request, today),
                    )
            except BudgetExceeded as error:
                self._sending.over_budget = error
                raise
            if plan is not None:
                self._sending.over_budget = None
            if plan is None or not self._jobs.carry_out(plan.name, say):
                break
        with self._store().session() as conn:
            left = ledger.backlog(conn, self.model)
        if left.queued_requests:
            self._sending.why_queued = self._why(left, waiting)
            if self._only is None:
                say(
                    f"{left.queued_requests:,} frames of {left.queued_videos:,} videos stay "
                    f"queued: {self._sending.why_queued}"
                )

    def _why(self, left: Backlog, waiting: Collection[str]) -> str:
        """Why what is `left` was not sent, without anything that went wrong."""
        jobs, tokens = self._limits.max_open_jobs, self._limits.max_open_tokens
        if jobs is not None and left.open_jobs >= jobs:
            return f"{left.open_jobs:,} jobs are open, which is NKO_MAX_OPEN_JOBS"
        if waiting:
            return "jobs of an earlier ledger still run and may answer them"
        if tokens is not None and left.open_tokens > 0:
            return f"{left.open_tokens:,} tokens are with the service, of NKO_MAX_OPEN_TOKENS"
        if left.oldest_queued_at is not None and left.oldest_queued_at > self._clock():
            return f"they are asked again at {left.oldest_queued_at.astimezone(UTC):%H:%M} UTC"
        return "they wait for company until they have waited long enough"

    def _settled(self, now: Look) -> TransientFailure | None:
        """Settle what is due; what keeps a job of the receipt from that, if anything does.

        Trouble with other jobs is told to those who wait for them.
        """
        failures = self._settle(now.due, _nobody)
        trouble = None
        for failure in (failures[job.name] for job in now.jobs if job.name in failures):
            if not isinstance(failure, TransientFailure):
                raise failure
            trouble = trouble or failure
        return trouble

    def _flush_when_due(self) -> NkoError | None:
        """Send what can be sent, at most once in a while; what keeps frames from being sent."""
        if not self._sending.lock.acquire(blocking=False):
            return None
        try:
            last = self._sending.at
            if last is None or self._clock() - last >= self._poll_every:
                self._flush(_nobody, force=False)
        except NkoError as error:
            return error
        else:
            return self._sending.over_budget
        finally:
            self._sending.lock.release()

    def _look(self, job: Job, *, take_checks: bool = False) -> Look:
        """What the ledger says of a job's requests; with `take_checks`, whom to ask is up to us."""
        hashes = list(set(job.request_hashes))
        with self._store().session() as conn:
            states = Counter(ledger.states_of(conn, hashes).values())
            now = Look((), len(hashes), states, ledger.jobs_of(conn, hashes))
            if not (take_checks and now.waits):
                return now
            due = ledger.take_checks(conn, self._clock(), self._poll_every)
        return replace(now, due=[each.name for each in due])

    def _hashes(self, job: Job, requests: Sequence[FrameRequest]) -> list[str]:
        settings = first_settings(self.model, self._resolution, job.reading)
        known = set(job.request_hashes)
        hashes = [hash_of(request, self.model, settings) for request in requests]
        for request, hashed in zip(requests, hashes, strict=True):
            if hashed not in known:
                raise PermanentFailure(
                    f"Frame {request.frame_id} is not part of job {job.name}.",
                    "Materialize gemini_batches: the frame, the model or its settings have changed.",
                )
        return hashes


@dataclass(slots=True)
class _Sending:
    """Of this process: one thread flushes, and not at each poll of each receipt."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    at: datetime | None = None
    over_budget: BudgetExceeded | None = None
    why_queued: str = ""

    def begin(self, now: datetime) -> None:
        """Another flush begins: nothing is known yet of what it cannot send.

        That money lacks is known until a job is planned: a flush without force does not look at
        money as long as the frames wait for company.
        """
        self.at, self.why_queued = now, ""


def _nobody(_: str) -> None:
    """What is done while polling is told by the status."""
