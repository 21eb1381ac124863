"""What the review page shows of an item: where its line is, and what speaks for which reading."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from nko_assets.reading.decisions import HumanDecision
from nko_assets.reading.reviews import NewItem, ReviewItem
from nko_assets.reading.reviews.differences import Piece
from nko_assets.resources.lake import Lake
from nko_assets.web.review_item import Correction, picture_of, preview, shown
from nko_assets_tests.review_rows import item, write_slides
from nko_assets_tests.slides import LINES


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = Lake(tmp_path_factory.mktemp("lake"))
    write_slides(lake, "v1", [LINES])
    return lake


def waiting(new: NewItem, **over: object) -> ReviewItem:
    read = {field.name: getattr(new, field.name) for field in fields(new)}
    queued = {
        "priority": 1.0,
        "occurrences": 1,
        "decision": None,
        "last_decision": None,
        "claimed_by": None,
        "claimed_until": None,
    }
    return ReviewItem(**(read | queued | over))


@pytest.mark.parametrize(
    ("box", "shown_box"),
    [
        ((10, 20, 110, 60), (10, 20, 110, 60)),
        ((-5, -5, 2_000, 40), (0, 0, 1280, 40)),
        ((), None),
        ((5, 5, 5, 40), None),
        ((1_300, 0, 1_400, 40), None),
        ((1, 2, 3), None),
    ],
)
def test_a_box_is_what_lies_on_the_frame(
    lake: Lake, box: tuple[int, ...], shown_box: tuple[int, ...] | None
) -> None:
    found = picture_of(lake, waiting(replace(item("v1", 0, 0, LINES[0]), box=box)))
    assert found is not None
    assert (found.width, found.height, found.box) == (1280, 720, shown_box)
    assert found.url == "/api/frames/v1:0"


def test_the_enlarged_line_has_a_margin_that_ends_at_the_edge(lake: Lake) -> None:
    found = picture_of(lake, waiting(replace(item("v1", 0, 0, LINES[0]), box=(0, 100, 1280, 140))))
    assert found is not None
    assert found.around == "0 86 1280 68"


def test_a_frame_that_is_not_in_the_lake_has_no_picture(lake: Lake) -> None:
    assert picture_of(lake, waiting(item("v1", 7, 0, LINES[0]))) is None


def test_the_reading_is_marked_against_the_first_reader_who_differs(lake: Lake) -> None:
    new = item("v1", 0, 0, "ߛߓߍ", other="ߛߓߍ")
    third = replace(new, said=(*new.said, replace(new.said[1], nko="ߛߓߐ")))
    assert shown(lake, waiting(new))["pieces"] == (Piece("ߛߓߍ", None),)
    told = shown(lake, waiting(third))
    assert told["pieces"] == (Piece("ߛߓ", None), Piece("ߍ", "letters"))
    assert [len(other.differences) for other in told["others"]] == [0, 1]


def test_who_read_nothing_differs_in_nothing(lake: Lake) -> None:
    told = shown(lake, waiting(item("v1", 0, 0, "ߛߓߍ", other="")))
    assert told["pieces"] == (Piece("ߛߓߍ", None),)
    assert told["others"][0].differences == ()


def test_a_correction_in_effect_is_where_the_next_one_begins(lake: Lake) -> None:
    new = item("v1", 0, 0, "ߛߓߍ", english="to write")
    decision = HumanDecision(
        new.reading_id, "correct", "Awa", "2026-11-24T00:00:00+00:00", "ߛߓߍ", "ߛߓߐ", english=""
    )
    told = shown(lake, waiting(new, decision=decision))
    assert told["fields"] == Correction("ߛߓߐ", "", "")
    assert (told["corrected_by"], told["latin"]) == ("Awa", "sɔbɔ")
    (as_read,) = told["others"]
    assert (as_read.reader, as_read.nko) == ("gemini-2.5-flash", "ߛߓߍ")
    assert [piece.text for piece in told["pieces"] if piece.kind] == ["ߐ"]


def test_a_preview_writes_the_tones_that_are_marked() -> None:
    assert preview("ߌ ߣߌ߫ ߗߋ߫").latin == "i ní cé"
    assert preview(" ").signals == ()
    assert preview("ߛߓߍ", "to write " * 30).signals
