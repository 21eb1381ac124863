"""The estimate and the costs as assets, over a data root and a ledger made by hand."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from nko_assets.assets.operations import batches, dry_run
from nko_assets.failures import ConfigurationError
from nko_assets.lineage import STEPS
from nko_assets.reading import ledger
from nko_assets.reading.costs import NOTHING_PAID
from nko_assets.reading.gemini.models import known_models
from nko_assets.resources.store import Store
from nko_assets.steps import current_record, perform
from nko_assets_tests.ledger_rows import NOON, answer, record, requests, submit
from nko_assets_tests.workbench import Workbench, check, entry_of

VIDEOS = (entry_of("v1", duration_s=600.0), entry_of("v2", duration_s=1200.0), entry_of("v3"))


class OpenStore:
    """The session's database in the place of one that would be opened."""

    exists = True

    def __init__(self, store: Store) -> None:
        self._store = store

    def __call__(self) -> Store:
        return self._store


@pytest.fixture
def bench(tmp_path) -> Workbench:
    return Workbench(tmp_path, *VIDEOS, model="gemini-2.5-flash")


@pytest.fixture
def with_ledger(bench, store) -> Workbench:
    bench.workshop = replace(bench.workshop, store=OpenStore(store))
    return bench


def put_facts(bench: Workbench, asset: str, video_id: str, **facts: object) -> None:
    path = bench.lake.path(asset, video_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    bench.lake.save_record(asset, video_id, "f" * 64, [path], facts, [])


# --- what it will cost ---------------------------------------------------------------------------


def test_before_anything_is_downloaded_the_listing_is_what_an_estimate_rests_on(bench):
    outcome = bench.work("batch_estimate")
    assert "2 videos by how long they last, 1 videos as if" in outcome.facts["basis"]
    assert outcome.facts["frames"] > 0
    assert check(outcome, "affordable").passed
    (document,) = map(json.loads, outcome.files.values())
    assert {row["model"] for row in document["models"]} == set(known_models())
    assert "gemini\\-2.5\\-flash" in outcome.facts["models"]["markdown"] or (
        "gemini-2.5-flash" in outcome.facts["models"]["markdown"]
    )


def test_frames_that_are_there_are_counted_with_the_size_of_their_video(bench):
    put_facts(bench, "video_files", "v1", seconds=600.0, width=1280, height=720)
    put_facts(bench, "frames", "v1", rows=120)
    put_facts(bench, "unique_frames", "v1", rows=120, kept=39)
    run = dry_run(bench.workshop, VIDEOS)
    assert run.frames.sizes[1280, 720] == 39
    assert run.frames.counted == 1
    assert run.frames.kept_share == 39 / 120


def test_what_was_handed_over_to_this_model_is_not_estimated_again(bench):
    put_facts(bench, "gemini_batches", "v1", model="gemini-2.5-flash")
    put_facts(bench, "gemini_batches", "v2", model="another")
    run = dry_run(bench.workshop, VIDEOS)
    assert run.handed_over == 1
    assert run.basis.endswith("1 more videos were handed over already.")
    for video in VIDEOS:
        put_facts(bench, "gemini_batches", video.video_id, model="gemini-2.5-flash")
    outcome = bench.work("batch_estimate")
    assert outcome.facts["basis"] == "Nothing is left to be asked."
    assert outcome.facts["estimated dollars"] == 0.0
    assert check(outcome, "affordable").passed


def test_more_than_is_left_of_the_budget_is_told(tmp_path):
    bench = Workbench(tmp_path, *VIDEOS, budget_usd=0.001)
    affordable = check(bench.work("batch_estimate"), "affordable")
    assert not affordable.passed
    assert "over the budget" in affordable.message


def test_frames_that_are_read_twice_are_paid_twice(tmp_path):
    once = Workbench(tmp_path / "a", *VIDEOS, gemini_api_key="k")
    twice = Workbench(tmp_path / "b", *VIDEOS, gemini_api_key="k", second_reading=1.0)
    first, second = (dry_run(b.workshop, VIDEOS).chosen.usd for b in (once, twice))
    assert second == pytest.approx(2 * first)


def test_a_model_that_nobody_knows_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="NKO_MODEL"):
        Workbench(tmp_path, *VIDEOS, model="gemini-0").work("batch_estimate")


def test_an_estimate_is_made_again_only_when_something_changed(bench):
    step, context = STEPS["batch_estimate"], bench.context()
    perform(step, context, STEPS)
    assert current_record(step, context, STEPS)
    put_facts(bench, "frames", "v1", rows=500)
    assert current_record(step, context, STEPS) is None


# --- what it has cost ----------------------------------------------------------------------------


def test_without_a_ledger_nothing_was_paid_and_none_is_made(bench):
    outcome = bench.work("cost_report")
    assert outcome.facts["sentence"] == NOTHING_PAID
    assert all(result.passed for result in outcome.checks)
    assert batches(bench.workshop) == []
    assert not bench.workshop.store.exists


def test_an_empty_ledger_is_no_money_either(with_ledger):
    outcome = with_ledger.work("cost_report")
    assert outcome.facts["sentence"] == NOTHING_PAID
    assert check(outcome, "estimate_close").message == "Not measured: no job is done."


def test_what_was_paid_is_told_by_video_model_and_day(with_ledger, store):
    with store.session() as conn:
        ledger.enqueue(conn, requests(range(2), 3), NOON)
        plan = submit(conn)
        record(conn, plan, [answer(each.key) for each in plan.requests])
        ledger.enqueue(conn, requests([7], 2), NOON)
    outcome = with_ledger.work("cost_report")
    assert outcome.facts["paid dollars"] == pytest.approx(0.12)
    assert outcome.facts["dollars queued"] == pytest.approx(0.02)
    assert check(outcome, "within_budget").passed
    close = check(outcome, "estimate_close")
    assert (close.passed, close.message) == (
        False,
        "Finished jobs cost 200% of their estimate.",
    )
    names = {path.name for path in outcome.files}
    assert names == {"cost.json", "cost.csv", "cost.md"}
    assert "done" in outcome.facts["batch jobs"]["markdown"]
    assert [line.state for line in batches(with_ledger.workshop)] == ["waiting", "done"]


def test_a_cost_report_is_made_again_when_money_moves_and_not_when_time_passes(with_ledger, store):
    step, context = STEPS["cost_report"], with_ledger.context()
    perform(step, context, STEPS)
    assert current_record(step, context, STEPS)
    with store.session() as conn:
        ledger.enqueue(conn, requests([1], 2), NOON)
    assert current_record(step, context, STEPS) is None
