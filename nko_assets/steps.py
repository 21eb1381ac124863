"""A step of the lineage without its orchestrator: what it needs, what it makes, when it is current.

Assets declare steps; Dagster, the command line and the benchmarks run them through `perform`.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from nko_assets.channel import VideoEntry
from nko_assets.checks import (
    SCHEMA,
    CheckFailed,
    CheckResult,
    CheckSpec,
    schema_check,
    stop_on_errors,
)
from nko_assets.failures import NkoError, NotReady, PermanentFailure
from nko_assets.files import write_atomically
from nko_assets.memory.embeddings import Embedder
from nko_assets.reading.reader import Reader
from nko_assets.resources.bucket import Bucket
from nko_assets.resources.lake import Lake, Record, fingerprint
from nko_assets.resources.memory_store import MemoryStore
from nko_assets.resources.source import Source
from nko_assets.resources.store import LazyStore
from nko_assets.resources.tuner import Tuner
from nko_assets.schemas.base import TableModel
from nko_assets.settings import Settings
from nko_assets.tuning.chat_model import ChatModel

Say = Callable[[str], None]


@dataclass(frozen=True)
class Workshop:
    """What every step may use: the settings, and the outside world through its protocols.

    `second_reader`, where there is one, reads every frame too, to compare with what `reader` says.
    `translator`, where one is chosen, is loaded when it is first asked for.
    """

    settings: Settings
    lake: Lake
    source: Source
    reader: Reader
    store: LazyStore
    memory: MemoryStore
    embedder: Callable[[], Embedder]
    bucket: Bucket
    tuner: Tuner
    second_reader: Reader | None = None
    translator: Callable[[], ChatModel] | None = None


@dataclass(frozen=True)
class Context:
    """One performance of a step: for one video, or for the corpus of the videos named.

    `may_wait` is False where a person or a sensor will come back for what takes hours; the step
    raises `NotReady` then. `observe` shows facts while the step is still at work. `stopped` is set
    when the run is interrupted.
    """

    workshop: Workshop
    say: Say
    entry: VideoEntry | None = None
    video_ids: tuple[str, ...] = ()
    may_wait: bool = True
    observe: Callable[[Mapping[str, Any]], None] = lambda _facts: None
    stopped: threading.Event = field(default_factory=threading.Event)

    def pause(self, seconds: float) -> None:
        """Wait, but not beyond the end of the run: raises `NotReady` when it is interrupted."""
        if self.stopped.wait(seconds):
            raise NotReady("The run was interrupted.", "Start it again to go on.")

    @property
    def settings(self) -> Settings:
        """The settings of the workshop."""
        return self.workshop.settings

    @property
    def lake(self) -> Lake:
        """The data root."""
        return self.workshop.lake

    @property
    def video(self) -> VideoEntry:
        """The video worked on; raises TypeError when the step works on the corpus."""
        if self.entry is None:
            raise TypeError("this step works on the corpus, not on one video")
        return self.entry

    @property
    def key(self) -> str:
        """The video's id, empty for the corpus."""
        return self.entry.video_id if self.entry else ""


@dataclass(frozen=True)
class Outcome:
    """What a step made: files to write, files already in place, facts to show, checks made."""

    table: pl.DataFrame | None = None
    files: Mapping[Path, bytes] = field(default_factory=dict)
    in_place: Sequence[Path] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    checks: Sequence[CheckResult] = ()


@dataclass(frozen=True)
class Step:
    """One asset: its place in the lineage and the function that makes it.

    `identity` gives the settings and outside inputs that change what the step makes; together
    with `code_version` and the content of its inputs it is the fingerprint of the artefact.
    `after` names assets that only have to be there first. A step that is `always` made asks the
    outside world, which may have changed though no input has. One `on_request` takes money or
    hours and is made when somebody names it, never by a plain `nko run`.

    Of a step per video, `finish` is called once after the last video of a range, also when some of
    them failed. Of a step on the corpus, `covers` is the asset that a video has to have to be one
    of `Context.video_ids`.

    `outside` names what is not made here and changes what is: when Dagster hears that it changed, it
    shows what was made from it as out of date.
    """

    name: str
    group: str
    description: str
    work: Callable[[Context], Outcome]
    per_video: bool
    inputs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()
    always: bool = False
    on_request: bool = False
    identity: Callable[[Context], Mapping[str, Any]] = lambda _context: {}
    finish: Callable[[Context], None] | None = None
    covers: str = "reviewed_readings"
    code_version: str = "1"
    model: type[TableModel] | None = None
    minimum_rows: int = 1
    checks: tuple[CheckSpec, ...] = ()
    kinds: tuple[str, ...] = ("python",)
    parallel: bool = False
    pool: str | None = None

    @property
    def check_specs(self) -> tuple[CheckSpec, ...]:
        """Every check the step reports: `schema` when it has a model, then its own."""
        return ((SCHEMA,) if self.model else ()) + self.checks


@dataclass(frozen=True, slots=True)
class Performed:
    """The record of an artefact, and whether its files changed or are what they were."""

    record: Record
    made: bool


def step_fingerprint(step: Step, context: Context, steps: Mapping[str, Step]) -> str:
    """The fingerprint that the artefact has to have to be current.

    Raises `PermanentFailure` when an input has not been made.
    """
    contents: dict[str, str] = {}
    for name in step.inputs:
        keys = context.video_ids if steps[name].per_video and not step.per_video else [context.key]
        for key in keys:
            record = context.lake.record(name, key if steps[name].per_video else "")
            if record is None:
                raise _missing_input(step, name, key if steps[name].per_video else "", context)
            contents[f"{name}/{key}"] = record.content
    return fingerprint(
        step=step.name,
        code=step.code_version,
        identity=dict(step.identity(context)),
        inputs=contents,
    )


def _missing_input(step: Step, name: str, key: str, context: Context) -> PermanentFailure:
    whose = f" of video {key}" if key else ""
    failure = context.lake.failure(name, key)
    if failure is not None:
        return PermanentFailure(f"{step.name} needs {name}{whose}, which failed: {failure.reason}")
    return PermanentFailure(
        f"{step.name} needs {name}{whose}, which is not there.", f"Materialize {name} first."
    )


def current_record(step: Step, context: Context, steps: Mapping[str, Step]) -> Record | None:
    """The artefact's record when making it again would change nothing, else None."""
    record = context.lake.record(step.name, context.key)
    if record is None:
        return None
    try:
        wanted = step_fingerprint(step, context, steps)
    except NkoError:
        # Also where the outside world does not answer: making the artefact says what is wrong.
        return None
    return record if record.fingerprint == wanted else None


def perform(step: Step, context: Context, steps: Mapping[str, Step]) -> Performed:
    """Make the artefact unless it is current; record it only when no ERROR check fails.

    A table that broke an ERROR check is not written, and files that `work` wrote in place are
    renamed to `<name>.broken`: they can be looked at, and nobody takes them for good ones.
    """
    wanted = step_fingerprint(step, context, steps)
    record = context.lake.record(step.name, context.key)
    if record is not None and record.fingerprint == wanted and not step.always:
        return Performed(record, made=False)
    outcome = step.work(context)
    results = list(outcome.checks)
    files = dict(outcome.files)
    if step.model is not None:
        if outcome.table is None:
            raise TypeError(f"{step.name} declares a table model and made no table")
        results.insert(0, schema_check(step.model, outcome.table, minimum_rows=step.minimum_rows))
        if step.per_video:
            files[context.lake.path(step.name, context.key)] = parquet_bytes(outcome.table)
    _require_declared(step, results)
    try:
        stop_on_errors(f"{step.name} of {context.key or 'the corpus'}", results)
    except CheckFailed:
        for path in outcome.in_place:
            path.replace(_broken(path))
        raise
    for path in outcome.in_place:
        _broken(path).unlink(missing_ok=True)
    for path, data in files.items():
        write_atomically(path, data)
    saved = context.lake.save_record(
        step.name,
        context.key,
        wanted,
        [*files, *outcome.in_place],
        dict(outcome.facts),
        [result.as_dict() for result in results],
    )
    return Performed(saved, made=record is None or record.content != saved.content)


def parquet_bytes(table: pl.DataFrame) -> bytes:
    """The table as artefacts hold it; equal tables give equal bytes."""
    buffer = io.BytesIO()
    table.write_parquet(buffer, compression="zstd")
    return buffer.getvalue()


def _broken(path: Path) -> Path:
    return path.with_name(f"{path.name}.broken")


def _require_declared(step: Step, results: Sequence[CheckResult]) -> None:
    declared = {spec.name for spec in step.check_specs}
    reported = {result.name for result in results}
    if declared != reported:
        raise TypeError(
            f"{step.name} declares the checks {sorted(declared)} and reported {sorted(reported)}"
        )
