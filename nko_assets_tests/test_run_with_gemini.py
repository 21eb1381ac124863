"""The lineage with Gemini as the reader: the real client, ledger and instance, and a local service."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import dagster as dg
import pytest

from nko_assets import cli
from nko_assets.assets.lessons import LESSON_ASSETS, READING_ASSETS, SUBMISSION
from nko_assets.assets.operations import batches, dry_run
from nko_assets.build import build_definitions
from nko_assets.instance import open_instance
from nko_assets.jobs import LESSONS, READINGS, SENDING, SENT, send_queued
from nko_assets.nko import romanize
from nko_assets.partitions import VIDEOS, range_tags
from nko_assets.progress import Silent
from nko_assets.reading import ledger
from nko_assets.resources.gemini_batches import GeminiBatches
from nko_assets.resources.gemini_reader import GeminiReader
from nko_assets.resources.reader import kept_frames, limits_of
from nko_assets.run import RunResult, run_lineage
from nko_assets.sensor_memory import SensorMemory
from nko_assets.sensors import gemini_answers
from nko_assets.settings import KEY_VARIABLES
from nko_assets.steps import Workshop
from nko_assets.summary import summarize
from nko_assets.workshop import open_workshop
from nko_assets_tests.channels import GREETINGS, settings_for, write_channel
from nko_assets_tests.servers.gemini import GeminiServer, truth


def read_lesson(frame_id: str, _jpeg: bytes, _request: dict) -> str:
    """What `write_channel` shows on this frame."""
    lesson, _, milliseconds = frame_id.removeprefix("lesson-").replace(":", "-").split("-")
    nko, english = GREETINGS[(2 * int(lesson) + (int(milliseconds) >= 6000)) % len(GREETINGS)]
    return truth(frame_id, [(nko, romanize(nko), english)])


# Jobs end when the test says so, and not when they are first asked about.
ENDED_BY_HAND = pytest.mark.parametrize("server", [None], indirect=True)


@pytest.fixture
def server(request, monkeypatch) -> Iterator[GeminiServer]:
    """The service, where the client's own variable says it is."""
    for name in KEY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    with GeminiServer(read_lesson, polls_to_end=getattr(request, "param", 0)) as running:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", running.url)
        yield running


@pytest.fixture(scope="module")
def channel(tmp_path_factory) -> Path:
    return write_channel(tmp_path_factory.mktemp("channel") / "lessons", 3)


@pytest.fixture
def open_shop(tmp_path, channel, server) -> Iterator[Callable[..., Workshop]]:
    """Opens the workshop of one data root; its database is stopped at the end."""
    opened: list[Workshop] = []

    def with_settings(*, patient: bool = False, **over: object) -> Workshop:
        given = {"gemini_api_key": server.key, "model": "gemini-2.5-flash"} | over
        workshop = open_workshop(settings_for(tmp_path, channel, **given))
        opened.append(workshop if patient else replace(workshop, reader=_impatient(workshop)))
        return opened[-1]

    yield with_settings
    for workshop in opened:
        workshop.store.close()


def _impatient(workshop: Workshop) -> GeminiReader:
    """The reader of the settings, which asks about a job as often as it is asked."""
    settings = workshop.settings
    assert settings.gemini_api_key is not None
    return GeminiReader(
        GeminiBatches(settings.gemini_api_key),
        workshop.store,
        partial(kept_frames, workshop.lake),
        model=settings.model,
        resolution=settings.resolution,
        limits=limits_of(settings),
        folder=settings.data / "jobs",
        poll_every=timedelta(0),
    )


def run(workshop: Workshop, **over: object) -> RunResult:
    return run_lineage(workshop, Silent(), **over)


def materialized(workshop: Workshop) -> dict[str, int]:
    with open_instance(workshop.settings) as instance:
        return {
            name: len(instance.get_materialized_partitions(dg.AssetKey(name)))
            for name in LESSON_ASSETS
        }


def test_a_channel_is_read_and_paid_once_and_a_second_run_sends_nothing(open_shop, server):
    workshop = open_shop()
    result = run(workshop)
    assert (result.failed, result.broken, result.held_back) == ({}, {}, "")
    assert materialized(workshop) == dict.fromkeys(LESSON_ASSETS, 3)
    assert [job.state for job in server.jobs] == ["SUCCEEDED"]
    assert set(server.requests_paid.values()) == {1}
    assert len(server.requests_paid) == 6
    summary = summarize(workshop.lake)
    assert (summary.readings, summary.pairs) == (6, 6)
    (line,) = batches(workshop)
    assert (line.state, line.videos, line.frames, line.answered) == ("done", 3, 6, 6)
    costs = workshop.lake.record("cost_report")
    assert costs.facts["paid dollars"] == round(line.actual_usd, 4) > 0
    assert costs.checks[0] | {"facts": {}} == {
        "name": "within_budget",
        "passed": True,
        "severity": "WARN",
        "message": costs.facts["sentence"],
        "facts": {},
    }

    made, asked = len(server.jobs), server.asked("batches.create")
    assert run(open_shop()).nothing_to_do
    assert (len(server.jobs), server.asked("batches.create")) == (made, asked)


def test_a_budget_stops_sending_says_so_and_is_obeyed_when_it_is_raised(
    open_shop, server, monkeypatch, capsys
):
    workshop = open_shop(patient=True, budget_usd=0.0)
    result = run(workshop, only=["channel", "frames", "readings", "operations"])
    assert "budget of $0.00" in result.held_back
    assert "NKO_BUDGET_USD" in result.held_back
    assert server.jobs == []
    counts = materialized(workshop)
    assert counts[SUBMISSION] == 3, "the receipts stay"
    assert counts["gemini_results"] == 0
    assert {step for step, _ in result.failed.values()} == {"gemini_results"}
    assert SUBMISSION in summarize(workshop.lake).broken
    (line,) = batches(workshop)
    assert (line.state, line.frames) == ("waiting", 6)

    monkeypatch.setenv("NKO_BUDGET_USD", "0")
    monkeypatch.setenv("GEMINI_API_KEY", server.key)
    monkeypatch.setattr(
        sys, "argv", ["nko", "run", "--only", "readings", "--data", str(workshop.lake.root)]
    )
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 2
    told = " ".join(capsys.readouterr().err.split())
    assert "nko: The budget of $0.00" in told
    assert server.key not in told
    assert server.jobs == []

    richer = open_shop(budget_usd=1.0)
    assert run(richer, only=["readings"]).held_back == ""
    assert materialized(richer)["reviewed_readings"] == 3
    assert summarize(richer.lake).broken == {}
    assert set(server.requests_paid.values()) == {1}


def test_a_dry_run_asks_nobody_and_changes_nothing(open_shop, server, tmp_path):
    workshop = open_shop()
    before = dry_run(workshop, workshop.source.list_videos())
    assert before.frames.assumed + before.frames.by_duration == 3
    assert before.chosen.model == "gemini-2.5-flash"
    assert before.chosen.usd > 0
    assert not (tmp_path / "data").exists()

    run(workshop, only=["channel", "frames"])
    counted = dry_run(workshop, workshop.lake.videos())
    assert (counted.frames.counted, counted.frames.frames) == (3, 6)
    assert list(counted.frames.sizes) == [(320, 180)]
    assert server.calls == []

    run(workshop, only=["readings"])
    after = dry_run(workshop, workshop.lake.videos())
    assert (after.handed_over, after.costs) == (3, None)
    assert after.basis == "Nothing is left to be asked."


@ENDED_BY_HAND
def test_waiting_is_stopped_by_ctrl_c_and_taken_up_again(open_shop, server):
    workshop = open_shop()
    run(workshop, only=["channel", "frames"])

    first = threading.Lock()

    class Impatient(Silent):
        """Presses Ctrl-C, once, as soon as a video waits for its answers."""

        def say(self, step: str, key: str, message: str) -> None:
            if step == "gemini_results" and first.acquire(blocking=False):
                threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()

    with pytest.raises(KeyboardInterrupt):
        run_lineage(workshop, Impatient(), only=["readings"])
    assert materialized(workshop)["gemini_results"] == 0
    server.finish()
    resumed = open_shop()
    assert run(resumed, only=["readings"]).failed == {}
    assert materialized(resumed)["reviewed_readings"] == 3
    assert set(server.requests_paid.values()) == {1}


# --- as Dagster's daemon does it ------------------------------------------------------------------


@dataclass
class Daemon:
    """Runs jobs and ticks the sensor on one instance, as the daemon would."""

    workshop: Workshop
    instance: dg.DagsterInstance
    cursor: str | None = None

    def __post_init__(self) -> None:
        self.definitions = build_definitions(
            self.workshop.settings, {"workshop": self.workshop, "progress": Silent()}
        )

    def launch(
        self, job: str, tags: dict[str, str], assets: list[str] | None = None
    ) -> dg.DagsterRun:
        result = self.definitions.resolve_job_def(job).execute_in_process(
            instance=self.instance,
            asset_selection=None if assets is None else [dg.AssetKey(name) for name in assets],
            tags=tags,
            raise_on_error=False,
        )
        ended = self.instance.get_run_by_id(result.run_id)
        assert ended is not None
        return ended

    def look(self) -> list[dg.RunRequest]:
        """What the sensor asks for; empty when it skips."""
        context = dg.build_sensor_context(
            self.instance, self.cursor, resources={"workshop": self.workshop}
        )
        answer = gemini_answers(context)
        if isinstance(answer, dg.SkipReason):
            return []
        self.cursor = answer.cursor
        return [] if answer.skip_reason else answer.run_requests

    def tick(self) -> list[dg.RunRequest]:
        """What the sensor asks for, each of which is run."""
        requests = self.look()
        for request in requests:
            assert self.launch(request.job_name, request.tags).is_success
        return requests

    def wait(self, **time: float) -> None:
        """Let sensor and ledger believe that so much time has passed."""
        age = timedelta(**time)
        past = SensorMemory.of(self.cursor)
        for tried in past.tried.values():
            tried.last -= age
        past.told = {name: when - age for name, when in past.told.items()}
        self.cursor = past.model_dump_json()
        with self.workshop.store().session() as conn:
            conn.execute("update ledger.requests set queued_at = queued_at - %s", [age])

    def hand_over(self, video_ids: Sequence[str]) -> None:
        """Send the frames of these videos, in a job of their own."""
        assert self.launch(LESSONS, range_tags(video_ids)).is_success
        self.workshop.reader.flush(lambda _note: None, force=True)


@pytest.fixture
def daemon(open_shop, server) -> Iterator[Daemon]:
    """An instance whose videos have their frames, and jobs at the service that end when told to."""
    workshop = open_shop()
    run(workshop, only=["channel", "frames"])
    with open_instance(workshop.settings) as instance:
        yield Daemon(workshop, instance)


@ENDED_BY_HAND
def test_what_a_run_hands_over_a_sensor_brings_to_its_end(daemon, server):
    videos = daemon.instance.get_dynamic_partitions(VIDEOS.name)
    submitted = daemon.launch(LESSONS, range_tags(videos))
    assert submitted.is_success
    counts = materialized(daemon.workshop)
    assert (counts[SUBMISSION], counts["gemini_results"]) == (3, 0)
    daemon.workshop.reader.flush(lambda _note: None, force=True)
    assert len(server.jobs) == 1
    assert daemon.tick() == [], "the job is at work, and nothing is to do"

    server.finish()
    requests = [request for _ in range(3) for request in daemon.tick()]
    assert [request.job_name for request in requests][-1:] == [READINGS.name]
    assert {request.job_name for request in requests} <= {READINGS.name, send_queued.name}
    assert materialized(daemon.workshop)["reviewed_readings"] == 3
    assert daemon.tick() == [], "never twice"
    assert set(server.requests_paid.values()) == {1}


@ENDED_BY_HAND
def test_a_job_that_was_planned_by_a_process_that_died_is_sent(daemon, server):
    videos = daemon.instance.get_dynamic_partitions(VIDEOS.name)
    assert daemon.launch(LESSONS, range_tags(videos)).is_success
    with daemon.workshop.store().session() as conn:
        assert ledger.claim(conn, ledger.Limits(), datetime.now(UTC), force=True)
    assert [request.job_name for request in daemon.tick()] == [send_queued.name]
    assert len(server.jobs) == 1


@ENDED_BY_HAND
def test_a_run_that_hands_over_and_collects_makes_nothing_it_cannot_have_yet(daemon, server):
    videos = daemon.instance.get_dynamic_partitions(VIDEOS.name)
    everything = ["gemini_batches", *READING_ASSETS]
    ended = daemon.launch("__ASSET_JOB", range_tags(videos), everything)
    assert ended.is_success, "an answer that is late is no failure"
    counts = materialized(daemon.workshop)
    assert counts[SUBMISSION] == 3
    assert (counts["gemini_results"], counts["reviewed_readings"]) == (0, 0)
    assert daemon.workshop.lake.failure("gemini_results", videos[0]) is None
    shown = daemon.instance.get_status_by_partition(dg.AssetKey("gemini_results"), videos, VIDEOS)
    assert set(shown.values()) == {None}, "the UI shows them as missing"


@ENDED_BY_HAND
def test_only_videos_whose_answers_are_all_there_are_read_on(daemon, server):
    first, *others = daemon.instance.get_dynamic_partitions(VIDEOS.name)
    daemon.launch(LESSONS, range_tags([first]))
    daemon.workshop.reader.flush(lambda _note: None, force=True)
    server.finish()
    daemon.launch(LESSONS, range_tags(others))
    daemon.workshop.reader.flush(lambda _note: None, force=True)
    requests = [request for _ in range(3) for request in daemon.tick()]
    readings = [request for request in requests if request.job_name == READINGS.name]
    assert [request.tags for request in readings] == [range_tags([first])]
    assert materialized(daemon.workshop)["reviewed_readings"] == 1


def of_job(requests: Sequence[dg.RunRequest], job: str) -> list[dg.RunRequest]:
    return [request for request in requests if request.job_name == job]


@ENDED_BY_HAND
def test_a_reading_run_that_was_killed_is_launched_again_hourly_three_times(daemon, server):
    videos = daemon.instance.get_dynamic_partitions(VIDEOS.name)
    daemon.hand_over(videos)
    server.finish()
    daemon.workshop.reader.settle(lambda _note: None)
    first = of_job(daemon.look(), READINGS.name)
    assert [request.tags for request in first] == [range_tags(videos)]
    assert daemon.look() == [], "it may still run"
    keys = {request.run_key for request in first}
    for _ in range(2):
        daemon.wait(hours=1)
        keys |= {request.run_key for request in of_job(daemon.look(), READINGS.name)}
    assert len(keys) == 3, "Dagster starts a run key once only"
    daemon.wait(hours=1)
    assert daemon.look() == [], "a person has to look"


@ENDED_BY_HAND
def test_what_a_killed_run_had_recorded_and_not_told_dagster_is_materialized(daemon, server):
    first, *_ = daemon.instance.get_dynamic_partitions(VIDEOS.name)
    daemon.hand_over([first])
    server.finish()
    for _ in range(2):
        daemon.tick()
    assert materialized(daemon.workshop)["reviewed_readings"] == 1
    daemon.instance.wipe_assets([dg.AssetKey("reviewed_readings")])
    daemon.cursor = None
    daemon.tick()
    assert materialized(daemon.workshop)["reviewed_readings"] == 1


@ENDED_BY_HAND
def test_a_video_that_was_read_is_left_alone_when_a_setting_changes(daemon, server):
    first, *_ = daemon.instance.get_dynamic_partitions(VIDEOS.name)
    daemon.hand_over([first])
    server.finish()
    for _ in range(3):
        daemon.tick()
    changed = daemon.workshop.settings.model_copy(update={"accept_confidence": 0.4})
    daemon.workshop = replace(daemon.workshop, settings=changed)
    assert daemon.look() == []


@ENDED_BY_HAND
def test_a_job_that_cannot_be_asked_about_keeps_no_other_from_being_sent(daemon, server):
    first, *others = daemon.instance.get_dynamic_partitions(VIDEOS.name)
    daemon.hand_over([first])
    assert daemon.launch(LESSONS, range_tags(others)).is_success
    daemon.wait(hours=1)
    server.fail("batches.get", 403, times=99)
    ended = daemon.launch(send_queued.name, {})
    assert not ended.is_success, "it tells what went wrong"
    assert len(server.jobs) == 2, "and sends the others all the same"


@ENDED_BY_HAND
def test_a_job_that_cannot_be_asked_about_keeps_no_video_from_being_read(daemon, server):
    first, *others = daemon.instance.get_dynamic_partitions(VIDEOS.name)
    daemon.hand_over([first])
    server.finish()
    daemon.workshop.reader.settle(lambda _note: None)
    daemon.hand_over(others)
    server.fail("batches.get", 403, times=99)
    (reading,) = of_job(daemon.look(), READINGS.name)
    assert reading.tags == range_tags([first])


@ENDED_BY_HAND
def test_after_sending_has_failed_answers_are_still_recorded_at_once(daemon, server):
    first, *others = daemon.instance.get_dynamic_partitions(VIDEOS.name)
    daemon.hand_over([first])
    assert daemon.launch(LESSONS, range_tags(others)).is_success
    daemon.wait(hours=1)
    server.fail("batches.create", 403, times=1)
    assert not daemon.launch(send_queued.name, {}).is_success
    assert daemon.look() == [], "sending is tried again later"
    server.finish()
    assert [request.job_name for request in daemon.tick()] == [send_queued.name]
    assert of_job(daemon.look(), READINGS.name)


@ENDED_BY_HAND
def test_a_job_whose_answers_cannot_be_recorded_is_tried_hourly_and_not_each_minute(daemon, server):
    daemon.hand_over(daemon.instance.get_dynamic_partitions(VIDEOS.name))
    server.finish()
    server.fail("files.download", 403, times=99)
    (request,) = daemon.look()
    assert not daemon.launch(request.job_name, request.tags).is_success
    assert daemon.look() == []
    daemon.wait(hours=1)
    assert [request.job_name for request in daemon.look()] == [send_queued.name]


@ENDED_BY_HAND
def test_trouble_with_a_job_is_told_hourly_and_what_waits_is_sent_sooner(daemon, server):
    first, *_ = daemon.instance.get_dynamic_partitions(VIDEOS.name)
    daemon.hand_over([first])
    server.fail("batches.get", 403, times=99)
    (request,) = daemon.look()
    assert "403" in request.tags["nko/because"]
    assert not daemon.launch(request.job_name, request.tags).is_success
    assert daemon.look() == []
    (ended,) = daemon.instance.get_runs(dg.RunsFilter(job_name=send_queued.name))
    assert ended.tags[SENDING] == SENT, "so that only a short pause is made before the next"


@ENDED_BY_HAND
def test_a_receipt_of_other_frames_costs_one_video_only(daemon, server):
    first, second, third = daemon.instance.get_dynamic_partitions(VIDEOS.name)
    daemon.hand_over([first, second, third])
    server.finish()
    daemon.workshop.reader.settle(lambda _note: None)
    lake = daemon.workshop.lake
    other = lake.path(SUBMISSION, second, ".json").read_bytes()
    lake.path(SUBMISSION, first, ".json").write_bytes(other)
    (request,) = of_job(daemon.look(), READINGS.name)
    assert not daemon.launch(request.job_name, request.tags).is_success
    assert "is not part of job" in lake.failure("gemini_results", first).reason
    done = daemon.instance.get_materialized_partitions(dg.AssetKey("gemini_results"))
    assert done == {second, third}
