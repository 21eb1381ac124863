"""The queue: requests go in once, and leave it in jobs that fit the limits and the budget."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter

from psycopg import Connection, sql
from psycopg.rows import class_row

from nko_assets.failures import ConfigurationError
from nko_assets.reading.ledger.money import money
from nko_assets.reading.ledger.rows import (
    MAX_ATTEMPTS,
    PLANNED,
    Backlog,
    BudgetExceeded,
    Enqueued,
    JobPlan,
    Limits,
    NewRequest,
    PlannedRequest,
    Retry,
    to_json,
)
from nko_assets.reading.ledger.transactions import CLAIMING, durable
from nko_assets.reading.reader import job_name

_FORGET = """
delete from ledger.requests r
where job_name = %(job)s and state = 'claimed' and hash = any(%(hashes)s)
    and not exists (select from ledger.answers a where a.hash = r.hash)
"""

_FAIL_AS_BEFORE = """
update ledger.requests r
set state = 'failed', attempt = a.attempt, job_name = a.job_name, settings = a.settings
from ledger.answers a
where r.job_name = %(job)s and r.state = 'claimed' and r.hash = any(%(hashes)s)
    and a.hash = r.hash and a.attempt = r.attempt - 1
"""


def enqueue(conn: Connection, rows: Iterable[NewRequest], now: datetime) -> Enqueued:
    """Queue what the ledger does not know yet, in one transaction; `rows` are never held whole.

    A request that is known, in whatever state, stays as it is.
    """
    with durable(conn), conn.cursor() as cursor:
        cursor.execute(
            "create temp table new_requests (like ledger.requests including defaults)"
            " on commit drop"
        )
        given = 0
        with cursor.copy(
            "copy new_requests (hash, video_id, frame_id, timestamp_ms, width, height, model,"
            " settings, size, tokens, estimated_usd, enqueued_at, queued_at) from stdin"
        ) as copy:
            for row in rows:
                copy.write_row(
                    (
                        row.hash,
                        row.video_id,
                        row.frame_id,
                        row.timestamp_ms,
                        row.width,
                        row.height,
                        row.model,
                        to_json(row.settings),
                        row.size,
                        row.tokens,
                        row.estimated_usd,
                        now,
                        now,
                    )
                )
                given += 1
        # In the order of the hashes, so that two processes with the same rows never deadlock.
        cursor.execute(
            "insert into ledger.requests select distinct on (hash) * from new_requests"
            " order by hash, video_id, timestamp_ms on conflict (hash) do nothing"
        )
        new = cursor.rowcount
    return Enqueued(new=new, known=given - new)


def claim(
    conn: Connection,
    limits: Limits,
    now: datetime,
    *,
    force: bool = False,
    without: Collection[str] = (),
) -> JobPlan | None:
    """Claim the requests of the next job, in one transaction; None when none can be made now.

    A job holds whole videos of one model, those that have waited longest first; a video is cut
    only when it alone exceeds a limit. None comes back when nothing is queued, when fewer than
    `limits.max_videos` videos wait and none of them long enough (unless `force`), or when open
    jobs use up what the service's tier allows. Raises `BudgetExceeded` when money is what lacks:
    a job is cut down to the videos that the budget allows before that. The videos `without` wait.

    The plan is in the ledger when this returns: see `jobs.hold` for how to carry it out.
    """
    with durable(conn):
        conn.execute("select pg_advisory_xact_lock(%s)", [CLAIMING])
        waiting = backlog(conn)
        if limits.max_open_jobs is not None and waiting.open_jobs >= limits.max_open_jobs:
            return None
        for model, videos, complete in _ready_groups(conn, limits, now, force, without):
            candidates = _lock(conn, model, videos)
            fitting = _one_job(candidates, limits)
            if not (complete or force or len(fitting) < len(candidates)):
                continue
            if limits.max_open_tokens is not None and (
                waiting.open_tokens + sum(request.tokens for request in fitting)
                > limits.max_open_tokens
            ):
                continue
            return _make_job(conn, _affordable(conn, fitting, limits, waiting, now), now)
    return None


def backlog(conn: Connection) -> Backlog:
    """What is queued, and how much of the service's limits open jobs use."""
    with conn.cursor(row_factory=class_row(Backlog)) as cursor:
        return cursor.execute(
            "select q.*, j.* from"
            " (select count(*) as queued_requests, count(distinct video_id) as queued_videos,"
            "   coalesce(sum(estimated_usd), 0) as queued_usd, min(queued_at) as oldest_queued_at"
            "   from ledger.requests where state = 'queued') q,"
            " (select count(*) as open_jobs, coalesce(sum(tokens), 0)::bigint as open_tokens,"
            "   count(*) filter (where state in ('preparing', 'uploaded')) as unsent_jobs"
            "   from ledger.jobs"
            "   where state in ('preparing', 'uploaded', 'submitted', 'running')) j"
        ).fetchall()[0]


def requeue(
    conn: Connection,
    retries: Mapping[str, Retry],
    now: datetime,
    *,
    max_attempts: int = MAX_ATTEMPTS,
) -> int:
    """Queue failed requests (by hash) again; the number of those that were failed and had tries left.

    Recording an answer already does this for failures that can heal; this is for a person who
    changed something since.
    """
    with durable(conn), conn.cursor() as cursor:
        cursor.executemany(
            "update ledger.requests set state = 'queued', attempt = attempt + 1, job_name = null,"
            " settings = %s, tokens = %s, estimated_usd = %s, queued_at = %s"
            " where hash = %s and state = 'failed' and attempt < %s",
            [
                (
                    to_json(retry.settings),
                    retry.tokens,
                    retry.estimated_usd,
                    now,
                    hash_,
                    max_attempts,
                )
                for hash_, retry in sorted(retries.items())
            ],
        )
        return max(cursor.rowcount, 0)


def release(
    conn: Connection, name: str, error: str, now: datetime, *, forget: Collection[str] = ()
) -> int:
    """Give up a job that the service certainly does not have; its requests are queued again.

    They keep their attempt, as they were never asked. Those in `forget` (hashes) are not queued:
    the ledger knows them no more, or only the failure that they had before. Returns how many are
    queued.
    """
    with durable(conn):
        given_up = conn.execute(
            "update ledger.jobs set state = 'cancelled', error = %s, finished_at = %s"
            " where name = %s and state in ('preparing', 'uploaded')",
            [error, now, name],
        ).rowcount
        if not given_up:
            return 0
        for forgetting in (_FORGET, _FAIL_AS_BEFORE):
            conn.execute(forgetting, {"job": name, "hashes": list(forget)})
        return conn.execute(
            "update ledger.requests set state = 'queued', job_name = null, queued_at = %s"
            " where job_name = %s and state = 'claimed'",
            [now, name],
        ).rowcount


def _ready_groups(
    conn: Connection, limits: Limits, now: datetime, force: bool, without: Collection[str]
) -> Iterator[tuple[str, list[str], bool]]:
    """Model, videos of its next job, and whether that need not wait; longest waiting model first."""
    rows = conn.execute(
        "select model, video_id, min(queued_at) as since from ledger.requests"
        " where state = 'queued' and video_id <> all(%s)"
        " group by model, video_id order by since, video_id",
        [list(without)],
    ).fetchall()
    by_model: dict[str, list[tuple[str, datetime]]] = {}
    for model, video_id, since in rows:
        by_model.setdefault(model, []).append((video_id, since))
    for model, waiting in by_model.items():
        old_enough = waiting[0][1] <= now - limits.patience
        complete = force or old_enough or len(waiting) >= limits.max_videos
        yield model, [video_id for video_id, _ in waiting[: limits.max_videos]], complete


def _lock(conn: Connection, model: str, videos: Sequence[str]) -> list[PlannedRequest]:
    """The queued requests of `videos`, video after video in that order, locked."""
    with conn.cursor(row_factory=class_row(PlannedRequest)) as cursor:
        return cursor.execute(
            sql.SQL(
                "select {planned} from ledger.requests r"
                " where state = 'queued' and model = %s and video_id = any(%s)"
                " order by array_position(%s::text[], video_id), timestamp_ms, hash"
                " for update of r skip locked"
            ).format(planned=sql.SQL(PLANNED)),
            [model, list(videos), list(videos)],
        ).fetchall()


def _one_job(requests: Sequence[PlannedRequest], limits: Limits) -> list[PlannedRequest]:
    """The longest beginning of `requests` that a job may hold: whole videos, or a part of one."""
    at_most = min(
        limits.max_job_tokens or 2**63,
        limits.max_open_tokens or 2**63,
    )
    taken: list[PlannedRequest] = []
    size = tokens = 0
    for _, group in groupby(requests, attrgetter("video_id")):
        video = list(group)
        for number, request in enumerate(video):
            if size + request.size > limits.max_job_bytes or tokens + request.tokens > at_most:
                return taken[: len(taken) - number] or taken or _too_large(request, limits)
            taken.append(request)
            size += request.size
            tokens += request.tokens
    return taken


def _too_large(request: PlannedRequest, limits: Limits) -> list[PlannedRequest]:
    raise ConfigurationError(
        f"The request for frame {request.frame_id} has {request.tokens:,} tokens and "
        f"{request.size:,} bytes, more than a job may hold.",
        f"The limits are {limits.max_job_tokens or limits.max_open_tokens} tokens and "
        f"{limits.max_job_bytes:,} bytes: raise them, or use smaller frames.",
    )


def _affordable(
    conn: Connection,
    requests: Sequence[PlannedRequest],
    limits: Limits,
    waiting: Backlog,
    now: datetime,
) -> list[PlannedRequest]:
    """The longest beginning of whole videos that both budgets allow; raises `BudgetExceeded`."""
    paid = money(conn, now)
    videos = [list(group) for _, group in groupby(requests, attrgetter("video_id"))]
    taken: list[PlannedRequest] = []
    needed = 0.0
    for video in videos:
        needed += sum(request.estimated_usd for request in video)
        for daily, budget, committed in (
            (False, limits.budget_usd, paid.committed_usd),
            (True, limits.daily_budget_usd, paid.today_usd),
        ):
            if budget is not None and committed + needed > budget:
                if taken:
                    return taken
                raise BudgetExceeded(
                    daily=daily,
                    budget_usd=budget,
                    committed_usd=committed,
                    needed_usd=needed,
                    queued=waiting.queued_requests,
                )
        taken += video
    return taken


def _make_job(conn: Connection, requests: Sequence[PlannedRequest], now: datetime) -> JobPlan:
    model = requests[0].model
    plan = JobPlan(
        # Sorted, so that the same requests have the same name in whatever order they came.
        name=job_name(model, sorted(request.key for request in requests)),
        model=model,
        requests=tuple(
            sorted(requests, key=lambda each: (each.video_id, each.timestamp_ms, each.hash))
        ),
        videos=tuple(dict.fromkeys(request.video_id for request in requests)),
        size=sum(request.size for request in requests),
        tokens=sum(request.tokens for request in requests),
        estimated_usd=sum(request.estimated_usd for request in requests),
    )
    # Only a job that was released has had the same requests in the same attempts.
    made = conn.execute(
        "insert into ledger.jobs (name, state, model, videos, frames, size, tokens, estimated_usd,"
        " created_at) values (%s, 'preparing', %s, %s, %s, %s, %s, %s, %s)"
        " on conflict (name) do update set state = 'preparing', created_at = excluded.created_at,"
        " file_name = null, create_after = null, finished_at = null, error = '' where jobs.state = 'cancelled'",
        [
            plan.name,
            model,
            len(plan.videos),
            len(requests),
            plan.size,
            plan.tokens,
            plan.estimated_usd,
            now,
        ],
    ).rowcount
    if not made:
        raise RuntimeError(f"Job {plan.name} exists, and its requests are queued")
    conn.execute(
        "update ledger.requests set state = 'claimed', job_name = %s where hash = any(%s)",
        [plan.name, [request.hash for request in requests]],
    )
    return plan
