"""Expenses beside batch jobs: booked against the same budgets before they are made, then settled."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from psycopg import Connection
from psycopg.rows import class_row

from nko_assets.reading.ledger.money import money
from nko_assets.reading.ledger.rows import BudgetExceeded, Limits
from nko_assets.reading.ledger.transactions import CLAIMING, durable


@dataclass(frozen=True, slots=True)
class Expense:
    """Dollars of one purpose with one model on one UTC day: how many were booked, and their cost.

    `expected_usd` is the estimate of those that are not settled yet.
    """

    purpose: str
    model: str
    day: date
    booked: int
    actual_usd: float
    expected_usd: float


def book(
    conn: Connection,
    name: str,
    *,
    purpose: str,
    model: str,
    usd: float,
    limits: Limits,
    now: datetime,
) -> None:
    """Book an expense of about `usd` under a name of the caller's, before it is made.

    Booking the same name again changes its estimate until it is settled, and nothing afterwards.
    Raises `BudgetExceeded`, and books nothing, when a budget does not allow it.
    """
    with durable(conn):
        book_within(conn, name, purpose=purpose, model=model, usd=usd, limits=limits, now=now)


def book_within(
    conn: Connection,
    name: str,
    *,
    purpose: str,
    model: str,
    usd: float,
    limits: Limits,
    now: datetime,
) -> None:
    """Do what `book` does, in the transaction of the caller."""
    # The lock of those who plan jobs: what they see of the budgets is what they get.
    conn.execute("select pg_advisory_xact_lock(%s)", [CLAIMING])
    row = conn.execute(
        "delete from ledger.expenses where name = %s and actual_usd is null returning booked_at",
        [name],
    ).fetchone()
    booked_at = row[0] if row else now
    paid = money(conn, now)
    for daily, budget, committed in (
        (False, limits.budget_usd, paid.committed_usd),
        (True, limits.daily_budget_usd, paid.today_usd),
    ):
        if budget is not None and committed + usd > budget:
            raise BudgetExceeded(
                daily=daily,
                budget_usd=budget,
                committed_usd=committed,
                needed_usd=usd,
                what=purpose,
            )
    conn.execute(
        "insert into ledger.expenses (name, purpose, model, estimated_usd, booked_at)"
        " values (%s, %s, %s, %s, %s) on conflict (name) do nothing",
        [name, purpose, model, usd, booked_at],
    )


def settle(conn: Connection, name: str, usd: float) -> None:
    """The expense has cost `usd`; settling it again changes nothing."""
    with durable(conn):
        conn.execute(
            "update ledger.expenses set actual_usd = %s where name = %s and actual_usd is null",
            [usd, name],
        )


def cancel_booking(conn: Connection, name: str) -> None:
    """The expense was certainly not made; one that is settled stays."""
    with durable(conn):
        conn.execute("delete from ledger.expenses where name = %s and actual_usd is null", [name])


def expenses(conn: Connection) -> list[Expense]:
    """One row for each purpose, model and UTC day, oldest first."""
    with conn.cursor(row_factory=class_row(Expense)) as cursor:
        return cursor.execute(
            "select purpose, model, (booked_at at time zone 'UTC')::date as day,"
            " count(*) as booked, coalesce(sum(actual_usd), 0) as actual_usd,"
            " coalesce(sum(estimated_usd) filter (where actual_usd is null), 0) as expected_usd"
            " from ledger.expenses group by 1, 2, 3 order by day, purpose, model"
        ).fetchall()
