"""The queue: requests go in once, and leave it in jobs that fit the limits and the budget."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import LiteralString

from psycopg import Connection, sql
from psycopg.rows import class_row

from nko_assets.reading.ledger.plans import affordable, make_job, one_job
from nko_assets.reading.ledger.rows import (
    MAX_ATTEMPTS,
    PLANNED,
    Backlog,
    Enqueued,
    JobPlan,
    Limits,
    NewRequest,
    PlannedRequest,
    Retry,
    to_json,
)
from nko_assets.reading.ledger.transactions import CLAIMING, durable

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

_UNWANTED: LiteralString = """
r.state = 'queued' and r.video_id = any(%(videos)s) and r.settings @> %(settings)s
    and r.hash <> all(%(hashes)s)
"""

_WITHDRAW: LiteralString = """
with failed as (
    update ledger.requests r
    set state = 'failed', attempt = a.attempt, job_name = a.job_name, settings = a.settings
    from ledger.answers a
    where {unwanted} and a.hash = r.hash and a.attempt = r.attempt - 1 returning 1
), forgotten as (
    delete from ledger.requests r
    where {unwanted} and not exists (select from ledger.answers a where a.hash = r.hash)
    returning 1
)
select (select count(*) from failed) + (select count(*) from forgotten)
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


def withdraw(
    conn: Connection,
    videos: Collection[str],
    settings: Mapping[str, object],
    *,
    but: Collection[str],
) -> int:
    """Take from the queue what is asked of `videos` with these `settings`, except the hashes `but`.

    `settings` may be a part of a request's. What was never asked is forgotten; what was asked and
    was to be asked again keeps the failure that it had. The number of both.
    """
    with durable(conn):
        row = conn.execute(
            sql.SQL(_WITHDRAW).format(unwanted=sql.SQL(_UNWANTED)),
            {"videos": list(videos), "settings": to_json(settings), "hashes": list(but)},
        ).fetchone()
    return row[0] if row else 0


def claim(
    conn: Connection,
    limits: Limits,
    now: datetime,
    *,
    force: bool = False,
    without: Collection[str] = (),
    model: str | None = None,
    only: Collection[str] | None = None,
    price: Callable[[PlannedRequest], float] | None = None,
) -> JobPlan | None:
    """Claim the requests of the next job, in one transaction; None when none can be made now.

    A job holds whole videos of one model, those that have waited longest first; a video is cut
    only when it alone exceeds a limit. None comes back when nothing is queued, when fewer than
    `limits.max_videos` videos wait and none of them long enough (unless `force`), or when open
    jobs use up what the service's tier allows. Raises `BudgetExceeded` when money is what lacks:
    a job is cut down to the videos that the budget allows before that.

    The videos `without` wait, and so does what was put off until after `now`. With `model`, requests
    for other models wait too, and with `only` all but those hashes. `price` says what a request
    costs now, which replaces the estimate of the day on which it was queued.

    The plan is in the ledger when this returns: see `jobs.hold` for how to carry it out.
    """
    with durable(conn):
        conn.execute("select pg_advisory_xact_lock(%s)", [CLAIMING])
        waiting = backlog(conn)
        if limits.max_open_jobs is not None and waiting.open_jobs >= limits.max_open_jobs:
            return None
        wanted = _Wanted(now, model, None if only is None else list(only), list(without))
        for chosen, videos, complete in _ready_groups(conn, limits, wanted, force):
            candidates = _lock(conn, chosen, videos, wanted)
            fitting = one_job(candidates, limits)
            if not (complete or force or len(fitting) < len(candidates)):
                continue
            if limits.max_open_tokens is not None and (
                waiting.open_tokens + sum(request.tokens for request in fitting)
                > limits.max_open_tokens
            ):
                continue
            if price is not None:
                fitting = [replace(each, estimated_usd=price(each)) for each in fitting]
            return make_job(conn, affordable(conn, fitting, limits, waiting, now), now)
    return None


def backlog(conn: Connection, model: str | None = None) -> Backlog:
    """What is queued, of `model` or of all, and how much of the service's limits open jobs use."""
    with conn.cursor(row_factory=class_row(Backlog)) as cursor:
        return cursor.execute(
            "select q.*, j.* from"
            " (select count(*) as queued_requests, count(distinct video_id) as queued_videos,"
            "   coalesce(sum(estimated_usd), 0) as queued_usd, min(queued_at) as oldest_queued_at"
            "   from ledger.requests"
            "   where state = 'queued' and (%(model)s::text is null or model = %(model)s)) q,"
            " (select count(*) as open_jobs, coalesce(sum(tokens), 0)::bigint as open_tokens,"
            "   count(*) filter (where state in ('preparing', 'uploaded')) as unsent_jobs"
            "   from ledger.jobs"
            "   where state in ('preparing', 'uploaded', 'submitted', 'running')) j",
            {"model": model},
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


def failed_requests(
    conn: Connection, model: str, videos: Collection[str] | None = None
) -> list[PlannedRequest]:
    """The requests for `model` that have failed for good: of these videos, or of all."""
    with conn.cursor(row_factory=class_row(PlannedRequest)) as cursor:
        return cursor.execute(
            sql.SQL(
                "select {planned} from ledger.requests r where state = 'failed' and model = %s"
                " and (%s::text[] is null or video_id = any(%s)) order by hash"
            ).format(planned=sql.SQL(PLANNED)),
            [model, *(2 * [None if videos is None else list(videos)])],
        ).fetchall()


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


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Which of the queued requests may be claimed; None and empty for all."""

    now: datetime
    model: str | None
    only: list[str] | None
    without: list[str]


_CLAIMABLE: LiteralString = """
state = 'queued' and queued_at <= %(now)s and video_id <> all(%(without)s)
    and (%(model)s::text is null or model = %(model)s)
    and (%(only)s::text[] is null or hash = any(%(only)s))
"""


def _ready_groups(
    conn: Connection, limits: Limits, wanted: _Wanted, force: bool
) -> Iterator[tuple[str, list[str], bool]]:
    """Model, videos of its next job, and whether that need not wait; longest waiting model first.

    Videos that have frames to be asked again come first: all else of them is answered.
    """
    rows = conn.execute(
        sql.SQL(
            "select model, video_id, min(queued_at) as since, bool_or(attempt > 1) as again"
            " from ledger.requests where {claimable}"
            " group by model, video_id order by since, video_id"
        ).format(claimable=sql.SQL(_CLAIMABLE)),
        asdict(wanted),
    ).fetchall()
    by_model: dict[str, list[tuple[bool, datetime, str]]] = {}
    for model, video_id, since, again in rows:
        by_model.setdefault(model, []).append((not again, since, video_id))
    for model, waiting in by_model.items():
        old_enough = min(since for _, since, _ in waiting) <= wanted.now - limits.patience
        complete = force or old_enough or len(waiting) >= limits.max_videos
        yield model, [video_id for *_, video_id in sorted(waiting)[: limits.max_videos]], complete


def _lock(
    conn: Connection, model: str, videos: Sequence[str], wanted: _Wanted
) -> list[PlannedRequest]:
    """The requests of `videos` that may be claimed, video after video in that order, locked."""
    with conn.cursor(row_factory=class_row(PlannedRequest)) as cursor:
        return cursor.execute(
            sql.SQL(
                "select {planned} from ledger.requests r where {claimable}"
                " and model = %(chosen)s and video_id = any(%(videos)s)"
                " order by array_position(%(videos)s::text[], video_id), timestamp_ms, hash"
                " for update of r skip locked"
            ).format(planned=sql.SQL(PLANNED), claimable=sql.SQL(_CLAIMABLE)),
            {**asdict(wanted), "chosen": model, "videos": list(videos)},
        ).fetchall()
