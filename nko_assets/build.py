"""Assembling the code location from settings: assets with checks, resources, jobs, sensors."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from functools import cache

import dagster as dg

from nko_assets.assets.adapter import asset_of
from nko_assets.jobs import (
    CHANNEL,
    OPERATIONS,
    READINGS,
    STUDENT,
    TRAINING,
    TUNED_MODEL,
    cancel_tuning,
    lessons_job,
    pilot,
    send_queued,
    tuning_job_of,
)
from nko_assets.lineage import STEPS
from nko_assets.progress import Silent
from nko_assets.review_sensor import DECISIONS
from nko_assets.sensor_tuning import vertex_tuning
from nko_assets.sensors import LOOK_FOR_NEW_VIDEOS, build_sensors
from nko_assets.settings import Settings, load_settings
from nko_assets.workshop import open_workshop


def build_definitions(
    settings: Settings | None = None, overrides: Mapping[str, object] | None = None
) -> dg.Definitions:
    """The code location for `settings` (read from the environment when none are given).

    `overrides` replaces resources by name: `workshop`, `progress`. Nothing is opened before a run.
    """
    chosen = settings or load_settings()
    workshop = cache(lambda: open_workshop(chosen))
    lessons = lessons_job(deferred=chosen.reader_in_use != "offline")
    with warnings.catch_warnings():
        # Partitioned checks are a preview, backfill policies a beta: pinned, tested, and meant.
        warnings.simplefilter("ignore", dg.PreviewWarning)
        warnings.simplefilter("ignore", dg.BetaWarning)
        assets = [asset_of(step, STEPS, chosen.max_videos_a_run) for step in STEPS.values()]
        resources: dict[str, object] = {
            # One for the process: sensors ask every minute, and the store takes seconds to open.
            "workshop": dg.ResourceDefinition(lambda _context: workshop()),
            "progress": dg.ResourceDefinition(lambda _context: Silent()),
        }
        definitions = dg.Definitions(
            assets=[*assets, DECISIONS],
            jobs=[
                *(CHANNEL, lessons, READINGS, TRAINING, OPERATIONS, send_queued, pilot),
                *(tuning_job_of(deferred=chosen.tuner_in_use != "open"), TUNED_MODEL),
                *(cancel_tuning, STUDENT),
            ],
            sensors=[*build_sensors(chosen, lessons), vertex_tuning],
            schedules=[LOOK_FOR_NEW_VIDEOS],
            resources=resources | dict(overrides or {}),
            executor=dg.in_process_executor,
        )
        # Puts it together now, where nobody is told of betas, and once: it is kept.
        definitions.get_repository_def()
        return definitions
