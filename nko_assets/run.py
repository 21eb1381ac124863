"""`nko run`: the whole lineage, or a part of it, on the persistent instance, in this process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import dagster as dg
from dagster._core.execution.plan.objects import ErrorSource

from nko_assets.assets.adapter import covered_videos
from nko_assets.assets.lessons import (
    COLLECTION,
    HANDING_OVER,
    READING_ASSETS,
    SUBMISSION,
    TUNED_ASSETS,
    TUNING_ASSETS,
)
from nko_assets.build import build_definitions
from nko_assets.channel import VideoEntry
from nko_assets.failures import ConfigurationError, PermanentFailure, TransientFailure
from nko_assets.instance import (
    COMMAND_LINE,
    LAUNCHED_BY,
    bury_dead_runs,
    only_runner,
    open_instance,
)
from nko_assets.lineage import CORPUS_STEPS, GROUPS, STEPS, VIDEO_STEPS
from nko_assets.partitions import VIDEOS, contiguous_ranges, range_tags, register
from nko_assets.progress import Progress
from nko_assets.reading.ledger import BudgetExceeded
from nko_assets.resources.lake import Failure
from nko_assets.review_sensor import begin_observing
from nko_assets.steps import Context, Step, Workshop, current_record

OPERATIONS = "operations"
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass
class RunResult:
    """What a run did: Dagster runs started, whether the channel was listed, and what failed.

    `failed` gives the step and the reason of each video that failed, `broken` the reason of each
    asset of the corpus that did. `held_back` is why money stopped requests from being sent, empty
    when it stopped none.
    """

    runs: int = 0
    listed: bool = False
    failed: dict[str, tuple[str, str]] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    held_back: str = ""

    @property
    def nothing_to_do(self) -> bool:
        """Whether everything asked for was current; listing is how one finds out."""
        return self.runs == int(self.listed)


class Runner:
    """Materializes what is missing or out of date, a range of videos at a time."""

    def __init__(
        self, workshop: Workshop, instance: dg.DagsterInstance, progress: Progress
    ) -> None:
        self.settings = workshop.settings
        self.instance = instance
        self.workshop = workshop
        self.progress = progress
        self.result = RunResult()
        self._definitions = build_definitions(
            self.settings, {"workshop": workshop, "progress": progress}
        )

    def list_channel(self) -> None:
        """Materialize the manifest; raises the failure of the source as it is."""
        self.progress.begin("video_manifest", 1)
        if not self._execute("channel", ["video_manifest"], {}):
            failure = self.workshop.lake.failure("video_manifest", "")
            kinds = {kind.__name__: kind for kind in (ConfigurationError, TransientFailure)}
            if failure is None:
                raise _unexplained()
            raise kinds.get(failure.kind, PermanentFailure)(failure.reason)
        self.result.listed = True

    def work_through(
        self, keys: Sequence[str], steps: Sequence[Step], *, announce: bool = True
    ) -> None:
        """Materialize `steps`, in order, for `keys`; a video that fails is left behind alone."""
        if not steps or not keys:
            return
        wanted = self._out_of_date(keys, steps)
        if announce:
            for step in steps:
                self.progress.begin(step.name, len(wanted))
        partitions = self.instance.get_dynamic_partitions(VIDEOS.name or "")
        for chunk in contiguous_ranges(partitions, wanted, self.settings.max_videos_a_run):
            if not self._execute(_job(steps), [step.name for step in steps], range_tags(chunk)):
                self._leave_failures_behind(chunk, steps)

    def _leave_failures_behind(self, chunk: Sequence[str], steps: Sequence[Step]) -> None:
        """After a run that failed: note whose fault it was, and go on with the others."""
        for place, step in enumerate(steps):
            failures = {
                key: failure
                for key in chunk
                if (failure := self.workshop.lake.failure(step.name, key)) is not None
            }
            unfinished = self.workshop.lake.failure(step.name, "")
            if unfinished is not None:
                self._note_unfinished(step, unfinished)
            elif not failures:
                continue
            for key, failure in failures.items():
                if failure.kind == ConfigurationError.__name__:
                    raise ConfigurationError(failure.reason)
                self.result.failed[key] = (step.name, failure.reason)
            good = [key for key in chunk if key not in failures]
            self.work_through(good, steps[place + 1 :], announce=False)
            return
        raise _unexplained()

    def _note_unfinished(self, step: Step, failure: Failure) -> None:
        """`step` was made for its videos, and could not do what ends the range."""
        if failure.kind == BudgetExceeded.__name__:
            self.result.held_back = failure.reason
        elif failure.kind == ConfigurationError.__name__:
            raise ConfigurationError(failure.reason)
        else:
            self.result.broken[step.name] = failure.reason

    def send(self) -> None:
        """Send what the reader still holds; money that stops it stops nothing else."""
        lake = self.workshop.lake
        try:
            self.workshop.reader.flush(partial(self.progress.say, SUBMISSION, ""), force=True)
        except BudgetExceeded as error:
            self.result.held_back = str(error)
            lake.save_failure(SUBMISSION, "", Failure(BudgetExceeded.__name__, str(error)))
        except TransientFailure as error:
            # What was sent is waited for, and waiting sends the rest as soon as it can be.
            self.progress.say(SUBMISSION, "", str(error))
        else:
            self.result.held_back = ""
            self.result.broken.pop(SUBMISSION, None)
            lake.clear_failure(SUBMISSION, "")

    def make_corpus(self, steps: Sequence[Step]) -> None:
        """Materialize the files made from all videos, unless they are current."""
        decided = covered_videos(self.instance, self.workshop.lake)
        if not decided and not self.result.failed:
            raise PermanentFailure(
                "No video has been read yet, so there is nothing to make training files from.",
                "Leave out --only, or begin with --only channel,frames,readings.",
            )
        if decided:
            self._make_together("training", steps)

    def make_operations(self, steps: Sequence[Step]) -> None:
        """Materialize what tells of the running of things; there is always something to tell."""
        self._make_together("operations", steps)

    def tune(self) -> None:
        """From the splits to an evaluated model; waits where a service takes hours.

        Handing over and waiting are runs of their own, as the first never waits.
        """
        if not covered_videos(self.instance, self.workshop.lake):
            raise PermanentFailure("There is nothing to tune with yet.", "Start with `nko run`.")
        if self._corpus_is_current([STEPS[name] for name in TUNING_ASSETS]):
            return
        handed_over = TUNING_ASSETS.index(HANDING_OVER) + 1
        phases = [("tuning", TUNING_ASSETS[:handed_over]), ("tuned_model", TUNED_ASSETS)]
        for job, names in phases if self.workshop.tuner.deferred else [("tuning", TUNING_ASSETS)]:
            # The receipt may be current and the job have ended badly: handing over looks.
            self._execute_together(job, [STEPS[name] for name in names])
            if self.result.broken or self.result.held_back:
                return

    def _make_together(self, job: str, steps: Sequence[Step]) -> None:
        if not self._corpus_is_current(steps):
            self._execute_together(job, steps)

    def _execute_together(self, job: str, steps: Sequence[Step]) -> None:
        for step in steps:
            self.progress.begin(step.name, 1)
        if self._execute(job, [step.name for step in steps], {}):
            return
        broken = {}
        for step in steps:
            failure = self.workshop.lake.failure(step.name, "")
            if failure is not None and failure.kind == ConfigurationError.__name__:
                raise ConfigurationError(failure.reason)
            if failure is not None and failure.kind == BudgetExceeded.__name__:
                self.result.held_back = failure.reason
            elif failure is not None:
                broken[step.name] = failure.reason
        if not broken and not self.result.held_back:
            raise _unexplained()
        self.result.broken |= broken

    def _corpus_is_current(self, steps: Sequence[Step]) -> bool:
        covered = {
            asset: covered_videos(self.instance, self.workshop.lake, asset)
            for asset in {step.covers for step in steps}
        }
        return all(
            self.instance.get_latest_materialization_event(dg.AssetKey(step.name))
            and self.workshop.lake.failure(step.name, "") is None
            and current_record(step, self._context(None, covered[step.covers]), STEPS)
            for step in steps
        )

    def _out_of_date(self, keys: Sequence[str], steps: Sequence[Step]) -> list[str]:
        """The keys for which some step is missing, failed last time, or would now differ."""
        lake = self.workshop.lake
        entries = self.entries
        materialized = {
            step.name: self.instance.get_materialized_partitions(dg.AssetKey(step.name))
            for step in steps
        }
        return [
            key
            for key in keys
            if not all(
                key in materialized[step.name]
                and lake.failure(step.name, key) is None
                and current_record(step, self._context(entries[key]), STEPS) is not None
                for step in steps
            )
        ]

    def _context(self, entry: VideoEntry | None, video_ids: Sequence[str] = ()) -> Context:
        return Context(self.workshop, lambda _message: None, entry, tuple(video_ids))

    @property
    def entries(self) -> Mapping[str, VideoEntry]:
        """The videos of the manifest by id, in its order."""
        known = self.workshop.lake.videos()
        return {entry.video_id: entry for entry in known}

    def _execute(self, job: str, assets: Sequence[str], tags: Mapping[str, str]) -> bool:
        self.result.runs += 1
        outcome = self._definitions.resolve_job_def(job).execute_in_process(
            instance=self.instance,
            run_config=QUIET,
            asset_selection=[dg.AssetKey(asset) for asset in assets],
            tags={**tags, LAUNCHED_BY: COMMAND_LINE},
            raise_on_error=False,
        )
        if not outcome.success and _interrupted(outcome.all_events):
            raise KeyboardInterrupt
        return outcome.success


def _job(steps: Sequence[Step]) -> str:
    """The job that holds these steps of a lesson."""
    return "readings" if all(step.name in READING_ASSETS for step in steps) else "lessons"


def _interrupted(events: Sequence[dg.DagsterEvent]) -> bool:
    """Whether a run ended by Ctrl-C, which Dagster notes as the failure of a step and swallows."""
    return any(
        event.is_step_failure and event.step_failure_data.error_source is ErrorSource.INTERRUPT
        for event in events
    )


def _unexplained() -> PermanentFailure:
    return PermanentFailure(
        "A run failed, and no video and no asset says why.",
        "Open it with `nko ui`: its log tells what happened.",
    )


def run_lineage(
    workshop: Workshop,
    progress: Progress,
    *,
    videos: Sequence[str] = (),
    only: Sequence[str] = (),
) -> RunResult:
    """Bring the lineage up to date: all of it, or the groups in `only`, for all videos or `videos`.

    What is current is not made again. Raises `NkoError` when the run as a whole cannot go on and
    `KeyboardInterrupt` when it is interrupted; what failed alone is in the result.
    """
    groups = _groups(only)
    settings = workshop.settings
    with only_runner(settings), open_instance(settings) as instance:
        bury_dead_runs(instance)
        runner = Runner(workshop, instance, progress)
        if "channel" in groups or not runner.entries:
            runner.list_channel()
        # A data root may be older than its instance, or moved here without it.
        register(instance, list(runner.entries))
        begin_observing(instance)
        keys = chosen_videos(runner.entries, videos)
        _work_through_lessons(runner, keys, [s for s in VIDEO_STEPS if s.group in groups])
        corpus = _corpus_steps(groups)
        if corpus:
            runner.make_corpus(corpus)
        operations = [step for step in CORPUS_STEPS if step.group == OPERATIONS]
        if OPERATIONS in groups:
            runner.make_operations(operations)
        return runner.result


def run_tuning(workshop: Workshop, progress: Progress) -> RunResult:
    """Bring the tuned model and its evaluation up to date; what is current is not made again.

    Raises what `run_lineage` raises.
    """
    with only_runner(workshop.settings), open_instance(workshop.settings) as instance:
        bury_dead_runs(instance)
        runner = Runner(workshop, instance, progress)
        runner.tune()
        return runner.result


def _work_through_lessons(runner: Runner, keys: Sequence[str], steps: Sequence[Step]) -> None:
    """All steps of each range of videos in turn, or in three phases when answers come hours later.

    Then everything is handed over first, so that the service works on all of it; what can be done
    meanwhile comes next, and waiting last.
    """
    if not runner.workshop.reader.deferred:
        runner.work_through(keys, steps)
        return
    names = [step.name for step in steps]
    waits = names.index(COLLECTION) if COLLECTION in names else len(steps)
    submitted = names.index(SUBMISSION) + 1 if SUBMISSION in names else 0
    runner.work_through(keys, steps[:submitted])
    if submitted:
        runner.send()
    for phase in (steps[submitted:waits], steps[waits:]):
        runner.work_through([key for key in keys if key not in runner.result.failed], phase)


def _groups(only: Sequence[str]) -> tuple[str, ...]:
    unknown = sorted(set(only) - set(GROUPS))
    if unknown:
        raise ConfigurationError(
            f"There is no group {', '.join(unknown)}.", f"The groups are {', '.join(GROUPS)}."
        )
    return tuple(only) or GROUPS


def _corpus_steps(groups: Sequence[str]) -> list[Step]:
    """The steps on the corpus in `groups`, and those between them.

    The report is in the training group and tells of the splits, which are not: it can only be
    right when they are made from the same files.
    """
    files = [step for step in CORPUS_STEPS if step.group != OPERATIONS]
    chosen = {step.name for step in files if step.group in groups}
    needed = set().union(*map(_upstream, chosen))
    return [
        step
        for step in files
        if step.name in chosen or (step.name in needed and _upstream(step.name) & chosen)
    ]


def _upstream(name: str) -> set[str]:
    inputs = STEPS[name].inputs
    return set(inputs).union(*map(_upstream, inputs))


def chosen_videos(entries: Mapping[str, VideoEntry], videos: Sequence[str]) -> list[str]:
    """The ids of `videos`, or of all that are listed, in the order of `entries`.

    Raises `ConfigurationError` for a video that is none of them.
    """
    unknown = [video for video in videos if video not in entries]
    if unknown:
        raise ConfigurationError(
            f"The channel has no video {', '.join(unknown)}.",
            f"`nko status` lists its {len(entries)} videos.",
        )
    wanted = set(videos) or {key for key, entry in entries.items() if entry.listed}
    return [key for key in entries if key in wanted]
