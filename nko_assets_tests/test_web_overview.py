"""The first page: scorecard, funnel, cost, what runs, and what is missing."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nko_assets.corpus.report import build_report, report_json
from nko_assets.resources.lake import Lake
from nko_assets.resources.memory_store import MemoryStore
from nko_assets.web.runs import RunNow
from nko_assets_tests.memory_rows import video
from nko_assets_tests.pages import Page, client
from nko_assets_tests.report_tables import inputs


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path)


def write_report(lake: Lake) -> None:
    lake.training.mkdir(exist_ok=True)
    (lake.training / "report.json").write_text(report_json(build_report(inputs())))


def write_cost(lake: Lake, spent: float) -> None:
    (lake.root / "reports").mkdir(exist_ok=True)
    document = {
        "money": {"spent_usd": spent, "open_usd": 1.0, "today_usd": 0.5},
        "budget_usd": 10.0,
        "within_budget": spent <= 10,
    }
    (lake.root / "reports" / "cost.json").write_text(json.dumps(document))


def test_the_scorecard_and_the_funnel_are_those_of_the_report(
    memory: MemoryStore, lake: Lake
) -> None:
    write_report(lake)
    page = Page(client(memory, lake).get("/").text)
    report = json.loads((lake.training / "report.json").read_text())
    cards = page.all("li", class_="criterion")
    assert len(cards) == len(report["criteria"])
    assert "wanted: at least 532" in " ".join(cards[0].text.split())
    for stage in report["funnel"]:
        assert f"{stage['count']:,}" in page.one("ol", class_="funnel").text
    french = client(memory, lake).get("/", headers={"Accept-Language": "fr"}).text
    assert "visé : au moins 532" in french


def test_a_new_report_is_shown_at_once(memory: MemoryStore, lake: Lake) -> None:
    visitor = client(memory, lake)
    assert "There is no training report yet." in visitor.get("/").text
    write_report(lake)
    assert "There is no training report yet." not in visitor.get("/").text


def test_money_is_told_against_its_budget(memory: MemoryStore, lake: Lake) -> None:
    write_cost(lake, 2.5)
    page = Page(client(memory, lake).get("/").text)
    assert "$2.50 of $10.00" in page.text
    assert "beyond" not in page.text
    write_cost(lake, 12.0)
    assert "This is beyond the budget." in Page(client(memory, lake).get("/").text).text


def test_what_runs_is_named_with_its_videos(memory: MemoryStore, lake: Lake) -> None:
    since = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    run = RunNow("r1", "lessons", "STARTED", since, ("a", "c"))
    page = Page(client(memory, lake, runs=lambda: [run]).get("/").text)
    assert "at work lessons · a … c · 2026-01-02 03:04 UTC" in page.text
    assert "Nothing runs." in Page(client(memory, lake, runs=list).get("/").text).text
    assert "not known here" in Page(client(memory, lake).get("/").text).text


@pytest.mark.parametrize("status", ["QUEUED", "NOT_STARTED", "STARTING", "STARTED", "CANCELING"])
def test_every_state_of_a_run_has_a_word(memory: MemoryStore, lake: Lake, status: str) -> None:
    run = RunNow("r1", "lessons", status, None)
    assert client(memory, lake, runs=lambda: [run]).get("/").status_code == 200


def test_an_empty_data_root_says_what_fills_it(memory: MemoryStore, lake: Lake) -> None:
    page = Page(client(memory, lake).get("/").text)
    assert {one.text for one in page.all("pre")} == {f"nko run --data {lake.root}"}
    assert "No turn has come into the memory yet." in page.text


def test_a_language_once_chosen_stays(memory: MemoryStore, lake: Lake) -> None:
    memory.upsert_videos([video("a", 1)])
    visitor = client(memory, lake)
    link = Page(visitor.get("/words?type=phrase").text).one("a", hreflang="fr")["href"]
    assert link == "/words?type=phrase&lang=fr"
    assert 'lang="fr"' in visitor.get(link).text
    assert '<html lang="fr">' in visitor.get("/").text
    assert '<html lang="fr">' in visitor.get("/?lang=xx").text


def test_the_first_page_loads_little_and_nothing_from_elsewhere(
    memory: MemoryStore, lake: Lake
) -> None:
    write_report(lake)
    memory.upsert_videos([video("a", 10)])
    visitor = client(memory, lake)
    answer = visitor.get("/")
    page = Page(answer.text)
    loaded = [one["href"] for one in page.all("link")] + [one["src"] for one in page.all("script")]
    sizes = [len(visitor.get(address).content) for address in loaded]
    assert all(address.startswith("/static/") for address in loaded)
    assert len(answer.content) + sum(sizes) < 200_000


def test_programs_find_what_they_can_ask(memory: MemoryStore, lake: Lake) -> None:
    page = Page(client(memory, lake).get("/docs").text)
    paths = [one.text for one in page.all("code")]
    assert "GET /api/search" in paths
    assert "GET /api/videos/{video_id}" in paths
