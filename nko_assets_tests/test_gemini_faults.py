"""Whatever goes wrong, each request is paid for once, booked, and each frame has its answer.

Real client, real ledger in Postgres, real processes that are killed; the service is the protocol
server, which counts what it was made to do. `pytest -v` shows the matrix.
"""

from __future__ import annotations

import multiprocessing
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from nko_assets.failures import ConfigurationError, TransientFailure
from nko_assets.reading import ledger
from nko_assets.reading.gemini.prices import cost_usd
from nko_assets.reading.reader import JobState
from nko_assets.resources.gemini_reader import GeminiReader, utc_now
from nko_assets.resources.store import Store
from nko_assets_tests.gemini_reading import SetClock, frames, gemini_reader, read_well
from nko_assets_tests.servers.gemini import GeminiServer

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([__name__])
REQUESTS = frames(range(4), each=3)
OTHERS = frames([9])


def quiet(_: str) -> None:
    pass


def another_reader(url: str, address: str, folder: Path) -> GeminiReader:
    """What a process of its own has: nothing but addresses, and the real time."""
    store = Store(SecretStr(address), None)
    return gemini_reader(url, store, folder, timeout_s=600.0, clock=utc_now)


def send(url: str, address: str, folder: Path) -> None:
    """Submit and send everything."""
    reader = another_reader(url, address, folder)
    reader.submit(REQUESTS)
    reader.flush(quiet, force=True)


def wait_for_answers(url: str, address: str, folder: Path) -> None:
    """Poll until every frame is answered."""
    reader = another_reader(url, address, folder)
    job = reader.submit(REQUESTS)
    while not reader.poll(job).state.final:
        time.sleep(0.05)


@dataclass
class Stage:
    """The server, the database, the clock, and the processes of one case."""

    server: GeminiServer
    store: Store
    folder: Path
    clock: SetClock = field(default_factory=SetClock)
    processes: list[BaseProcess] = field(default_factory=list)
    elsewhere_usd: float = 0.0

    def reader(self, **over: Any) -> GeminiReader:
        return gemini_reader(self.server.url, self.store, self.folder, clock=self.clock, **over)

    def start(self, work: Callable[[str, str, Path], None]) -> BaseProcess:
        with self.store.session() as conn:
            address = f"host={conn.info.host} user={conn.info.user} dbname={conn.info.dbname}"
        process = PROCESSES.Process(target=work, args=(self.server.url, address, self.folder))
        process.start()
        self.processes.append(process)
        return process

    def kill(self, process: BaseProcess, when: Callable[[], object]) -> None:
        """Kill a process as soon as `when` is true; it must not end by itself before."""
        self.until(lambda: when() or not process.is_alive())
        assert process.is_alive(), "the process ended before it could be killed"
        process.kill()
        process.join()

    def until(self, true: Callable[[], object]) -> None:
        deadline = time.monotonic() + 60
        while not true():
            assert time.monotonic() < deadline, "it never came so far"
            time.sleep(0.01)

    def job_states(self) -> list[str]:
        with self.store.session() as conn:
            return [row[0] for row in conn.execute("select state from ledger.jobs").fetchall()]

    def lose_the_ledger(self) -> None:
        with self.store.session() as conn:
            conn.execute(
                "truncate ledger.answers, ledger.requests, ledger.jobs, ledger.foreign_jobs"
            )

    def charged(self) -> Counter[str]:
        """How often each request was answered and so paid, in whatever attempt."""
        charged: Counter[str] = Counter()
        for key, times in self.server.charged.items():
            charged[key.partition("-")[0]] += times
        return charged

    def charged_usd(self) -> float:
        today = self.clock.now.date()
        return sum(
            times * cost_usd(model, today, *tokens)
            for (model, tokens), times in self.server.usage.items()
        )

    def booked_usd(self) -> float:
        with self.store.session() as conn:
            return ledger.money(conn, self.clock.now).committed_usd - self.elsewhere_usd

    def finish(self) -> list[str]:
        """Do what the pipeline does, minute after minute, until it is done; the statuses."""
        reader = self.reader()
        for _ in range(15):
            job = reader.submit(REQUESTS)
            reader.flush(quiet, force=True)
            self.server.finish()
            if (status := reader.poll(job)).state is JobState.DONE:
                return [reading.status for reading in reader.collect(job, REQUESTS, quiet)]
            self.clock.forward(minutes=1)
        pytest.fail(f"never done: {status}")


def killed_before_the_upload(stage: Stage) -> None:
    stage.server.fail("files.start", "slow")
    stage.kill(stage.start(send), lambda: list(stage.folder.glob("nko-*.jsonl")))
    assert (stage.job_states(), stage.server.jobs) == (["preparing"], [])


def killed_during_the_upload(stage: Stage) -> None:
    stage.server.fail("files.upload", "slow")
    stage.kill(stage.start(send), lambda: stage.server.service.uploads)
    assert (stage.job_states(), stage.server.files) == (["preparing"], [])


def killed_after_the_upload(stage: Stage) -> None:
    stage.server.fail("batches.create", "slow")
    stage.kill(stage.start(send), lambda: stage.job_states() == ["uploaded"])
    assert stage.server.jobs == []


def killed_while_create_is_on_its_way(stage: Stage) -> None:
    stage.server.fail("batches.create", "slow")
    stage.kill(stage.start(send), lambda: stage.server.faults.all_came)
    assert stage.server.jobs == []
    reader = stage.reader()
    reader.flush(quiet, force=True)
    assert stage.server.asked("batches.create") == 0, "asked again before it could be known"
    stage.server.go_on()
    stage.until(lambda: stage.server.jobs)


def killed_before_create_is_answered(stage: Stage) -> None:
    stage.server.fail("batches.create", "slow_after")
    stage.kill(stage.start(send), lambda: stage.server.jobs)
    assert stage.job_states() == ["uploaded"]


def killed_between_download_and_write(stage: Stage) -> None:
    stage.reader().submit(REQUESTS)
    stage.reader().flush(quiet, force=True)
    stage.server.finish()
    waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
    with stage.store.session() as conn, conn.transaction(), stage.store.session() as watching:
        conn.execute("lock table ledger.answers in share row exclusive mode")
        process = stage.start(wait_for_answers)
        stage.kill(process, lambda: watching.execute(waiting).fetchone() != (0,))
    assert stage.server.asked("files.download") == 1
    assert stage.job_states() != ["succeeded"]


def refused_after_the_commit(stage: Stage) -> None:
    stage.server.fail("batches.create", "503_after_commit")


def timed_out_after_the_commit(stage: Stage) -> None:
    stage.server.fail("batches.create", "slow_after", seconds=3.0)
    reader = stage.reader(timeout_s=0.5)
    reader.submit(REQUESTS)

    def timed_out() -> bool:
        # Half a second may be too short on a busy machine for what comes before, too.
        with suppress(TransientFailure):
            reader.flush(quiet, force=True)
        return stage.server.faults.all_came

    stage.until(timed_out)


def dropped_after_the_commit(stage: Stage) -> None:
    stage.server.fail("batches.create", "drop_after")


def dropped_before_the_commit(stage: Stage) -> None:
    stage.server.fail("batches.create", "drop_before")


def garbage_after_the_commit(stage: Stage) -> None:
    stage.server.fail("batches.create", "garbage")


def commit_lost_and_list_refused(stage: Stage) -> None:
    stage.server.fail("batches.create", "drop_after")
    stage.server.fail("batches.list", 503, times=3, skip=2)
    reader = stage.reader()
    reader.submit(REQUESTS)
    with pytest.raises(Exception, match="503"):
        reader.flush(quiet, force=True)


def empty_ledger_and_a_finished_job(stage: Stage) -> None:
    stage.reader().submit(REQUESTS)
    stage.reader().flush(quiet, force=True)
    stage.server.finish()
    stage.lose_the_ledger()
    # Half of the videos: the job that would be made for them has another name.
    stage.reader().submit(REQUESTS[:6])
    stage.reader().flush(quiet, force=True)
    stage.clock.forward(minutes=1)


def empty_ledger_and_a_running_job(stage: Stage) -> None:
    reader = stage.reader()
    reader.submit(REQUESTS)
    reader.flush(quiet, force=True)
    stage.lose_the_ledger()
    said: list[str] = []
    reader.submit(REQUESTS[:6])
    reader.flush(said.append, force=True)
    assert any("still runs; videos that wait: 2" in each for each in said)


def empty_ledger_and_the_same_job_running(stage: Stage) -> None:
    reader = stage.reader()
    reader.submit(REQUESTS)
    reader.flush(quiet, force=True)
    stage.lose_the_ledger()
    reader.submit(REQUESTS)
    reader.flush(quiet, force=True)


def three_processes_submit(stage: Stage) -> None:
    stage.server.fail("files.start", "slow", seconds=2.0)
    processes = [stage.start(send) for _ in range(2)]
    stage.until(lambda: stage.server.faults.all_came)
    # One of the two is uploading: the third finds its job planned and not sent.
    processes.append(stage.start(send))
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]


def two_processes_poll(stage: Stage) -> None:
    stage.reader().submit(REQUESTS)
    stage.reader().flush(quiet, force=True)
    both = [stage.start(wait_for_answers) for _ in range(2)]
    stage.until(lambda: stage.server.asked("batches.get") >= 2)
    stage.server.fail("files.download", "slow", seconds=1.0)
    stage.server.finish()
    for process in both:
        process.join()
    assert [process.exitcode for process in both] == [0, 0]
    assert stage.server.asked("files.download") == 1


def results_refused_once(stage: Stage) -> None:
    reader = stage.reader()
    job = reader.submit(REQUESTS)
    reader.flush(quiet, force=True)
    stage.server.finish()
    stage.server.fail("files.download", 404)
    assert "cannot be read now" in reader.poll(job).note
    assert stage.job_states() == ["submitted"]


def results_forgotten(stage: Stage) -> None:
    reader = stage.reader()
    job = reader.submit(REQUESTS)
    reader.flush(quiet, force=True)
    stage.server.finish()
    stage.server.forget_files()
    assert "cannot be read now" in reader.poll(job).note
    stage.clock.forward(hours=49)


def empty_ledger_and_results_refused_once(stage: Stage) -> None:
    stage.reader().submit(REQUESTS)
    stage.reader().flush(quiet, force=True)
    stage.server.finish()
    stage.lose_the_ledger()
    stage.server.fail("files.download", 404)
    said: list[str] = []
    stage.reader().submit(REQUESTS[:6])
    stage.reader().flush(said.append, force=True)
    assert any("cannot be read now; videos that wait: 2" in each for each in said)


def key_of_another_project(stage: Stage) -> None:
    with GeminiServer(read_well, polls_to_end=1, seed=1) as other:
        # The other project has a job of this ledger too, and knows nothing of the second.
        elsewhere = gemini_reader(other.url, stage.store, stage.folder, clock=stage.clock)
        theirs = elsewhere.submit(OTHERS)
        elsewhere.flush(quiet, force=True)
        assert elsewhere.poll(theirs).state is JobState.DONE
        stage.elsewhere_usd = stage.booked_usd()
        ours = stage.reader().submit(REQUESTS)
        stage.reader().flush(quiet, force=True)
        with pytest.raises(ConfigurationError, match="does not know job nko-"):
            elsewhere.poll(ours)


def job_failed_three_times(stage: Stage) -> None:
    reader = stage.reader()
    job = reader.submit(REQUESTS)
    for minutes in (10, 20, 40):
        stage.server.end_next("FAILED", message="The billing account is not active.")
        reader.flush(quiet, force=True)
        stage.server.finish()
        reader.poll(job)
        stage.clock.forward(minutes=minutes - 1)
        reader.flush(quiet, force=True)
        assert all(served.done for served in stage.server.jobs), "asked again too early"
        stage.clock.forward(minutes=1)


def empty_ledger_and_a_failed_job(stage: Stage) -> None:
    stage.server.end_next("FAILED")
    stage.reader().submit(REQUESTS)
    stage.reader().flush(quiet, force=True)
    stage.server.finish()
    stage.lose_the_ledger()
    stage.clock.forward(hours=1)
    stage.reader().submit(REQUESTS)
    stage.reader().flush(quiet, force=True)
    assert [served.done for served in stage.server.jobs] == [True, False]


def empty_ledger_a_failed_job_and_a_lost_commit(stage: Stage) -> None:
    stage.server.fail("batches.create", "drop_before", skip=1)
    stage.server.end_next("FAILED")
    stage.reader().submit(REQUESTS)
    stage.reader().flush(quiet, force=True)
    stage.server.finish()
    stage.lose_the_ledger()
    stage.clock.forward(hours=1)
    stage.reader().submit(REQUESTS)
    stage.reader().flush(quiet, force=True)
    # The job of that name is not the one that was asked for now.
    assert (stage.job_states(), len(stage.server.jobs)) == (["uploaded"], 1)


def cancelled_with_some_answers(stage: Stage) -> None:
    stage.server.end_next("CANCELLED", share=0.5)


CASES = (
    killed_before_the_upload,
    killed_during_the_upload,
    killed_after_the_upload,
    killed_while_create_is_on_its_way,
    killed_before_create_is_answered,
    killed_between_download_and_write,
    refused_after_the_commit,
    timed_out_after_the_commit,
    dropped_after_the_commit,
    dropped_before_the_commit,
    garbage_after_the_commit,
    commit_lost_and_list_refused,
    empty_ledger_and_a_finished_job,
    empty_ledger_and_a_running_job,
    empty_ledger_and_the_same_job_running,
    three_processes_submit,
    two_processes_poll,
    results_refused_once,
    results_forgotten,
    empty_ledger_and_results_refused_once,
    key_of_another_project,
    job_failed_three_times,
    empty_ledger_and_a_failed_job,
    empty_ledger_a_failed_job_and_a_lost_commit,
    cancelled_with_some_answers,
)
# Paid for, and lost beyond recovery: not asked again unless a person says so.
LOST = (results_forgotten,)


@pytest.fixture(scope="module")
def matrix(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """One line a case, shown at the end when asked for."""
    rows = [f"{'fault':<45}jobs  requests  paid once  frames ok"]
    yield rows
    capture = request.config.pluginmanager.get_plugin("capturemanager")
    if request.config.get_verbosity() >= 0:
        with capture.global_and_fixture_disabled():
            print("\n" + "\n".join(rows))


@pytest.fixture
def stage(store: Store, tmp_path: Path) -> Iterator[Stage]:
    with GeminiServer(read_well) as server:
        stage = Stage(server, store, tmp_path)
        yield stage
        for process in stage.processes:
            process.kill()
            process.join()


@pytest.mark.parametrize("fault", CASES, ids=lambda case: case.__name__)
def test_each_request_is_paid_for_once_and_each_frame_answered(fault, stage, matrix):
    fault(stage)
    statuses = stage.finish()
    stage.server.finish()  # a job too many would be paid for now
    paid = stage.charged()
    once = sum(count == 1 for count in paid.values())
    matrix.append(
        f"{fault.__name__.replace('_', ' '):<44}"
        f"{len(stage.server.jobs):>5} {len(paid):>9} {once:>10} {statuses.count('ok'):>10}"
    )
    expected = "missing" if fault in LOST else "ok"
    assert statuses == [expected] * len(REQUESTS), matrix[-1]
    assert once == len(paid) == len(REQUESTS), matrix[-1]
    if fault in LOST:
        assert stage.booked_usd() >= stage.charged_usd()
    else:
        assert stage.booked_usd() == pytest.approx(stage.charged_usd())


def test_what_was_done_and_charged_without_an_answer_is_booked(stage):
    stage.server.end_next("CANCELLED", share=0.5, lost=True)
    assert set(stage.finish()) == {"ok"}
    assert stage.charged().total() == 18  # nobody can know which six of the twelve were done
    assert stage.booked_usd() >= stage.charged_usd()


def test_a_job_that_always_fails_ends_with_its_reason_and_costs_nothing(stage):
    stage.server.end_next("FAILED", message="The billing account is not active.", times=9)
    reader = stage.reader()
    job = reader.submit(REQUESTS)
    for _ in range(9):
        reader.flush(quiet, force=True)
        stage.server.finish()
        if reader.poll(job).state.final:
            break
        stage.clock.forward(hours=2)
    readings = list(reader.collect(job, REQUESTS, quiet))
    assert {each.status for each in readings} == {"error"}
    assert all("billing account is not active" in each.reason for each in readings)
    assert len(stage.server.jobs) == ledger.MAX_FAILED_JOBS
    assert stage.booked_usd() == 0
