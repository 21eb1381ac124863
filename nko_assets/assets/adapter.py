"""Turning steps into Dagster assets: partitions in ranges, checks, metadata, failures one by one."""

import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData,
)

from nko_assets.assets.lessons import HANDING_OVER, SUBMISSION
from nko_assets.assets.versions import provenance_tags, version_of
from nko_assets.channel import VideoEntry
from nko_assets.checks import CheckFailed, CheckResult
from nko_assets.failures import ConfigurationError, NkoError, NotReady, PermanentFailure
from nko_assets.partitions import VIDEOS, register
from nko_assets.previews import NO_ROWS
from nko_assets.progress import Progress
from nko_assets.resources.lake import Failure, Lake
from nko_assets.review_sensor import begin_observing
from nko_assets.steps import Context, Performed, Step, Workshop, perform

OWNERS = ["team:nko-assets"]
# The manifest says which videos there are.
FIRST_STEP = "video_manifest"
# The corpus is made from these tables of a video; a step needs them up to the one it covers.
CORPUS_INPUTS = ("unique_frames", "gemini_results", "reviewed_readings")


def asset_of(step: Step, steps: Mapping[str, Step], max_videos_a_run: int) -> dg.AssetsDefinition:
    """The Dagster asset of `step`, partitioned by video when the step is."""
    partitions = VIDEOS if step.per_video else None
    perform_all = _perform_videos if step.per_video else _perform_corpus

    def body(
        context: dg.AssetExecutionContext,
        workshop: dg.ResourceParam[Workshop],
        progress: dg.ResourceParam[Progress],
    ) -> Iterator[Any]:
        yield from perform_all(context, workshop, progress, step, steps)

    return dg.multi_asset(
        name=step.name,
        specs=[
            dg.AssetSpec(
                step.name,
                deps=[*step.inputs, *step.after, *step.outside],
                description=step.description,
                group_name=step.group,
                owners=OWNERS,
                kinds=set(step.kinds),
                code_version=step.code_version,
                partitions_def=partitions,
                # What is on its way is not made, and nothing is made from it.
                skippable=step.per_video or step.on_request,
            )
        ],
        check_specs=[
            dg.AssetCheckSpec(
                check.name,
                asset=step.name,
                description=check.description,
                partitions_def=partitions,
            )
            for check in step.check_specs
        ],
        backfill_policy=dg.BackfillPolicy.multi_run(max_videos_a_run) if step.per_video else None,
        pool=step.pool,
    )(body)


def _perform_corpus(
    context: dg.AssetExecutionContext,
    workshop: Workshop,
    progress: Progress,
    step: Step,
    steps: Mapping[str, Step],
) -> Iterator[Any]:
    work = Context(
        workshop,
        say=partial(_tell, context, progress, step.name, ""),
        observe=partial(_observe, context, step.name),
        # A run that hands a model to a service does not wait for it: that may take hours.
        may_wait=dg.AssetKey(HANDING_OVER) not in _executed(context),
        video_ids=covered_videos(context.instance, workshop.lake, step.covers)
        if step.inputs or step.after
        else (),
    )
    try:
        if step.inputs and not work.video_ids:
            raise PermanentFailure(
                "No video has been read yet, so there is nothing to make training files from.",
                "Materialize the channel, frames and readings groups first.",
            )
        performed = perform(step, work, steps)
    except NotReady as error:
        workshop.lake.clear_failure(step.name, "")
        progress.done(step.name, "", error.message)
        context.log.info(str(error))
        # Nothing is made, so nothing is checked; what comes after it in the run is skipped.
        yield from _report_checks(context, step, {})
        return
    except Exception as error:
        _log_checks(context, step.name, {None: _checks_of(step, error)})
        workshop.lake.save_failure(step.name, "", Failure(type(error).__name__, _reason(error)))
        if step.inputs:
            # A listing that fails ends `nko run` with this very sentence; once is enough.
            progress.done(step.name, "", _reason(error), failed=True)
        if not isinstance(error, NkoError):
            raise
        raise dg.Failure(str(error), allow_retries=False) from error
    workshop.lake.clear_failure(step.name, "")
    if step.name == FIRST_STEP:
        known = workshop.lake.videos()
        register(context.instance, [entry.video_id for entry in known])
        begin_observing(context.instance)
    progress.done(step.name, "", _note(performed))
    yield dg.MaterializeResult(step.name, metadata=_metadata(performed))
    yield from _report_checks(context, step, {None: performed.record.checks})


def covered_videos(
    instance: dg.DagsterInstance, lake: Lake, covers: str = CORPUS_INPUTS[-1]
) -> tuple[str, ...]:
    """The videos that have the asset `covers`, in the order of the manifest.

    The instance says which; one that has lost a table since is left out, for it would keep all
    others from being used.
    """
    there = instance.get_materialized_partitions(dg.AssetKey(covers))
    needed = CORPUS_INPUTS[: CORPUS_INPUTS.index(covers) + 1]
    return tuple(
        entry.video_id
        for entry in lake.videos()
        if entry.video_id in there and all(lake.record(name, entry.video_id) for name in needed)
    )


def _perform_videos(
    context: dg.AssetExecutionContext,
    workshop: Workshop,
    progress: Progress,
    step: Step,
    steps: Mapping[str, Step],
) -> Iterator[Any]:
    keys = list(context.partition_keys)
    entries = {entry.video_id: entry for entry in workshop.lake.videos()}
    succeeded: dict[str, Performed] = {}
    failed: dict[str, str] = {}
    waiting: list[str] = []
    checks: dict[str | None, Sequence[Mapping[str, Any]]] = {}
    for key, result in _each_video(context, workshop, progress, step, steps, keys, entries):
        if isinstance(result, Performed):
            succeeded[key] = result
            checks[key] = result.record.checks
            workshop.lake.clear_failure(step.name, key)
            progress.done(step.name, key, _note(result))
            context.log.info(f"{key}: {_note(result)} ({len(succeeded)} of {len(keys)})")
            continue
        if isinstance(result, NotReady):
            waiting.append(key)
            workshop.lake.clear_failure(step.name, key)
            progress.done(step.name, key, result.message)
            context.log.info(f"{key}: {result}")
            continue
        failed[key] = _reason(result)
        workshop.lake.save_failure(step.name, key, Failure(type(result).__name__, failed[key]))
        checks[key] = _checks_of(step, result)
        progress.done(step.name, key, failed[key], failed=True)
        context.log.error(f"{key}: {failed[key]}{_trace(result)}")
        if isinstance(result, ConfigurationError):
            # A full disk or a missing folder fails the next video in the same way.
            break
    unfinished = _finish(context, workshop, progress, step)
    if not (failed or waiting or unfinished):
        for key, performed in succeeded.items():
            context.add_asset_metadata(_metadata(performed), step.name, partition_key=key)
        yield dg.MaterializeResult(step.name, data_version=version_of(succeeded.values()))
        if len(succeeded) > 1:
            # A result gives all videos one version; made alone, none would have the same again.
            _log_videos(context, step, succeeded)
        yield from _report_checks(context, step, checks)
        return
    # A result would mark every partition of the range as materialized, those not made too.
    _log_videos(context, step, succeeded)
    if failed or unfinished:
        _log_checks(context, step.name, checks)
        raise dg.Failure(
            _what_failed(step, len(keys), len(succeeded), failed, unfinished),
            metadata={"failed": dg.MetadataValue.json(failed)},
            allow_retries=False,
        ) from unfinished
    context.log.info(
        f"{len(waiting)} of {len(keys)} videos are on their way; they are made when their answers "
        "are there."
    )
    yield from _report_checks(context, step, checks)


def _log_videos(
    context: dg.AssetExecutionContext, step: Step, succeeded: Mapping[str, Performed]
) -> None:
    """Log that each video was made, with the version of what was made of it."""
    for key, performed in succeeded.items():
        context.log_event(
            dg.AssetMaterialization(
                step.name,
                partition=key,
                metadata=_metadata(performed),
                tags=provenance_tags(context, step, version_of([performed])),
            )
        )


def _finish(
    context: dg.AssetExecutionContext, workshop: Workshop, progress: Progress, step: Step
) -> Exception | None:
    """Call the step's `finish`, which may fail as any step may; what failed it is a value."""
    if step.finish is None:
        return None
    try:
        step.finish(Context(workshop, say=partial(_tell, context, progress, step.name, "")))
    except Exception as error:  # the videos of the range are made all the same
        # Nothing but its sentence is worth telling of a failure that we foresaw.
        context.log.error(f"{_reason(error)}{_trace(error)}")  # noqa: TRY400
        workshop.lake.save_failure(step.name, "", Failure(type(error).__name__, _reason(error)))
        return error
    workshop.lake.clear_failure(step.name, "")
    return None


def _what_failed(
    step: Step, videos: int, succeeded: int, failed: Mapping[str, str], unfinished: Exception | None
) -> str:
    counts = (
        f"{len(failed)} of {videos} videos failed in {step.name}, {succeeded} are materialized."
        if failed
        else f"{succeeded} of {videos} videos are materialized in {step.name}, and then it failed."
    )
    reasons = [] if unfinished is None else [_reason(unfinished)]
    return " ".join([counts, *reasons, *(f"{key}: {reason}" for key, reason in failed.items())])


def _each_video(
    context: dg.AssetExecutionContext,
    workshop: Workshop,
    progress: Progress,
    step: Step,
    steps: Mapping[str, Step],
    keys: Sequence[str],
    entries: Mapping[str, VideoEntry],
) -> Iterator[tuple[str, Performed | Exception]]:
    """Perform `step` for each key, in order; a failure is a value, so that it costs no neighbour."""
    # A run that hands frames over does not wait for the answers: they may come a day later.
    stopped = threading.Event()
    may_wait = dg.AssetKey(SUBMISSION) not in _executed(context)

    def attempt(key: str) -> Performed | Exception:
        try:
            if key not in entries:
                raise PermanentFailure(
                    f"Video {key} is a partition but not in the manifest.",
                    "Materialize video_manifest, or delete the partition.",
                )
            work = Context(
                workshop,
                say=partial(_tell, context, progress, step.name, key),
                entry=entries[key],
                may_wait=may_wait,
                stopped=stopped,
            )
            return perform(step, work, steps)
        except Exception as error:  # one video must not stop the others
            return error

    if not step.parallel or len(keys) == 1:
        for key in keys:
            yield key, attempt(key)
        return
    pool = ThreadPoolExecutor(max_workers=workshop.settings.workers)
    try:
        futures = [(key, pool.submit(attempt, key)) for key in keys]
        for key, future in futures:
            yield key, future.result()
    finally:
        stopped.set()
        pool.shutdown(wait=True, cancel_futures=True)


def _tell(
    context: dg.AssetExecutionContext, progress: Progress, step: str, key: str, message: str
) -> None:
    progress.say(step, key, message)
    context.log.info(f"{key}: {message}" if key else message)


def _observe(context: dg.AssetExecutionContext, asset: str, facts: Mapping[str, Any]) -> None:
    context.log_event(dg.AssetObservation(asset, metadata=_values(facts)))


def _executed(context: dg.AssetExecutionContext) -> set[dg.AssetKey]:
    """The assets that this run makes."""
    return set(context.job_def.asset_layer.executable_asset_keys)


def _note(performed: Performed) -> str:
    if not performed.made:
        return "unchanged"
    facts = performed.record.facts
    if "kept" in facts:
        return f"{facts['kept']} of {facts['rows']} frames kept"
    return f"{facts['rows']} rows" if "rows" in facts else "made"


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, NkoError) else f"{type(error).__name__}: {error}"


def _trace(error: Exception) -> str:
    """The stack trace of what we did not foresee; a foreseen failure is told by its sentence."""
    if isinstance(error, NkoError):
        return ""
    return "\n" + "".join(traceback.format_exception(error))


def _checks_of(step: Step, error: Exception) -> Sequence[Mapping[str, Any]]:
    """What the checks of `step` say after `error`: found wanting, or nothing there to check.

    Left alone, Dagster shows "execution failed" without a word of why.
    """
    if isinstance(error, CheckFailed):
        return [result.as_dict() for result in error.results]
    why = f"There is nothing to check: {_reason(error)}"
    return [CheckResult(c.name, False, c.severity, why).as_dict() for c in step.check_specs]


def _report_checks(
    context: dg.AssetExecutionContext,
    step: Step,
    results: Mapping[str | None, Sequence[Mapping[str, Any]]],
) -> Iterator[dg.Output[None]]:
    """Log the checks of what was just materialized, and tell Dagster that each was made."""
    _log_checks(context, step.name, results)
    for check in step.check_specs:
        yield dg.Output(None, f"{step.name}_{check.name}")


def _log_checks(
    context: dg.AssetExecutionContext,
    asset: str,
    results: Mapping[str | None, Sequence[Mapping[str, Any]]],
) -> None:
    """Log the stored check `results` of each partition, or of the asset itself under None.

    The UI counts a partition as checked only when the check names its latest materialization, so
    that has to be logged before.
    """
    looked_at = _latest_materializations(context, asset, [key for key in results if results[key]])
    for partition, checks in results.items():
        for stored in checks:
            result = CheckResult(**stored)
            context.log_event(
                dg.AssetCheckEvaluation(
                    asset_key=dg.AssetKey(asset),
                    check_name=result.name,
                    passed=result.passed,
                    severity=dg.AssetCheckSeverity(result.severity),
                    description=result.message,
                    metadata=_values(result.facts),
                    partition=partition,
                    target_materialization_data=looked_at.get(partition),
                )
            )


def _latest_materializations(
    context: dg.AssetExecutionContext, asset: str, partitions: Sequence[str | None]
) -> dict[str | None, AssetCheckEvaluationTargetMaterializationData]:
    return {
        key: AssetCheckEvaluationTargetMaterializationData(
            storage_id=record.storage_id, run_id=record.run_id, timestamp=record.timestamp
        )
        for key in partitions
        for record in context.instance.fetch_materializations(
            dg.AssetRecordsFilter(dg.AssetKey(asset), asset_partitions=[key] if key else None),
            limit=1,
        ).records
    }


def _metadata(performed: Performed) -> dict[str, dg.MetadataValue]:
    record = performed.record
    return _values(record.facts) | {
        "state": dg.MetadataValue.text("made" if performed.made else "unchanged"),
        "fingerprint": dg.MetadataValue.text(record.fingerprint[:16]),
        "files": dg.MetadataValue.json(record.files),
    }


def _values(facts: Mapping[str, Any]) -> dict[str, dg.MetadataValue]:
    """The facts that hold something; an empty sample behind a link only disappoints."""
    empty: tuple[Any, ...] = ([], {}, {"markdown": NO_ROWS})
    return {name: _value(fact) for name, fact in facts.items() if fact not in empty}


def _value(fact: Any) -> dg.MetadataValue:
    """A metadata value: {"markdown": …} and {"path": …} name their kind, other objects are JSON."""
    kinds: dict[str, Callable[[Any], dg.MetadataValue]] = {
        "markdown": dg.MetadataValue.md,
        "path": dg.MetadataValue.path,
    }
    if isinstance(fact, dict) and len(fact) == 1 and next(iter(fact)) in kinds:
        kind, content = next(iter(fact.items()))
        return kinds[kind](content)
    if isinstance(fact, bool):
        return dg.MetadataValue.bool(fact)
    if isinstance(fact, int):
        return dg.MetadataValue.int(fact)
    if isinstance(fact, float):
        return dg.MetadataValue.float(fact)
    return (
        dg.MetadataValue.json(fact)
        if isinstance(fact, dict | list)
        else dg.MetadataValue.text(str(fact))
    )
