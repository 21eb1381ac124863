"""Going on by itself: a range of videos in which one fails costs the others nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import dagster as dg
import pytest
from pydantic import SecretStr

from nko_assets.assets.lessons import LESSON_ASSETS
from nko_assets.build import build_definitions
from nko_assets.instance import COMMAND_LINE, LAUNCHED_BY, open_instance
from nko_assets.jobs import LESSONS, lessons_job, send_queued
from nko_assets.partitions import range_tags
from nko_assets.progress import Silent
from nko_assets.run import run_lineage
from nko_assets.sensors import LOOK_FOR_NEW_VIDEOS, build_sensors, gemini_answers
from nko_assets.settings import Settings
from nko_assets.steps import Workshop
from nko_assets.workshop import open_workshop
from nko_assets_tests.channels import ScriptedReader, settings_for, write_channel
from nko_assets_tests.servers.webhook import WebhookServer


@dataclass
class Lessons:
    """A listed channel of four lessons, the second broken, on its own instance."""

    instance: dg.DagsterInstance
    job: dg.JobDefinition
    keys: list[str]
    workshop: Workshop

    def launch(self, tags: dict[str, str], assets: list[str] | None = None) -> dg.DagsterRun:
        """Run the job as Dagster's daemon would; gives the run as it ended."""
        result = self.job.execute_in_process(
            instance=self.instance,
            asset_selection=None if assets is None else [dg.AssetKey(name) for name in assets],
            tags=tags,
            raise_on_error=False,
        )
        run = self.instance.get_run_by_id(result.run_id)
        assert run is not None
        return run

    def answer(
        self,
        run: dg.DagsterRun,
        name: str = "continue_with_the_good",
        settings: Settings | None = None,
        *,
        deferred: bool = False,
    ) -> list[dg.RunRequest | dg.SkipReason]:
        """What the sensor called `name` does about the failed `run`."""
        given = settings or self.workshop.settings
        if deferred:
            given = given.model_copy(update={"gemini_api_key": SecretStr("k")})
        sensors = build_sensors(given, lessons_job(deferred=deferred))
        (sensor,) = [each for each in sensors if each.name == name]
        (event,) = self.instance.all_logs(run.run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
        assert event.dagster_event is not None
        context = dg.build_run_status_sensor_context(
            sensor_name=name,
            dagster_event=event.dagster_event,
            dagster_instance=self.instance,
            dagster_run=run,
        ).for_run_failure()
        return list(sensor(context) or ())

    def materialized(self, asset: str) -> set[str]:
        """The videos of which `asset` is there."""
        return self.instance.get_materialized_partitions(dg.AssetKey(asset))


@pytest.fixture
def lessons(tmp_path) -> Iterator[Lessons]:
    channel = write_channel(tmp_path / "lessons", 4)
    (channel / "lesson 1.mp4").write_bytes(b"this is not a video")
    workshop = open_workshop(settings_for(tmp_path, channel), ScriptedReader())
    run_lineage(workshop, Silent(), only=["channel"], videos=[_id(workshop, "lesson-0")])
    definitions = build_definitions(workshop.settings, {"workshop": workshop, "progress": Silent()})
    with open_instance(workshop.settings) as instance:
        keys = list(instance.get_dynamic_partitions("videos"))
        yield Lessons(instance, definitions.resolve_job_def(LESSONS), keys, workshop)


def _id(workshop, stem: str) -> str:
    return next(e.video_id for e in workshop.source.list_videos() if e.video_id.startswith(stem))


def test_the_good_videos_of_a_range_go_on_without_the_bad_one(lessons):
    first, bad, *last = lessons.keys
    failed = lessons.launch(range_tags(lessons.keys))
    assert lessons.materialized("video_files") == {first, *last}
    assert lessons.materialized("frames") == set()

    requests = lessons.answer(failed)
    assert [request.job_name for request in requests] == [LESSONS] * 2
    assert len({request.run_key for request in requests}) == 2
    for request in requests:
        assets = [key.to_user_string() for key in request.asset_selection]
        assert assets == list(LESSON_ASSETS[1:])
        assert lessons.launch(request.tags, assets).is_success
    assert lessons.materialized("reviewed_readings") == {first, *last}
    assert bad not in lessons.materialized("frames")


def test_only_what_the_run_was_asked_for_goes_on(lessons):
    failed = lessons.launch(range_tags(lessons.keys), ["video_files", "frames"])
    requests = lessons.answer(failed)
    assert {tuple(request.asset_selection) for request in requests} == {(dg.AssetKey("frames"),)}
    assert lessons.answer(lessons.launch(range_tags(lessons.keys), ["video_files"])) == []


def test_a_single_bad_video_is_not_tried_again(lessons):
    bad = lessons.keys[1]
    assert lessons.answer(lessons.launch(range_tags([bad]))) == []


def test_what_the_command_line_ran_it_continues_itself(lessons):
    tags = {**range_tags(lessons.keys), LAUNCHED_BY: COMMAND_LINE}
    (answer,) = lessons.answer(lessons.launch(tags))
    assert isinstance(answer, dg.SkipReason)


def test_with_a_deferred_reader_the_good_go_on_as_far_as_the_frames_are_handed_over(lessons):
    failed = lessons.launch(range_tags(lessons.keys))
    requests = lessons.answer(failed, deferred=True)
    assert {request.job_name for request in requests} == {LESSONS}
    (assets,) = {tuple(key.to_user_string() for key in r.asset_selection) for r in requests}
    assert assets[-1] == "gemini_batches"


# --- answers that came ---------------------------------------------------------------------------


def test_with_a_reader_that_answers_at_once_there_is_nothing_to_wait_for(lessons):
    context = dg.build_sensor_context(lessons.instance, resources={"workshop": lessons.workshop})
    answer = gemini_answers(context)
    assert isinstance(answer, dg.SkipReason)
    assert "answers at once" in answer.skip_message
    assert not lessons.workshop.store.exists


def test_before_the_first_frame_is_handed_over_no_database_is_made(tmp_path, lessons):
    workshop = open_workshop(
        lessons.workshop.settings.model_copy(update={"gemini_api_key": SecretStr("k")})
    )
    context = dg.build_sensor_context(lessons.instance, resources={"workshop": workshop})
    assert "no ledger" in gemini_answers(context).skip_message
    assert not workshop.store.exists


def test_the_job_that_sends_says_so_when_there_is_nothing_to_send(lessons):
    result = send_queued.execute_in_process(
        instance=lessons.instance, resources={"workshop": lessons.workshop}
    )
    assert result.success


# --- telling of failures -------------------------------------------------------------------------


def test_a_webhook_hears_of_each_failed_video_and_its_reason(lessons):
    with WebhookServer() as server:
        settings = lessons.workshop.settings.model_copy(update={"failure_webhook": server.hook})
        failed = lessons.launch(range_tags(lessons.keys))
        assert lessons.answer(failed, "tell_of_failures", settings) == []
    (message,) = server.received
    assert (message["run_id"], message["job"]) == (failed.run_id, LESSONS)
    assert message["assets"] == ["video_files"]
    (reason,) = message["failed_videos"].values()
    assert list(message["failed_videos"]) == [lessons.keys[1]]
    assert "is not a video" in reason
    assert "1 of 4 videos failed in video_files" in message["reasons"][0]


def test_no_secret_is_told_even_when_a_reason_repeats_it(lessons):
    settings = lessons.workshop.settings
    secret = "not a video"
    with WebhookServer() as server:
        over = {"failure_webhook": server.hook, "supabase_service_key": SecretStr(secret)}
        failed = lessons.launch(range_tags(lessons.keys))
        lessons.answer(failed, "tell_of_failures", settings.model_copy(update=over))
    assert secret not in str(server.received)


def test_a_webhook_that_refuses_fails_the_sensor_loudly(lessons):
    with WebhookServer([404]) as server:
        settings = lessons.workshop.settings.model_copy(update={"failure_webhook": server.hook})
        failed = lessons.launch(range_tags(lessons.keys))
        with pytest.raises(Exception, match="answered 404"):
            lessons.answer(failed, "tell_of_failures", settings)


def test_without_a_webhook_nobody_is_told(lessons):
    (answer,) = lessons.answer(lessons.launch(range_tags(lessons.keys)), "tell_of_failures")
    assert "NKO_FAILURE_WEBHOOK is not set" in answer.skip_message


# --- new videos ----------------------------------------------------------------------------------


def test_the_channel_is_listed_daily_once_somebody_switches_it_on(lessons):
    assert LOOK_FOR_NEW_VIDEOS.default_status is dg.DefaultScheduleStatus.STOPPED
    assert LOOK_FOR_NEW_VIDEOS.job_name == "channel"
