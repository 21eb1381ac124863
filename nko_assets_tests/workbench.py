"""The work of single steps on tables made by hand, without an orchestrator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from nko_assets.channel import VideoEntry
from nko_assets.channel.manifest import Manifest, manifest_bytes
from nko_assets.checks import CheckResult
from nko_assets.failures import ConfigurationError
from nko_assets.files import write_atomically
from nko_assets.lineage import STEPS
from nko_assets.memory.embeddings import load_embedder
from nko_assets.reading.reader import Reader
from nko_assets.resources.bucket import open_bucket
from nko_assets.resources.lake import Lake
from nko_assets.resources.memory_store import MemoryStore
from nko_assets.resources.postgres_memory import PostgresMemory
from nko_assets.resources.source import ignore
from nko_assets.resources.store import LazyStore
from nko_assets.resources.tuner import Tuner, tuner_of
from nko_assets.schemas.frames import Frames, UniqueFrames
from nko_assets.schemas.readings import Readings
from nko_assets.settings import load_settings
from nko_assets.steps import Context, Outcome, Workshop
from nko_assets_tests.builders import frame_jpeg
from nko_assets_tests.channels import ScriptedReader
from nko_assets_tests.tables import made


@dataclass
class Shelf:
    """A source that lists and hands out what a test puts on it."""

    entries: Sequence[VideoEntry]
    files: dict[str, Path] = field(default_factory=dict)
    expected_videos: int | None = None
    name: str = "shelf"

    def list_videos(self, _progress: Callable[[str], None] = ignore, /) -> list[VideoEntry]:
        return list(self.entries)

    def fetch(self, entry: VideoEntry, folder: Path, progress: Callable[[str], None]) -> Path:
        try:
            data = self.files[entry.video_id].read_bytes()
        except KeyError:
            raise ConfigurationError(f"{entry.video_id} is not on the shelf.") from None
        target = folder / f"{entry.video_id}.mp4"
        write_atomically(target, data)
        return target


def entry_of(video_id: str = "v1", **over: Any) -> VideoEntry:
    given = {
        "title": f"Lesson {video_id}",
        "url": f"{video_id}.mp4",
        "duration_s": None,
        "uploaded": None,
        "source": "folder",
        "licence": "CC-BY-SA-4.0",
    }
    return VideoEntry(video_id, **(given | over))


class Workbench:
    """One data root with a manifest, and the steps that work on it."""

    def __init__(
        self,
        root: Path,
        *entries: VideoEntry,
        source: Shelf | None = None,
        reader: Reader | None = None,
        second_reader: Reader | None = None,
        memory: MemoryStore | None = None,
        store: LazyStore | None = None,
        tuner: Tuner | None = None,
        **settings: object,
    ) -> None:
        self.entries = {entry.video_id: entry for entry in entries}
        given = {"data": root, "source": str(root / "lessons")}
        store = store or LazyStore(None, root / "store")
        chosen = load_settings(**(given | settings))
        self.workshop = Workshop(
            chosen,
            Lake(root),
            source or Shelf(entries),
            reader or ScriptedReader(),
            store,
            memory or PostgresMemory(store, "embedded Postgres"),
            cache(load_embedder),
            open_bucket(chosen),
            tuner or tuner_of(chosen, store),
            second_reader,
        )
        if entries and source is None:
            write_atomically(self.lake.manifest_path, manifest_bytes(Manifest(entries)))

    @property
    def lake(self) -> Lake:
        return self.workshop.lake

    def context(self, video_id: str = "", *corpus: str) -> Context:
        entry = self.entries[video_id] if video_id else None
        return Context(self.workshop, lambda _message: None, entry, corpus)

    def work(self, step: str, video_id: str = "", *corpus: str) -> Outcome:
        """What the step makes of the video, or of the videos named after an empty one."""
        return STEPS[step].work(self.context(video_id, *corpus))

    def put(self, asset: str, video_id: str, table: pl.DataFrame, **facts: Any) -> None:
        """Write a table where the step `asset` would have, with its record."""
        path = self.lake.path(asset, video_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        table.write_parquet(path)
        self.lake.save_record(
            asset, video_id, "f" * 64, [path], {"rows": table.height, **facts}, []
        )

    def put_lesson(self, reviewed: pl.DataFrame) -> None:
        """The tables of every video of a `ReviewedReadings` table: what a corpus is made from."""
        for (video_id,), rows in reviewed.group_by("video_id", maintain_order=True):
            frames = [
                {"frame_id": frame_id, "video_id": video_id, "timestamp_ms": timestamp_ms}
                for frame_id, timestamp_ms in rows.select("frame_id", "timestamp_ms")
                .unique(maintain_order=True)
                .iter_rows()
            ]
            kept = [
                row | {"represented_by": row["frame_id"], "jpeg": frame_jpeg()} for row in frames
            ]
            self.put("frames", video_id, made(Frames, *frames))
            self.put("unique_frames", video_id, made(UniqueFrames, *kept), kept=len(kept))
            self.put("gemini_results", video_id, made(Readings, *frames))
            self.put("reviewed_readings", video_id, rows, decisions={"accepted": rows.height})


def check(outcome: Outcome, name: str) -> CheckResult:
    """The result that the outcome reports under `name`."""
    (found,) = [result for result in outcome.checks if result.name == name]
    return found
