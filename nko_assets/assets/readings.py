"""The readings group: frames to a reader, its answers, and what is decided on them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl

from nko_assets.checks import CheckSpec, judge
from nko_assets.failures import PermanentFailure, TransientFailure
from nko_assets.nko.characters import BLOCK_END, BLOCK_START
from nko_assets.previews import table_preview
from nko_assets.reading.answers import FrameRequest, readings_table
from nko_assets.reading.decisions import HumanDecision, parse_decisions
from nko_assets.reading.reader import Job, JobState
from nko_assets.reading.review import reading_id, review
from nko_assets.schemas.readings import Readings, ReviewedReadings
from nko_assets.steps import Context, Outcome, Step

# The service needs minutes to hours; asking more often only spends quota.
POLL_SECONDS = 30.0

ONE_REQUEST_A_FRAME = CheckSpec(
    "one_request_a_frame", "Each kept frame is asked about once, and no other.", "ERROR"
)
EVERY_FRAME_ANSWERED = CheckSpec(
    "every_frame_answered", "Each kept frame has one row, whatever came of it.", "ERROR"
)
FAILED_READINGS = CheckSpec(
    "failed_readings", "At most 2 % of the frames stopped early, looped, or failed otherwise."
)
SCRIPT_PURITY = CheckSpec("script_purity", "What is accepted as N'Ko is N'Ko.")
ACCEPTED_SHARE = CheckSpec("accepted_share", "At least half of the entries pass the gate.")
NKO_SIGN = f"[{BLOCK_START}-{BLOCK_END}]"
# The least share of N'Ko among the characters of a real line.
LEAST_NKO = 0.78


def _requests(context: Context) -> list[FrameRequest]:
    kept = context.lake.read_table(
        "unique_frames", context.key, ["frame_id", "video_id", "timestamp_ms", "status", "jpeg"]
    ).filter(status="kept")
    return [
        FrameRequest(row["frame_id"], row["video_id"], row["timestamp_ms"], row["jpeg"])
        for row in kept.iter_rows(named=True)
    ]


def _reader_identity(context: Context) -> Mapping[str, Any]:
    reader = context.workshop.reader
    return {"reader": reader.name, "model": reader.model}


def _submit(context: Context) -> Outcome:
    requests = _requests(context)
    if not requests:
        raise PermanentFailure(
            f"Video {context.key} has no frame that shows anything: every one is blank.",
            "Look at its contact sheet in unique_frames; remove it from the source if it is right.",
        )
    job = context.workshop.reader.submit(requests)
    distinct = len(set(job.request_hashes))
    one_each = judge(
        ONE_REQUEST_A_FRAME,
        len(job.request_hashes) == len(requests) == job.frames,
        f"{job.frames} requests for {len(requests)} kept frames, {distinct} of them distinct.",
    )
    return Outcome(
        files={context.lake.path("gemini_batches", context.key, ".json"): job.to_json().encode()},
        checks=[one_each],
        facts={
            "job": job.name,
            "reader": job.reader,
            "model": job.model,
            "frames": job.frames,
            "estimated dollars": job.estimated_cost_usd,
        },
    )


def _collect(context: Context) -> Outcome:
    reader = context.workshop.reader
    receipt = context.lake.path("gemini_batches", context.key, ".json")
    job = Job.from_json(receipt.read_text(encoding="utf-8"))
    while not (status := reader.poll(job)).state.final:
        context.say(status.note)
        time.sleep(POLL_SECONDS)
    if status.state is JobState.FAILED:
        # Without its receipt gemini_batches is no longer current, and submits the frames again.
        receipt.unlink()
        raise TransientFailure(
            f"The reader's job {job.name} failed.", "Materialize gemini_batches again."
        )
    requests = _requests(context)
    table = readings_table(reader.collect(job, requests, context.say))
    answered = set(table["frame_id"]) == {request.frame_id for request in requests}
    failed = table.filter(~pl.col("status").is_in(["ok", "no_text"]))
    share = failed.height / table.height if table.height else 1.0
    statuses = dict(table.group_by("status").len().sort("status").iter_rows())
    return Outcome(
        table=table,
        checks=[
            judge(
                EVERY_FRAME_ANSWERED,
                answered and table.height == len(requests),
                f"{table.height} rows for {len(requests)} kept frames.",
            ),
            judge(
                FAILED_READINGS,
                share <= 0.02,
                f"{failed.height} of {table.height} readings failed.",
                {"sample": {"markdown": table_preview(failed, ["frame_id", "status", "reason"])}},
            ),
        ],
        facts={
            "rows": table.height,
            "reader": reader.name,
            "model": reader.model,
            "statuses": statuses,
            "lines": int(table["lines"].list.len().sum()),
            "entries": int(table["entries"].list.len().sum()),
            "input tokens": int(table["input_tokens"].sum()),
            "output tokens": int(table["output_tokens"].sum()),
            "dollars": float(table["cost_usd"].sum()),
            "preview": {"markdown": _entries_preview(table)},
        },
    )


def _entries_preview(table: pl.DataFrame) -> str:
    entries = table.select("timestamp_ms", "entries").explode("entries").drop_nulls("entries")
    if entries.is_empty():
        return "No N'Ko was read."
    return table_preview(
        entries.unnest("entries"),
        ["timestamp_ms", "nko", "latin_shown", "english", "french", "confidence"],
        10,
    )


def _review_identity(context: Context) -> Mapping[str, Any]:
    return {
        "accept": context.settings.accept_confidence,
        "licence": context.video.licence,
        "decisions": [decision.to_json_line() for decision in _decisions(context)],
    }


def _decisions(context: Context) -> list[HumanDecision]:
    """What people decided about the readings of this video, in order."""
    path = context.lake.root / "reviews" / "decisions.jsonl"
    try:
        state = path.stat()
    except FileNotFoundError:
        return []
    readings = context.lake.read_table("gemini_results", context.key, ["frame_id", "entries"])
    own = {
        reading_id(row["frame_id"], entry)
        for row in readings.iter_rows(named=True)
        for entry in range(len(row["entries"]))
    }
    taken = _decisions_in(path, state.st_mtime_ns, state.st_size)
    return [decision for decision in taken if decision.reading_id in own]


@lru_cache(maxsize=1)
def _decisions_in(path: Path, _modified_ns: int, _size: int) -> list[HumanDecision]:
    """Every decision of the file as it is now; it is asked for once a video."""
    with path.open(encoding="utf-8") as lines:
        return parse_decisions(lines)


def _review(context: Context) -> Outcome:
    readings = context.lake.read_table("gemini_results", context.key)
    seen = context.lake.read_table("unique_frames", context.key, ["frame_id", "first_seen_ms"])
    table = review(
        readings,
        dict(seen.iter_rows()),
        context.video.licence,
        accept=context.settings.accept_confidence,
        decisions=_decisions(context),
    )
    entries = table.filter(pl.col("entry") >= 0)
    accepted = entries.filter(decision="accepted")
    impure = accepted.filter(
        pl.col("nko").str.count_matches(NKO_SIGN)
        < LEAST_NKO * pl.col("nko").str.count_matches(r"\S")
    )
    share = accepted.height / entries.height if entries.height else 1.0
    columns = ["timestamp_ms", "nko", "latin", "english", "french", "confidence", "reason"]
    return Outcome(
        table=table,
        checks=[
            judge(
                SCRIPT_PURITY,
                impure.is_empty(),
                f"{impure.height} of {accepted.height} accepted texts are less than {100 * LEAST_NKO:g} % N'Ko.",
                {"sample": {"markdown": table_preview(impure, columns)}},
            ),
            judge(
                ACCEPTED_SHARE,
                share >= 0.5,
                f"{accepted.height} of {entries.height} entries are accepted ({share:.0%}).",
                {
                    "sample": {
                        "markdown": table_preview(
                            entries.filter(pl.col("decision") != "accepted"), columns
                        )
                    }
                },
            ),
        ],
        facts={
            "rows": table.height,
            "decisions": dict(table.group_by("decision").len().sort("decision").iter_rows()),
            "gate": context.settings.accept_confidence,
            "preview": {"markdown": table_preview(entries, columns, 10)},
        },
    )


STEPS = (
    Step(
        name="gemini_batches",
        group="readings",
        description="The receipt of the frames handed to the reader: job, requests, cost.",
        work=_submit,
        per_video=True,
        inputs=("unique_frames",),
        identity=_reader_identity,
        checks=(ONE_REQUEST_A_FRAME,),
        kinds=("json",),
    ),
    Step(
        name="gemini_results",
        group="readings",
        description="What the reader saw: one row a kept frame, with a status and a reason.",
        work=_collect,
        per_video=True,
        inputs=("gemini_batches", "unique_frames"),
        model=Readings,
        checks=(EVERY_FRAME_ANSWERED, FAILED_READINGS),
        kinds=("parquet", "onnx"),
        parallel=True,
    ),
    Step(
        name="reviewed_readings",
        group="readings",
        description=(
            "Each reading normalized, validated and decided: accepted, needs_review or rejected, "
            "with the reason."
        ),
        work=_review,
        per_video=True,
        inputs=("gemini_results", "unique_frames"),
        identity=_review_identity,
        model=ReviewedReadings,
        checks=(SCRIPT_PURITY, ACCEPTED_SHARE),
        kinds=("parquet", "polars"),
    ),
)
