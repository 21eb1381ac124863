from datetime import date

import pytest

from nko_assets.failures import ConfigurationError, PermanentFailure
from nko_assets.reading.gemini.estimate import Budget, estimate
from nko_assets.reading.gemini.models import known_models
from nko_assets.reading.gemini.prices import cost_usd
from nko_assets.reading.gemini.request import first_settings
from nko_assets.reading.gemini.tokens import expected_tokens

TODAY = date(2026, 11, 24)
ALL = {(1280, 720): 43_000}


def one(model="gemini-2.5-flash", sizes=ALL, **budget):
    (only,) = estimate(sizes, [model], TODAY, budget=Budget(**budget)).models
    return only


def test_a_frame_costs_what_its_tokens_cost():
    given, answer, thinking = expected_tokens(
        "gemini-2.5-flash", first_settings("gemini-2.5-flash"), 1280, 720
    )
    frame = cost_usd("gemini-2.5-flash", TODAY, given, answer, thinking)
    assert one().usd == pytest.approx(43_000 * frame)
    assert one().usd_per_frame == pytest.approx(frame)
    assert one().input_tokens == 43_000 * given


def test_frames_of_each_size_are_counted_as_they_are():
    small, large = one(sizes={(384, 384): 10}), one(sizes={(1280, 720): 20})
    both = one(sizes={(384, 384): 10, (1280, 720): 20, (1, 1): 0})
    assert both.frames == 30
    assert both.usd == pytest.approx(small.usd + large.usd)
    assert both.input_tokens == small.input_tokens + large.input_tokens


def test_the_cheapest_model_comes_first():
    rows = estimate(ALL, known_models(), TODAY).models
    assert [row.usd for row in rows] == sorted(row.usd for row in rows)
    assert rows[0].model == "gemini-2.5-flash-lite"
    assert rows[0].usd == pytest.approx(11, abs=1)


def test_without_a_budget_everything_is_within_it():
    assert (one().within_budget, one().days, one().verdict) == (True, 1, "within the budget")


def test_what_is_paid_or_on_its_way_counts_against_the_budget():
    cost = one().usd
    assert one(total_usd=cost + 1, committed_usd=1).within_budget
    over = one(total_usd=cost, committed_usd=2.5)
    assert not over.within_budget
    assert over.over_usd == pytest.approx(2.5)
    assert over.verdict == "$2.50 over the budget"


def test_a_daily_budget_spreads_the_cost_over_days():
    cost = one().usd
    assert one(daily_usd=cost).days == 1
    assert one(daily_usd=cost, today_usd=0.01).days == 2
    assert one(daily_usd=cost / 4).days == 4
    assert one(daily_usd=cost / 4, today_usd=cost).days == 5
    assert "over 4 days" in one(daily_usd=cost / 4).verdict


def test_a_daily_budget_of_nothing_never_ends():
    assert one(daily_usd=0.0).days is None
    assert "nothing" in one(daily_usd=0.0).verdict


def test_it_says_when_it_becomes_dearer():
    later = one("gemini-3.8-flash").later
    assert later is not None
    assert later[0] == date(2027, 1, 1)
    assert later[1] == pytest.approx(2 * one("gemini-3.8-flash").usd)
    assert one("gemini-2.5-flash").later is None


def test_a_coarser_resolution_costs_less():
    fine = estimate(ALL, ["gemini-3.8-flash"], TODAY).models[0]
    coarse = estimate(ALL, ["gemini-3.8-flash"], TODAY, resolution="medium").models[0]
    assert coarse.usd < fine.usd
    assert coarse.resolution == "medium"


def test_the_rows_and_the_table_say_the_same():
    made = estimate(ALL, known_models(), TODAY, budget=Budget(total_usd=100, committed_usd=31.5))
    text = made.as_text()
    rows = made.as_rows()
    assert len(rows) == len(known_models())
    for row in rows:
        assert row["model"] in text
        assert f"${row['usd']:,.2f}" in text
        assert row["verdict"] in text
        assert row["later"] in text
    assert "$31.50 is paid or on its way" in text
    assert "project budget $100.00" in text
    assert "no daily budget" in text


def test_nothing_to_read_is_no_estimate():
    with pytest.raises(PermanentFailure, match="unique_frames"):
        estimate({(1280, 720): 0}, ["gemini-2.5-flash"], TODAY)


def test_a_model_without_a_price_is_no_estimate():
    with pytest.raises(ConfigurationError):
        estimate(ALL, ["gemini-2.5-flash", "gemini-0"], TODAY)
