"""The readings group: frames to a reader, its answers, and what another reader sees on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import polars as pl

from nko_assets.assets.review_queue import REVIEW_QUEUE
from nko_assets.assets.reviews import REVIEWED_READINGS
from nko_assets.checks import CheckResult, CheckSpec, judge
from nko_assets.failures import HeldBack, NotReady, PermanentFailure, TransientFailure
from nko_assets.previews import table_preview
from nko_assets.reading.answers import FrameRequest, Reading, readings_table
from nko_assets.reading.reader import DeferredReader, Job, JobState
from nko_assets.reading.receipt import Receipt
from nko_assets.reading.self_agreement import SelfAgreement, compare, place_in_draw
from nko_assets.schemas.readings import FINE, Readings, SecondReadings
from nko_assets.steps import Context, Outcome, Step

ONE_REQUEST_A_FRAME = CheckSpec(
    "one_request_a_frame", "Each kept frame is asked about once, and no other.", "ERROR"
)
EVERY_FRAME_ANSWERED = CheckSpec(
    "every_frame_answered", "Each kept frame has one row, whatever came of it.", "ERROR"
)
FAILED_READINGS = CheckSpec(
    "failed_readings", "At most 2 % of the frames stopped early, looped, or failed otherwise."
)
SELF_AGREEMENT = CheckSpec(
    "self_agreement", "Frames read twice give the same N'Ko within 5 % of the characters."
)
EVERY_FRAME_COMPARED = CheckSpec(
    "every_frame_compared",
    "Where another reader reads first, the offline one reads each frame too.",
)
# The share of characters in which two readings of one frame may differ without a warning.
MOST_CHANGED = 0.05


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
    twice = {"read twice": context.settings.second_reading} if _reads_twice(context) else {}
    asked = {"reader": reader.name, "model": reader.model, "settings": dict(reader.settings)}
    return asked | twice


def _reads_twice(context: Context) -> bool:
    """Whether a sample is asked again: not of a reader that answers at once, and always the same."""
    return context.workshop.reader.deferred and context.settings.second_reading > 0


def _submit(context: Context) -> Outcome:
    requests = _requests(context)
    if not requests:
        raise PermanentFailure(
            f"Video {context.key} has no frame that shows anything: every one is blank.",
            "Look at its contact sheet in unique_frames; remove it from the source if it is right.",
        )
    reader = context.workshop.reader
    job = reader.submit(requests)
    share = context.settings.second_reading if _reads_twice(context) else 0.0
    sample = [request for request in requests if place_in_draw(request.frame_id) < share]
    if reader.deferred and not sample:
        # Asked twice under an earlier setting and not sent yet: nothing will collect it.
        cast("DeferredReader", reader).withdraw([context.key], reading=2)
    receipt = Receipt(job, reader.submit(sample, reading=2) if sample else None)
    distinct = len(set(job.request_hashes))
    one_each = judge(
        ONE_REQUEST_A_FRAME,
        len(job.request_hashes) == len(requests) == job.frames,
        f"{job.frames} requests for {len(requests)} kept frames, {distinct} of them distinct.",
    )
    return Outcome(
        files={
            context.lake.path("gemini_batches", context.key, ".json"): receipt.to_json().encode()
        },
        checks=[one_each],
        facts={
            "job": job.name,
            "reader": job.reader,
            "model": job.model,
            "frames": job.frames,
            "frames asked twice": len(sample),
            "estimated dollars": receipt.estimated_cost_usd,
            **_state(context, job),
        },
    )


def _state(context: Context, job: Job) -> dict[str, str]:
    """Where the job is right after it was handed over."""
    try:
        status = context.workshop.reader.poll(job)
    except HeldBack as held:
        return {"state": str(JobState.QUEUED), "status": str(held)}
    return {"state": str(status.state), "status": status.note}


def _flush(context: Context) -> None:
    """Send what the range has queued, as far as the limits and the budget allow."""
    context.workshop.reader.flush(context.say)


def _read_again(context: Context) -> Outcome:
    """The second reader's lines of each frame; an empty table where the first one is enough."""
    second = context.workshop.second_reader
    if second is None:
        return Outcome(
            table=readings_table([]),
            checks=[
                judge(EVERY_FRAME_COMPARED, True, "The first reader is the offline one itself.")
            ],
            facts={"rows": 0, "second reader": "none: the first reader is the offline one"},
        )
    requests = _requests(context)
    table = readings_table(second.collect(second.submit(requests), requests, context.say))
    read = table.filter(pl.col("status").is_in(FINE))
    return Outcome(
        table=table,
        checks=[
            judge(
                EVERY_FRAME_COMPARED,
                read.height == len(requests),
                f"{read.height} of {len(requests)} kept frames were read by {second.name}.",
            )
        ],
        facts={
            "rows": table.height,
            "second reader": second.name,
            "model": second.model,
            "statuses": _counts(table, "status"),
            "lines": int(table["lines"].list.len().sum()),
        },
    )


def _second_identity(context: Context) -> Mapping[str, Any]:
    second = context.workshop.second_reader
    return {"reader": second.name, "model": second.model} if second else {"reader": None}


def _collect(context: Context) -> Outcome:
    reader = context.workshop.reader
    path = context.lake.path("gemini_batches", context.key, ".json")
    receipt = Receipt.from_json(path.read_text(encoding="utf-8"))
    for job in filter(None, (receipt.job, receipt.again)):
        _wait(context, job, path)
    requests = _requests(context)
    first = list(reader.collect(receipt.job, requests, context.say))
    table = readings_table(first)
    answered = set(table["frame_id"]) == {request.frame_id for request in requests}
    failed = table.filter(~pl.col("status").is_in(FINE))
    share = failed.height / table.height if table.height else 1.0
    twice, dollars = _second_opinion(context, receipt.again, requests, first)
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
            _agrees_with_itself(twice),
        ],
        facts={
            "rows": table.height,
            "reader": reader.name,
            "model": reader.model,
            "statuses": _counts(table, "status"),
            "lines": int(table["lines"].list.len().sum()),
            "entries": int(table["entries"].list.len().sum()),
            "input tokens": int(table["input_tokens"].sum()),
            "output tokens": int(table["output_tokens"].sum()),
            "dollars": float(table["cost_usd"].sum()),
            **_twice_facts(twice, dollars),
            "preview": {"markdown": _entries_preview(table)},
        },
    )


def _wait(context: Context, job: Job, receipt: Path) -> None:
    """Return when every frame of the job has its answer; raise NotReady where nobody waits."""
    while not (status := context.workshop.reader.poll(job)).state.final:
        if not context.may_wait:
            raise NotReady(
                f"The answers for video {context.key} are on their way: {status.note}",
                "gemini_results is made when they are there.",
            )
        context.say(status.note)
        context.pause(status.ask_again_s)
    if status.state is JobState.FAILED:
        # Without its receipt gemini_batches is no longer current, and submits the frames again.
        receipt.unlink()
        raise TransientFailure(
            f"The reader's job {job.name} failed: {status.note}.",
            "Materialize gemini_batches again.",
        )


def _second_opinion(
    context: Context, job: Job | None, requests: Sequence[FrameRequest], first: Sequence[Reading]
) -> tuple[SelfAgreement | None, float]:
    """What comparing the frames that were read twice says, and what reading them again cost."""
    if job is None:
        return None, 0.0
    # The frames that were drawn when the job was submitted, whatever the share is now.
    drawn = sorted(requests, key=lambda request: place_in_draw(request.frame_id))[: job.frames]
    second = list(context.workshop.reader.collect(job, drawn, context.say))
    return compare(first, second), sum(reading.cost_usd for reading in second)


def _agrees_with_itself(twice: SelfAgreement | None) -> CheckResult:
    if twice is None:
        return judge(SELF_AGREEMENT, True, "Not asked for: no frame is read twice.")
    rate = twice.character_error_rate
    return judge(
        SELF_AGREEMENT,
        twice.compared > 0 and (rate or 0.0) <= MOST_CHANGED,
        f"{twice.exact} of {twice.compared} frames were read the same twice; "
        + ("no N'Ko was read." if rate is None else f"{rate:.1%} of the characters differ."),
        {"frames asked twice": twice.frames, "compared": twice.compared},
    )


def _twice_facts(twice: SelfAgreement | None, dollars: float) -> dict[str, Any]:
    if twice is None:
        return {"self-agreement": "not asked for"}
    rate = twice.character_error_rate
    return {
        "frames read twice": twice.compared,
        "read the same twice": twice.exact,
        "self-agreement CER": "no N'Ko was read" if rate is None else round(rate, 5),
        "dollars of the second reading": dollars,
    }


def _counts(table: pl.DataFrame, column: str) -> dict[str, int]:
    return dict(table.group_by(column).len().sort(column).iter_rows())


def _entries_preview(table: pl.DataFrame) -> str:
    entries = table.select("timestamp_ms", "entries").explode("entries").drop_nulls("entries")
    if entries.is_empty():
        return "No N'Ko was read."
    return table_preview(
        entries.unnest("entries"),
        ["timestamp_ms", "nko", "latin_shown", "english", "french", "confidence"],
        10,
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
        finish=_flush,
        checks=(ONE_REQUEST_A_FRAME,),
        kinds=("json",),
    ),
    Step(
        name="second_readings",
        group="readings",
        description=(
            "What the offline reader sees on the same frames, to compare another reader with; "
            "empty where it reads first."
        ),
        work=_read_again,
        per_video=True,
        inputs=("unique_frames",),
        identity=_second_identity,
        model=SecondReadings,
        minimum_rows=0,
        checks=(EVERY_FRAME_COMPARED,),
        kinds=("parquet", "onnx"),
        parallel=True,
    ),
    Step(
        name="gemini_results",
        group="readings",
        description="What the reader saw: one row a kept frame, with a status and a reason.",
        work=_collect,
        per_video=True,
        inputs=("gemini_batches", "unique_frames"),
        code_version="2",
        model=Readings,
        checks=(EVERY_FRAME_ANSWERED, FAILED_READINGS, SELF_AGREEMENT),
        kinds=("parquet",),
        parallel=True,
    ),
    REVIEWED_READINGS,
    REVIEW_QUEUE,
)
