"""Whatever goes wrong, a tuning job is paid for once, booked, and found again.

Real client, real ledger in Postgres, real processes that are killed; the service is the protocol
server, which counts what it was made to do. `pytest -v` shows the matrix.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any

import pytest
from pydantic import SecretStr

from nko_assets.failures import ConfigurationError, TransientFailure
from nko_assets.reading import ledger as readings
from nko_assets.reading.ledger import BudgetExceeded, Limits
from nko_assets.resources import vertex_tuner as module
from nko_assets.resources.store import Store
from nko_assets.resources.tuner import Work
from nko_assets.resources.vertex_tunings import VertexTunings
from nko_assets.tuning import ledger
from nko_assets.tuning.jobs import Receipt, TuningState
from nko_assets_tests.servers.vertex import TOKENS, Ending, VertexServer
from nko_assets_tests.vertex_tuning import MODEL, Desk, dataset, tunings, vertex_tuner

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([__name__])
# The lines between any two of which a process is killed: the tuner's and the ledger's.
WATCHED = (module.__file__, ledger.__file__)
COUNTED = TOKENS * 3 * 5 / 1e6
PLENTY = Limits(budget_usd=1000.0)


@dataclass
class Stage:
    """The server, the database, a desk with its clock, and the processes of one case."""

    server: VertexServer
    store: Store
    desk: Desk = field(default_factory=Desk)
    processes: list[BaseProcess] = field(default_factory=list)

    def tuner(self, **over: Any) -> module.VertexTuner:
        return vertex_tuner(self.server.url, self.store, self.desk, **({"limits": PLENTY} | over))

    def submit(self, which: str = "one") -> Receipt:
        return self.tuner().submit(dataset(which), self.desk.work)

    def start(self, target: Callable[..., None], *given: object) -> BaseProcess:
        """A process that is given the addresses of the server and of the database first."""
        with self.store.session() as conn:
            address = f"host={conn.info.host} user={conn.info.user} dbname={conn.info.dbname}"
        process = PROCESSES.Process(target=target, args=(self.server.url, address, *given))
        process.start()
        self.processes.append(process)
        return process

    def until(self, true: Callable[[], object]) -> None:
        deadline = time.monotonic() + 60
        while not true():
            assert time.monotonic() < deadline, "it never came so far"
            time.sleep(0.01)

    def committed(self) -> float:
        with self.store.session() as conn:
            return readings.money(conn, self.desk.clock.now).committed_usd

    def check_one_job(self, receipt: Receipt) -> None:
        """The service has one job, which the ledger knows and which is booked at its price."""
        assert [job.name for job in self.server.jobs] == [receipt.place]
        self.server.finish()
        status = self.tuner().status(receipt)
        assert (status.state, status.usd) == (TuningState.SUCCEEDED, COUNTED)
        assert self.committed() == COUNTED


def work(url: str, address: str, which: str = "one") -> None:
    """Submit in a process of its own."""
    store = Store(SecretStr(address), None)
    tuner = vertex_tuner(url, store, Desk(), limits=PLENTY, timeout_s=600.0)
    tuner.submit(dataset(which), Desk().work)


def work_and_be_killed(url: str, address: str, pipe: Connection) -> None:
    """Fork for every number that comes a process that is killed at that line; tell how it ended.

    All of them have the client of this process, because to make one takes longer than to use it.
    The connection of its only call was hung up, so that none of them shares one.
    """
    service = tunings(url, timeout_s=600.0, attempts=1)
    with pytest.raises(TransientFailure):
        service.find("none")
    while line := pipe.recv():
        child = os.fork()
        if not child:
            code = 1
            try:
                submit_and_be_killed(service, address, line)
                code = 0
            finally:
                os._exit(code)
        pipe.send(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def submit_and_be_killed(service: VertexTunings, address: str, kill_at: int) -> None:
    """Submit, and be killed before the `kill_at`th line of those watched that is come to."""
    store, clock = Store(SecretStr(address), None), Desk().clock
    tuner = module.VertexTuner(service, lambda: store, model=MODEL, limits=PLENTY, clock=clock)
    lines: set[tuple[str, int]] = set()

    def count(frame: FrameType, event: str, _argument: object) -> Any:
        if frame.f_code.co_filename not in WATCHED:
            return None
        if event == "line":
            lines.add((frame.f_code.co_filename, frame.f_lineno))
            if len(lines) == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
        return count

    sys.settrace(count)
    tuner.submit(dataset(f"line {kill_at}"), Desk().work)
    sys.settrace(None)


@pytest.fixture
def stage(store: Store) -> Iterator[Stage]:
    with VertexServer() as server:
        made = Stage(server, store)
        yield made
        for process in made.processes:
            process.kill()
            process.join()


@pytest.mark.parametrize(
    "how", ["drop_before", "drop_after", "503_after_commit", "garbage", 500, 503, 504, 408, 409]
)
def test_an_answer_that_nobody_can_read_costs_no_second_job(stage, how):
    stage.server.fail("tuningJobs.create", how)
    stage.check_one_job(stage.submit())


@pytest.mark.parametrize("how", ["drop_after", "503_after_commit"])
def test_a_job_that_is_listed_late_is_waited_for(stage, how):
    """The service made the job, says nothing of it, and does not list it at once."""
    stage.server.fail("tuningJobs.create", how)
    stage.server.hidden = True
    work = stage.desk.work
    receipt = stage.tuner().submit(
        dataset(), Work(work.say, work.observe, lambda seconds: show_later(stage, seconds))
    )
    assert any("asked for it again after" in line for line in stage.desk.said)
    stage.check_one_job(receipt)


def show_later(stage: Stage, seconds: float) -> None:
    stage.desk.clock.forward(seconds=seconds)
    if len(stage.desk.said) > 4:
        stage.server.hidden = False


def test_a_job_that_was_never_made_is_asked_for_again_but_not_at_once(stage):
    stage.server.fail("tuningJobs.create", "drop_before")
    began = stage.desk.clock.now
    stage.check_one_job(stage.submit())
    assert (stage.desk.clock.now - began).total_seconds() >= 300


@pytest.mark.parametrize("code", [429, 400, 401, 403, 404])
def test_what_is_refused_is_not_booked_and_may_be_asked_again_at_once(stage, code):
    stage.server.fail("tuningJobs.create", code)
    with pytest.raises((ConfigurationError, TransientFailure)):
        stage.submit()
    assert stage.committed() == 0
    stage.check_one_job(stage.submit())


def test_a_killed_process_is_carried_on_from_whatever_line_it_was_killed_at(stage):
    ours, theirs = PROCESSES.Pipe()
    stage.server.fail("tuningJobs.list", "drop_before")
    stage.start(work_and_be_killed, theirs)
    tuner = stage.tuner()
    killed = 0
    for line in range(1, 500):
        ours.send(line)
        ended = ours.recv()
        if ended == 0:
            break
        assert ended == -signal.SIGKILL
        killed += 1
        receipt = tuner.submit(dataset(f"line {line}"), stage.desk.work)
        # One job for each dataset; away with it, or every listing would be longer.
        assert [job.name for job in stage.server.jobs] == [receipt.place], line
        stage.server.jobs.clear()
    ours.send(0)
    assert killed > 40, "there are more lines than that"
    # Each booked once.
    assert len(stage.server.jobs) == 1
    with stage.store.session() as conn:
        assert len(ledger.jobs(conn)) == killed + 1
        assert sum(row.booked for row in readings.expenses(conn)) == killed + 1


@pytest.mark.parametrize("how", ["slow", "slow_after"])
def test_a_process_that_is_killed_while_the_service_is_asked(stage, how):
    """What was asked for is made by the service although nobody listens any more."""
    stage.server.fail("tuningJobs.create", how)
    process = stage.start(work)
    stage.until(lambda: "tuningJobs.create" in stage.server.received)
    process.kill()
    process.join()
    stage.server.go_on()
    stage.until(lambda: stage.server.jobs)
    stage.check_one_job(stage.submit())


def test_two_processes_at_once_make_one_job(stage):
    stage.server.fail("tuningJobs.create", "slow", seconds=0.5)
    processes = [stage.start(work) for _ in range(3)]
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    stage.check_one_job(stage.submit())


def test_a_lost_ledger_finds_its_job(stage):
    stage.submit()
    with stage.store.session() as conn:
        conn.execute("truncate tuning.jobs, ledger.expenses")
    stage.check_one_job(stage.submit())


@pytest.mark.parametrize(
    ("ending", "usd"),
    [
        (Ending("FAILED", "The dataset has a broken row.", started=False), 0.0),
        (Ending("CANCELLED", "Somebody stopped it.", epochs_done=1), COUNTED / 3),
        (Ending("EXPIRED", "It waited too long.", started=False), 0.0),
    ],
)
def test_a_bad_end_is_booked_as_far_as_it_came_and_the_next_attempt_is_a_job_of_its_own(
    stage, ending, usd
):
    receipt = stage.submit()
    stage.server.finish(ending)
    assert ending.message in stage.tuner().status(receipt).note
    assert stage.committed() == pytest.approx(usd)
    again = stage.submit()
    assert again.name == f"{receipt.name}-2"
    assert len(stage.server.jobs) == 2
    stage.server.finish()
    assert stage.tuner().status(again).state is TuningState.SUCCEEDED
    assert stage.committed() == pytest.approx(usd + COUNTED)


def test_money_that_is_not_there_sends_nothing_and_keeps_nothing(stage):
    tuner = stage.tuner(limits=Limits(budget_usd=1.0))
    with pytest.raises(BudgetExceeded):
        tuner.submit(dataset(), stage.desk.work)
    assert (stage.server.calls, stage.committed()) == ([], 0)
