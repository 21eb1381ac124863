"""What Dagster does by itself: going on with the good videos of a range in which some failed."""

from collections.abc import Iterator

import dagster as dg

from nko_assets.assets.lessons import LESSON_ASSETS
from nko_assets.instance import COMMAND_LINE, LAUNCHED_BY
from nko_assets.jobs import LESSONS
from nko_assets.partitions import VIDEOS, contiguous_ranges, range_tags

CONTINUES = "nko/continues"


def _runs_to_go_on(
    instance: dg.DagsterInstance, run: dg.DagsterRun, order: list[str]
) -> Iterator[dg.RunRequest]:
    """One run for each contiguous range of videos that the failed step of `run` left materialized.

    `order` names the assets of a lesson from first to last. Only what came after the failed step
    in the selection of `run` is asked for.
    """
    wanted = run.asset_selection
    selected = [name for name in order if not wanted or dg.AssetKey(name) in wanted]
    events = instance.all_logs(
        run.run_id,
        of_type={dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.ASSET_MATERIALIZATION},
    )
    failed = [
        event.dagster_event.step_key
        for event in events
        if event.dagster_event and event.dagster_event.is_step_failure
    ]
    if not failed or failed[0] not in selected:
        return
    rest = selected[selected.index(failed[0]) + 1 :]
    good = [
        event.dagster_event.partition
        for event in events
        if event.dagster_event
        and event.dagster_event.is_step_materialization
        and event.dagster_event.asset_key == dg.AssetKey(failed[0])
        and event.dagster_event.partition
    ]
    if not rest or not good:
        return
    partitions = instance.get_dynamic_partitions(VIDEOS.name or "")
    for chunk in contiguous_ranges(partitions, good, len(partitions)):
        yield dg.RunRequest(
            run_key=f"{run.run_id}:{chunk[0]}",
            job_name=LESSONS.name,
            asset_selection=[dg.AssetKey(name) for name in rest],
            tags={**range_tags(chunk), CONTINUES: run.run_id},
        )


@dg.run_failure_sensor(
    name="continue_with_the_good",
    description=(
        "When some videos of a range fail, the run stops there; this goes on with the others. "
        "`nko run` does so itself."
    ),
    request_job=LESSONS,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def continue_with_the_good(
    context: dg.RunFailureSensorContext,
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Launch the rest of the lesson for the videos that a failed run left materialized."""
    if context.dagster_run.tags.get(LAUNCHED_BY) == COMMAND_LINE:
        yield dg.SkipReason("`nko run` goes on by itself.")
        return
    yield from _runs_to_go_on(context.instance, context.dagster_run, list(LESSON_ASSETS))


SENSORS = [continue_with_the_good]
