"""Assembling the code location from settings: assets with checks, resources, jobs, sensors."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from functools import cache, partial

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
from nko_assets.memory.embeddings import WEIGHTS, load_embedder
from nko_assets.progress import Silent
from nko_assets.reading.reader import Reader
from nko_assets.resources.bucket import open_bucket
from nko_assets.resources.chat import open_translator
from nko_assets.resources.lake import Lake
from nko_assets.resources.memory import open_memory
from nko_assets.resources.reader import open_reader, open_second_reader
from nko_assets.resources.source import SourceOptions, open_source
from nko_assets.resources.store import LazyStore
from nko_assets.resources.tuner import tuner_of
from nko_assets.review_sensor import DECISIONS
from nko_assets.sensor_tuning import vertex_tuning
from nko_assets.sensors import LOOK_FOR_NEW_VIDEOS, build_sensors
from nko_assets.settings import Settings, load_settings
from nko_assets.steps import Workshop


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


def open_workshop(settings: Settings, reader: Reader | None = None) -> Workshop:
    """The outside world that `settings` choose, each thing opened when it is first used.

    `reader` takes the place of the one that the settings name.
    """
    lake = Lake(settings.data)
    store = LazyStore(settings.store_url, settings.data / "store")
    return Workshop(
        settings=settings,
        lake=lake,
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
        reader=reader or open_reader(settings, lake, store),
        store=store,
        memory=open_memory(
            settings.supabase_url,
            settings.supabase_service_key,
            store,
            store_is_named=settings.store_url is not None,
        ),
        embedder=cache(partial(load_embedder, settings.embedding_models or WEIGHTS)),
        bucket=open_bucket(settings),
        tuner=tuner_of(settings, store),
        second_reader=None if reader else open_second_reader(settings),
        translator=open_translator(settings, store),
    )
