"""The open tuner: the trainer of this package as a process of its own, followed as it works.

A run has a folder named by its request. Whoever trains in it holds its lock, and the trainer keeps
holding it when the process that started it dies; the next one to come follows that trainer instead
of starting a second. A run that was broken off goes on from its last checkpoint.
"""

from __future__ import annotations

import fcntl
import importlib.util
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from nko_assets.failures import ConfigurationError, NkoError, PermanentFailure
from nko_assets.files import write_atomically
from nko_assets.resources.tuner import Work
from nko_assets.tuning.jobs import (
    NEW_MODEL,
    Estimate,
    MetricPoint,
    Receipt,
    TunerName,
    TuningRequest,
    TuningState,
    TuningStatus,
    observed,
)

if TYPE_CHECKING:
    from nko_assets.tuning.dataset import TuningDataset

TRAINER: Final = "nko_assets.tuning.trainer"
# What the extra `train` brings and nothing else does.
_NEEDED = ("torch", "transformers", "peft", "trl")
_LOOK_EVERY_S = 0.5
_GRACE_S = 20.0  # for a trainer that is told to end while it writes a checkpoint
_FREE = Estimate(0.0, "The open trainer runs on this machine and costs no money.")


class OpenTuner:
    """Trains on this machine with the configuration `config`: a preset, or a TOML file."""

    name: TunerName = "open"
    deferred = False

    def __init__(self, config: str, folder: Path) -> None:
        """Runs lie in `folder`, each in one of its own; nothing is loaded or started yet."""
        self._config = config
        self._folder = folder

    def request(self, dataset: TuningDataset) -> TuningRequest:
        """All that decides the weights: the configuration's content, not its name, and the data."""
        from nko_assets.tuning.trainer.configuration import load

        configuration = load(self._config)
        base = configuration.base.name or configuration.base.package or NEW_MODEL
        return TuningRequest(
            "open", base, dataset.digest, {"configuration": configuration.model_dump(mode="json")}
        )

    def estimate(self, dataset: TuningDataset) -> Estimate:
        """Nothing: the machine is there already."""
        del dataset
        return _FREE

    def submit(self, dataset: TuningDataset, work: Work) -> Receipt:
        """Train to the end, going on where an earlier attempt was broken off.

        Raises `ConfigurationError` without the extra `train`, `PermanentFailure` with the
        trainer's last words when it fails. The trainer ends when this is interrupted.
        """
        dataset.require("chat")
        request = self.request(dataset)
        run = self._folder / request.name()
        receipt = Receipt(
            name=request.name(),
            tuner=self.name,
            base=request.base,
            dataset=request.dataset,
            settings=request.settings,
            place=str(run),
            estimated_usd=_FREE.usd,
            basis=_FREE.basis,
        )
        told = _Metrics(run)
        _cancelled(run).unlink(missing_ok=True)
        while not _is_done(run):
            if _cancelled(run).exists():
                # Who followed it would otherwise take it for one that was broken off.
                raise PermanentFailure(
                    f"{receipt.name} was cancelled.",
                    "`nko tune` goes on from its last checkpoint.",
                )
            with _lock(run) as held:
                if held is None:
                    work.say(f"{receipt.name} is trained already; this follows it.")
                    _follow(run, told, work)
                elif not _is_done(run):
                    _require_extra()
                    self._train(run, held, dataset, told, work)
        told.tell(work)
        return receipt

    def status(self, receipt: Receipt) -> TuningStatus:
        """From the files of the run alone."""
        run = Path(receipt.place)
        if _is_done(run):
            return TuningStatus(
                TuningState.SUCCEEDED, "The trainer is done.", str(run / "model"), usd=0.0
            )
        with _lock(run) as held:
            if held is None:
                return TuningStatus(TuningState.RUNNING, "The trainer is at work.")
        return TuningStatus(
            TuningState.FAILED, "The training was broken off; `nko tune` goes on with it."
        )

    def metrics(self, receipt: Receipt) -> Sequence[MetricPoint]:
        """The lines of the run's `metrics.jsonl`."""
        return list(_Metrics(Path(receipt.place)).new())

    def tuned_from(self, receipt: Receipt) -> str | None:
        """The folder that the trainer began from, wherever it had that model from."""
        done = json.loads((Path(receipt.place) / "done.json").read_text(encoding="utf-8"))
        return done["base"]

    def cancel(self, say: Callable[[str], None]) -> None:
        """End the trainers at work; their last checkpoints are kept."""
        for run in sorted(self._folder.glob("nko-tune-*")):
            with _lock(run) as held:
                # Whoever holds the lock without a trainer is about to start one, or only looks.
                if held is None and (pid := _trainer_of(run)) is not None:
                    _cancelled(run).touch()
                    _end(pid)
                    say(f"{run.name} is told to end; its last checkpoint is kept.")

    def _train(
        self, run: Path, lock: int, dataset: TuningDataset, told: _Metrics, work: Work
    ) -> None:
        from nko_assets.tuning.trainer.configuration import path_of

        source = path_of(self._config)
        config = run / source.name
        if not config.exists():
            write_atomically(config, source.read_bytes())
        command = [sys.executable, "-m", TRAINER, "--config", str(config)]
        command += ["--train", str(dataset.chat_train), "--out", str(run), "--resume"]
        command += ["--validation", str(dataset.chat_validation)]
        log = run / "trainer.log"
        with log.open("wb") as out:
            # A group of its own: Ctrl-C reaches this process, which then ends the trainer.
            trainer = subprocess.Popen(
                command, stdout=out, stderr=out, start_new_session=True, pass_fds=[lock]
            )
            try:
                write_atomically(_pid_file(run), str(trainer.pid).encode())
                work.say(f"The trainer is at work in {run}.")
                while trainer.poll() is None:
                    told.tell(work)
                    work.pause(_LOOK_EVERY_S)
            finally:
                if trainer.poll() is None:
                    _end(trainer.pid)
                    with suppress(subprocess.TimeoutExpired):
                        trainer.wait(_GRACE_S)
                    if trainer.poll() is None:
                        trainer.kill()
                        trainer.wait()
                _pid_file(run).unlink(missing_ok=True)
        if not _is_done(run):
            raise _what_failed(trainer.returncode, log)


class _Metrics:
    """The measurements of a run that were not told of yet.

    A trainer that goes on from a checkpoint cuts off what it measured after that, and measures it
    again: the file is read whole each time, and each point of it is told once.
    """

    def __init__(self, run: Path) -> None:
        self._path = run / "metrics.jsonl"
        self._told: set[tuple[int, str]] = set()

    def new(self) -> Iterator[MetricPoint]:
        """Points of whole lines; a line that is still being written is left for the next time."""
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return
        for line in data[: data.rfind(b"\n") + 1].splitlines():
            point = MetricPoint.of(json.loads(line))
            if (point.step, point.split) not in self._told:
                self._told.add((point.step, point.split))
                yield point

    def tell(self, work: Work) -> None:
        """Say every new point, and show the last of each side."""
        latest: dict[str, object] = {}
        for point in self.new():
            work.say(str(point))
            latest |= observed(point)
        if latest:
            work.observe(latest)


def _follow(run: Path, told: _Metrics, work: Work) -> None:
    """Tell what the trainer of a process that is gone, or of another, does until it ends."""
    while not _is_done(run):
        told.tell(work)
        work.pause(_LOOK_EVERY_S)
        with _lock(run) as held:
            if held is not None:
                return


@contextmanager
def _lock(run: Path) -> Iterator[int | None]:
    """The file descriptor of the run's lock, or None when a trainer, or who starts one, has it.

    Who gets it knows that no trainer is at work, and removes the number of one that was killed:
    another process may have that number by now.
    """
    run.mkdir(parents=True, exist_ok=True)
    lock = os.open(run / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
        else:
            _pid_file(run).unlink(missing_ok=True)
            yield lock
    finally:
        os.close(lock)


def _is_done(run: Path) -> bool:
    return (run / "done.json").is_file()


def _cancelled(run: Path) -> Path:
    return run / "cancelled"


def _pid_file(run: Path) -> Path:
    return run / "trainer.pid"


def _trainer_of(run: Path) -> int | None:
    """The process number of the trainer at work in `run`, None where there is none."""
    try:
        return int(_pid_file(run).read_text())
    except FileNotFoundError:
        return None


def _end(pid: int) -> None:
    """Ask a trainer, and the processes that it started, to end."""
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGTERM)


def missing_extra() -> list[str]:
    """The packages of the extra `train` that are not installed."""
    return [name for name in _NEEDED if importlib.util.find_spec(name) is None]


def _require_extra() -> None:
    if missing := missing_extra():
        raise ConfigurationError(
            f"Training needs the extra `train`, which is not installed ({', '.join(missing)}).",
            "Run `pip install -e .[train]` in the project's folder, or `make tune`.",
        )


def _what_failed(code: int, log: Path) -> NkoError:
    """The failure of a trainer, from its last words."""
    lines = [line.strip() for line in log.read_text("utf-8", "replace").splitlines()]
    said = next((line for line in reversed(lines) if line), "it said nothing")
    how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
    return PermanentFailure(
        f"The trainer {how}: {said[:300]}",
        f"All it said is in {log}; `nko tune` goes on from its last checkpoint.",
    )
