"""Answers: recorded with everything that follows from them in one step, and read back in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import LiteralString

from psycopg import Connection, sql
from psycopg.rows import class_row

from nko_assets.reading.ledger.rows import (
    FINE,
    MAX_ATTEMPTS,
    MAX_FAILED_JOBS,
    REST,
    Absent,
    BatchState,
    NewAnswer,
    Recorded,
    RequestState,
    StoredAnswer,
    parse_key,
    to_json,
)
from nko_assets.reading.ledger.transactions import durable

_STAGE = """
create temp table new_answers (
    position bigint generated always as identity, hash text, attempt integer, raw text, status text,
    reason text, input_tokens bigint, output_tokens bigint, thinking_tokens bigint,
    cost_usd float8, retry_settings jsonb, retry_tokens bigint, retry_usd float8
) on commit drop
"""

# One row a request that waits for an answer: its answer; a failure when several came under one
# key; or what is said of those for which none came. `next` is the state that follows from it;
# one that rests is queued as it was.
_JUDGE: LiteralString = """
create temp table judged on commit drop as
with came as (
    select distinct on (hash, attempt) hash, attempt, raw, status, reason,
        retry_settings, retry_tokens, retry_usd, count(*) over each as copies,
        sum(input_tokens) over each as input_tokens, sum(output_tokens) over each as output_tokens,
        sum(thinking_tokens) over each as thinking_tokens, sum(cost_usd) over each as cost_usd
    from new_answers window each as (partition by hash, attempt) order by hash, attempt, position
), said as (
    select r.hash, r.attempt, r.failed_jobs, r.settings, coalesce(raw, '') as raw,
        copies is null and %(absent_rests)s as spared,
        case when copies is null then %(absent_status)s when copies > 1 then 'duplicate'
            else status end as status,
        case when copies is null then %(absent_reason)s
            when copies > 1 then copies || ' answers came under this key' else reason end as reason,
        coalesce(input_tokens, 0)::bigint as input_tokens,
        coalesce(output_tokens, 0)::bigint as output_tokens,
        coalesce(thinking_tokens, 0)::bigint as thinking_tokens,
        case when copies is null then r.estimated_usd * %(absent_share)s
            else cost_usd end as cost_usd,
        case when copies is null then %(absent_again)s when copies > 1 then true
            else retry_settings is not null end as can_heal,
        case when copies = 1 then retry_settings end as retry_settings,
        case when copies = 1 then retry_tokens end as retry_tokens,
        case when copies = 1 then retry_usd end as retry_usd
    from ledger.requests r left join came c on c.hash = r.hash and c.attempt = r.attempt
    where {waiting}
)
select *, case when status = any(%(fine)s) then 'answered'
    when spared then case when failed_jobs + 1 < %(max_failed_jobs)s then 'resting' else 'failed' end
    when can_heal and attempt < %(max_attempts)s then 'queued' else 'failed' end as next
from said
"""

_OF_THE_JOB = "r.job_name = %(job)s and r.state in ('claimed', 'submitted')"

_KEEP = """
insert into ledger.answers (hash, attempt, job_name, settings, raw, status, reason, input_tokens,
    output_tokens, thinking_tokens, cost_usd, received_at)
select hash, attempt, %(job)s, settings, raw, status, reason, input_tokens, output_tokens,
    thinking_tokens, cost_usd, %(now)s
from judged where next <> 'resting'
"""

_END = """
update ledger.requests r set state = j.next, job_name = %(job)s, failed_jobs = 0 from judged j
where r.hash = j.hash and j.next in ('answered', 'failed')
"""

_ASK_AGAIN = """
update ledger.requests r set state = 'queued', attempt = r.attempt + 1, job_name = null,
    failed_jobs = 0, queued_at = %(now)s, settings = coalesce(j.retry_settings, r.settings),
    tokens = coalesce(j.retry_tokens, r.tokens),
    estimated_usd = coalesce(j.retry_usd, r.estimated_usd)
from judged j where r.hash = j.hash and j.next = 'queued'
"""

_LET_REST = """
update ledger.requests r set state = 'queued', job_name = null, failed_jobs = r.failed_jobs + 1,
    queued_at = %(now)s + %(rest)s * power(2, r.failed_jobs)
from judged j where r.hash = j.hash and j.next = 'resting'
"""

# Requests without an answer, and answers that were charged.
_CAME = """
select count(*) filter (where a.hash is null) as absent, count(*) filter (where a.usd > 0) as charged
from ledger.requests r
left join (select hash, attempt, sum(cost_usd) as usd from new_answers group by hash, attempt) a
    using (hash, attempt)
where r.job_name = %s and r.state in ('claimed', 'submitted')
"""

_COUNT = """
select count(*) filter (where next = 'answered') as answered,
    count(*) filter (where next = 'failed') as failed,
    count(*) filter (where next in ('queued', 'resting')) as queued_again,
    (select count(*) from new_answers n where not exists
        (select from judged j where j.hash = n.hash and j.attempt = n.attempt)) as unknown
from judged
"""

# Tokens and dollars of all attempts, text and status of the last.
_STORED = """
select a.hash, a.attempt, r.video_id, r.frame_id, r.model, a.settings, a.raw, a.status, a.reason,
    paid.input_tokens, paid.output_tokens, paid.thinking_tokens, paid.cost_usd, a.job_name,
    a.received_at
from unnest(%s::text[]) with ordinality as wanted (hash, place)
join ledger.requests r on r.hash = wanted.hash and r.state in ('answered', 'failed')
join ledger.answers a on a.hash = r.hash and a.attempt = r.attempt
cross join lateral (
    select sum(input_tokens)::bigint as input_tokens, sum(output_tokens)::bigint as output_tokens,
        sum(thinking_tokens)::bigint as thinking_tokens, sum(cost_usd) as cost_usd
    from ledger.answers every where every.hash = r.hash
) paid
order by place
"""


def record_answers(
    conn: Connection,
    name: str,
    answers: Iterable[NewAnswer],
    *,
    state: BatchState,
    absent: Absent,
    now: datetime,
    error: str = "",
) -> Recorded:
    """Record what came of job `name` and how it ended, in one transaction; both or neither.

    `answers` stream through and are never held whole. What failed and can heal is queued again
    with its `retry`, as long as it has attempts left; requests without an answer get `absent`,
    and those that were never asked rest, until too many jobs in a row have ended so.
    Of a job that failed as a whole, `answers` is empty. Answers under a key that the job does not
    wait for are counted, and told with its `error`. Doing this twice does nothing the second
    time.
    """
    if not state.final:
        raise ValueError(f"A job that is {state} has no answers yet")
    with durable(conn):
        stored = conn.execute(
            "select state from ledger.jobs where name = %s for update", [name]
        ).fetchone()
        if stored is None:
            raise RuntimeError(f"The ledger has no job {name}")
        if BatchState(stored[0]).final:
            return Recorded(answered=0, failed=0, queued_again=0, unknown=0)
        keyless = stage(conn, answers)
        recorded = keep(conn, name, _OF_THE_JOB, now, absent, _charged_share(conn, name, absent))
        recorded = replace(recorded, unknown=recorded.unknown + keyless)
        if recorded.unknown:
            error = f"{error} {recorded.unknown} of its answers belong to no request".strip()
        conn.execute(
            "update ledger.jobs set state = %s, finished_at = %s, checked_at = %s, error = %s"
            " where name = %s",
            [state, now, now, error, name],
        )
    return recorded


def stage(conn: Connection, answers: Iterable[NewAnswer]) -> int:
    """Stream `answers` into a temporary table; the number of those whose key is none of ours."""
    conn.execute(_STAGE)
    return _copy(conn, answers)


def keep(
    conn: Connection,
    name: str,
    waiting: LiteralString,
    now: datetime,
    absent: Absent | None = None,
    share: float = 0.0,
) -> Recorded:
    """Give what was staged to the requests `r` for which the SQL `waiting` holds, as job `name`'s.

    Requests without an answer get `absent`, and are booked with `share` of their estimate; with
    None they have to be left out by `waiting`.
    """
    values = {
        "job": name,
        "now": now,
        "fine": list(FINE),
        "max_attempts": MAX_ATTEMPTS,
        "absent_status": absent and absent.status,
        "absent_reason": absent and absent.reason,
        "absent_again": absent and absent.again,
        "absent_rests": absent is not None and not absent.asked and not share,
        "absent_share": share,
        "max_failed_jobs": MAX_FAILED_JOBS,
        "rest": REST,
    }
    conn.execute(sql.SQL(_JUDGE).format(waiting=sql.SQL(waiting)), values)
    for step in (_KEEP, _END, _ASK_AGAIN, _LET_REST):
        conn.execute(step, values)
    with conn.cursor(row_factory=class_row(Recorded)) as cursor:
        return cursor.execute(_COUNT).fetchall()[0]


def answers_for(conn: Connection, hashes: Sequence[str]) -> Iterator[StoredAnswer]:
    """The answers to requests that are answered or failed for good, in the order of `hashes`.

    Requests still queued or on their way are left out. A thousand are read at a time.
    """
    for start in range(0, len(hashes), 1000):
        with conn.cursor(row_factory=class_row(StoredAnswer)) as cursor:
            yield from cursor.execute(_STORED, [list(hashes[start : start + 1000])]).fetchall()


def attempts_at(conn: Connection, hash_: str) -> list[StoredAnswer]:
    """Every answer to one request, the first attempt first; tokens and dollars of each alone."""
    with conn.cursor(row_factory=class_row(StoredAnswer)) as cursor:
        return cursor.execute(
            "select hash, a.attempt, video_id, frame_id, model, a.settings, raw, status, reason,"
            " input_tokens, output_tokens, thinking_tokens, cost_usd, a.job_name, received_at"
            " from ledger.answers a join ledger.requests using (hash)"
            " where hash = %s order by a.attempt",
            [hash_],
        ).fetchall()


def states_of(conn: Connection, hashes: Sequence[str]) -> dict[str, RequestState]:
    """The state of each request that the ledger knows."""
    rows = conn.execute(
        "select hash, state from ledger.requests where hash = any(%s)", [list(hashes)]
    ).fetchall()
    return {row[0]: RequestState(row[1]) for row in rows}


def _charged_share(conn: Connection, name: str, absent: Absent) -> float:
    """The share of those requests without an answer that were charged, by what the service says."""
    if absent.done is None:
        return 1.0
    missing, charged = conn.execute(_CAME, [name]).fetchall()[0]
    return min(1.0, max(0, absent.done - charged) / max(missing, 1))


def _copy(conn: Connection, answers: Iterable[NewAnswer]) -> int:
    keyless = 0
    with (
        conn.cursor() as cursor,
        cursor.copy(
            "copy new_answers (hash, attempt, raw, status, reason, input_tokens, output_tokens,"
            " thinking_tokens, cost_usd, retry_settings, retry_tokens, retry_usd) from stdin"
        ) as copy,
    ):
        for answer in answers:
            key = parse_key(answer.key)
            if key is None:
                keyless += 1
                continue
            retry = answer.retry
            copy.write_row(
                (
                    *key,
                    _storable(answer.raw),
                    answer.status,
                    _storable(answer.reason),
                    answer.input_tokens,
                    answer.output_tokens,
                    answer.thinking_tokens,
                    answer.cost_usd,
                    *(
                        (to_json(retry.settings), retry.tokens, retry.estimated_usd)
                        if retry
                        else (None, None, None)
                    ),
                )
            )
    return keyless


def _storable(text: str) -> str:
    """`text` with what Postgres cannot hold, NUL and lone surrogates, written as JSON escapes."""
    return text.replace("\0", "\\u0000").encode("utf-8", "backslashreplace").decode("utf-8")
