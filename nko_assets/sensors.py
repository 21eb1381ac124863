"""What Dagster does by itself: goes on with good videos, collects answers, tells of failures."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import (
    UnresolvedAssetJobDefinition,
)

from nko_assets.assets.lessons import LESSON_ASSETS, READING_ASSETS, SUBMISSION
from nko_assets.channel import VideoEntry
from nko_assets.failures import ConfigurationError, PermanentFailure
from nko_assets.instance import COMMAND_LINE, LAUNCHED_BY, only_runner
from nko_assets.jobs import CHANNEL, LESSONS, READINGS, send_queued
from nko_assets.lineage import STEPS
from nko_assets.partitions import VIDEOS, contiguous_ranges, range_tags
from nko_assets.reading import ledger
from nko_assets.reading.reader import DeferredReader
from nko_assets.reading.receipt import Receipt
from nko_assets.resources.lake import Lake
from nko_assets.resources.webhook import post
from nko_assets.settings import Settings
from nko_assets.steps import Context, Workshop, current_record

CONTINUES = "nko/continues"
# What runs may do that sensors start for paid reading, when they failed or could send nothing.
AFTER_A_FAILURE = timedelta(hours=1)
AFTER_A_RUN = timedelta(minutes=10)
UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]

# No answer and no new video spends money by itself: what lists new videos only shows them.
LOOK_FOR_NEW_VIDEOS = dg.ScheduleDefinition(
    name="look_for_new_videos",
    job=CHANNEL,
    cron_schedule="0 5 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description=(
        "List the channel every day, so that new videos appear as missing partitions. It downloads "
        "and pays nothing: start `lessons` for them, or put `nko run` into cron."
    ),
)


# --- going on with the good ones ------------------------------------------------------------------


def _runs_to_go_on(
    instance: dg.DagsterInstance, run: dg.DagsterRun, lessons: Sequence[str]
) -> Iterator[dg.RunRequest]:
    """One run for each contiguous range of videos that the failed step of `run` left materialized.

    `lessons` are the assets of the job of that name; what comes after them is in `readings`. Only
    what came after the failed step in the selection of `run` is asked for.
    """
    events = instance.all_logs(
        run.run_id,
        of_type={dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.ASSET_MATERIALIZATION},
    )
    failed = [
        event.dagster_event.step_key
        for event in events
        if event.dagster_event and event.dagster_event.is_step_failure
        if event.dagster_event.step_key
    ]
    if not failed or failed[0] not in LESSON_ASSETS:
        return
    if run.asset_selection:
        selected = {key.to_user_string() for key in run.asset_selection}
    else:
        selected = set(READING_ASSETS if run.job_name == READINGS.name else lessons)
    later = [
        name for name in LESSON_ASSETS[LESSON_ASSETS.index(failed[0]) + 1 :] if name in selected
    ]
    # What a deferred reader's answers are needed for is left to the sensor that waits for them.
    rest = [name for name in later if name in lessons] or later
    good = [
        event.dagster_event.partition
        for event in events
        if event.dagster_event
        and event.dagster_event.is_step_materialization
        and event.dagster_event.asset_key == dg.AssetKey(failed[0])
        and event.dagster_event.partition
    ]
    if not rest or not good:
        return
    partitions = instance.get_dynamic_partitions(VIDEOS.name or "")
    for chunk in contiguous_ranges(partitions, good, len(partitions)):
        yield dg.RunRequest(
            run_key=f"{run.run_id}:{chunk[0]}",
            job_name=LESSONS if rest[0] in lessons else READINGS.name,
            asset_selection=[dg.AssetKey(name) for name in rest],
            tags={**range_tags(chunk), CONTINUES: run.run_id},
        )


def _continue_with_the_good(
    lessons: UnresolvedAssetJobDefinition, assets: Sequence[str]
) -> dg.SensorDefinition:
    @dg.run_failure_sensor(
        name="continue_with_the_good",
        description=(
            "When some videos of a range fail, the run stops there; this goes on with the others. "
            "`nko run` does so itself."
        ),
        request_jobs=[lessons, READINGS],
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def continue_with_the_good(
        context: dg.RunFailureSensorContext,
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        if context.dagster_run.tags.get(LAUNCHED_BY) == COMMAND_LINE:
            yield dg.SkipReason("`nko run` goes on by itself.")
            return
        yield from _runs_to_go_on(context.instance, context.dagster_run, assets)

    return continue_with_the_good


# --- answers that came ----------------------------------------------------------------------------


@dg.sensor(
    name="gemini_answers",
    description=(
        "Looks every minute how far batch jobs are: records what came, sends what waits, and reads "
        "on with the videos whose answers are all there. It downloads nothing itself."
    ),
    jobs=[READINGS, send_queued],
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def gemini_answers(
    context: dg.SensorEvaluationContext, workshop: dg.ResourceParam[Workshop]
) -> dg.SensorResult | dg.SkipReason:
    """Launch `readings` for videos that can be read on, and `send_queued` for what has to move."""
    if not workshop.reader.deferred:
        return dg.SkipReason(f"The {workshop.reader.name} reader answers at once.")
    if not workshop.store.exists:
        return dg.SkipReason("There is no ledger yet: no frame was handed to Gemini.")
    try:
        with only_runner(workshop.settings):
            pass
    except ConfigurationError:
        return dg.SkipReason("`nko run` is at work, and collects the answers itself.")
    # Which receipt of each video was read on already: looked at no more, and launched once.
    read_on: dict[str, str] = json.loads(context.cursor or "{}")
    receipts: dict[str, Receipt] = {}
    for entry in workshop.lake.videos():
        receipt = _receipt(workshop.lake, entry.video_id)
        if receipt is None or read_on.get(entry.video_id) == _name(receipt):
            continue
        if _is_read(workshop, entry):
            read_on[entry.video_id] = _name(receipt)
        else:
            receipts[entry.video_id] = receipt
    answered = _answered(workshop, receipts)
    requests = list(_reading_runs(context.instance, workshop.settings, receipts, answered))
    sending = _reason_to_send(context.instance, workshop)
    if sending:
        requests.append(dg.RunRequest(job_name=send_queued.name, tags={"nko/because": sending}))
    read_on |= {video_id: _name(receipts[video_id]) for video_id in answered}
    waiting = None if requests else f"{len(receipts)} videos wait for their answers."
    return dg.SensorResult(
        run_requests=requests, skip_reason=waiting, cursor=json.dumps(read_on, ensure_ascii=False)
    )


def _receipt(lake: Lake, video_id: str) -> Receipt | None:
    """What was handed to the reader of a video."""
    if lake.record(SUBMISSION, video_id) is None:
        return None
    try:
        return Receipt.from_json(lake.path(SUBMISSION, video_id, ".json").read_text("utf-8"))
    except (OSError, PermanentFailure):
        return None  # the step says so when it is materialized


def _name(receipt: Receipt) -> str:
    """What tells receipts apart: other frames, another reader or another second asking."""
    return receipt.job.name + (receipt.again.name if receipt.again else "")


def _is_read(workshop: Workshop, entry: VideoEntry) -> bool:
    context = Context(workshop, lambda _message: None, entry)
    return all(current_record(STEPS[name], context, STEPS) for name in READING_ASSETS)


def _answered(workshop: Workshop, receipts: Mapping[str, Receipt]) -> list[str]:
    """The videos none of whose requests is still queued or on its way."""
    hashes = [hash_ for receipt in receipts.values() for hash_ in receipt.request_hashes]
    if not hashes:
        return []
    with workshop.store().session() as conn:
        states = ledger.states_of(conn, hashes)
    final = (ledger.RequestState.ANSWERED, ledger.RequestState.FAILED, None)
    return [
        video_id
        for video_id, receipt in receipts.items()
        if all(states.get(hash_) in final for hash_ in receipt.request_hashes)
    ]


def _reading_runs(
    instance: dg.DagsterInstance,
    settings: Settings,
    receipts: Mapping[str, Receipt],
    answered: Sequence[str],
) -> Iterator[dg.RunRequest]:
    """A run for each contiguous range of `answered`; the same receipts always have the same key."""
    partitions = instance.get_dynamic_partitions(VIDEOS.name or "")
    for chunk in contiguous_ranges(partitions, answered, settings.max_videos_a_run):
        names = "\n".join(_name(receipts[video_id]) for video_id in chunk)
        yield dg.RunRequest(
            run_key=f"{READINGS.name}:{hashlib.sha256(names.encode()).hexdigest()[:24]}",
            job_name=READINGS.name,
            tags=range_tags(chunk),
        )


def _reason_to_send(instance: dg.DagsterInstance, workshop: Workshop) -> str:
    """Why `send_queued` should run now; empty when it should not.

    Answers are recorded as soon as a job has ended. What waits to be sent is tried again after a
    while only, since a tier or a budget may be what it waits for.
    """
    filters = dg.RunsFilter(job_name=send_queued.name, statuses=UNFINISHED)
    if instance.get_runs(filters, limit=1):
        return ""
    last = next(
        iter(instance.get_run_records(dg.RunsFilter(job_name=send_queued.name), limit=1)), None
    )
    since = datetime.now(UTC) - last.update_timestamp if last else None
    failed = last is not None and last.dagster_run.status is dg.DagsterRunStatus.FAILURE
    if failed and since is not None and since < AFTER_A_FAILURE:
        return ""
    ended = cast("DeferredReader", workshop.reader).ended()
    if ended:
        return f"{len(ended)} jobs have ended"
    if since is not None and since < AFTER_A_RUN:
        return ""
    with workshop.store().session() as conn:
        waiting = ledger.backlog(conn)
    oldest = waiting.oldest_queued_at
    if oldest is not None and oldest <= datetime.now(UTC) - ledger.Limits().patience:
        return f"{waiting.queued_requests} requests wait"
    # Someone is sending them at this moment, and nothing is done then; or was, and died.
    return f"{waiting.unsent_jobs} jobs are planned and not sent" if waiting.unsent_jobs else ""


# --- telling of failures --------------------------------------------------------------------------


def _tell_of_failures(settings: Settings) -> dg.SensorDefinition:
    @dg.run_failure_sensor(
        name="tell_of_failures",
        description="Posts each run that fails to the webhook in NKO_FAILURE_WEBHOOK.",
        default_status=dg.DefaultSensorStatus.RUNNING
        if settings.failure_webhook
        else dg.DefaultSensorStatus.STOPPED,
    )
    def tell_of_failures(context: dg.RunFailureSensorContext) -> Iterator[dg.SkipReason]:
        if settings.failure_webhook is None:
            yield dg.SkipReason("NKO_FAILURE_WEBHOOK is not set.")
            return
        post(settings.failure_webhook, _failure_message(context, settings))

    return tell_of_failures


def _failure_message(context: dg.RunFailureSensorContext, settings: Settings) -> dict[str, Any]:
    """The failed run as JSON: which one, and each failed video with its reason."""
    run = context.dagster_run
    failures = [
        (event.step_key or "", event.step_failure_data)
        for event in context.get_step_failure_events()
    ]
    videos: dict[str, str] = {}
    for _, data in failures:
        told = data.user_failure_data
        found = told.metadata.get("failed") if told and told.metadata else None
        videos |= found.value if found else {}  # type: ignore[arg-type]
    message = {
        "run_id": run.run_id,
        "job": run.job_name,
        "assets": sorted({step for step, _ in failures}),
        "reasons": [
            (data.user_failure_data.description if data.user_failure_data else None)
            or (data.error.message.strip() if data.error else "")
            for _, data in failures
        ]
        or [context.failure_event.message or ""],
        "failed_videos": videos,
    }
    return json.loads(_without_secrets(json.dumps(message, ensure_ascii=False), settings))


def _without_secrets(text: str, settings: Settings) -> str:
    """`text` without what nobody but this project may know, should an error have repeated it."""
    for secret in (settings.gemini_api_key, settings.store_url, settings.failure_webhook):
        if secret is not None:
            text = text.replace(json.dumps(secret.get_secret_value())[1:-1], "…")
    return text


def build_sensors(
    settings: Settings, lessons: UnresolvedAssetJobDefinition
) -> list[dg.SensorDefinition]:
    """Every sensor; `lessons` is the job of that name."""
    deferred = settings.reader_in_use != "offline"
    assets = [name for name in LESSON_ASSETS if not deferred or name not in READING_ASSETS]
    return [
        _continue_with_the_good(lessons, assets),
        gemini_answers,
        _tell_of_failures(settings),
    ]
