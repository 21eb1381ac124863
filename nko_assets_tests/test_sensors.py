"""Going on by itself: a range of videos in which one fails costs the others nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import dagster as dg
import pytest

from nko_assets.assets.lessons import LESSON_ASSETS
from nko_assets.build import build_definitions, open_workshop
from nko_assets.instance import COMMAND_LINE, LAUNCHED_BY, open_instance
from nko_assets.jobs import LESSONS
from nko_assets.partitions import range_tags
from nko_assets.progress import Silent
from nko_assets.run import run_lineage
from nko_assets.sensors import continue_with_the_good
from nko_assets_tests.channels import ScriptedReader, settings_for, write_channel


@dataclass
class Lessons:
    """A listed channel of four lessons, the second broken, on its own instance."""

    instance: dg.DagsterInstance
    job: dg.JobDefinition
    keys: list[str]

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

    def answer(self, run: dg.DagsterRun) -> list[dg.RunRequest | dg.SkipReason]:
        """What the sensor does about the failed `run`."""
        (event,) = self.instance.all_logs(run.run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
        assert event.dagster_event is not None
        context = dg.build_run_status_sensor_context(
            sensor_name=continue_with_the_good.name,
            dagster_event=event.dagster_event,
            dagster_instance=self.instance,
            dagster_run=run,
        ).for_run_failure()
        return list(continue_with_the_good(context))

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
        yield Lessons(instance, definitions.resolve_job_def(LESSONS.name), keys)


def _id(workshop, stem: str) -> str:
    return next(e.video_id for e in workshop.source.list_videos() if e.video_id.startswith(stem))


def test_the_good_videos_of_a_range_go_on_without_the_bad_one(lessons):
    first, bad, *last = lessons.keys
    failed = lessons.launch(range_tags(lessons.keys))
    assert lessons.materialized("video_files") == {first, *last}
    assert lessons.materialized("frames") == set()

    requests = lessons.answer(failed)
    assert [request.job_name for request in requests] == [LESSONS.name] * 2
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
