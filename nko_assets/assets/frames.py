"""The frames group: one frame each interval, and which of them show something new."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from nko_assets.checks import CheckResult, CheckSpec, judge
from nko_assets.failures import PermanentFailure
from nko_assets.previews import table_preview
from nko_assets.resources.video_files import find_whole
from nko_assets.schemas.frames import FRAME_STATUSES, Frames, UniqueFrames
from nko_assets.steps import Context, Outcome, Step
from nko_assets.video.contact_sheet import SheetFrame, contact_sheet
from nko_assets.video.deduplicate import deduplicate
from nko_assets.video.encode import decode_jpeg, encode_jpeg
from nko_assets.video.ink import frame_ink
from nko_assets.video.quality import perceptual_hash, sharpness
from nko_assets.video.sample import sample_frames

# Sheets travel inside Dagster's event log, once a materialization.
SHEET_BYTES = 60_000
SHEET_FRAMES = 24

FRAME_COUNT = CheckSpec("frame_count", "One frame each interval over the whole duration.")
REPRESENTED = CheckSpec(
    "drops_are_represented", "Every dropped frame names a kept frame of this video.", "ERROR"
)
REPEATS = CheckSpec("share_of_repeats", "Slides stand still: some frames repeat, not all differ.")


def _frames_identity(context: Context) -> Mapping[str, Any]:
    return {"interval_s": context.settings.interval_s}


def _sample(context: Context) -> Outcome:
    path = _video_path(context)
    video_id = context.key
    sampler = sample_frames(
        path, context.settings.interval_s, expected_duration_s=context.video.duration_s
    )
    rows: list[dict[str, Any]] = []
    for number, frame in enumerate(sampler):
        height, width = frame.image.shape[:2]
        rows.append(
            {
                "frame_id": f"{video_id}:{frame.timestamp_ms}",
                "video_id": video_id,
                "frame": number,
                "timestamp_ms": frame.timestamp_ms,
                "width": width,
                "height": height,
                "sharpness": sharpness(frame.image),
                "phash": perceptual_hash(frame.image),
                "jpeg": encode_jpeg(frame.image),
            }
        )
        if number and number % 100 == 0:
            context.say(f"{number} frames")
    table = pl.DataFrame(rows, schema=Frames.polars_schema())
    # The last point of the grid lies before the end, so a length of exactly n intervals has n.
    expected = max(1, -int(-sampler.duration_s // context.settings.interval_s))
    count = judge(
        FRAME_COUNT,
        table.height == expected,
        f"{table.height} frames of {expected} expected from {sampler.duration_s:.1f} s.",
        {"missing": [f"{item.timestamp_ms} ms: {item.reason}" for item in sampler.missing[:5]]},
    )
    return Outcome(
        table=table,
        checks=[count],
        facts={
            "rows": table.height,
            "seconds": round(sampler.duration_s, 3),
            "interval seconds": context.settings.interval_s,
            "megabytes": round(sum(len(jpeg) for jpeg in table["jpeg"]) / 1e6, 3),
            "contact sheet": _sheet(table.iter_rows(named=True), table.height),
        },
    )


def _video_path(context: Context) -> Path:
    path = find_whole(context.lake.root / "video_files", context.key)
    if path is None:
        raise PermanentFailure(
            f"The file of video {context.key} is not there.", "Materialize video_files first."
        )
    return path


def _unique_identity(context: Context) -> Mapping[str, Any]:
    return {"similarity": context.settings.similarity}


def _find_unique(context: Context) -> Outcome:
    frames = context.lake.read_table("frames", context.key)
    inks = (
        frame_ink(decode_jpeg(row["jpeg"]), row["timestamp_ms"])
        for row in frames.select("jpeg", "timestamp_ms").iter_rows(named=True)
    )
    decisions = deduplicate(inks, context.settings.similarity)
    ids: list[str] = frames["frame_id"].to_list()
    jpegs: list[bytes] = frames["jpeg"].to_list()
    rows = [
        {
            "frame_id": ids[item.index],
            "video_id": context.key,
            "frame": item.index,
            "timestamp_ms": frames["timestamp_ms"][item.index],
            "status": item.status,
            "reason": item.reason,
            "represented_by": None if item.represented_by is None else ids[item.represented_by],
            "similarity": item.similarity,
            "first_seen_ms": item.first_seen_ms,
            "last_seen_ms": item.last_seen_ms,
            "jpeg": jpegs[item.index] if item.status == "kept" else None,
        }
        for item in decisions
    ]
    table = pl.DataFrame(rows, schema=UniqueFrames.polars_schema())
    counts = dict(table.group_by("status").len().iter_rows())
    return Outcome(
        table=table,
        checks=[_represented(table, frames.height), _repeats(table)],
        facts={
            "rows": table.height,
            **{status: counts.get(status, 0) for status in FRAME_STATUSES},
            "similarity": context.settings.similarity,
            "contact sheet": _sheet(
                ({**row, "jpeg": jpegs[row["frame"]]} for row in table.iter_rows(named=True)),
                table.height,
            ),
            "preview": {
                "markdown": table_preview(
                    table, ["timestamp_ms", "status", "reason", "represented_by", "similarity"], 12
                )
            },
        },
    )


def _represented(table: pl.DataFrame, frames: int) -> CheckResult:
    kept = table.filter(status="kept")["frame_id"].implode()
    orphans = table.filter(
        (pl.col("status") != "blank") & ~pl.col("represented_by").is_in(kept).fill_null(value=False)
    )
    return judge(
        REPRESENTED,
        orphans.is_empty() and table.height == frames,
        f"{table.height} decisions on {frames} frames, {orphans.height} without a kept frame.",
        {"orphans": orphans["frame_id"].head(5).to_list()},
    )


def _repeats(table: pl.DataFrame) -> CheckResult:
    dropped = table.filter(pl.col("status").is_in(["repeat", "superseded"])).height
    share = dropped / table.height
    # Every frame of two minutes differing means that the picture, not the text, is compared.
    return judge(
        REPEATS,
        table.height < 24 or share > 0.05,
        f"{dropped} of {table.height} frames repeat another ({share:.0%}).",
        {"share": round(share, 4)},
    )


def _sheet(rows: Iterable[Mapping[str, Any]], total: int) -> dict[str, str]:
    """A contact sheet as a picture inside markdown, which is what Dagster's UI can show.

    Of more than `SHEET_FRAMES` rows it shows some, evenly spaced: no other picture is decoded.
    """
    step = -(-total // SHEET_FRAMES)
    data = contact_sheet(
        [
            SheetFrame(
                decode_jpeg(row["jpeg"]),
                row["timestamp_ms"],
                kept=row.get("status", "kept") == "kept",
                label=row.get("status", ""),
            )
            for place, row in enumerate(rows)
            if place % step == 0
        ],
        total,
        SHEET_BYTES,
    )
    return {
        "markdown": f"![contact sheet](data:image/jpeg;base64,{base64.b64encode(data).decode()})"
    }


STEPS = (
    Step(
        name="frames",
        group="frames",
        description="One frame each interval (5 s), with its exact time, sharpness and hash.",
        work=_sample,
        per_video=True,
        inputs=("video_files",),
        identity=_frames_identity,
        model=Frames,
        checks=(FRAME_COUNT,),
        kinds=("parquet", "pyav"),
        parallel=True,
    ),
    Step(
        name="unique_frames",
        group="frames",
        description=(
            "The frames that show text not shown before; every other frame names the one that "
            "shows its text."
        ),
        work=_find_unique,
        per_video=True,
        inputs=("frames",),
        identity=_unique_identity,
        model=UniqueFrames,
        checks=(REPRESENTED, REPEATS),
        kinds=("parquet", "opencv"),
        parallel=True,
    ),
)
