"""`nko run`: the whole lineage, or a part of it, on the persistent instance, in this process."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import dagster as dg

from nko_assets.build import STEPS, build_definitions
from nko_assets.channel import VideoEntry, read_manifest
from nko_assets.failures import ConfigurationError, PermanentFailure, TransientFailure
from nko_assets.instance import (
    COMMAND_LINE,
    LAUNCHED_BY,
    PROCESS,
    bury_dead_runs,
    only_runner,
    open_instance,
)
from nko_assets.partitions import VIDEOS, contiguous_ranges, range_tags
from nko_assets.progress import Progress
from nko_assets.steps import Context, Step, Workshop, current_record

GROUPS = tuple(dict.fromkeys(step.group for step in STEPS.values()))
VIDEO_STEPS = tuple(step for step in STEPS.values() if step.per_video)
CORPUS_STEPS = tuple(step for step in STEPS.values() if not step.per_video and step.inputs)
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass
class RunResult:
    """What a run did: Dagster runs started, and the videos that failed, by step."""

    runs: int = 0
    failed: dict[str, tuple[str, str]] = field(default_factory=dict)


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
        self._execute("channel", ["video_manifest"], {})
        self._raise_failure_of("video_manifest")

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
            if not self._execute("lessons", [step.name for step in steps], range_tags(chunk)):
                self._leave_failures_behind(chunk, steps)

    def _leave_failures_behind(self, chunk: Sequence[str], steps: Sequence[Step]) -> None:
        """After a run that failed: note whose fault it was, and go on with the others."""
        for place, step in enumerate(steps):
            failures = {
                key: failure
                for key in chunk
                if (failure := self.workshop.lake.failure(step.name, key)) is not None
            }
            if not failures:
                continue
            for key, failure in failures.items():
                if failure.kind == ConfigurationError.__name__:
                    raise ConfigurationError(failure.reason)
                self.result.failed[key] = (step.name, failure.reason)
            good = [key for key in chunk if key not in failures]
            self.work_through(good, steps[place + 1 :], announce=False)
            return
        raise PermanentFailure(
            "A run failed without a video failing.",
            "Open it with `nko ui`: its log tells what happened.",
        )

    def make_corpus(self, steps: Sequence[Step]) -> None:
        """Materialize the files made from all videos, unless they are current."""
        decided = self.instance.get_materialized_partitions(dg.AssetKey(VIDEO_STEPS[-1].name))
        known = read_manifest(self.workshop.lake.manifest_path) or []
        context = self._context(None, [v.video_id for v in known if v.video_id in decided])
        materialized = {
            step.name
            for step in steps
            if self.instance.get_latest_materialization_event(dg.AssetKey(step.name))
        }
        if all(
            step.name in materialized and current_record(step, context, STEPS) for step in steps
        ):
            return
        for step in steps:
            self.progress.begin(step.name, 1)
        if not self._execute("training", [step.name for step in steps], {}):
            for step in steps:
                self._raise_failure_of(step.name)

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
        known = read_manifest(self.workshop.lake.manifest_path) or []
        return {entry.video_id: entry for entry in known}

    def _raise_failure_of(self, asset: str) -> None:
        """Raise what the last attempt on a corpus asset failed with, as what it was."""
        failure = self.workshop.lake.failure(asset, "")
        if failure is not None:
            kinds = {kind.__name__: kind for kind in (ConfigurationError, TransientFailure)}
            raise kinds.get(failure.kind, PermanentFailure)(failure.reason)

    def _execute(self, job: str, assets: Sequence[str], tags: Mapping[str, str]) -> bool:
        self.result.runs += 1
        outcome = self._definitions.resolve_job_def(job).execute_in_process(
            instance=self.instance,
            run_config=QUIET,
            asset_selection=[dg.AssetKey(asset) for asset in assets],
            tags={**tags, LAUNCHED_BY: COMMAND_LINE, PROCESS: str(os.getpid())},
            raise_on_error=False,
        )
        return outcome.success


def run_lineage(
    workshop: Workshop,
    progress: Progress,
    *,
    videos: Sequence[str] = (),
    only: Sequence[str] = (),
) -> RunResult:
    """Bring the lineage up to date: all of it, or the groups in `only`, for all videos or `videos`.

    What is current is not made again. Raises `NkoError` when the run as a whole cannot go on;
    videos that fail alone are in the result.
    """
    groups = _groups(only)
    settings = workshop.settings
    with only_runner(settings), open_instance(settings) as instance:
        bury_dead_runs(instance)
        runner = Runner(workshop, instance, progress)
        if "channel" in groups or not runner.entries:
            runner.list_channel()
        keys = _chosen(runner.entries, videos)
        runner.work_through(keys, [step for step in VIDEO_STEPS if step.group in groups])
        corpus = [step for step in CORPUS_STEPS if step.group in groups]
        if corpus:
            runner.make_corpus(corpus)
        return runner.result


def _groups(only: Sequence[str]) -> tuple[str, ...]:
    unknown = sorted(set(only) - set(GROUPS))
    if unknown:
        raise ConfigurationError(
            f"There is no group {', '.join(unknown)}.", f"The groups are {', '.join(GROUPS)}."
        )
    return tuple(only) or GROUPS


def _chosen(entries: Mapping[str, VideoEntry], videos: Sequence[str]) -> list[str]:
    unknown = [video for video in videos if video not in entries]
    if unknown:
        raise ConfigurationError(
            f"The channel has no video {', '.join(unknown)}.",
            f"`nko status` lists its {len(entries)} videos.",
        )
    wanted = set(videos) or {key for key, entry in entries.items() if entry.listed}
    return [key for key in entries if key in wanted]
