"""One job of the Gemini Batch service: sent once, asked about, its answers recorded.

Every step is in the ledger before the next begins, so that whoever finds a job half done, after a
crash at any line, carries it on. `create` is the one step that costs money; it is taken only when
the service does not list the job, and not again before enough time has passed for it to appear.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from psycopg import Connection

from nko_assets.failures import ConfigurationError, PermanentFailure, TransientFailure
from nko_assets.reading import ledger
from nko_assets.reading.gemini.answers import parse_result
from nko_assets.reading.gemini.bookkeeping import is_unchanged, new_answer
from nko_assets.reading.gemini.request import AskSettings, request_line, write_job_file
from nko_assets.reading.ledger import Absent, BatchJob, BatchState, NewAnswer, PlannedRequest
from nko_assets.reading.reader import Progress
from nko_assets.resources.gemini_batches import (
    Ambiguous,
    GeminiBatches,
    NotFound,
    RemoteJob,
    RemoteState,
    Throttled,
)
from nko_assets.resources.store import Store

Frames = Callable[[str, Sequence[str]], Mapping[str, bytes]]
"""The JPEG of each of these frames of a video; those that are not there any more are left out."""

Clock = Callable[[], datetime]
"""The time now, aware of its zone."""

# A job whose making was asked for is listed within seconds, or when a slow call has ended, within
# minutes; no second one is asked for before this.
_SETTLING = timedelta(minutes=5)
# Too many tokens or jobs at once: room comes when a job ends, which takes minutes to hours.
_THROTTLED = timedelta(minutes=5)
# The service gives a job up after 48 hours; what it holds longer than this it has forgotten.
_DEADLINE = timedelta(hours=72)
# It keeps results for 48 hours from a job's end; where it does not say when that was, from the last
# moment at which that can have been.
_KEPT = timedelta(hours=48)
_KEPT_UNKNOWN = timedelta(hours=96)

_LABEL = "videos"
_MOST_LABELLED = 38


def label_for(videos: Sequence[str]) -> str:
    """The label of a job's file: its videos, shortened so that twenty fit; empty for too many."""
    if len(videos) > _MOST_LABELLED:
        return ""
    return " ".join((_LABEL, *map(_short, videos)))


def labelled(label: str | None, videos: Sequence[str]) -> list[str]:
    """Those of `videos` that a job whose file has `label` may hold: all, when it does not say."""
    words = (label or "").split()
    if words[:1] != [_LABEL]:
        return list(videos)
    return [video for video in videos if _short(video) in words]


def answers_in(service: GeminiBatches, remote: RemoteJob, folder: Path) -> Iterator[str]:
    """The lines of the results of a job that ended; none when it failed before there were any.

    Raises `NotFound` when the service does not have the results now: those of a job that went well
    are paid, and may be there later (`kept_until`).
    """
    if remote.result_file is None and remote.state in _ENDED_BADLY:
        return iter(())
    return service.results(remote, folder)


def kept_until(remote: RemoteJob) -> datetime:
    """Until when the service keeps the results of a job that ended."""
    if remote.ended_at is None:
        return remote.created_at + _KEPT_UNKNOWN
    return remote.ended_at + _KEPT


class GeminiJobs:
    """Carries out jobs that the ledger has planned, and settles those that have ended."""

    def __init__(
        self,
        service: GeminiBatches,
        store: Callable[[], Store],
        frames: Frames,
        folder: Path,
        clock: Clock,
    ) -> None:
        """Job files and results lie in `folder` while they are in use; nothing is asked yet."""
        self._service = service
        self._store = store
        self._frames = frames
        self._folder = folder
        self._clock = clock

    def carry_out(self, name: str, say: Progress) -> bool:
        """Bring job `name` to the service; False when the service should be left alone for now.

        Nothing is done for a job that another process carries out, or that is there already. The
        requests of a job that the service refuses are queued again. Raises `ConfigurationError`
        when what the user set is at fault, `TransientFailure` when the service does not answer.
        """
        with self._held(name) as lock:
            if lock is None:
                return True
            with self._store().session() as conn:
                job = ledger.job(conn, name)
            if job is None or job.state not in (BatchState.PREPARING, BatchState.UPLOADED):
                return True
            remote = self._service.find(name)
            if remote is None or _is_past(remote, job):
                if job.create_after is not None and self._clock() < job.create_after:
                    say(f"{name} waits: {job.error or _NOT_LISTED}")
                    return False
                if not self._write_file(job, say):
                    return True
                remote = self._create(job, lock, say)
            if remote is None:
                return False
            with self._store().session() as conn:
                ledger.mark_submitted(conn, name, remote.service_name, self._clock())
            self._file(name).unlink(missing_ok=True)
            say(
                f"{name} is at the service: {job.frames:,} frames of {job.videos} videos, "
                f"about ${job.estimated_usd:,.2f}"
            )
            return True

    def settle(self, name: str, say: Progress) -> None:
        """Ask about job `name`, and when it has ended record what came of it.

        Nothing is done for a job that another process settles. Raises `ConfigurationError` when the
        service does not know the job, `TransientFailure` when it does not answer.
        """
        with self._held(name) as lock:
            if lock is None:
                return
            with self._store().session() as conn:
                job = ledger.job(conn, name)
            if job is None or job.state not in (BatchState.SUBMITTED, BatchState.RUNNING):
                return
            remote = self.ask(job)
            if remote is None:
                gone = Absent("missing", f"{_FORGOTTEN} the job", again=False, done=None)
                self._record(job, iter(()), BatchState.FAILED, gone, gone.reason, say)
            elif remote.state.final:
                self._collect(job, remote, say)
            elif self._clock() > _sent(job) + _DEADLINE:
                say(f"{name} is cancelled: it has run for more than three days")
                self._service.cancel(remote.service_name)

    def ask(self, job: BatchJob) -> RemoteJob | None:
        """How a job that was sent is doing; None when the service has forgotten it.

        Raises `ConfigurationError` when it may be known to the owner of another key, whatever other
        jobs of ours this one's owner has.
        """
        try:
            remote = self._service.get(job.service_name or "")
        except NotFound:
            if self._clock() > _sent(job) + _DEADLINE:
                return None
            raise ConfigurationError(
                f"Gemini does not know job {job.name}, which was sent on {_sent(job):%d %B}.",
                "Set GEMINI_API_KEY to a key of the project that sent it: its frames are paid, and "
                f"count as failed after {_sent(job) + _DEADLINE:%d %B %H:%M} UTC.",
            ) from None
        if remote.state is RemoteState.RUNNING and job.state is BatchState.SUBMITTED:
            with self._store().session() as conn:
                ledger.mark_running(conn, job.name)
        return remote

    def _write_file(self, job: BatchJob, say: Progress) -> bool:
        """Write the job's file; False when frames have changed, so that the job was given up."""
        with self._store().session() as conn:
            requests = ledger.requests_of(conn, job.name)
        try:
            write_job_file(self._file(job.name), self._lines(requests))
        except _FramesChangedError as changed:
            reason = f"{len(changed.hashes):,} of its frames are not what they were when queued"
            with self._store().session() as conn:
                ledger.release(
                    conn, job.name, reason, self._clock(), forget=frozenset(changed.hashes)
                )
            say(f"{job.name} is given up: {reason}; the others stay queued")
            return False
        except ConfigurationError as error:
            self._give_up(job, error)
            raise
        return True

    def _lines(self, requests: Sequence[PlannedRequest]) -> Iterator[bytes]:
        changed: list[str] = []
        for video_id, group in groupby(requests, attrgetter("video_id")):
            video = list(group)
            jpegs = self._frames(video_id, [request.frame_id for request in video])
            for request in video:
                jpeg = jpegs.get(request.frame_id)
                if jpeg is None or not is_unchanged(request, jpeg):
                    changed.append(request.hash)
                elif not changed:
                    settings = AskSettings.from_dict(request.settings)
                    yield request_line(request.key, request.frame_id, jpeg, settings)
        if changed:
            raise _FramesChangedError(changed)

    def _create(self, job: BatchJob, lock: Connection, say: Progress) -> RemoteJob | None:
        """Upload the job's file and ask for the job, once; None when it is not there, or not yet."""
        with self._store().session() as conn:
            videos = sorted({request.video_id for request in ledger.requests_of(conn, job.name)})
        try:
            file_name = self._service.upload(self._file(job.name), job.name, label_for(videos))
            lock.execute("select")  # a lock that was lost while uploading is another's by now
            with self._store().session() as conn:
                ledger.mark_uploaded(conn, job.name, file_name, self._clock() + _SETTLING)
            return self._service.create(job.model, file_name, job.name)
        except Ambiguous as error:
            remote = self._service.find(job.name)
            if remote is None or _is_past(remote, job):
                self._postpone(job, _SETTLING, error.message)
                say(f"{job.name}: {error.message} {_NOT_LISTED}")
                return None
            return remote
        except Throttled as error:
            wait = max(_THROTTLED, timedelta(seconds=error.wait_s or 0))
            self._postpone(job, wait, error.message)
            say(f"{job.name} waits for {wait}: {error.message}")
            return None
        except (ConfigurationError, PermanentFailure) as error:
            self._give_up(job, error)
            raise
        except TransientFailure as error:
            self._postpone(job, timedelta(0), error.message)
            raise

    def _postpone(self, job: BatchJob, wait: timedelta, reason: str) -> None:
        with self._store().session() as conn:
            ledger.postpone(conn, job.name, self._clock() + wait, reason)

    def _give_up(self, job: BatchJob, error: ConfigurationError | PermanentFailure) -> None:
        with self._store().session() as conn:
            ledger.release(conn, job.name, error.message, self._clock())
        self._file(job.name).unlink(missing_ok=True)

    def _collect(self, job: BatchJob, remote: RemoteJob, say: Progress) -> None:
        """Download the results of a job that ended, judge them, and record them.

        Raises `TransientFailure` when they cannot be read now and may be later.
        """
        state = BatchState(remote.state.value)
        folder = self._folder / job.name
        with self._store().session() as conn:
            planned = {request.key: request for request in ledger.requests_of(conn, job.name)}
        answers = self._answers(job, remote, planned, folder)
        try:
            self._record(job, answers, state, _absent(remote), remote.error, say)
        except NotFound as error:
            until = kept_until(remote)
            if self._clock() <= until:
                raise TransientFailure(
                    f"The results of {job.name} cannot be read now: {error.message}",
                    "They are paid, so nothing is asked again; they are looked for until "
                    f"{until:%d %B %H:%M} UTC.",
                ) from None
            lost = Absent("missing", f"{_FORGOTTEN} its answer", again=False, done=remote.succeeded)
            self._record(job, iter(()), state, lost, error.message, say)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _answers(
        self, job: BatchJob, remote: RemoteJob, planned: Mapping[str, PlannedRequest], folder: Path
    ) -> Iterator[NewAnswer]:
        day = _sent(job).date()
        for line in answers_in(self._service, remote, folder):
            result = parse_result(line)
            request = planned.get(result.key or "")
            if request is not None:
                yield new_answer(result, request, day)
            else:
                # The ledger counts it, so that it is not lost without a word.
                yield NewAnswer(result.key or "", "", "malformed", "", 0, 0, 0, 0.0)

    def _record(
        self,
        job: BatchJob,
        answers: Iterator[NewAnswer],
        state: BatchState,
        absent: Absent,
        error: str,
        say: Progress,
    ) -> None:
        with self._store().session() as conn:
            done = ledger.record_answers(
                conn,
                job.name,
                answers,
                state=state,
                absent=absent,
                now=self._clock(),
                error=error,
            )
        say(
            f"{job.name} has {state.replace('_', ' ')}: {done.answered:,} frames answered, "
            f"{done.queued_again:,} asked again, {done.failed:,} failed"
        )

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.jsonl"

    @contextmanager
    def _held(self, name: str) -> Iterator[Connection | None]:
        """The connection that holds job `name`, or None when another process holds it."""
        with self._store().session() as lock, ledger.hold(lock, name) as held:
            yield lock if held else None


class _FramesChangedError(Exception):
    """Frames are not any more what they were when they were queued."""

    def __init__(self, hashes: Sequence[str]) -> None:
        super().__init__()
        self.hashes = hashes


_ENDED_BADLY = (RemoteState.FAILED, RemoteState.EXPIRED, RemoteState.CANCELLED)
_FORGOTTEN = "it was paid for, and the service has forgotten"
_NOT_LISTED = "It may still be on its way, so the service is looked at again before it is resent."


def _sent(job: BatchJob) -> datetime:
    return job.submitted_at or job.created_at


def _is_past(remote: RemoteJob, job: BatchJob) -> bool:
    """Whether a job of this name brought nothing, long before this one was planned.

    An earlier ledger made it. It is not taken for this one, whose turn it is.
    """
    return (
        remote.state in _ENDED_BADLY
        and remote.result_file is None
        and not remote.succeeded
        and remote.created_at < job.created_at - _SETTLING
    )


def _absent(remote: RemoteJob) -> Absent:
    """What to say of requests for which a job that ended gave no answer."""
    done = remote.succeeded
    match remote.state:
        case RemoteState.FAILED:
            # One that failed before it counted its requests has not done any of them.
            reason = f"the job failed: {remote.error or 'no reason given'}"
            return Absent("error", reason, done=done or 0, asked=False)
        case RemoteState.EXPIRED:
            reason = "the job was not done after 48 hours"
            return Absent("expired", reason, done=done, asked=False)
        case RemoteState.CANCELLED:
            return Absent("error", "the job was cancelled", done=done, asked=False)
        case _:
            return Absent("missing", "no answer came under its key", done=done)


def _short(video_id: str) -> str:
    return sha256(video_id.encode()).hexdigest()[:12]
