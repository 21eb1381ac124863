"""Lines of mixed script: runs in visual order, marks with their letters, ink where the box says."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from nko_assets.typeset import TYPEFACES, base_direction, draw_line, measure_line
from nko_assets.typeset.lines import split_runs

NOTO = TYPEFACES["noto"]
GREETING = "ߌ ߣߌ߫ ߛߐ߰ߡߊ߬"


def drawn(text: str, left: int = 40, baseline: int = 60) -> tuple[np.ndarray, tuple[int, ...]]:
    """Where a line drawn in black on white has ink, and the box that `draw_line` returns."""
    image = Image.new("L", (500, 100), 255)
    box = draw_line(ImageDraw.Draw(image), left, baseline, text, NOTO, 32, 0)
    return np.asarray(image) < 128, box


@pytest.mark.parametrize(
    ("text", "direction"),
    [(GREETING, "rtl"), ("good ߒߞߏ", "ltr"), ("« ߒߞߏ »", "rtl"), ("12", "ltr"), ("", "ltr")],
)
def test_the_first_strong_character_gives_the_direction(text: str, direction: str) -> None:
    assert base_direction(text) == direction


def test_a_line_of_nko_is_one_run_in_logical_order() -> None:
    (run,) = split_runs(GREETING, NOTO)
    assert (run.text, run.direction, run.face) == (GREETING, "rtl", NOTO)


def test_a_latin_word_in_a_line_of_nko_stands_between_what_surrounds_it() -> None:
    runs = split_runs("ߒߞߏ Bamako ߞߊ߲", NOTO)
    # From left to right: what is read last comes first.
    assert [run.text.strip() for run in runs] == ["ߞߊ߲", "Bamako", "ߒߞߏ"]
    assert [run.direction for run in runs] == ["rtl", "ltr", "rtl"]


def test_nko_in_a_line_of_latin_keeps_the_order_of_the_line() -> None:
    runs = split_runs("N'Ko: ߒߞߏ!", NOTO)
    assert [run.text.strip() for run in runs] == ["N'Ko:", "ߒߞߏ", "!"]


def test_what_the_typeface_lacks_is_drawn_with_the_fallback() -> None:
    assert not NOTO.covers("→")
    runs = split_runs("ߛߐ߰ߡߊ߬ → ߞߍ߲", NOTO)
    assert {run.face for run in runs if "→" in run.text} == {TYPEFACES["dejavu"]}
    assert {run.face for run in runs if "→" not in run.text} == {NOTO}


@pytest.mark.parametrize("text", [GREETING, "good morning", "ߒߞߏ Bamako 12"])
def test_the_ink_lies_in_the_box_that_is_returned(text: str) -> None:
    ink, (x0, y0, x1, y1) = drawn(text)
    rows, columns = np.nonzero(ink)
    assert x0 - 1 <= columns.min()
    assert columns.max() <= x1 + 1
    assert y0 - 1 <= rows.min()
    assert rows.max() <= y1 + 1


def test_a_line_is_as_wide_and_high_as_it_measures() -> None:
    width, ascent, descent = measure_line(GREETING, NOTO, 32)
    _, (x0, y0, x1, y1) = drawn(GREETING)
    assert x1 - x0 == pytest.approx(width, abs=4)
    assert (60 - y0, y1 - 60) == (ascent, descent)


def test_nko_is_drawn_from_right_to_left_and_joined() -> None:
    # The upright stroke of ߊ comes first, so it stands at the right end.
    ink, (x0, _, x1, _) = drawn("ߊߒ")
    columns = np.flatnonzero(ink.any(axis=0))
    assert np.diff(columns).max() == 1
    assert ink.sum(axis=0).argmax() > (x0 + 2 * x1) / 3


def test_nothing_takes_no_room() -> None:
    assert measure_line("", NOTO, 32) == (0.0, 0, 0)
    assert drawn("")[1] == (40, 60, 40, 60)
