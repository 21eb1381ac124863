"""The jobs people start by name, and the one that a sensor starts to keep paid reading going."""

import time
from typing import cast

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import (
    UnresolvedAssetJobDefinition,
)
from pydantic import Field

from nko_assets.assets.lessons import (
    HANDING_OVER,
    LESSON_ASSETS,
    READING_ASSETS,
    TUNED_ASSETS,
    TUNING_ASSETS,
)
from nko_assets.assets.operations import batches
from nko_assets.assets.pilot import pilot_models, run_pilot, videos_to_try
from nko_assets.commands.pilot import FRAMES, VIDEOS
from nko_assets.failures import NkoError
from nko_assets.lineage import CORPUS_STEPS
from nko_assets.reading.batch_table import batch_markdown
from nko_assets.reading.reader import DeferredReader
from nko_assets.steps import Workshop

LESSONS = "lessons"
TUNING = "tuning"
# The tag of a run of `send_queued` that sent what it could, also when it failed otherwise.
SENDING, SENT = "nko/sending", "done"
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
    selection=[step.name for step in CORPUS_STEPS if step.group != "operations"],
    description="Training files, splits and the report, from every video read so far.",
)
TUNED_MODEL = dg.define_asset_job(
    "tuned_model",
    selection=list(TUNED_ASSETS),
    description="From a tuning job that has ended to its curves and its evaluation; it waits.",
)
STUDENT = dg.define_asset_job(
    "train_student",
    selection=["student"],
    description="Train the offline reader on with what was accepted; minutes of one core.",
)
OPERATIONS = dg.define_asset_job(
    "operations",
    selection=dg.AssetSelection.groups("operations"),
    description="What reading will cost and what it has cost, against the budgets.",
)


@dg.op(description="Record the answers of batch jobs that ended, then send what waits.")
def settle_and_send(context: dg.OpExecutionContext, workshop: dg.ResourceParam[Workshop]) -> None:
    """Settle and flush; what money or the service refuses fails the run with its one sentence.

    Trouble with a job that has ended keeps nothing from being sent: the run's tag tells of it.
    """
    if not workshop.reader.deferred:
        context.log.info(f"The {workshop.reader.name} reader answers at once: nothing is queued.")
        return
    reader = cast("DeferredReader", workshop.reader)
    trouble: list[NkoError] = []
    try:
        reader.settle(context.log.info)
    except NkoError as error:
        trouble.append(error)
    try:
        reader.flush(context.log.info)
        context.instance.add_run_tags(context.run_id, {SENDING: SENT})
    except NkoError as error:
        trouble.append(error)
    jobs = {"batch jobs": dg.MetadataValue.md(batch_markdown(batches(workshop)))}
    if trouble:
        told = " ".join(dict.fromkeys(map(str, trouble)))
        raise dg.Failure(told, metadata=jobs, allow_retries=False) from trouble[0]
    context.add_output_metadata(jobs)


@dg.job(
    description="Record the answers of batch jobs that ended, and send the requests that wait.",
    executor_def=dg.in_process_executor,
)
def send_queued() -> None:
    """What the sensor `gemini_answers` starts, and a person may."""
    settle_and_send()


@dg.op(description="Stop every tuning job that was begun and has not ended.")
def stop_tuning(context: dg.OpExecutionContext, workshop: dg.ResourceParam[Workshop]) -> None:
    """What was trained until now is kept by the open trainer, and paid at a service."""
    told: list[str] = []
    try:
        workshop.tuner.cancel(told.append)
    except NkoError as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    for line in told or ["No tuning job is under way."]:
        context.log.info(line)
    context.add_output_metadata({"stopped": len(told)})


@dg.job(
    description="Stop the tuning jobs that are under way, here or at the service.",
    executor_def=dg.in_process_executor,
)
def cancel_tuning() -> None:
    """What `nko tune --cancel` does, from the UI."""
    stop_tuning()


class PilotConfig(dg.Config):
    """What to try: models by name (none: the one in use and a dearer one), on how much."""

    models: list[str] = Field(default_factory=list)
    videos: int = Field(VIDEOS, ge=1)
    frames: int = Field(FRAMES, ge=1)


@dg.op(description="The same few frames through several models; the page is reports/pilot.html.")
def try_models(
    context: dg.OpExecutionContext, config: PilotConfig, workshop: dg.ResourceParam[Workshop]
) -> None:
    """Run the pilot and wait for the answers; what people see is in the op's metadata."""
    try:
        result = run_pilot(
            workshop,
            pilot_models(workshop.settings, config.models),
            videos=videos_to_try(workshop, config.videos),
            frames=config.frames,
            say=context.log.info,
            pause=time.sleep,
        )
    except NkoError as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    advice = result.pilot.recommendation
    context.add_output_metadata(
        {
            "page": dg.MetadataValue.path(str(result.page)),
            "model": advice.model or "none of these",
            "reasons": dg.MetadataValue.md("\n".join(f"- {reason}" for reason in advice.reasons)),
            "dollars": sum(one.usd for one in result.pilot.results),
        }
    )


@dg.job(
    description=(
        "Try two models or more on a few frames before paying for all; it waits for the answers, "
        "and ended early it can be started again without paying again."
    ),
    executor_def=dg.in_process_executor,
)
def pilot() -> None:
    """Of videos that have their frames already."""
    try_models()


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


def tuning_job_of(*, deferred: bool) -> UnresolvedAssetJobDefinition:
    """The job `tuning`: from the data to an evaluated model, as far as that goes at one go.

    With a service that takes hours it ends where the model is handed over; `tuned_model` goes on.
    """
    end = TUNING_ASSETS.index(HANDING_OVER) + 1 if deferred else len(TUNING_ASSETS)
    return dg.define_asset_job(
        TUNING,
        selection=list(TUNING_ASSETS[:end]),
        description="From the splits to a model handed to Vertex AI, which is paid for it."
        if deferred
        else "From the splits to a model trained on this machine, its curves and its evaluation.",
    )
