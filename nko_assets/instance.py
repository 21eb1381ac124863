"""The Dagster instance of a data root: where it is, how it is opened, who may run on it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
from sqlalchemy.exc import DBAPIError

from nko_assets.failures import ConfigurationError
from nko_assets.files import disk_errors, make_folder
from nko_assets.partitions import range_of
from nko_assets.settings import Settings
from nko_assets.web.runs import RunNow

# The tag of the runs that `nko run` started.
LAUNCHED_BY = "nko/launched_by"
COMMAND_LINE = "nko run"


def project_folder() -> Path:
    """The folder with dagster.yaml and workspace.yaml: the current one, or the one of this checkout."""
    for folder in (Path.cwd(), Path(__file__).resolve().parents[1]):
        if (folder / "dagster.yaml").is_file() and (folder / "workspace.yaml").is_file():
            return folder
    raise ConfigurationError(
        "There is no dagster.yaml with a workspace.yaml here.",
        "Run nko from the folder of the project.",
    )


def instance_environment(settings: Settings) -> dict[str, str]:
    """The variables with which any Dagster command sees the instance of `settings.data`."""
    return {
        "DAGSTER_HOME": str(project_folder()),
        "NKO_DAGSTER": str(settings.data / ".dagster"),
        "NKO_DATA": str(settings.data),
        "NKO_SOURCE": settings.source,
    }


@contextmanager
def open_instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """The instance of the data root; made when it is first opened, by one process alone.

    Raises `ConfigurationError` when its database cannot be read or written.
    """
    folder = settings.data / ".dagster"
    make_folder(folder)
    try:
        with _environment(instance_environment(settings)), _opened(folder) as instance:
            yield instance
    except DBAPIError as error:
        raise ConfigurationError(
            f"Dagster's database in {folder} cannot be used: {error.orig}.",
            "See that its disk has space and that it can be written, and run again.",
        ) from error


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Dagster finds its instance through the environment, also when it starts other processes."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _opened(folder: Path) -> Iterator[dg.DagsterInstance]:
    with _lock(folder / "opening.lock", wait=True), dg.DagsterInstance.get() as instance:
        # Opening is lazy: the first question creates the tables.
        instance.get_runs_count()
    with dg.DagsterInstance.get() as instance:
        yield instance


@contextmanager
def only_runner(settings: Settings) -> Iterator[None]:
    """Hold the data root for one `nko run`; raises `ConfigurationError` when another has it."""
    make_folder(settings.data / ".dagster")
    try:
        with _lock(settings.data / ".dagster" / "running.lock", wait=False):
            yield
    except BlockingIOError:
        raise ConfigurationError(
            f"Another `nko run` is at work in {settings.data}.",
            "Wait for it to end, or give this one its own folder with --data.",
        ) from None


@contextmanager
def _lock(path: Path, *, wait: bool) -> Iterator[None]:
    with disk_errors(path):
        handle = path.open("w")
    with handle:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield


def bury_dead_runs(instance: dg.DagsterInstance) -> None:
    """Mark as failed the runs whose `nko run` was killed, and free the pools that ended runs hold.

    Else the UI would show them at work, and the next download would wait for them for ever. Only
    for the `only_runner`: no other `nko run` is at work, so none of them can be alive.
    """
    unfinished = instance.get_runs(
        dg.RunsFilter(
            statuses=[
                dg.DagsterRunStatus.NOT_STARTED,
                dg.DagsterRunStatus.STARTING,
                dg.DagsterRunStatus.STARTED,
                dg.DagsterRunStatus.CANCELING,
            ],
            tags={LAUNCHED_BY: COMMAND_LINE},
        )
    )
    for run in unfinished:
        instance.report_run_failed(run, "The process that ran this was killed.")
    storage = instance.event_log_storage
    for run_id in storage.get_concurrency_run_ids():
        holder = instance.get_run_by_id(run_id)
        if holder is None or holder.is_finished:
            storage.free_concurrency_slots_for_run(run_id)


_UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def runs_at_work(instance: dg.DagsterInstance, most: int = 20) -> list[RunNow]:
    """The runs that have not ended, the newest first."""
    records = instance.get_run_records(dg.RunsFilter(statuses=_UNFINISHED), limit=most)
    return [
        RunNow(
            record.dagster_run.run_id,
            record.dagster_run.job_name,
            record.dagster_run.status.value,
            None if record.start_time is None else datetime.fromtimestamp(record.start_time, UTC),
            range_of(record.dagster_run.tags),
        )
        for record in records
    ]
