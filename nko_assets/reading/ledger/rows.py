"""What goes into the ledger and what comes out of it: requests, plans, jobs, answers, money."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from nko_assets.failures import ConfigurationError

MAX_ATTEMPTS = 3
"""How often one request is asked before it counts as failed."""

MAX_FAILED_JOBS = 5
"""How many jobs in a row may end without asking a request before it counts as failed."""

REST = timedelta(minutes=10)
"""How long a request rests after a job that ended without asking it; twice as long each time."""

FINE = ("ok", "no_text")
"""The statuses of an answer that need not be asked again."""


class RequestState(StrEnum):
    """Where a request is; `ANSWERED` and `FAILED` are final unless it is queued again."""

    QUEUED = "queued"
    CLAIMED = "claimed"
    SUBMITTED = "submitted"
    ANSWERED = "answered"
    FAILED = "failed"


class BatchState(StrEnum):
    """Where a job of the service is; the last five are final."""

    PREPARING = "preparing"
    UPLOADED = "uploaded"
    SUBMITTED = "submitted"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    PARTIALLY_SUCCEEDED = "partially_succeeded"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """Whether the service does nothing more for it."""
        return self not in OPEN_STATES


OPEN_STATES = (
    BatchState.PREPARING,
    BatchState.UPLOADED,
    BatchState.SUBMITTED,
    BatchState.RUNNING,
)


@dataclass(frozen=True, slots=True)
class NewRequest:
    """One frame to be asked about, with what asking is estimated to cost.

    `hash` is `reading.reader.request_hash`; `settings` is JSON and may differ between attempts;
    `width` and `height` are those of its picture in pixels; `size` is the length in bytes of its
    line in a job file; `tokens` are input tokens.
    """

    hash: str
    video_id: str
    frame_id: str
    timestamp_ms: int
    width: int
    height: int
    model: str
    settings: Mapping[str, object]
    size: int
    tokens: int
    estimated_usd: float


@dataclass(frozen=True, slots=True)
class PlannedRequest:
    """A request as it is to be asked, for which attempt.

    `first_settings` are those of its first attempt, of which its hash is made.
    """

    hash: str
    attempt: int
    video_id: str
    frame_id: str
    timestamp_ms: int
    width: int
    height: int
    model: str
    settings: Mapping[str, object]
    first_settings: Mapping[str, object]
    size: int
    tokens: int
    estimated_usd: float

    @property
    def key(self) -> str:
        """The `key` of its line in the job file: it comes back with the answer."""
        return request_key(self.hash, self.attempt)


PLANNED = """
r.hash, r.attempt, r.video_id, r.frame_id, r.timestamp_ms, r.width, r.height, r.model, r.settings,
coalesce((select a.settings from ledger.answers a where a.hash = r.hash and a.attempt = 1),
    r.settings) as first_settings, r.size, r.tokens, r.estimated_usd
"""
"""The columns of a `PlannedRequest`, from `ledger.requests r`."""


def request_key(hash_: str, attempt: int) -> str:
    """`<hash>-<attempt>`: an answer to an earlier attempt is never taken for this one's."""
    return f"{hash_}-{attempt}"


def parse_key(key: str) -> tuple[str, int] | None:
    """Hash and attempt of a `request_key`, or None when `key` is none."""
    match = re.fullmatch(r"([0-9a-f]{64})-([1-9][0-9]{0,5})", key)
    return (match[1], int(match[2])) if match else None


def to_json(settings: Mapping[str, object]) -> str:
    """Settings as JSON text."""
    return json.dumps(dict(settings), ensure_ascii=False, sort_keys=True)


@dataclass(frozen=True, slots=True)
class JobPlan:
    """The requests of one new job, claimed for it; `name` is also its display name."""

    name: str
    model: str
    requests: tuple[PlannedRequest, ...]
    videos: tuple[str, ...]
    size: int
    tokens: int
    estimated_usd: float


@dataclass(frozen=True, slots=True)
class Limits:
    """What a job and all open jobs together may hold. None means no limit.

    `budget_usd` is for the whole project, `daily_budget_usd` for a day in UTC. Fewer than
    `max_videos` videos wait until the oldest has been queued for `patience`, so that what comes
    in pieces is sent in one job.
    """

    max_videos: int = 20
    max_job_bytes: int = 1_900_000_000
    max_job_tokens: int | None = None
    max_open_jobs: int | None = None
    max_open_tokens: int | None = None
    budget_usd: float | None = None
    daily_budget_usd: float | None = None
    patience: timedelta = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class BatchJob:
    """One row of the job table. Times are aware; `error` is empty when there was none.

    `answered` and `failed` count its requests by what came of this job; `actual_usd` is the cost
    of the answers that came. The service is not asked to make it before `create_after`: until
    then it may still be making it, or wants to be left alone.
    """

    name: str
    state: BatchState
    model: str
    videos: int
    frames: int
    size: int
    tokens: int
    estimated_usd: float
    actual_usd: float
    answered: int
    failed: int
    service_name: str | None
    file_name: str | None
    created_at: datetime
    submitted_at: datetime | None
    checked_at: datetime | None
    finished_at: datetime | None
    create_after: datetime | None
    error: str


@dataclass(frozen=True, slots=True)
class ForeignJob:
    """A job that the service has done and the ledger did not make; `name` is its display name."""

    name: str
    service_name: str
    model: str
    state: BatchState
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Retry:
    """How to ask again: the changed settings, and what asking so is estimated to cost."""

    settings: Mapping[str, object]
    tokens: int
    estimated_usd: float


@dataclass(frozen=True, slots=True)
class NewAnswer:
    """What came back under a key, judged.

    `status` is one of `schemas.readings.READING_STATUSES`; `retry` is None when it is fine or when
    asking again would not help.
    """

    key: str
    raw: str
    status: str
    reason: str
    input_tokens: int
    output_tokens: int
    thinking_tokens: int
    cost_usd: float
    retry: Retry | None = None


@dataclass(frozen=True, slots=True)
class Absent:
    """What to say of a job's requests for which no answer came.

    `again` queues them once more with the settings they had. `done` is how many of its requests
    the service did and charged, those included whose answer came; None when that is not known, and
    then all count. What was done without an answer is booked with its estimate. `asked` is False
    when the job ended before its end: if it was charged for no more than came, the others were not
    asked. They use up no attempt then, and rest before the next job.
    """

    status: str
    reason: str
    again: bool = True
    done: int | None = 0
    asked: bool = True


@dataclass(frozen=True, slots=True)
class Recorded:
    """What recording answers did; `unknown` answers had a key that the job does not wait for."""

    answered: int
    failed: int
    queued_again: int
    unknown: int


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """The last answer to a request, with the frame it was asked about.

    Tokens and dollars are those of all attempts up to this one.
    """

    hash: str
    attempt: int
    video_id: str
    frame_id: str
    model: str
    settings: Mapping[str, object]
    raw: str
    status: str
    reason: str
    input_tokens: int
    output_tokens: int
    thinking_tokens: int
    cost_usd: float
    job_name: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Enqueued:
    """How many requests were new, and how many the ledger knew already."""

    new: int
    known: int


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits and what is on its way.

    `unsent_jobs` are those among the open ones that are planned and not at the service: someone is
    about to send them, or was.
    """

    queued_requests: int
    queued_videos: int
    queued_usd: float
    oldest_queued_at: datetime | None
    open_jobs: int
    open_tokens: int
    unsent_jobs: int


@dataclass(frozen=True, slots=True)
class Money:
    """Dollars: paid, estimated for what is on its way, and both for what was begun today."""

    spent_usd: float
    open_usd: float
    today_usd: float

    @property
    def committed_usd(self) -> float:
        """What is paid and what may still be charged."""
        return self.spent_usd + self.open_usd


@dataclass(frozen=True, slots=True)
class Spend:
    """Requests, tokens and dollars of one video with one model in the jobs of one UTC day.

    `day` is None for what is only queued. `requests` counts attempts.
    """

    video_id: str
    model: str
    day: date | None
    requests: int
    answered: int
    failed: int
    input_tokens: int
    output_tokens: int
    thinking_tokens: int
    actual_usd: float
    estimated_usd: float


class BudgetExceeded(ConfigurationError):
    """The next job does not fit the budget and stays queued, or `what` does not and is not done."""

    def __init__(
        self,
        *,
        daily: bool,
        budget_usd: float,
        committed_usd: float,
        needed_usd: float,
        queued: int = 0,
        what: str = "",
    ) -> None:
        name, when = (
            ("NKO_DAILY_BUDGET_USD", "or go on after midnight UTC")
            if daily
            else ("NKO_BUDGET_USD", "or stop here; what was answered is kept")
        )
        there = f"${committed_usd:,.2f} is paid or on its way"
        super().__init__(
            f"The {'daily ' if daily else ''}budget of ${budget_usd:,.2f} does not allow "
            + (
                f"{what}: {there}, and it needs ${needed_usd:,.4f}; nothing was sent."
                if what
                else f"the next job: {there}, and the smallest part that could be sent next needs "
                f"${needed_usd:,.4f}; {queued:,} requests stay queued."
            ),
            f"Raise {name}, {when}.",
        )
        self.daily = daily
        self.budget_usd = budget_usd
        self.committed_usd = committed_usd
        self.needed_usd = needed_usd
        self.queued = queued
