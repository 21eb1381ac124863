"""Assembling the code location from settings: assets with their checks, resources, jobs, sensors."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import dagster as dg

from nko_assets.assets.adapter import asset_of
from nko_assets.jobs import JOBS
from nko_assets.lineage import STEPS
from nko_assets.progress import Silent
from nko_assets.reading.reader import Reader
from nko_assets.resources.lake import Lake
from nko_assets.resources.reader import open_reader
from nko_assets.resources.source import SourceOptions, open_source
from nko_assets.sensors import SENSORS
from nko_assets.settings import Settings, load_settings
from nko_assets.steps import Workshop


def build_definitions(
    settings: Settings | None = None, overrides: Mapping[str, object] | None = None
) -> dg.Definitions:
    """The code location for `settings` (read from the environment when none are given).

    `overrides` replaces resources by name: `workshop`, `progress`. Nothing is opened before a run.
    """
    chosen = settings or load_settings()
    with warnings.catch_warnings():
        # Partitioned checks are a preview, backfill policies a beta: pinned, tested, and meant.
        warnings.simplefilter("ignore", dg.PreviewWarning)
        warnings.simplefilter("ignore", dg.BetaWarning)
        assets = [asset_of(step, STEPS, chosen.max_videos_a_run) for step in STEPS.values()]
        resources: dict[str, object] = {
            "workshop": dg.ResourceDefinition(lambda _context: open_workshop(chosen)),
            "progress": dg.ResourceDefinition(lambda _context: Silent()),
        }
        return dg.Definitions(
            assets=assets,
            jobs=JOBS,
            sensors=SENSORS,
            resources=resources | dict(overrides or {}),
            executor=dg.in_process_executor,
        )


def open_workshop(settings: Settings, reader: Reader | None = None) -> Workshop:
    """The outside world that `settings` choose, each thing opened when it is first used.

    `reader` takes the place of the one that the settings name.
    """
    return Workshop(
        settings=settings,
        lake=Lake(settings.data),
        source=open_source(
            settings.source,
            SourceOptions(
                licence=settings.licence,
                cookies_file=settings.cookies,
                sleep_s=(settings.sleep_min_s, settings.sleep_max_s),
                min_height=settings.min_height,
                max_height=settings.max_height,
                rate_limit=settings.rate_limit,
                archive=settings.data / "video_files" / "archive.txt",
                expected_videos=settings.expected_videos,
            ),
        ),
        reader=reader or open_reader(settings.reader),
    )
