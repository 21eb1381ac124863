"""The sensor that follows a tuning job at a service and goes on when it has ended."""

from datetime import UTC, datetime

import dagster as dg

from nko_assets.assets.lessons import TUNED_ASSETS
from nko_assets.assets.tuning_job import read_receipt, receipt_path
from nko_assets.failures import ConfigurationError, TransientFailure
from nko_assets.instance import only_runner
from nko_assets.jobs import TUNED_MODEL
from nko_assets.lineage import STEPS
from nko_assets.sensor_memory import SensorMemory
from nko_assets.sensors import UNFINISHED
from nko_assets.steps import Context, Workshop, current_record
from nko_assets.tuning.jobs import TuningState

_COLLECTION = TUNED_ASSETS[0]


@dg.sensor(
    name="vertex_tuning",
    description=(
        "Looks every minute how far a tuning job at Vertex AI is, books what it cost, and starts "
        "`tuned_model` when it has ended. It begins no job."
    ),
    jobs=[TUNED_MODEL],
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def vertex_tuning(
    context: dg.SensorEvaluationContext, workshop: dg.ResourceParam[Workshop]
) -> dg.SensorResult | dg.SkipReason:
    """Launch `tuned_model` once a job has ended, well or not; again when that run did not end well."""
    if nothing := _nothing_to_follow(workshop):
        return dg.SkipReason(nothing)
    receipt = read_receipt(workshop.lake.root)
    memory = SensorMemory.of(context.cursor)
    now = datetime.now(UTC)
    try:
        status = workshop.tuner.status(receipt)
    except TransientFailure as error:
        return dg.SkipReason(str(error))
    if not status.state.final:
        memory.forget_launches([receipt.name])
        return dg.SkipReason(f"{receipt.name}: {status.note}")
    filters = dg.RunsFilter(job_name=TUNED_MODEL.name, statuses=UNFINISHED)
    running = bool(context.instance.get_runs(filters, limit=1))
    # How a job ended badly is told once; what went well and could not be collected, thrice.
    told = status.state is not TuningState.SUCCEEDED and memory.launches(receipt.name, receipt.name)
    if told or not memory.may_launch(receipt.name, receipt.name, now, running=running):
        return dg.SkipReason(f"{receipt.name}: {status.note} The last run tells what it lacked.")
    memory.remember_launch(receipt.name, receipt.name, now)
    launches = memory.launches(receipt.name, receipt.name)
    return dg.SensorResult(
        run_requests=[
            dg.RunRequest(
                run_key=f"{receipt.name}:{launches}",
                job_name=TUNED_MODEL.name,
                tags={"nko/because": status.note},
            )
        ],
        cursor=memory.model_dump_json(),
    )


def _nothing_to_follow(workshop: Workshop) -> str:
    """Why there is no job to follow now; empty when there is one."""
    root = workshop.lake.root
    if not workshop.tuner.deferred:
        return "The tuner in use works on this machine."
    if not receipt_path(root).is_file():
        return "No model was handed to Vertex AI yet."
    receipt = read_receipt(root)
    if receipt.tuner != workshop.tuner.name:
        return f"The job at hand is of the tuner {receipt.tuner}."
    try:
        with only_runner(workshop.settings):
            pass
    except ConfigurationError:
        return "`nko tune` or `nko run` is at work, and goes on by itself."
    context = Context(workshop, lambda _message: None)
    if current_record(STEPS[_COLLECTION], context, STEPS) is not None:
        return f"{receipt.name} has ended, and what came of it is there."
    return ""
