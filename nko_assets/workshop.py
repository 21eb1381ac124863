"""Opening the outside world that settings choose; imports no Dagster, so that commands start fast."""

from __future__ import annotations

from functools import cache, partial

from nko_assets.memory.embeddings import WEIGHTS, load_embedder
from nko_assets.reading.reader import Reader
from nko_assets.resources.bucket import open_bucket
from nko_assets.resources.chat import open_translator
from nko_assets.resources.lake import Lake
from nko_assets.resources.memory import open_memory
from nko_assets.resources.reader import open_reader, open_second_reader
from nko_assets.resources.source import SourceOptions, open_source
from nko_assets.resources.store import LazyStore
from nko_assets.resources.tuner import tuner_of
from nko_assets.settings import Settings
from nko_assets.steps import Workshop


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
