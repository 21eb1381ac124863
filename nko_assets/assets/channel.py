"""The channel group: which videos there are, and their files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from nko_assets.channel import Manifest, VideoEntry, merge, read_manifest
from nko_assets.channel.manifest import manifest_bytes
from nko_assets.checks import CheckSpec, judge
from nko_assets.failures import ConfigurationError
from nko_assets.previews import table_preview
from nko_assets.resources.urls import redact
from nko_assets.schemas.channel import Videos
from nko_assets.steps import Context, Outcome, Step, parquet_bytes
from nko_assets.video.sample import probe

LISTING_COMPLETE = CheckSpec(
    "listing_is_complete", "As many videos are listed as the source is known to have."
)
LEGIBLE = CheckSpec("legible", "The picture is high enough for text to be read.")
DURATION = CheckSpec("duration_as_listed", "The file is as long as the source says.")
# Listings round to whole seconds, and players disagree by a frame or two.
DURATION_TOLERANCE_S = 2.0


def _list_videos(context: Context) -> Outcome:
    source = context.workshop.source
    previous = read_manifest(context.lake.manifest_path)
    context.say(f"listing {source.name}")
    listed = source.list_videos(context.say)
    _refuse_another_source(previous, listed, source.name, context)
    manifest = merge(previous, listed, allow_shrink=context.settings.allow_shrink)
    # Said, not recorded: the same listing has to give the same record.
    context.say(
        f"{len(manifest.added)} new videos, {len(manifest.changed)} changed, "
        f"{len(manifest.vanished)} no longer listed"
    )
    table = _videos_table(manifest)
    expected = source.expected_videos
    found = len(manifest.listed)
    complete = judge(
        LISTING_COMPLETE,
        expected is None or found >= expected,
        f"{found} of {expected} videos are listed."
        if expected
        else f"{found} videos are listed; nobody said how many to expect.",
        {"listed": found, "expected": expected or "unknown"},
    )
    return Outcome(
        table=table,
        files={
            context.lake.manifest_path: manifest_bytes(manifest),
            context.lake.source_path: context.settings.source.encode(),
            context.lake.manifest_path.with_suffix(".parquet"): parquet_bytes(table),
        },
        checks=[complete],
        facts={
            "rows": table.height,
            "source": source.name,
            "listed": found,
            "no longer listed": table.height - found,
            "hours": round((table["duration_s"].sum() or 0) / 3600, 2),
            "preview": {"markdown": table_preview(table, ["video_id", "title", "duration_s"], 10)},
        },
    )


def _refuse_another_source(
    previous: list[VideoEntry] | None, listed: list[VideoEntry], name: str, context: Context
) -> None:
    """One data root, one source: lessons of two would end in one data set unnoticed."""
    if not previous or context.settings.allow_shrink:
        return
    moved = context.lake.source != context.settings.source
    other_kind = {entry.source for entry in previous}.isdisjoint(entry.source for entry in listed)
    known = {entry.video_id for entry in previous if entry.listed}
    # A folder that was moved still holds the same lessons, and so has the same ids.
    if other_kind or (moved and known.isdisjoint(entry.video_id for entry in listed)):
        raise ConfigurationError(
            f"{context.lake.root} holds the lessons of another source "
            f"({previous[0].source}, e.g. {redact(previous[0].url)}), and {name} shares none of them.",
            "Give each source its own folder with --data or NKO_DATA.",
        )


def _videos_table(manifest: Manifest) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "video_id": entry.video_id,
                "title": entry.display_title,
                "url": entry.url,
                "duration_s": entry.duration_s,
                "uploaded": entry.uploaded,
                "source": entry.source,
                "licence": entry.licence,
                "listed": entry.listed,
            }
            for entry in manifest.videos
        ],
        schema=Videos.polars_schema(),
    )


def _video_identity(context: Context) -> Mapping[str, Any]:
    return {"url": context.video.url, "content": context.video.fingerprint}


def _fetch_video(context: Context) -> Outcome:
    folder = context.lake.root / "video_files"
    path = context.workshop.source.fetch(context.video, folder, context.say)
    info = probe(path)
    listed = context.video.duration_s
    legible = judge(
        LEGIBLE,
        min(info.width, info.height) >= context.settings.min_height,
        f"The picture is {info.width}×{info.height}; text needs {context.settings.min_height}.",
    )
    duration = judge(
        DURATION,
        listed is None or abs(info.duration_s - listed) <= max(DURATION_TOLERANCE_S, 0.02 * listed),
        f"The file lasts {info.duration_s:.1f} s"
        + (f", listed are {listed:.1f} s." if listed else "; the source does not say."),
    )
    return Outcome(
        in_place=[path],
        checks=[legible, duration],
        facts={
            "title": context.video.display_title,
            "seconds": round(info.duration_s, 3),
            "width": info.width,
            "height": info.height,
            "codec": info.codec,
            "frames a second": round(info.fps, 3),
            "megabytes": round(info.size_bytes / 1e6, 3),
            "file": {"path": str(path)},
        },
    )


STEPS = (
    Step(
        name="video_manifest",
        group="channel",
        description="Every video of the configured source; registers the partitions.",
        work=_list_videos,
        per_video=False,
        always=True,
        model=Videos,
        checks=(LISTING_COMPLETE,),
        kinds=("json", "polars"),
        pool="channel",
    ),
    Step(
        name="video_files",
        group="channel",
        description="The video file: picture only, the smallest that is still legible.",
        work=_fetch_video,
        per_video=True,
        after=("video_manifest",),
        identity=_video_identity,
        checks=(LEGIBLE, DURATION),
        kinds=("mp4", "file"),
        pool="channel",
    ),
)
