"""The Dagster instance of a data root: where it is, how it is opened, who may run on it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from nko_assets.failures import ConfigurationError
from nko_assets.files import make_folder
from nko_assets.settings import Settings

# Runs that `nko run` started, and the process that did.
LAUNCHED_BY = "nko/launched_by"
PROCESS = "nko/process"
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
    """The instance of the data root; made when it is first opened, by one process alone."""
    make_folder(settings.data / ".dagster")
    os.environ.update(instance_environment(settings))
    with (
        _lock(settings.data / ".dagster" / "opening.lock", wait=True),
        dg.DagsterInstance.get() as instance,
    ):
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
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield


def bury_dead_runs(instance: dg.DagsterInstance) -> None:
    """Mark as failed the runs whose `nko run` was killed, so that the UI does not show them at work."""
    unfinished = instance.get_runs(
        dg.RunsFilter(
            statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING],
            tags={LAUNCHED_BY: COMMAND_LINE},
        )
    )
    for run in unfinished:
        if not _alive(int(run.tags[PROCESS])):
            instance.report_run_failed(run, "The process that ran this was killed.")


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return process != os.getpid()
