"""The protocol of readers: submit frames, poll the job, collect one reading a frame.

A reader may answer at once or after a day; whoever uses it submits, keeps the `Job` as a receipt,
flushes after the last submission, and collects when `poll` says that it is done. Submitting the
same frames twice is one job.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Protocol

from nko_assets.failures import PermanentFailure
from nko_assets.reading.answers import FrameRequest, Reading

Progress = Callable[[str], None]
"""Told one short sentence for people whenever there is something to tell."""


class JobState(StrEnum):
    """Where a job is; `DONE` and `FAILED` are final.

    A job is done when each of its frames has an answer or has failed for good. It failed when the
    receipt is worth nothing any more: its frames have to be submitted again.
    """

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"

    @property
    def final(self) -> bool:
        """Whether waiting longer changes nothing."""
        return self in (JobState.DONE, JobState.FAILED)


@dataclass(frozen=True, slots=True)
class JobStatus:
    """Where a job is, with one sentence for people: how many frames, since when.

    Whoever waits asks again after `ask_again_s` seconds; asking sooner finds nothing new.
    """

    state: JobState
    note: str
    ask_again_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Job:
    """The receipt of submitted frames: enough to find the job again from another process.

    `reading` is 1, or more when the frames are asked about once more.
    """

    name: str
    reader: str
    model: str
    request_hashes: tuple[str, ...]
    frames: int
    estimated_cost_usd: float
    reading: int = 1

    @classmethod
    def of(
        cls,
        reader: str,
        model: str,
        request_hashes: Sequence[str],
        estimated_cost_usd: float,
        reading: int = 1,
    ) -> Job:
        """The job of these requests, under the name that they always have."""
        return cls(
            name=job_name(model, request_hashes),
            reader=reader,
            model=model,
            request_hashes=tuple(request_hashes),
            frames=len(request_hashes),
            estimated_cost_usd=estimated_cost_usd,
            reading=reading,
        )

    def to_json(self) -> str:
        """The receipt as JSON text."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=2)

    @classmethod
    def from_json(cls, text: str) -> Job:
        """The job of a receipt; raises PermanentFailure when `text` is none."""
        try:
            data = json.loads(text)
            return cls(**{**data, "request_hashes": tuple(data["request_hashes"])})
        except (ValueError, TypeError, KeyError) as error:
            raise PermanentFailure(
                f"A receipt of a reader's job cannot be read: {error!r}.",
                "Materialize gemini_batches again.",
            ) from error


class Reader(Protocol):
    """Reads frames."""

    @property
    def name(self) -> str:
        """Which reader this is, as the `reader` column says it."""
        ...

    @property
    def model(self) -> str:
        """With which weights or which model of a service it reads; other weights, other model."""
        ...

    @property
    def settings(self) -> Mapping[str, object]:
        """What else makes its first readings what they are, as JSON: other settings, other readings."""
        ...

    @property
    def deferred(self) -> bool:
        """Whether answers come hours after `submit`, from a `DeferredReader`.

        Otherwise `collect` does the reading.
        """
        ...

    def submit(self, requests: Sequence[FrameRequest], *, reading: int = 1) -> Job:
        """Hand the frames over and return the receipt; the same frames give the same job.

        Another `reading` asks about the same frames once more, as requests of their own: it shows
        how far the reader agrees with itself.
        """
        ...

    def flush(self, say: Progress, *, force: bool = False) -> None:
        """Send what was submitted and waits for company; with `force` however little it is.

        Raises ConfigurationError when something that the user can change stops the rest: money, a
        key. What can be sent is sent before.
        """
        ...

    def poll(self, job: Job) -> JobStatus:
        """Where the job is; asks, and never waits.

        Raises HeldBack when nothing goes on until the user raises a budget.
        """
        ...

    def collect(
        self, job: Job, requests: Sequence[FrameRequest], progress: Progress
    ) -> Iterator[Reading]:
        """One reading for each of `requests`, in their order, failures included.

        `requests` are frames of the job, all of them or those still wanted. Can be repeated.
        """
        ...


class DeferredReader(Reader, Protocol):
    """A reader that sends frames away and gets the answers hours later.

    The frames that are submitted are all that is wanted of their videos: what was submitted before
    and not sent yet is withdrawn when it is not among them.
    """

    def for_sample(self) -> DeferredReader:
        """The same reader, for a few frames of some videos beside the work on all of them.

        It withdraws nothing, and `flush` and `poll` send only what was submitted to it.
        """
        ...

    def withdraw(self, video_ids: Collection[str], *, reading: int) -> None:
        """Take back what was submitted of these videos for this `reading` and not sent yet."""
        ...

    def retry_failed(self, video_ids: Sequence[str] | None = None) -> int:
        """Queue again the frames that have failed for good, of these videos or of all; how many.

        Nothing is sent: `flush` does that.
        """
        ...

    def ended(self) -> tuple[str, ...]:
        """Names of the service's jobs that have ended and whose answers are not recorded yet.

        Each open job is asked about at most once in a while, and nothing is downloaded.
        """
        ...

    def settle(self, say: Progress) -> None:
        """Ask about every open job now, and record the answers of those that have ended.

        What failed and can heal is queued again; nothing is sent.
        """
        ...


def request_hash(
    request: FrameRequest, *, reader: str, model: str, settings: Mapping[str, object]
) -> str:
    """What makes a reading what it is, as 64 hex digits: the picture, the reader, its settings.

    `model` has to tell weights apart, not only their name; `settings` has to be JSON. The ids of
    the frame are no part of it: the same picture read in the same way gives the same answer.
    """
    what = {
        "jpeg": hashlib.sha256(request.jpeg).hexdigest(),
        "reader": reader,
        "model": model,
        "settings": dict(settings),
    }
    text = json.dumps(what, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def job_name(model: str, request_hashes: Sequence[str]) -> str:
    """The display name by which a job is found again: `nko-` and 24 hex digits."""
    text = "\n".join((model, *request_hashes))
    return "nko-" + hashlib.sha256(text.encode()).hexdigest()[:24]
