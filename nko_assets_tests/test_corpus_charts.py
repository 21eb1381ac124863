import re

import pytest

from nko_assets.corpus.charts import calibration, funnel, histogram, stacked_bar
from nko_assets.corpus.report_data import Stage
from nko_assets.reading.trust.reliability import reliability


def widths(svg, css):
    return [
        float(w)
        for w in re.findall(rf'width="([\d.]+)%" height="\d+" rx="4" class="bar {css}"', svg)
    ]


def test_bars_of_one_unit_share_a_scale():
    stages = [
        Stage("frames", "Frames", "frames", 200, ""),
        Stage("kept", "Kept", "frames", 50, ""),
        Stage("lines", "Lines", "text", 30, ""),
    ]
    svg = funnel(stages)
    assert widths(svg, "frames") == [100, 25]
    assert widths(svg, "text") == [100]
    assert "25%" in svg


def test_validation_is_compared_with_what_train_was_taken_from():
    stages = [
        Stage("pairs", "Pairs", "pairs", 100, ""),
        Stage("train", "Train", "pairs", 90, ""),
        Stage("validation", "Validation", "pairs", 10, ""),
    ]
    assert re.findall(r"(\d+%)  </tspan>", funnel(stages)) == ["90%", "10%"]


def test_labels_are_escaped():
    assert "<b>" not in funnel([Stage("x", "<b>", "frames", 1, "<b>")])


def test_a_funnel_of_nothing_has_empty_bars():
    assert widths(funnel([Stage("frames", "Frames", "frames", 0, "")]), "frames") == [0]


def test_the_stack_of_a_bin_is_as_high_as_its_rows():
    bins = {"accepted": (0, 3), "needs_review": (1, 1), "rejected": (4, 0)}
    svg = histogram(bins, 0.5)
    heights = [float(h) for h in re.findall(r'height="([\d.]+)" class="bar', svg)]
    assert sum(heights[:2]) / sum(heights[2:]) == pytest.approx(5 / 4, rel=0.001)
    assert "0.00 to 0.50: 0 accepted, 1 needs review, 4 rejected" in svg
    assert 'x1="50%"' in svg


def test_a_histogram_of_nothing_still_shows_the_gate():
    empty = {"accepted": (0,) * 20, "needs_review": (0,) * 20, "rejected": (0,) * 20}
    assert "gate 0.85" in histogram(empty, 0.85)
    assert 'class="bar' not in histogram(empty, 0.85)


def test_a_small_bar_without_rows_is_empty():
    assert "<rect" not in stacked_bar({"accepted": 0}, 0)
    assert 'width="50%"' in stacked_bar({"accepted": 5}, 10)


def test_a_bin_that_keeps_its_word_lies_on_the_diagonal():
    svg = calibration((), reliability([(0.55, True), (0.55, False)] * 5), 0.9)
    (x, y) = re.search(r'class="own".*?<circle cx="([\d.]+)%" cy="([\d.]+)"', svg).groups()
    (base, top) = re.search(r'y1="(\d+)" x2="100%" y2="(\d+)" class="diagonal"', svg).groups()
    assert x == "55"
    assert float(y) == (int(base) + int(top)) / 2


def test_empty_bins_are_not_drawn_and_both_series_are_said_in_words():
    one = reliability([(0.95, True)])
    svg = calibration(one, reliability([]), 0.9)
    assert svg.count("<circle") == 1
    assert "on rendered frames: at 0.95 100%" in svg
    assert "on this corpus" not in svg
