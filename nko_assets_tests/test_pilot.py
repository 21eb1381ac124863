"""`nko pilot` and its job: real client, ledger and offline reader, and a local service."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from nko_assets import cli
from nko_assets.assets.pilot import pilot_models, run_pilot, videos_to_try
from nko_assets.build import build_definitions
from nko_assets.failures import ConfigurationError, PermanentFailure
from nko_assets.instance import open_instance
from nko_assets.nko import romanize
from nko_assets.progress import Silent
from nko_assets.reading.ledger import BudgetExceeded
from nko_assets.run import run_lineage
from nko_assets.settings import KEY_VARIABLES, load_settings
from nko_assets.steps import Workshop
from nko_assets.workshop import open_workshop
from nko_assets_tests.channels import GREETINGS, settings_for, write_lesson
from nko_assets_tests.servers.gemini import GeminiServer, LineError, truth

GOOD, BAD = "gemini-2.5-flash", "gemini-3.8-flash"
LESSONS = 2


def answer(frame_id: str, _jpeg: bytes, request: dict[str, Any]) -> str | LineError:
    """The right text from the older model; the newer one fails on every second lesson."""
    place = int(frame_id.split("-")[1].split(":", maxsplit=1)[0])
    if "thinkingLevel" in request["generationConfig"]["thinkingConfig"] and place % 2:
        return LineError(400, "the picture is bad")
    nko, english = GREETINGS[place]
    return truth(frame_id, [(nko, romanize(nko), english)])


@pytest.fixture(scope="module")
def channel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("channel") / "lessons"
    for number in range(LESSONS):
        write_lesson(folder / f"lesson {number}.mp4", [[GREETINGS[number][0]]], size=(640, 360))
    return folder


@pytest.fixture
def server(monkeypatch) -> Iterator[GeminiServer]:
    for name in KEY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    with GeminiServer(answer, polls_to_end=0) as running:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", running.url)
        yield running


@pytest.fixture(scope="module")
def prepared(tmp_path_factory, channel) -> Path:
    """A folder with a data root whose videos have their frames."""
    folder = tmp_path_factory.mktemp("prepared")
    opened = open_workshop(settings_for(folder, channel))
    run_lineage(opened, Silent(), only=("channel", "frames"))
    return folder


@pytest.fixture
def workshop(tmp_path, prepared, channel, server) -> Iterator[Workshop]:
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    opened = open_workshop(settings_for(tmp_path, channel, gemini_api_key=server.key, model=GOOD))
    yield opened
    opened.store.close()


def patience() -> Callable[[float], None]:
    """Waits for nothing, and not for ever."""
    turns = iter(range(20))

    def wait(_seconds: float) -> None:
        assert next(turns, None) is not None, "the pilot waits for ever"

    return wait


def run(workshop: Workshop, said: list[str] | None = None, **over: Any):
    given = {"videos": videos_to_try(workshop, 10), "frames": 200}
    return run_pilot(
        workshop,
        [GOOD, BAD],
        say=(said if said is not None else []).append,
        pause=patience(),
        **(given | over),
    )


def test_the_models_are_compared_and_the_page_recommends_one(workshop, server):
    said: list[str] = []
    result = run(workshop, said)
    good, bad = result.pilot.results
    assert (good.model, good.failed_share, good.confirmed) == (GOOD, 0, 1)
    assert bad.failed_share == 0.5
    assert bad.statuses == {"error": 1, "ok": 1}
    assert good.accepted == good.entries == LESSONS
    assert 0 < good.usd < good.channel_usd * 1.001
    assert result.pilot.recommendation.model == GOOD
    assert result.pilot.agreements[0].exact_share == 1
    page = result.page.read_text(encoding="utf-8")
    assert f"Take {GOOD}" in page
    assert f"NKO_MODEL={GOOD}" in page
    data = json.loads(result.data.read_text(encoding="utf-8"))
    assert data["recommendation"]["model"] == GOOD
    assert [one["failed_share"] for one in data["results"]] == [0, 0.5]
    assert "about $" in said[0]


def test_doing_it_again_costs_nothing(workshop, server):
    first = run(workshop).pilot
    paid = server.requests_paid.total()
    assert run(workshop).pilot == first
    assert server.requests_paid.total() == paid


def test_the_frames_of_the_pilot_are_not_paid_for_again_by_the_full_run(workshop, server):
    run(workshop)
    paid = server.requests_paid.total()
    run_lineage(workshop, Silent(), only=("readings",))
    assert server.requests_paid.total() == paid
    assert workshop.lake.read_table("gemini_results", videos_to_try(workshop, 1)[0])[
        "status"
    ].to_list() == ["ok"]


def test_a_budget_stops_the_pilot_before_money_is_spent(tmp_path, workshop, server):
    poor = open_workshop(workshop.settings.model_copy(update={"budget_usd": 0.000001}))
    with pytest.raises(BudgetExceeded):
        run(poor)
    assert server.requests_paid.total() == 0
    poor.store.close()


def test_only_as_many_frames_are_tried_as_asked_for(workshop):
    assert run(workshop, frames=1).pilot.frames == 1


def test_videos_without_frames_are_told(workshop):
    with pytest.raises(PermanentFailure, match="No video of the pilot has frames yet"):
        run(workshop, videos=["lesson-9"])


def test_one_model_is_no_comparison(server):
    settings = load_settings(gemini_api_key=server.key, model=GOOD)
    assert pilot_models(settings, []) == [GOOD, BAD]
    assert pilot_models(settings, [BAD, GOOD, BAD]) == [BAD, GOOD]
    with pytest.raises(ConfigurationError, match="two models or more"):
        pilot_models(settings, [GOOD])
    with pytest.raises(ConfigurationError, match="no Gemini model"):
        pilot_models(settings, [GOOD, "gemini-nonsense"])


def test_without_a_key_there_is_no_pilot(server):
    with pytest.raises(ConfigurationError, match="GEMINI_API_KEY is not set"):
        pilot_models(load_settings(), [])


def command(monkeypatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["nko", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def test_the_command_brings_videos_to_their_frames_and_prints_the_decision(
    tmp_path, channel, server, monkeypatch, capsys
):
    monkeypatch.setenv("GEMINI_API_KEY", server.key)
    monkeypatch.setenv("NKO_ACCEPT_CONFIDENCE", "0.5")
    where = ["--data", str(tmp_path / "data"), "--source", str(channel)]
    assert command(monkeypatch, "pilot", "--models", f"{GOOD},{BAD}", *where) == 0
    printed = capsys.readouterr().out
    assert f"Take {GOOD}." in printed
    assert "pilot.html" in printed
    assert command(monkeypatch, "pilot", "--models", f"{GOOD},{BAD}", "--json", *where) == 0
    assert json.loads(capsys.readouterr().out)["recommendation"]["model"] == GOOD


def test_the_job_of_the_ui_does_the_same(workshop, server):
    definitions = build_definitions(workshop.settings, {"workshop": workshop})
    config = {"ops": {"try_models": {"config": {"models": [GOOD, BAD]}}}}
    with open_instance(workshop.settings) as instance:
        outcome = definitions.resolve_job_def("pilot").execute_in_process(
            instance=instance, run_config=config
        )
    assert outcome.success
    (event,) = [one for one in outcome.all_events if one.event_type_value == "STEP_OUTPUT"]
    metadata = event.event_specific_data.metadata
    assert metadata["model"] == dg.MetadataValue.text(GOOD)
    assert (workshop.lake.root / "reports" / "pilot.html").exists()
