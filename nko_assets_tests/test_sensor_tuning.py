"""Going on by itself when a tuning job at a service has ended."""

from __future__ import annotations

import dagster as dg
import pytest

from nko_assets.assets.tuning_job import receipt_path
from nko_assets.build import build_definitions
from nko_assets.failures import TransientFailure
from nko_assets.instance import only_runner, open_instance
from nko_assets.lineage import STEPS
from nko_assets.sensor_tuning import vertex_tuning
from nko_assets.steps import perform
from nko_assets_tests.test_assets_tuning_job import Watched
from nko_assets_tests.tuners import DONE, FAILED, RUNNING, ScriptedTuner, put_dataset
from nko_assets_tests.workbench import Workbench


class Followed:
    """A job that was handed over, and the sensor that looks at it again and again."""

    def __init__(self, root) -> None:
        self.tuner = ScriptedTuner()
        self.bench = Workbench(root, tuner=self.tuner)
        put_dataset(self.bench.lake)
        self.cursor: str | None = None

    def hand_over(self) -> None:
        perform(STEPS["tuning_job"], Watched(self.bench).context, STEPS)

    def tick(self) -> dg.RunRequest | str:
        """The run that the sensor asks for now, or why it asks for none."""
        with open_instance(self.bench.workshop.settings) as instance:
            context = dg.build_sensor_context(instance, cursor=self.cursor)
            answer = vertex_tuning(context, workshop=self.bench.workshop)
        if isinstance(answer, dg.SkipReason):
            return answer.skip_message
        self.cursor = answer.cursor
        (request,) = answer.run_requests
        return request


@pytest.fixture
def followed(tmp_path):
    return Followed(tmp_path)


def test_without_a_job_there_is_nothing_to_do(followed):
    assert "No model was handed" in followed.tick()


def test_a_tuner_on_this_machine_is_not_followed(followed):
    followed.hand_over()
    followed.tuner.deferred = False
    assert "on this machine" in followed.tick()


def test_a_job_that_runs_is_left_alone_and_one_that_is_done_is_collected_once(followed):
    followed.hand_over()
    followed.tuner.statuses = [RUNNING, DONE]
    assert "is running" in followed.tick()
    request = followed.tick()
    assert request.job_name == "tuned_model"
    assert request.run_key.endswith(":1")
    assert "The last run" in followed.tick()


def test_what_was_collected_is_not_collected_again(followed):
    followed.hand_over()
    perform(STEPS["tuning_metrics"], Watched(followed.bench).context, STEPS)
    assert "has ended" in followed.tick()


def test_a_bad_end_is_told_once(followed):
    followed.hand_over()
    followed.tuner.statuses = [FAILED]
    assert followed.tick().tags["nko/because"] == FAILED.note
    followed.cursor = followed.cursor.replace('"last":"20', '"last":"19')
    assert "no capacity" in followed.tick()


def test_a_collection_that_did_not_work_is_tried_again_an_hour_later_three_times(followed):
    followed.hand_over()
    keys = []
    for _ in range(3):
        keys.append(followed.tick().run_key.rpartition(":")[2])
        followed.cursor = followed.cursor.replace('"last":"20', '"last":"19')
    assert keys == ["1", "2", "3"]
    assert isinstance(followed.tick(), str)


def test_a_service_that_does_not_answer_is_asked_again_a_minute_later(followed):
    followed.hand_over()

    class Silent(ScriptedTuner):
        def status(self, _receipt):
            raise TransientFailure("Vertex AI could not be asked.")

    object.__setattr__(followed.bench.workshop, "tuner", Silent())
    assert followed.tick() == "Vertex AI could not be asked."


def test_a_job_of_another_tuner_is_not_followed(followed):
    followed.hand_over()
    path = receipt_path(followed.bench.lake.root)
    path.write_text(path.read_text().replace('"tuner": "vertex"', '"tuner": "open"'))
    assert "of the tuner open" in followed.tick()


def test_the_command_line_at_work_goes_on_by_itself(followed):
    followed.hand_over()
    with only_runner(followed.bench.workshop.settings):
        assert "`nko tune`" in followed.tick()


def test_the_job_that_cancels_stops_what_is_under_way(followed):
    workshop = followed.bench.workshop
    definitions = build_definitions(workshop.settings, {"workshop": workshop})
    result = definitions.resolve_job_def("cancel_tuning").execute_in_process()
    assert result.success
    assert followed.tuner.stopped
