"""Money: what was paid, what is on its way, and both by video, model and day."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import LiteralString

from psycopg import Connection, sql
from psycopg.rows import class_row

from nko_assets.reading.ledger.rows import Money, Spend

# By model, what ended jobs have cost for each dollar estimated, at least 1. Jobs of an earlier
# ledger were never estimated here.
_EXCESS: LiteralString = """
select model, greatest(1, sum(usd) / nullif(sum(estimated_usd), 0)) as excess
from ledger.jobs join (select job_name, sum(cost_usd) as usd from ledger.answers group by 1) paid
    on job_name = name
where state in ('succeeded', 'partially_succeeded') and not exists
    (select from ledger.foreign_jobs f where f.service_name = jobs.service_name)
group by model
"""


def excess(conn: Connection, model: str) -> float:
    """What a dollar estimated for `model` has really cost so far: 1 when it was enough, or more."""
    row = conn.execute(
        sql.SQL(
            "select excess from ({excess}) by_model where model = %s and excess is not null"
        ).format(excess=sql.SQL(_EXCESS)),
        [model],
    ).fetchone()
    return row[0] if row else 1.0


def money(conn: Connection, now: datetime) -> Money:
    """Dollars of the whole project and of what was begun on the UTC day of `now`, expenses too.

    What an answer really cost replaces its estimate as soon as it is recorded. Where ended jobs of
    a model have cost more than estimated, what is on its way is taken to as well.
    """
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    with conn.cursor(row_factory=class_row(Money)) as cursor:
        return cursor.execute(
            sql.SQL(
                "with paid as"
                "  (select job_name, sum(cost_usd) as usd from ledger.answers group by 1),"
                " by_model as ({excess}),"
                " coming as (select job_name, sum(estimated_usd * coalesce(excess, 1)) as usd"
                "   from ledger.requests left join by_model using (model)"
                "   where state in ('claimed', 'submitted') group by 1),"
                " each as (select created_at, paid.usd as paid, coming.usd as coming"
                "   from ledger.jobs left join paid on paid.job_name = name"
                "   left join coming on coming.job_name = name"
                "   union all"
                "   select booked_at, actual_usd,"
                "     case when actual_usd is null then estimated_usd end from ledger.expenses)"
                " select coalesce(sum(paid), 0) as spent_usd,"
                "  coalesce(sum(coming), 0) as open_usd,"
                "  coalesce(sum(coalesce(paid, 0) + coalesce(coming, 0))"
                "    filter (where created_at >= %s), 0) as today_usd from each"
            ).format(excess=sql.SQL(_EXCESS)),
            [midnight],
        ).fetchall()[0]


def spend(conn: Connection) -> list[Spend]:
    """One row for each video, model and UTC day on which its jobs were made, oldest first."""
    with conn.cursor(row_factory=class_row(Spend)) as cursor:
        return cursor.execute(
            "select video_id, model, (created_at at time zone 'UTC')::date as day,"
            " count(*) as requests,"
            " count(*) filter (where status in ('ok', 'no_text')) as answered,"
            " count(*) filter (where status not in ('ok', 'no_text')) as failed,"
            " coalesce(sum(input_tokens), 0)::bigint as input_tokens,"
            " coalesce(sum(output_tokens), 0)::bigint as output_tokens,"
            " coalesce(sum(thinking_tokens), 0)::bigint as thinking_tokens,"
            " coalesce(sum(cost_usd), 0) as actual_usd,"
            " coalesce(sum(estimated_usd), 0) as estimated_usd"
            " from (select r.video_id, r.model, a.job_name, a.status, a.input_tokens,"
            "     a.output_tokens, a.thinking_tokens, a.cost_usd, null::float8 as estimated_usd"
            "   from ledger.answers a join ledger.requests r using (hash)"
            "   union all"
            "   select video_id, model, job_name, null, null, null, null, null, estimated_usd"
            "   from ledger.requests where state in ('queued', 'claimed', 'submitted')) each"
            " left join (select name, created_at from ledger.jobs) jobs on name = job_name"
            " group by 1, 2, 3 order by day nulls last, video_id, model"
        ).fetchall()
