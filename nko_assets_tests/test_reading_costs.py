"""What reading has cost: sums that add up, against the budgets."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import date

import pytest

from nko_assets.reading.costs import NOTHING_PAID, CostReport
from nko_assets.reading.ledger import Money, Spend
from nko_assets_tests.test_reading_batch_table import DONE, RUNNING

DAY = date(2026, 11, 24)
PAID = Spend("v1", "gemini-2.5-flash", DAY, 80, 78, 2, 140_000, 55_000, 0, 0.11, 0.0)
SPEND = [
    PAID,
    replace(PAID, video_id="v2", model="gemini-3.5-flash", actual_usd=0.4),
    replace(PAID, day=None, requests=5, answered=0, failed=0, actual_usd=0.0, estimated_usd=0.02),
]
MONEY = Money(spent_usd=0.51, open_usd=0.1, today_usd=0.3)


def report(**over) -> CostReport:
    given = {"budget_usd": 1.0, "daily_budget_usd": 0.5} | over
    jobs = given.pop("jobs", [DONE, RUNNING])
    return CostReport.of(given.pop("money", MONEY), given.pop("spend", SPEND), jobs, **given)


def test_sums_by_video_model_and_day_add_up():
    found = report()
    for rows in (found.by_video, found.by_model, found.by_day):
        assert sum(row["paid_usd"] for row in rows) == pytest.approx(0.51)
        assert sum(row["requests"] for row in rows) == 165
    assert [row["name"] for row in found.by_video] == ["v1", "v2"]
    assert [row["name"] for row in found.by_day] == ["2026-11-24", "queued"]
    assert found.queued_usd == 0.02


def test_the_sentence_names_what_is_paid_on_its_way_queued_and_allowed():
    assert report().sentence == (
        "$0.51 paid and $0.10 on its way, of $1.00, $0.30 of $0.50 today, $0.02 more are queued."
    )
    assert "today" not in report(daily_budget_usd=None).sentence


@pytest.mark.parametrize(
    ("over", "within"),
    [
        ({}, True),
        ({"budget_usd": 0.6}, False),
        ({"daily_budget_usd": 0.2}, False),
        ({"daily_budget_usd": None}, True),
    ],
)
def test_both_budgets_count(over, within):
    assert report(**over).within_budget is within


def test_the_estimate_is_judged_by_jobs_that_are_done_alone():
    assert report().estimate_ratio == pytest.approx(1.7 / 1.8)
    assert report(jobs=[RUNNING]).estimate_ratio is None


def test_the_files_say_the_same():
    found = report()
    document = json.loads(found.to_json())
    assert document["money"]["spent_usd"] == 0.51
    rows = list(csv.DictReader(io.StringIO(found.to_csv())))
    assert sum(float(row["actual_usd"]) for row in rows) == pytest.approx(0.51)
    assert rows[2]["day"] == ""
    page = found.to_markdown()
    assert found.sentence in page
    assert "| gemini-3.5-flash | 80 | 78 | 2 | 140,000 | 55,000 | 0 | $0.4000 | $0.0000 |" in page


def test_a_page_of_many_videos_shows_the_dearest_and_counts_the_rest():
    many = [replace(PAID, video_id=f"v{n:03}", actual_usd=n / 100) for n in range(30)]
    page = report(spend=many).to_markdown()
    assert "| v029 |" in page
    assert "| v001 |" not in page
    assert "10 more videos are in cost.csv." in page


def test_where_nothing_was_paid_the_page_says_so():
    page = report(money=Money(0.0, 0.0, 0.0), spend=[], jobs=[]).to_markdown()
    assert NOTHING_PAID in page
    assert "|" not in page
