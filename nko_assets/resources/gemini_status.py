"""Where a receipt is, in one sentence for people: its frames, its jobs, and what they wait for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from nko_assets.failures import HeldBack, NkoError
from nko_assets.reading.ledger import BatchJob, BatchState, BudgetExceeded, RequestState
from nko_assets.reading.reader import JobState, JobStatus

NOT_SENT = (BatchState.PREPARING, BatchState.UPLOADED)
"""The states of a job that is planned and not at the service."""

AT_SERVICE = (BatchState.SUBMITTED, BatchState.RUNNING)
"""The states of a job that the service has and that has not ended, as far as is known."""


@dataclass(frozen=True, slots=True)
class Look:
    """What the ledger says of a receipt: jobs to ask about, requests, their states, their jobs."""

    due: Sequence[str]
    asked: int
    states: Counter[RequestState]
    jobs: Sequence[BatchJob]

    @property
    def waits(self) -> bool:
        """Whether any of the requests has no final answer."""
        return not self.states.keys() <= {RequestState.ANSWERED, RequestState.FAILED}

    @property
    def unsent(self) -> bool:
        """Whether any of the requests has still to be sent."""
        return not self.states.keys().isdisjoint((RequestState.QUEUED, RequestState.CLAIMED))


def status_of(look: Look, trouble: NkoError | None, why_queued: str, now: datetime) -> JobStatus:
    """The status of a receipt; raises `HeldBack` when all that is left waits for money.

    `trouble` is what keeps its frames from going on, `why_queued` why they were not sent when
    nothing did.
    """
    states = look.states
    final = states[RequestState.ANSWERED] + states[RequestState.FAILED]
    queued = states[RequestState.QUEUED]
    note = f"{final:,} of {look.asked:,} frames answered"
    if lost := look.asked - states.total():
        return JobStatus(JobState.FAILED, f"{note}; the ledger does not know {lost:,} of them")
    if final == look.asked:
        failed = states[RequestState.FAILED]
        return JobStatus(JobState.DONE, f"{note}, {failed:,} of them failed" if failed else note)
    running = [each for each in look.jobs if each.state in AT_SERVICE]
    if running:
        since = min(each.submitted_at or each.created_at for each in running)
        many = "1 job" if len(running) == 1 else f"{len(running)} jobs"
        note += f"; {many} at the service for {_age(now - since)}"
    if queued:
        note += f"; {queued:,} are queued"
    if isinstance(trouble, BudgetExceeded) and queued + final == look.asked:
        raise HeldBack(f"{note}. {trouble.message}", trouble.next_step)
    if trouble is not None:
        note += f". {trouble.message}"
    elif queued and why_queued:
        note += f": {why_queued}"
    for each in look.jobs:
        if each.state in NOT_SENT and each.error:
            note += f". {each.name} waits: {each.error}"
    return JobStatus(JobState.QUEUED if queued + final == look.asked else JobState.RUNNING, note)


def _age(age: timedelta) -> str:
    minutes = max(int(age.total_seconds() // 60), 0)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"
