"""The jobs people start by name: list the channel, work through its lessons, make training files."""

from __future__ import annotations

import dagster as dg

from nko_assets.assets.lessons import LESSON_ASSETS

CHANNEL = dg.define_asset_job(
    "channel",
    selection=["video_manifest"],
    description="List the videos of the source and register the new ones as partitions.",
)
LESSONS = dg.define_asset_job(
    "lessons",
    selection=list(LESSON_ASSETS),
    description="From a video to its decided readings; a run takes a range of videos.",
)
TRAINING = dg.define_asset_job(
    "training",
    selection=dg.AssetSelection.groups("training", "tuning"),
    description="Training files, splits and the report, from every video read so far.",
)
JOBS = [CHANNEL, LESSONS, TRAINING]
