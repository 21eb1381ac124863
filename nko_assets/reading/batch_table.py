"""The batch jobs as people look at them: state, counts, dollars, age, and when they may be done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from statistics import median
from typing import Any, Literal

from nko_assets.reading.ledger import Backlog, BatchJob, BatchState

State = Literal["waiting", "queued", "running", "done", "failed"]
_STATES: dict[BatchState, State] = {
    BatchState.PREPARING: "queued",
    BatchState.UPLOADED: "queued",
    BatchState.SUBMITTED: "running",
    BatchState.RUNNING: "running",
    BatchState.SUCCEEDED: "done",
    BatchState.PARTIALLY_SUCCEEDED: "done",
}
COLUMNS = (
    *("job", "state", "videos", "frames", "answered", "failed"),
    *("estimated $", "real $", "age", "left", "note"),
)


@dataclass(frozen=True, slots=True)
class BatchLine:
    """One line of the table: a job, or all requests that are not in one yet ("waiting").

    `age_s` is since the requests were queued or the job was made, for one that ended how long it
    took; `left_s` is what is left of the time that jobs took which are done, None when none is.
    `actual_usd` is what its answers cost so far.
    """

    job: str
    state: State
    videos: int
    frames: int
    answered: int
    failed: int
    estimated_usd: float
    actual_usd: float
    age_s: float
    left_s: float | None = None
    note: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The line as JSON has it."""
        return asdict(self)

    def as_cells(self) -> tuple[str, ...]:
        """The line as `COLUMNS` show it."""
        return (
            self.job,
            self.state,
            f"{self.videos:,}",
            f"{self.frames:,}",
            f"{self.answered:,}",
            f"{self.failed:,}",
            f"{self.estimated_usd:,.2f}",
            f"{self.actual_usd:,.2f}",
            span(self.age_s),
            "" if self.left_s is None else f"about {span(self.left_s)}",
            self.note,
        )


def batch_table(jobs: Sequence[BatchJob], backlog: Backlog, now: datetime) -> list[BatchLine]:
    """What waits first, then each of `jobs` in the order given."""
    took = [
        (job.finished_at - job.submitted_at).total_seconds()
        for job in jobs
        if _state(job) == "done" and job.finished_at and job.submitted_at
    ]
    usual = median(took) if took else None
    lines = [_line(job, usual, now) for job in jobs]
    if backlog.queued_requests:
        oldest = backlog.oldest_queued_at or now
        lines.insert(
            0,
            BatchLine(
                job="",
                state="waiting",
                videos=backlog.queued_videos,
                frames=backlog.queued_requests,
                answered=0,
                failed=0,
                estimated_usd=backlog.queued_usd,
                actual_usd=0.0,
                age_s=max((now - oldest).total_seconds(), 0.0),
                note=(
                    "not in a job yet"
                    if oldest <= now
                    else f"rest after a job that failed, until {oldest.astimezone(UTC):%H:%M} UTC"
                ),
            ),
        )
    return lines


def batch_markdown(lines: Sequence[BatchLine]) -> str:
    """The table in markdown, for Dagster's metadata."""
    if not lines:
        return "No frame was handed to the service."
    rules = ["---" if name in ("job", "state", "note") else "--:" for name in COLUMNS]
    rows = [COLUMNS, rules, *(line.as_cells() for line in lines)]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows)


def span(seconds: float) -> str:
    """A length of time as people say it: seconds, minutes, hours and minutes, or days and hours."""
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{max(round(seconds), 0)} s"
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{hours // 24} d {hours % 24} h"


def _state(job: BatchJob) -> State:
    return _STATES.get(job.state, "failed")


def _line(job: BatchJob, usual_s: float | None, now: datetime) -> BatchLine:
    state = _state(job)
    age = ((job.finished_at or now) - job.created_at).total_seconds()
    left = None
    if state in ("queued", "running") and usual_s is not None:
        waited = (now - job.submitted_at).total_seconds() if job.submitted_at else 0.0
        left = max(usual_s - waited, 0.0)
    return BatchLine(
        job=job.name,
        state=state,
        videos=job.videos,
        frames=job.frames,
        answered=job.answered,
        failed=job.failed,
        estimated_usd=job.estimated_usd,
        actual_usd=job.actual_usd,
        age_s=age,
        left_s=left,
        note=job.error or ("" if state != "failed" else str(job.state)),
    )
