"""`nko tune` and its jobs on a persistent instance: what waits, what money stops, what fails alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nko_assets.build import build_definitions
from nko_assets.failures import PermanentFailure, TransientFailure
from nko_assets.instance import open_instance
from nko_assets.progress import Silent
from nko_assets.reading.ledger import BudgetExceeded
from nko_assets.run import run_lineage, run_tuning
from nko_assets.workshop import open_workshop
from nko_assets_tests.channels import ScriptedReader, settings_for, write_channel
from nko_assets_tests.tuners import FAILED, RUNNING, ScriptedTuner


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    """A workshop whose lessons are read, with all that a plain run makes of them."""
    root = tmp_path_factory.mktemp("read")
    channel = write_channel(root / "lessons", 3)
    workshop = open_workshop(settings_for(root, channel), ScriptedReader())
    assert not run_lineage(workshop, Silent()).failed
    return workshop


def job_run(workshop, job: str) -> dict[str, bool]:
    """Run a job as the UI does; whether each of its assets was made."""
    definitions = build_definitions(workshop.settings, {"workshop": workshop})
    with open_instance(workshop.settings) as instance:
        result = definitions.resolve_job_def(job).execute_in_process(
            instance=instance, raise_on_error=False
        )
    assert result.success
    return {
        key.to_user_string(): bool(result.asset_materializations_for_node(key.to_user_string()))
        for key in definitions.resolve_job_def(job).asset_layer.executable_asset_keys
    }


def test_a_plain_run_makes_the_dataset_and_hands_over_nothing(read):
    assert read.lake.record("tuning_dataset") is not None
    assert read.lake.record("tuning_job") is None


def test_one_run_that_hands_over_does_not_wait_for_what_takes_hours(read):
    waiting = replace(read, tuner=ScriptedTuner(statuses=[RUNNING]))
    made = job_run(waiting, "tuning")
    assert made["tuning_job"]
    assert not made["tuning_metrics"]
    assert not made["evaluation"]
    assert read.lake.failure("tuning_metrics", "") is None


def tuner(case: str, **over) -> ScriptedTuner:
    """A tuner whose job is another in each case."""
    return ScriptedTuner(settings={"case": case}, **over)


def test_money_that_is_not_there_is_told_as_such(read):
    refusal = BudgetExceeded(
        daily=False, budget_usd=1, committed_usd=0, needed_usd=3, what="tuning"
    )
    result = run_tuning(replace(read, tuner=tuner("money", refuses=refusal)), Silent())
    assert "does not allow tuning" in result.held_back
    assert result.broken == {}


def test_a_service_that_does_not_answer_breaks_the_job_and_nothing_is_measured(read):
    away = tuner("away", refuses=TransientFailure("Vertex AI could not be asked."))
    result = run_tuning(replace(read, tuner=away), Silent())
    assert result.broken == {"tuning_job": "Vertex AI could not be asked."}


def test_a_job_that_ended_badly_says_why_and_is_handed_over_again_when_somebody_asks(read):
    bad = tuner("bad", statuses=[FAILED])
    for times in (1, 2):
        result = run_tuning(replace(read, tuner=bad), Silent())
        assert "no capacity" in result.broken["tuning_metrics"]
        assert len(bad.submitted) == times
    assert read.lake.record("evaluation") is None


def test_with_nothing_read_there_is_nothing_to_tune_with(tmp_path):
    (tmp_path / "lessons").mkdir()
    workshop = open_workshop(settings_for(tmp_path, tmp_path / "lessons"), ScriptedReader())
    with pytest.raises(PermanentFailure, match="nothing to tune with") as caught:
        run_tuning(workshop, Silent())
    assert "nko run" in caught.value.next_step
