"""`nko retry`: what failed for good is asked again when a person says so, and read on with."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import NamedTuple

import dagster as dg
import pytest
from pydantic import SecretStr

from nko_assets import cli
from nko_assets.build import build_definitions
from nko_assets.instance import only_runner, open_instance
from nko_assets.jobs import LESSONS, READINGS
from nko_assets.partitions import range_tags
from nko_assets.progress import Silent
from nko_assets.reading import ledger
from nko_assets.resources.gemini_batches import GeminiBatches
from nko_assets.resources.gemini_reader import GeminiReader
from nko_assets.resources.reader import kept_frames, limits_of
from nko_assets.run import RunResult, run_lineage
from nko_assets.sensors import gemini_answers
from nko_assets.settings import KEY_VARIABLES
from nko_assets.steps import Workshop
from nko_assets.workshop import open_workshop
from nko_assets_tests.channels import settings_for, write_channel
from nko_assets_tests.servers.gemini import GeminiServer, truth

MODEL = "gemini-2.5-flash"
ROWS = [("ߛߎ", "su", "night")]


class Said(NamedTuple):
    """How the command ended and what it printed, on one line each."""

    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def _environment(monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.startswith("NKO_") or name in KEY_VARIABLES:
            monkeypatch.delenv(name)
    monkeypatch.setenv("NKO_DATA", str(tmp_path / "data"))


@pytest.fixture
def nko(monkeypatch, capsys) -> Callable[..., Said]:
    def run(*arguments: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["nko", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        out, err = (" ".join(text.split()) for text in capsys.readouterr())
        assert "Traceback" not in out + err
        return Said(end.value.code or 0, out, err)

    return run


@pytest.fixture(scope="module")
def channel(tmp_path_factory) -> Path:
    return write_channel(tmp_path_factory.mktemp("channel") / "lessons", 2)


class Sick:
    """The service, which cannot read the second lesson until it is well."""

    def __init__(self) -> None:
        self.well = False

    def answer(self, frame_id: str, _jpeg: bytes, _request: dict) -> str:
        fails = frame_id.startswith("lesson-1") and not self.well
        return "no JSON at all" if fails else truth(frame_id, ROWS)


@pytest.fixture
def sick() -> Sick:
    return Sick()


@pytest.fixture
def server(sick, monkeypatch) -> Iterator[GeminiServer]:
    with GeminiServer(sick.answer, polls_to_end=0) as running:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", running.url)
        monkeypatch.setenv("GEMINI_API_KEY", running.key)
        monkeypatch.setenv("NKO_MODEL", MODEL)
        yield running


@pytest.fixture
def workshop(tmp_path, channel, server) -> Iterator[Workshop]:
    """A channel of two lessons that were read; the frames of the second failed for good."""
    opened = open_workshop(settings_for(tmp_path, channel, gemini_api_key=server.key, model=MODEL))
    reader = GeminiReader(
        GeminiBatches(SecretStr(server.key)),
        opened.store,
        partial(kept_frames, opened.lake),
        model=MODEL,
        resolution=opened.settings.resolution,
        limits=limits_of(opened.settings),
        folder=opened.settings.data / "jobs",
        poll_every=timedelta(0),
    )
    opened = replace(opened, reader=reader)
    run_lineage(opened, Silent(), only=["channel", "frames"])
    hand_over(opened)
    read(opened)
    yield opened
    opened.store.close()


def hand_over(workshop: Workshop) -> None:
    """Hand the frames over as the job `lessons` does."""
    definitions = build_definitions(workshop.settings, {"workshop": workshop, "progress": Silent()})
    with open_instance(workshop.settings) as instance:
        assert (
            definitions.resolve_job_def(LESSONS)
            .execute_in_process(
                instance=instance,
                tags=range_tags([each.video_id for each in workshop.lake.videos()]),
            )
            .success
        )


def send_all(workshop: Workshop) -> None:
    """Send what is queued until everything is answered or has failed for good."""

    def waiting() -> int:
        with workshop.store().session() as conn:
            left = ledger.backlog(conn)
        return left.queued_requests + left.open_jobs

    while waiting():
        workshop.reader.flush(lambda _note: None, force=True)
        workshop.reader.settle(lambda _note: None)


def read(workshop: Workshop) -> RunResult:
    """Bring the readings up to date, without half a minute of waiting between attempts."""
    send_all(workshop)
    return run_lineage(workshop, Silent(), only=["readings"])


def statuses(workshop: Workshop, video_id: str) -> set[str]:
    return set(workshop.lake.read_table("gemini_results", video_id)["status"])


def test_what_failed_for_good_is_asked_again_and_read_on_with(nko, workshop, server, sick):
    good, bad = [entry.video_id for entry in workshop.lake.videos()]
    assert statuses(workshop, good) == {"ok"}
    assert "ok" not in statuses(workshop, bad)
    paid = server.requests_paid.copy()
    assert read(workshop).nothing_to_do, "by itself nothing is asked again"

    sick.well = True
    said = nko("retry", "--json")
    assert (said.code, json.loads(said.out)) == (0, {"frames": 2, "videos": [bad]})
    assert server.requests_paid == paid, "nothing is sent yet"
    assert "ok" not in statuses(workshop, bad), "the old table stays until the new one is made"
    read(workshop)
    assert statuses(workshop, bad) == {"ok"}
    assert sum((server.requests_paid - paid).values()) == 2, "the other video costs nothing more"
    assert read(workshop).nothing_to_do
    assert "Nothing to retry" in nko("retry").out


def test_only_the_videos_that_are_named_are_asked_again(nko, workshop):
    good, bad = [entry.video_id for entry in workshop.lake.videos()]
    said = nko("retry", "--videos", good)
    assert (said.code, said.out.split(":")[0]) == (0, "Nothing to retry")
    assert "2 frames of 1 videos are queued again" in nko("retry", "--videos", bad).out


def test_a_sensor_reads_on_with_what_is_asked_again(nko, workshop, sick):
    _, bad = [entry.video_id for entry in workshop.lake.videos()]
    run_lineage(workshop, Silent())
    with open_instance(workshop.settings) as instance:

        def look(cursor: str | None) -> dg.SensorResult:
            context = dg.build_sensor_context(instance, cursor, resources={"workshop": workshop})
            return gemini_answers(context)

        seen = look(None)
        assert not seen.run_requests
        sick.well = True
        nko("retry")
        assert not [
            each for each in look(seen.cursor).run_requests if each.job_name == READINGS.name
        ]
        send_all(workshop)
        (request,) = look(seen.cursor).run_requests
        assert (request.job_name, request.tags) == (READINGS.name, range_tags([bad]))


def test_frames_that_would_be_asked_otherwise_now_are_left_to_the_next_run(
    nko, workshop, monkeypatch
):
    monkeypatch.setenv("NKO_RESOLUTION", "low")
    said = nko("retry")
    assert said.code == 0
    assert "Nothing is asked again: the failed frames of 1 videos" in said.out


@pytest.mark.parametrize(
    ("given", "arguments", "told"),
    [
        ({"NKO_READER": "offline"}, [], "answers at once"),
        ({"GEMINI_API_KEY": "k"}, [], "There is no ledger yet"),
        ({"GEMINI_API_KEY": "k"}, ["--videos", ","], "names nothing"),
        ({"GEMINI_API_KEY": "k"}, ["--videos", "nobody"], "has no video nobody"),
    ],
)
def test_what_cannot_be_retried_is_one_sentence(nko, monkeypatch, tmp_path, given, arguments, told):
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    if arguments:
        monkeypatch.setenv("NKO_STORE_URL", "postgresql://nko:s@127.0.0.1:1/nko")
    said = nko("retry", *arguments)
    assert (said.code, said.out) == (2, "")
    assert told in said.err


def test_it_waits_for_a_run_that_is_at_work(nko, workshop):
    with only_runner(workshop.settings):
        said = nko("retry")
    assert said.code == 2
    assert "is at work" in said.err
