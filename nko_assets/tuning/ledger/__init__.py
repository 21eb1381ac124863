"""The ledger of paid tuning: which job was planned, asked for, at the service, and how it ended.

Tables of a Postgres database (schema `tuning`, made by the files in `migrations/`). Every function
takes a connection in autocommit mode and leaves behind either all of what it says or nothing. Times
are passed in, aware of their zone. Money is booked in the ledger of readings, against one budget.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from psycopg import Connection
from psycopg.rows import class_row

from nko_assets.failures import PermanentFailure
from nko_assets.reading import ledger
from nko_assets.reading.ledger import Limits
from nko_assets.reading.ledger.transactions import durable
from nko_assets.tuning.jobs import Receipt, TuningRequest, TuningState, TuningStatus

PURPOSE = "tuning"
MOST_ATTEMPTS = 3
"""How often the same job may be paid for; what fails three times has to change."""

_JOBS = (
    "select name, request, attempt, state, model, service_name, tuned_model, usd, note, ask_after,"
    " created_at, submitted_at, finished_at from tuning.jobs "
)
_ENDED_BADLY = (TuningState.FAILED, TuningState.CANCELLED, TuningState.EXPIRED)


class JobState(StrEnum):
    """Where a job stands: not at the service yet, or as the service says (`TuningState`)."""

    PLANNED = "planned"
    ASKED = "asked"
    WAITING = TuningState.WAITING.value
    RUNNING = TuningState.RUNNING.value
    SUCCEEDED = TuningState.SUCCEEDED.value
    FAILED = TuningState.FAILED.value
    CANCELLED = TuningState.CANCELLED.value
    EXPIRED = TuningState.EXPIRED.value

    @property
    def sent(self) -> bool:
        """Whether the service has it, as far as is known."""
        return self not in (JobState.PLANNED, JobState.ASKED)

    @property
    def final(self) -> bool:
        """Whether it has ended."""
        return self.sent and TuningState(self.value).final


@dataclass(frozen=True, slots=True)
class TuningJob:
    """One row. The service is not asked to make it before `ask_after`: it may be making it."""

    name: str
    request: str
    attempt: int
    state: JobState
    model: str
    service_name: str | None
    tuned_model: str | None
    usd: float | None
    note: str
    ask_after: datetime | None
    created_at: datetime
    submitted_at: datetime | None
    finished_at: datetime | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "state", JobState(self.state))


def plan(
    conn: Connection, request: TuningRequest, usd: float, limits: Limits, now: datetime
) -> TuningJob:
    """The job of `request`: the one there is, or a new row with about `usd` booked for it.

    A job that ended badly is followed by another attempt, at most `MOST_ATTEMPTS`. Raises
    `BudgetExceeded`, and leaves no row, when the money is not there.
    """
    with durable(conn):
        # Two processes with the same request make one job.
        conn.execute("select pg_advisory_xact_lock(hashtextextended(%s, 1))", [request.digest])
        last = _last(conn, request.digest)
        if last is not None and last.state not in (*_ENDED_BADLY, JobState.PLANNED):
            return last
        attempt = 1
        if last is not None:
            attempt = last.attempt + (last.state is not JobState.PLANNED)
        if attempt > MOST_ATTEMPTS:
            raise PermanentFailure(
                f"The same tuning job has ended badly {MOST_ATTEMPTS} times: "
                f"{last.note if last else ''}",
                "Change what it complains of: the model (NKO_TUNING_MODEL), or the data.",
            )
        name = request.name(attempt)
        ledger.book_within(
            conn, name, purpose=PURPOSE, model=request.base, usd=usd, limits=limits, now=now
        )
        conn.execute(
            "insert into tuning.jobs (name, request, attempt, state, model, created_at)"
            " values (%s, %s, %s, 'planned', %s, %s) on conflict (name) do nothing",
            [name, request.digest, attempt, request.base, now],
        )
    return _there(conn, name)


def adopt(conn: Connection, receipt: Receipt, now: datetime) -> TuningJob:
    """Enter a job that is at the service and that an earlier ledger knew; its estimate is booked."""
    request = TuningRequest(receipt.tuner, receipt.base, receipt.dataset, receipt.settings)
    attempt = receipt.name.removeprefix(request.name()).lstrip("-")
    with durable(conn):
        ledger.book_within(
            conn,
            receipt.name,
            purpose=PURPOSE,
            model=receipt.base,
            usd=receipt.estimated_usd,
            # It is paid already, whatever the budget is.
            limits=Limits(),
            now=now,
        )
        conn.execute(
            "insert into tuning.jobs (name, request, attempt, state, model, service_name,"
            " created_at, submitted_at) values (%s, %s, %s, 'waiting', %s, %s, %s, %s)"
            " on conflict (name) do nothing",
            [
                *(receipt.name, request.digest, int(attempt or 1), receipt.base),
                *(receipt.place, now, now),
            ],
        )
    return _there(conn, receipt.name)


def mark_asked(conn: Connection, name: str, ask_after: datetime) -> None:
    """The service is about to be asked to make the job; who finds it so must look there first."""
    _update(
        conn,
        "update tuning.jobs set state = 'asked', ask_after = %s, note = ''"
        " where name = %s and state in ('planned', 'asked')",
        [ask_after, name],
    )


def mark_refused(conn: Connection, name: str, note: str, ask_after: datetime | None = None) -> None:
    """The service certainly did not make the job: it costs nothing, and may be asked for again."""
    with durable(conn):
        conn.execute(
            "update tuning.jobs set state = 'planned', ask_after = %s, note = %s"
            " where name = %s and state in ('planned', 'asked')",
            [ask_after, note, name],
        )
        conn.execute("delete from ledger.expenses where name = %s and actual_usd is null", [name])


def mark_submitted(conn: Connection, name: str, service_name: str, now: datetime) -> None:
    """The service has the job under `service_name`."""
    _update(
        conn,
        "update tuning.jobs set state = 'waiting', service_name = %s, submitted_at = %s, note = ''"
        " where name = %s and state in ('planned', 'asked')",
        [service_name, now, name],
    )


def record(conn: Connection, name: str, status: TuningStatus, now: datetime) -> None:
    """What the service says of a job that it has; with the end of the job its money is settled."""
    with durable(conn):
        changed = conn.execute(
            "update tuning.jobs set state = %s, note = %s, tuned_model = %s, usd = %s,"
            " finished_at = %s where name = %s and state in ('waiting', 'running')",
            [
                status.state.value,
                status.note,
                status.model,
                status.usd,
                now if status.state.final else None,
                name,
            ],
        ).rowcount
        if changed and status.state.final and status.usd is not None:
            conn.execute(
                "update ledger.expenses set actual_usd = %s where name = %s and actual_usd is null",
                [status.usd, name],
            )


def job(conn: Connection, name: str) -> TuningJob | None:
    """The job of that name, or None."""
    found = _select(conn, "where name = %s", [name])
    return found[0] if found else None


def open_jobs(conn: Connection) -> list[TuningJob]:
    """The jobs that have not ended, oldest first."""
    return [row for row in jobs(conn)[::-1] if not row.state.final]


def jobs(conn: Connection) -> list[TuningJob]:
    """Every job there was, newest first."""
    return _select(conn, "order by created_at desc, name desc", [])


def _there(conn: Connection, name: str) -> TuningJob:
    found = job(conn, name)
    if found is None:
        raise RuntimeError(f"{name} was written down and is not there")
    return found


def _last(conn: Connection, request: str) -> TuningJob | None:
    found = _select(conn, "where request = %s order by attempt desc limit 1", [request])
    return found[0] if found else None


def _select(conn: Connection, condition: str, values: list[object]) -> list[TuningJob]:
    with conn.cursor(row_factory=class_row(TuningJob)) as cursor:
        return cursor.execute(_JOBS + condition, values).fetchall()


def _update(conn: Connection, statement: str, values: list[object]) -> None:
    with durable(conn):
        changed = conn.execute(statement, values).rowcount
    if not changed:
        raise RuntimeError("The job is at the service already: read it anew under ledger.hold()")
