"""Jobs that the service has and the ledger did not make: what they answered is not asked again.

They are there after the ledger was lost, or when someone starts over with an empty one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from psycopg import Connection, sql
from psycopg.rows import class_row

from nko_assets.reading.ledger.answers import keep, stage
from nko_assets.reading.ledger.rows import PLANNED, ForeignJob, NewAnswer, PlannedRequest, Recorded
from nko_assets.reading.ledger.transactions import CLAIMING, durable

# What this job already answered once has been asked again since.
_QUEUED = """
r.state = 'queued' and c.hash is not null and not exists
    (select from ledger.answers a where a.hash = r.hash and a.job_name = %(job)s)
"""


def foreign_jobs(conn: Connection, jobs: Mapping[str, str]) -> list[str]:
    """Which of the service's `jobs`, display names by service name, this ledger did not make.

    One that has the name of a job of this ledger is none: what it holds is asked about by that job.
    """
    rows = conn.execute(
        "select service_name"
        " from unnest(%s::text[], %s::text[]) with ordinality as given (service_name, name, place)"
        " where service_name in (select service_name from ledger.foreign_jobs)"
        "  or not exists (select from ledger.jobs j where j.service_name = given.service_name"
        "    or j.name = given.name and (j.state <> 'cancelled' or j.service_name is not null))"
        " order by place",
        [list(jobs), list(jobs.values())],
    ).fetchall()
    return [row[0] for row in rows]


def unsearched_jobs(conn: Connection, service_names: Sequence[str]) -> list[str]:
    """Those of `service_names` that may hold answers to what was queued since they were searched."""
    rows = conn.execute(
        "select given.service_name"
        " from unnest(%s::text[]) with ordinality as given (service_name, place)"
        " left join ledger.foreign_jobs searched using (service_name)"
        " where exists (select from ledger.requests where state = 'queued'"
        "   and (searched_at is null or enqueued_at >= searched_at))"
        " order by place",
        [list(service_names)],
    ).fetchall()
    return [row[0] for row in rows]


def queued_videos(conn: Connection) -> set[str]:
    """The videos of which frames are queued, for whatever model."""
    rows = conn.execute(
        "select distinct video_id from ledger.requests where state = 'queued'"
    ).fetchall()
    return {row[0] for row in rows}


def queued_requests(conn: Connection, hashes: Sequence[str]) -> list[PlannedRequest]:
    """Those of the requests that are queued, as they would be asked now."""
    with conn.cursor(row_factory=class_row(PlannedRequest)) as cursor:
        return cursor.execute(
            sql.SQL(
                "select {planned} from ledger.requests r where state = 'queued' and hash = any(%s)"
            ).format(planned=sql.SQL(PLANNED)),
            [list(hashes)],
        ).fetchall()


def adopt(
    conn: Connection, job: ForeignJob, answers: Iterable[NewAnswer], now: datetime
) -> Recorded:
    """Give `answers` of a job that ended to requests that are queued, in one transaction.

    The key of each is that of the queued request, whatever attempt it was for `job`. A request that
    is not queued any more, or that had an answer from this job before, is left alone and counted as
    unknown. What failed and can heal is queued again, as in `record_answers`. The job counts as
    searched from `now` on: pass the time before its answers were matched with the queue.
    """
    with durable(conn):
        keyless = stage(conn, answers)
        conn.execute("select pg_advisory_xact_lock(%s)", [CLAIMING])
        conn.execute(
            "insert into ledger.jobs (name, state, model, videos, frames, size, tokens,"
            " estimated_usd, service_name, created_at, submitted_at, finished_at)"
            " values (%s, %s, %s, 0, 0, 0, 0, 0, %s, %s, %s, %s)"
            # A job of that name that was given up here has been carried out all the same.
            " on conflict (name) do update set state = excluded.state,"
            " service_name = excluded.service_name, finished_at = excluded.finished_at, error = ''"
            " where jobs.state = 'cancelled' and jobs.service_name is null",
            [
                *(job.name, job.state, job.model, job.service_name),
                *(job.created_at, job.created_at, now),
            ],
        )
        recorded = keep(conn, job.name, _QUEUED, now)
        conn.execute(
            "update ledger.jobs set (videos, frames, tokens, estimated_usd) ="
            " (select count(distinct video_id), count(*), coalesce(sum(tokens), 0),"
            "   coalesce(sum(a.cost_usd), 0)"
            "   from ledger.answers a join ledger.requests r using (hash) where a.job_name = name)"
            " where name = %s",
            [job.name],
        )
        conn.execute("delete from ledger.jobs where name = %s and frames = 0", [job.name])
        conn.execute(
            "insert into ledger.foreign_jobs values (%s, %s)"
            " on conflict (service_name) do update set searched_at = excluded.searched_at",
            [job.service_name, now],
        )
    return replace(recorded, unknown=recorded.unknown + keyless)
