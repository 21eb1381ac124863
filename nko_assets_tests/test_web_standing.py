"""How far things are: the running accuracy against numpy, phases, motifs, steps, the listing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nko_assets.resources.lake import Failure, Lake
from nko_assets.resources.memory_store import MemoryStore
from nko_assets.web.accuracy_chart import accuracy_chart
from nko_assets.web.i18n import Language
from nko_assets.web.standing import Listing, Point, standing_of, steps_of
from nko_assets_tests.memory_rows import motif, turn, video
from nko_assets_tests.pages import Page, list_videos


def test_the_mean_and_its_interval_are_those_of_all_outcomes(memory: MemoryStore) -> None:
    drawn = np.random.default_rng(1).uniform(0.6, 1, (200, 3))
    turns = [turn("a", number, outcomes=list(row)) for number, row in enumerate(drawn)]
    memory.upsert_videos([video("a", turns)])
    standing = standing_of(memory)()
    assert (standing.turns, standing.validated) == (200, 0)
    assert standing.outcomes.count == 600
    assert standing.outcomes.mean == pytest.approx(drawn.mean())
    assert standing.outcomes.variance == pytest.approx(drawn.var())
    last = standing.points[-1]
    half = 1.96 * drawn.std(ddof=1) / np.sqrt(600)
    assert last.turns == 200
    assert (last.low, last.high) == pytest.approx((drawn.mean() - half, drawn.mean() + half))
    for point in standing.points:
        assert point.mean == pytest.approx(drawn[: point.turns].mean())
    widths = [point.high - point.low for point in standing.points]
    assert widths[-1] < widths[0]


def test_phases_and_motifs_are_counted(memory: MemoryStore) -> None:
    turns = [
        turn("a", number, phase="validation" if number < 2 else "extraction") for number in range(5)
    ]
    memory.upsert_videos([video("a", turns), video("b", 1)])
    memory.upsert_motifs("lessons", [motif("ߖߌ"), motif("ߓߟߏ")])
    memory.upsert_motifs("a dictionary", [motif("ߛߓߍ", source="a dictionary")])
    standing = standing_of(memory)()
    assert (standing.turns, standing.validated) == (6, 2)
    assert standing.motifs == {"vocabulary": 3}
    assert standing.sources == {"lessons": 2, "a dictionary": 1}


def test_turns_without_outcomes_have_no_accuracy(memory: MemoryStore) -> None:
    memory.upsert_videos([video("a", [turn("a", 0, outcomes=[])])])
    standing = standing_of(memory)()
    assert (standing.turns, standing.points) == (1, ())


def test_an_empty_memory_stands_at_nothing(memory: MemoryStore) -> None:
    standing = standing_of(memory)()
    assert (standing.turns, standing.points, standing.motifs) == (0, (), {})


def test_the_chart_says_in_words_what_it_shows() -> None:
    points = [Point(1, 0.5, 0.0, 1.0), Point(50, 0.9, 0.85, 0.95), Point(100, 0.92, 0.9, 0.94)]
    svg = str(accuracy_chart(points, Language("en")))
    page = Page(f"<main>{svg}</main>")
    assert page.one("desc").text == "After 100 turns the mean is 92%, between 90% and 94%."
    band, line = page.one("polygon")["points"].split(), page.one("polyline")["points"].split()
    assert (len(band), len(line)) == (6, 3)
    places = [tuple(map(float, place.split(","))) for place in band]
    assert all(0 <= x <= 100 and 14 <= y <= 234 for x, y in places)
    assert places[0][1] == 14.0
    assert "style" not in svg
    assert "100 images lues" in str(accuracy_chart(points, Language("fr")))


def test_a_single_point_is_drawn_too() -> None:
    assert "NaN" not in str(accuracy_chart([Point(1, 1.0, 1.0, 1.0)], Language("en")))


def test_steps_count_what_is_done_and_what_failed(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    for video_id in ("a", "b", "c"):
        lake.save_record("unique_frames", video_id, "f", [], {}, [])
    lake.save_failure("unique_frames", "c", Failure("PermanentFailure", "broken"))
    lake.save_failure("unique_frames", "d", Failure("PermanentFailure", "broken"))
    counts = {one.step: (one.done, one.failed) for one in steps_of(lake)()}
    assert counts["unique_frames"] == (3, 2)
    assert counts["memory_turns"] == (0, 0)


def test_the_listing_follows_its_file_and_leaves_out_what_is_gone(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    listed = Listing(lake)
    assert listed() == []
    list_videos(lake, "a", "b")
    assert [video.video_id for video in listed()] == ["a", "b"]
    list_videos(lake, "a", gone="b")
    assert [video.video_id for video in listed()] == ["a"]
