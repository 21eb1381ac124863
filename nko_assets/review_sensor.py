"""What Dagster is told of people's decisions, so that it shows the readings they change as stale."""

from __future__ import annotations

import dagster as dg
from dagster._core.definitions.data_version import (
    DATA_VERSION_IS_USER_PROVIDED_TAG,
    DATA_VERSION_TAG,
)

from nko_assets.assets.reviews import LAST_DECISION, REVIEW_DECISIONS, REVIEWED_READINGS
from nko_assets.partitions import VIDEOS
from nko_assets.resources.lake import Lake
from nko_assets.resources.review_desk import ReviewDesk
from nko_assets.steps import Workshop

DECISIONS = dg.AssetSpec(
    REVIEW_DECISIONS,
    description="What people decided about the readings of a video, in the explorer or imported.",
    group_name="readings",
    owners=["team:nko-assets"],
    kinds={"postgres"},
    partitions_def=VIDEOS,
)


def begin_observing(instance: dg.DagsterInstance) -> None:
    """Note that there were decisions to look at before anything was made from them.

    Dagster compares with the last observation before a materialization; without any, the first
    decision would change nothing in its eyes.
    """
    if not instance.fetch_observations(dg.AssetKey(REVIEW_DECISIONS), limit=1).records:
        instance.report_runless_asset_event(
            dg.AssetObservation(REVIEW_DECISIONS, tags={DATA_VERSION_TAG: "0"})
        )


@dg.sensor(
    name="review_decisions_taken",
    description=(
        "Looks every half minute what people decided, and shows the readings that it changes as "
        "out of date. It starts nothing."
    ),
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def review_decisions_taken(
    context: dg.SensorEvaluationContext, workshop: dg.ResourceParam[Workshop]
) -> dg.SensorResult | dg.SkipReason:
    """Observe the decisions of each video on which something was decided since the last look."""
    if not workshop.store.exists:
        return dg.SkipReason("There is no store yet: nobody has decided anything.")
    since = int(context.cursor or 0)
    changed = ReviewDesk(workshop.store).changed_videos(since)
    news = {
        video_id: last
        for video_id, last in changed.items()
        if last > _heeded(workshop.lake, video_id)
    }
    return dg.SensorResult(
        asset_events=[
            dg.AssetObservation(
                REVIEW_DECISIONS,
                partition=video_id,
                metadata={LAST_DECISION: last},
                # Never the same twice: also what was undone has to be made again.
                tags={DATA_VERSION_TAG: str(last), DATA_VERSION_IS_USER_PROVIDED_TAG: "true"},
            )
            for video_id, last in news.items()
        ],
        skip_reason=None if news else "Nothing was decided that is not heeded yet.",
        cursor=str(max(changed.values(), default=since)),
    )


def _heeded(lake: Lake, video_id: str) -> int:
    """The last row of the history that the reviewed readings of the video heed."""
    record = lake.record(REVIEWED_READINGS.name, video_id)
    return int(record.facts.get(LAST_DECISION, 0)) if record else 0
