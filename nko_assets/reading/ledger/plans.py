"""The plan of one job: which requests fit its limits and the budget, under which name."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import count, groupby
from operator import attrgetter

from psycopg import Connection

from nko_assets.failures import ConfigurationError
from nko_assets.reading.ledger.money import excess, money
from nko_assets.reading.ledger.rows import (
    Backlog,
    BudgetExceeded,
    JobPlan,
    Limits,
    PlannedRequest,
)
from nko_assets.reading.reader import job_name


def one_job(requests: Sequence[PlannedRequest], limits: Limits) -> list[PlannedRequest]:
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


def affordable(
    conn: Connection,
    requests: Sequence[PlannedRequest],
    limits: Limits,
    waiting: Backlog,
    now: datetime,
) -> list[PlannedRequest]:
    """The longest beginning of whole videos that both budgets allow; raises `BudgetExceeded`.

    Where answers have cost more than estimated, these are expected to as well.
    """
    paid = money(conn, now)
    dearer = excess(conn, requests[0].model)
    videos = [list(group) for _, group in groupby(requests, attrgetter("video_id"))]
    taken: list[PlannedRequest] = []
    needed = 0.0
    for video in videos:
        needed += dearer * sum(request.estimated_usd for request in video)
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


def make_job(conn: Connection, requests: Sequence[PlannedRequest], now: datetime) -> JobPlan:
    """Put the job of these requests, all for one model, into the ledger and claim them for it."""
    model = requests[0].model
    plan = JobPlan(
        name=_free_name(conn, model, requests),
        model=model,
        requests=tuple(
            sorted(requests, key=lambda each: (each.video_id, each.timestamp_ms, each.hash))
        ),
        videos=tuple(dict.fromkeys(request.video_id for request in requests)),
        size=sum(request.size for request in requests),
        tokens=sum(request.tokens for request in requests),
        estimated_usd=sum(request.estimated_usd for request in requests),
    )
    conn.execute(
        "insert into ledger.jobs (name, state, model, videos, frames, size, tokens, estimated_usd,"
        " created_at) values (%s, 'preparing', %s, %s, %s, %s, %s, %s, %s)"
        " on conflict (name) do update set state = 'preparing', created_at = excluded.created_at,"
        " file_name = null, create_after = null, finished_at = null, error = ''",
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
    )
    conn.execute(
        "update ledger.requests r set state = 'claimed', job_name = %s, estimated_usd = given.usd"
        " from unnest(%s::text[], %s::float8[]) as given (hash, usd) where r.hash = given.hash",
        [
            plan.name,
            [request.hash for request in requests],
            [request.estimated_usd for request in requests],
        ],
    )
    return plan


def _free_name(conn: Connection, model: str, requests: Sequence[PlannedRequest]) -> str:
    """The name of a job of these requests: the same one again unless the service has had it.

    It has when the job failed as a whole, so that the requests are still in the same attempt.
    """
    # Sorted, so that the same requests have the same name in whatever order they came.
    keys = sorted(request.key for request in requests)
    for number in count():
        name = job_name(model, [*keys, str(number)] if number else keys)
        row = conn.execute(
            "select state = 'cancelled' and service_name is null from ledger.jobs where name = %s",
            [name],
        ).fetchone()
        if row is None or row[0]:
            return name
    raise AssertionError("numbers do not end")
