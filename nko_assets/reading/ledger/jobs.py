"""The jobs of the service: who carries one out, how far it is, and their table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from psycopg import Connection, sql
from psycopg.rows import class_row

from nko_assets.reading.ledger.rows import PLANNED, BatchJob, BatchState, PlannedRequest
from nko_assets.reading.ledger.transactions import durable

_JOBS = (
    "select name, state, model, videos, frames, size, tokens, estimated_usd,"
    " coalesce(actual_usd, 0) as actual_usd, answered, failed, service_name, file_name,"
    " created_at, submitted_at, checked_at, finished_at, create_after, error"
    # For each job that is wanted, and not for all of them: receipts are polled by the hundred.
    " from ledger.jobs cross join lateral (select sum(cost_usd) as actual_usd,"
    "   count(*) filter (where status in ('ok', 'no_text')) as answered,"
    "   count(*) filter (where status not in ('ok', 'no_text')) as failed"
    "   from ledger.answers where job_name = name) answers"
)


@contextmanager
def hold(conn: Connection, name: str) -> Iterator[bool]:
    """Be the only process that carries out job `name`; yields False when another one does.

    The database gives the job free when the block ends or the process dies. `conn` is in use until
    then: take another connection for everything else, and read the job anew (`job`) once it is
    held, because another process may have carried it further since it was listed::

        for listed in unfinished_jobs(conn):
            with hold(second_conn, listed.name) as held:
                if held and (current := job(conn, listed.name)):
                    ...  # go on from current.state
    """
    with durable(conn):
        # A machine that vanished is noticed in two minutes; by default in two hours.
        conn.execute("set local tcp_keepalives_idle = 60")
        conn.execute("set local tcp_keepalives_interval = 10")
        row = conn.execute(
            "select pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [name]
        ).fetchone()
        yield row is not None and bool(row[0])


def mark_uploaded(conn: Connection, name: str, file_name: str, create_after: datetime) -> None:
    """The job file lies at the service as `file_name`, and the service is about to be asked.

    Whoever finds the job like this later cannot know whether it was asked, and must not ask again
    before `create_after`.
    """
    with durable(conn):
        changed = conn.execute(
            "update ledger.jobs set state = 'uploaded', file_name = %s, create_after = %s,"
            " error = ''"
            " where name = %s and state in ('preparing', 'uploaded')",
            [file_name, create_after, name],
        ).rowcount
        _require(changed, name)


def postpone(conn: Connection, name: str, create_after: datetime, error: str) -> None:
    """The service did not take the job now, for the reason `error`: ask after `create_after`."""
    with durable(conn):
        changed = conn.execute(
            "update ledger.jobs set create_after = %s, error = %s"
            " where name = %s and state in ('preparing', 'uploaded')",
            [create_after, error, name],
        ).rowcount
        _require(changed, name)


def mark_submitted(conn: Connection, name: str, service_name: str, now: datetime) -> None:
    """The service has the job under `service_name`: from now on it is paid for."""
    with durable(conn):
        changed = conn.execute(
            "update ledger.jobs set state = 'submitted', service_name = %s, submitted_at = %s,"
            " error = ''"
            " where name = %s and state in ('preparing', 'uploaded')",
            [service_name, now, name],
        ).rowcount
        _require(changed, name)
        conn.execute(
            "update ledger.requests set state = 'submitted'"
            " where job_name = %s and state = 'claimed'",
            [name],
        )


def mark_running(conn: Connection, name: str) -> None:
    """The service works on the job. How it ended is said by `record_answers`, with the answers."""
    with durable(conn):
        conn.execute(
            "update ledger.jobs set state = 'running' where name = %s and state = 'submitted'",
            [name],
        )


def take_checks(
    conn: Connection,
    now: datetime,
    every: timedelta,
    hashes: Sequence[str] | None = None,
) -> list[BatchJob]:
    """Jobs at the service whose state was not asked for since `every`; asking is now up to the caller.

    With `hashes`, only the jobs that hold one of these requests. Two processes never both get the
    same job within `every`.
    """
    with durable(conn):
        names = conn.execute(
            "update ledger.jobs set checked_at = %(now)s"
            " where state in ('submitted', 'running')"
            " and (checked_at is null or checked_at <= %(now)s - %(every)s)"
            " and (%(hashes)s::text[] is null or name in (select job_name from ledger.requests"
            "   where hash = any(%(hashes)s) and state = 'submitted'))"
            " returning name",
            {"now": now, "every": every, "hashes": None if hashes is None else list(hashes)},
        ).fetchall()
    return _select(conn, " where name = any(%s) order by created_at", [[row[0] for row in names]])


def unfinished_jobs(conn: Connection) -> list[BatchJob]:
    """Jobs that have still to be submitted, waited for or collected, oldest first."""
    return _select(
        conn,
        " where state in ('preparing', 'uploaded', 'submitted', 'running') order by created_at",
    )


def job(conn: Connection, name: str) -> BatchJob | None:
    """One job as it is now, or None when there is none of that name."""
    found = _select(conn, " where name = %s", [name])
    return found[0] if found else None


def jobs_of(conn: Connection, hashes: Sequence[str]) -> list[BatchJob]:
    """The jobs to which these requests belong, oldest first."""
    return _select(
        conn,
        " where name in (select job_name from ledger.requests where hash = any(%s))"
        " order by created_at",
        [list(hashes)],
    )


def job_table(conn: Connection) -> list[BatchJob]:
    """Every job there was, newest first."""
    return _select(conn, " order by created_at desc, name")


def requests_of(conn: Connection, name: str) -> list[PlannedRequest]:
    """The requests that job `name` still has to answer, in a fixed order: what its file holds."""
    with conn.cursor(row_factory=class_row(PlannedRequest)) as cursor:
        return cursor.execute(
            sql.SQL(
                "select {planned} from ledger.requests r"
                " where job_name = %s and state in ('claimed', 'submitted')"
                ' order by video_id collate "C", timestamp_ms, hash'
            ).format(planned=sql.SQL(PLANNED)),
            [name],
        ).fetchall()


def _select(conn: Connection, condition: str, values: Sequence[object] = ()) -> list[BatchJob]:
    with conn.cursor() as cursor:
        rows = cursor.execute(_JOBS + condition, values).fetchall()
    return [BatchJob(row[0], BatchState(row[1]), *row[2:]) for row in rows]


def _require(changed: int, name: str) -> None:
    if not changed:
        raise RuntimeError(f"Job {name} is not waiting to be submitted: read it anew under hold()")
