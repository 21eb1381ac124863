"""Expenses beside batch jobs count against the same budgets, from before they are made."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from nko_assets.reading import ledger
from nko_assets.reading.costs import CostReport
from nko_assets.reading.ledger import BudgetExceeded, Limits
from nko_assets_tests.ledger_rows import requests

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
TOMORROW = NOON + timedelta(days=1)


@pytest.fixture
def conn(store):
    with store.session() as conn:
        yield conn


TEN = Limits(budget_usd=10.0)


def book(conn, name="one", usd=4.0, limits=TEN, now=NOON):
    ledger.book(conn, name, purpose="tuning", model="m", usd=usd, limits=limits, now=now)


def test_what_is_booked_is_on_its_way_and_then_paid_once(conn):
    book(conn)
    assert ledger.money(conn, NOON) == ledger.Money(0, 4.0, 4.0)
    ledger.settle(conn, "one", 3.5)
    ledger.settle(conn, "one", 9.0)
    assert ledger.money(conn, NOON) == ledger.Money(3.5, 0, 3.5)
    assert ledger.money(conn, TOMORROW) == ledger.Money(3.5, 0, 0)


def test_the_same_name_is_booked_once_and_its_estimate_may_change(conn):
    book(conn)
    book(conn, usd=5.0, now=TOMORROW)
    assert ledger.money(conn, NOON) == ledger.Money(0, 5.0, 5.0)
    ledger.settle(conn, "one", 6.0)
    book(conn, usd=1.0)
    assert ledger.money(conn, NOON).committed_usd == 6.0


def test_a_budget_that_does_not_allow_it_books_nothing_and_keeps_what_was_booked(conn):
    book(conn)
    for limits, told in (
        (Limits(budget_usd=10.0), "NKO_BUDGET_USD"),
        (Limits(daily_budget_usd=10.0), "NKO_DAILY_BUDGET_USD"),
    ):
        with pytest.raises(
            BudgetExceeded, match=r"does not allow tuning: \$4.00 is paid"
        ) as caught:
            book(conn, "two", 7.0, limits)
        assert told in caught.value.next_step
    with pytest.raises(BudgetExceeded):
        book(conn, usd=11.0)
    assert ledger.money(conn, NOON).open_usd == 4.0


def test_reading_and_all_else_share_one_budget(conn):
    ledger.enqueue(conn, requests([1], 10), NOON)
    book(conn, usd=9.95)
    with pytest.raises(BudgetExceeded):
        ledger.claim(conn, Limits(budget_usd=10.0), NOON, force=True)
    ledger.cancel_booking(conn, "one")
    assert ledger.claim(conn, Limits(budget_usd=10.0), NOON, force=True).estimated_usd < 1
    with pytest.raises(BudgetExceeded):
        book(conn, usd=9.95)


def test_two_that_book_at_once_never_exceed_the_budget_together(store):
    def attempt(number: int) -> bool:
        with store.session() as conn:
            try:
                book(conn, f"job {number}", 3.0)
            except BudgetExceeded:
                return False
            return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(8))) == 3


def test_what_was_settled_is_not_cancelled(conn):
    book(conn)
    ledger.settle(conn, "one", 2.0)
    ledger.cancel_booking(conn, "one")
    assert ledger.money(conn, NOON).spent_usd == 2.0


def test_the_report_tells_of_every_purpose(conn):
    book(conn)
    ledger.settle(conn, "one", 3.0)
    book(conn, "two", 1.0)
    (row,) = ledger.expenses(conn)
    assert (row.purpose, row.booked, row.actual_usd, row.expected_usd) == ("tuning", 2, 3.0, 1.0)
    report = CostReport.of(
        ledger.money(conn, NOON), [], [], [row], budget_usd=10.0, daily_budget_usd=None
    )
    assert "| tuning | m | 2026-11-24 | 2 | $3.0000 | $1.0000 |" in report.to_markdown()
    assert '"purpose": "tuning"' in report.to_json()
