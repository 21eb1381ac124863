"""The jobs people start by name, and the one that a sensor starts to keep paid reading going."""

from typing import cast

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import (
    UnresolvedAssetJobDefinition,
)

from nko_assets.assets.lessons import LESSON_ASSETS, READING_ASSETS
from nko_assets.failures import NkoError
from nko_assets.reading.reader import DeferredReader
from nko_assets.steps import Workshop

LESSONS = "lessons"
CHANNEL = dg.define_asset_job(
    "channel",
    selection=["video_manifest"],
    description="List the videos of the source and register the new ones as partitions.",
)
READINGS = dg.define_asset_job(
    "readings",
    selection=list(READING_ASSETS),
    description="From the reader's answers to decided readings; waits for answers that are late.",
)
TRAINING = dg.define_asset_job(
    "training",
    selection=dg.AssetSelection.groups("training", "tuning")
    | dg.AssetSelection.assets("memory_motifs"),
    description="Training files, splits and the report, from every video read so far.",
)
OPERATIONS = dg.define_asset_job(
    "operations",
    selection=dg.AssetSelection.groups("operations"),
    description="What reading will cost and what it has cost, against the budgets.",
)


@dg.op(description="Record the answers of batch jobs that ended, then send what waits.")
def settle_and_send(context: dg.OpExecutionContext, workshop: dg.ResourceParam[Workshop]) -> None:
    """Settle and flush; what money or the service refuses fails the run with its one sentence."""
    if not workshop.reader.deferred:
        context.log.info(f"The {workshop.reader.name} reader answers at once: nothing is queued.")
        return
    reader = cast("DeferredReader", workshop.reader)
    try:
        reader.settle(context.log.info)
        reader.flush(context.log.info)
    except NkoError as error:
        raise dg.Failure(str(error), allow_retries=False) from error


@dg.job(
    description="Record the answers of batch jobs that ended, and send the requests that wait.",
    executor_def=dg.in_process_executor,
)
def send_queued() -> None:
    """What the sensor `gemini_answers` starts, and a person may."""
    settle_and_send()


def lessons_job(*, deferred: bool) -> UnresolvedAssetJobDefinition:
    """The job `lessons`: all that can be made of a video in one go.

    With a reader whose answers come hours later it ends where the frames are handed over, so that
    its runs and backfills end too; `readings` goes on when the answers are there.
    """
    return dg.define_asset_job(
        LESSONS,
        selection=[name for name in LESSON_ASSETS if not deferred or name not in READING_ASSETS],
        description="From a video to the frames handed to the reader; a run takes a range of videos."
        if deferred
        else "From a video to its decided readings; a run takes a range of videos.",
    )
