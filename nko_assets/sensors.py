"""What Dagster does by itself: goes on with good videos, collects answers, tells of failures."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import (
    UnresolvedAssetJobDefinition,
)
from pydantic import SecretStr

from nko_assets.assets.lessons import COLLECTION, LESSON_ASSETS, READING_ASSETS, SUBMISSION
from nko_assets.channel import VideoEntry
from nko_assets.failures import ConfigurationError, NkoError, PermanentFailure
from nko_assets.instance import COMMAND_LINE, LAUNCHED_BY, only_runner
from nko_assets.jobs import CHANNEL, LESSONS, READINGS, SENDING, SENT, send_queued
from nko_assets.lineage import STEPS
from nko_assets.partitions import VIDEOS, contiguous_ranges, range_tags
from nko_assets.reading import ledger
from nko_assets.reading.reader import DeferredReader
from nko_assets.reading.receipt import Receipt
from nko_assets.resources.lake import Lake
from nko_assets.resources.webhook import post
from nko_assets.review_sensor import review_decisions_taken
from nko_assets.sensor_memory import MOST_LAUNCHES, SensorMemory
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
    memory = SensorMemory.of(context.cursor)
    now = datetime.now(UTC)
    unread = _unread(context.instance, workshop, memory)
    answered = _answered(workshop, {key: each.receipt for key, each in unread.items()})
    memory.forget_launches(unread.keys() - answered)
    running = _is_unfinished(context.instance, READINGS.name)
    ready = [
        key for key in answered if memory.may_launch(key, unread[key].name, now, running=running)
    ]
    requests = list(_reading_runs(context.instance, workshop.settings, unread, ready, memory))
    for key in ready:
        memory.remember_launch(key, unread[key].name, now)
    sending = _reason_to_send(context.instance, workshop, memory, now)
    if sending:
        requests.append(dg.RunRequest(job_name=send_queued.name, tags={"nko/because": sending}))
    return dg.SensorResult(
        run_requests=requests,
        skip_reason=None if requests else _why_nothing(unread, answered, memory),
        cursor=memory.model_dump_json(),
    )


@dataclass(frozen=True, slots=True)
class _Unread:
    """A video that was handed over and not read on; `again` tells what is asked for once more."""

    receipt: Receipt
    again: str

    @property
    def name(self) -> str:
        """What tells receipts apart: other frames, another reader or another second asking."""
        return _name(self.receipt)


def _unread(
    instance: dg.DagsterInstance, workshop: Workshop, memory: SensorMemory
) -> dict[str, _Unread]:
    """The videos that have a receipt and were not read with it; those that were are remembered."""
    lake = workshop.lake
    materialized = [
        instance.get_materialized_partitions(dg.AssetKey(name)) for name in READING_ASSETS
    ]
    unread = {}
    for entry in lake.videos():
        key = entry.video_id
        receipt = _receipt(lake, key)
        if receipt is None:
            continue
        results = lake.record(COLLECTION, key)
        outdated = results is not None and results.outdated
        if memory.read.get(key) == _name(receipt) and not outdated:
            continue
        # A run that was killed may have recorded what it never told Dagster of.
        if all(key in keys for keys in materialized) and _is_read(workshop, entry):
            memory.remember_read(key, _name(receipt))
        else:
            unread[key] = _Unread(receipt, results.fingerprint if results and outdated else "")
    return unread


def _why_nothing(
    unread: Mapping[str, _Unread], answered: Sequence[str], memory: SensorMemory
) -> str:
    given_up = [key for key in answered if memory.launches(key, unread[key].name) >= MOST_LAUNCHES]
    told = f"{len(unread) - len(answered)} videos wait for their answers."
    if given_up:
        told += (
            f" {len(given_up)} have theirs and were not read in {MOST_LAUNCHES} runs: "
            "look at the last one, then materialize gemini_results."
        )
    return told


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
    unread: Mapping[str, _Unread],
    ready: Sequence[str],
    memory: SensorMemory,
) -> Iterator[dg.RunRequest]:
    """A run for each contiguous range of `ready`.

    The same attempt at the same receipts always has the same key, of which Dagster starts one run.
    """
    partitions = instance.get_dynamic_partitions(VIDEOS.name or "")
    for chunk in contiguous_ranges(partitions, ready, settings.max_videos_a_run):
        names = "\n".join(
            f"{each.name} {each.again} {memory.launches(key, each.name)}"
            for key in chunk
            for each in [unread[key]]
        )
        yield dg.RunRequest(
            run_key=f"{READINGS.name}:{hashlib.sha256(names.encode()).hexdigest()[:24]}",
            job_name=READINGS.name,
            tags=range_tags(chunk),
        )


def _reason_to_send(
    instance: dg.DagsterInstance, workshop: Workshop, memory: SensorMemory, now: datetime
) -> str:
    """Why `send_queued` should run now; empty when it should not.

    Answers are recorded as soon as a job has ended. What waits to be sent is tried again after a
    while only, since a tier or a budget may be what it waits for; so is a job that makes trouble.
    """
    if _is_unfinished(instance, send_queued.name):
        return ""
    trouble = ""
    try:
        ended = cast("DeferredReader", workshop.reader).ended()
    except NkoError as error:
        ended, trouble = (), str(error)
    if new := memory.to_tell(ended, now, AFTER_A_FAILURE):
        return f"{len(new)} jobs have ended"
    last = next(
        iter(instance.get_run_records(dg.RunsFilter(job_name=send_queued.name), limit=1)), None
    )
    failed = last is not None and last.dagster_run.status is dg.DagsterRunStatus.FAILURE
    sent = last is not None and last.dagster_run.tags.get(SENDING) == SENT
    since = now - last.update_timestamp if last is not None else None
    if since is not None and since < (AFTER_A_FAILURE if failed and not sent else AFTER_A_RUN):
        return ""
    with workshop.store().session() as conn:
        waiting = ledger.backlog(conn, workshop.reader.model)
    oldest = waiting.oldest_queued_at
    if oldest is not None and oldest <= now - ledger.Limits().patience:
        return f"{waiting.queued_requests} requests wait"
    if waiting.unsent_jobs:
        # Someone is sending them at this moment, and nothing is done then; or was, and died.
        return f"{waiting.unsent_jobs} jobs are planned and not sent"
    # The run fails with it, where people look.
    told = failed and since is not None and since < AFTER_A_FAILURE
    return "" if told else trouble


def _is_unfinished(instance: dg.DagsterInstance, job: str) -> bool:
    return bool(instance.get_runs(dg.RunsFilter(job_name=job, statuses=UNFINISHED), limit=1))


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
    for _, secret in settings:
        if isinstance(secret, SecretStr) and secret:
            said = json.dumps(secret.get_secret_value(), ensure_ascii=False)[1:-1]
            text = text.replace(said, "…")
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
        review_decisions_taken,
    ]
