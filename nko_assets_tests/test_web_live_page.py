"""The live page: the latest turns, what came after one, the figures, and what is missing."""

from __future__ import annotations

from pathlib import Path

from nko_assets.resources.lake import Lake
from nko_assets.resources.memory_store import MemoryStore
from nko_assets.resources.store import Store
from nko_assets.web.live_page import MOST_NEW, SHOWN
from nko_assets_tests.memory_rows import turn, video
from nko_assets_tests.pages import Page, client, list_videos


def test_the_latest_turns_stand_first_and_the_stream_is_named(
    memory: MemoryStore, database: Store, tmp_path: Path
) -> None:
    memory.upsert_videos([video("a", SHOWN + 3)])
    page = Page(client(memory, Lake(tmp_path), lambda: database).get("/live").text)
    shown = [int(one["data-seq"]) for one in page.all("li", class_="turn")]
    assert len(shown) == SHOWN
    assert shown == sorted(shown, reverse=True)
    assert page.one("ol", id="turns")["data-stream"] == "/api/turns/live"


def test_what_came_after_a_turn_comes_with_new_figures(
    memory: MemoryStore, database: Store, tmp_path: Path
) -> None:
    memory.upsert_videos([video("a", 2)])
    visitor = client(memory, Lake(tmp_path), lambda: database)
    seen = max(
        int(one["data-seq"]) for one in Page(visitor.get("/live").text).all("li", class_="turn")
    )
    memory.upsert_videos([video("b", MOST_NEW + 5)])
    news = Page(visitor.get("/live/turns", params={"after": seen}).text)
    new = [int(one["data-seq"]) for one in news.all("li", class_="turn")]
    assert len(new) == MOST_NEW
    assert min(new) > seen
    assert news.one("div", id="figures")["hx-swap-oob"] == "true"
    none = visitor.get("/live/turns", params={"after": max(new), "figures": "false"})
    assert none.text.strip() == ""


def test_progress_is_told_by_phase_and_by_step(memory: MemoryStore, tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    list_videos(lake, "a", "b")
    lake.save_record("unique_frames", "a", "f", [], {}, [])
    memory.upsert_videos([video("a", [turn("a", 0), turn("a", 1, phase="validation")])])
    page = Page(client(memory, lake).get("/live").text)
    assert "Frames chosen 1 of 2" in page.text
    assert "confirmed1 50%" in page.text
    assert page.one("polyline")


def test_without_a_database_it_says_that_nothing_appears_by_itself(
    memory: MemoryStore, tmp_path: Path
) -> None:
    page = Page(client(memory, Lake(tmp_path)).get("/live").text)
    assert "SUPABASE_DB_URL" in page.text
    assert "data-stream" not in page.one("ol", id="turns").attributes
    assert page.one("pre").text == f"nko run --data {tmp_path}"


def test_a_place_that_no_turn_has_is_refused(memory: MemoryStore, tmp_path: Path) -> None:
    visitor = client(memory, Lake(tmp_path))
    for after in ("-1", "x", str(2**63), ""):
        assert visitor.get("/live/turns", params={"after": after}).status_code == 422
