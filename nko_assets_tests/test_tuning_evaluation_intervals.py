"""Intervals hold what they should, and a difference is told from luck."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nko_assets.tuning.evaluation.intervals import (
    LEAST_EXAMPLES,
    compare,
    mean_of_groups,
    ratio,
    share,
    units_of,
)

SCORES = st.lists(st.floats(0, 1), min_size=1, max_size=60)


def paired(ours, theirs):
    """Compared example by example."""
    return compare(ours, theirs, [str(number) for number in range(len(ours))])


def test_nothing_has_no_figure():
    assert share([]) is None
    assert ratio([], []) is None
    assert ratio([0, 0], [0, 0]) is None
    assert mean_of_groups({}) is None
    assert mean_of_groups({"task": []}) is None
    assert compare([], [], []) is None


def test_ten_right_ones_of_ten_may_still_be_wrong_the_next_time():
    found = share([True] * 10)
    assert found is not None
    assert found.value == 1
    assert found.low == pytest.approx(0.722, abs=0.001)  # Wilson's interval, from a table
    assert found.high == 1


@given(SCORES)
def test_a_mean_lies_in_its_interval_and_the_interval_among_the_scores(scores):
    found = mean_of_groups({"task": scores})
    assert found is not None
    slack = 1e-9
    assert min(scores) - slack <= found.low <= found.high <= max(scores) + slack
    assert found.value == pytest.approx(sum(scores) / len(scores))
    assert found.count == len(scores)


def test_groups_weigh_the_same_however_large_they_are():
    found = mean_of_groups({"many": [0.0] * 90, "few": [1.0] * 10})
    assert found is not None
    assert (found.value, found.low, found.high, found.count) == (0.5, 0.5, 0.5, 100)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=40))
def test_a_rate_is_all_errors_over_everything_that_could_be_wrong(pairs):
    parts, wholes = [part for part, _ in pairs], [whole for _, whole in pairs]
    found = ratio(parts, wholes)
    if not sum(wholes):
        assert found is None
        return
    assert found is not None
    assert found.value == pytest.approx(sum(parts) / sum(wholes))
    assert found.low <= found.high


def test_a_rate_takes_a_whole_for_each_part():
    with pytest.raises(ValueError, match="2 parts and 1 wholes"):
        ratio([1, 2], [3])


def test_a_model_is_not_better_than_itself():
    scores = [random.Random(1).random() for _ in range(200)]
    found = paired(scores, scores)
    assert found is not None
    assert (found.difference, found.low, found.high, found.p) == (0, 0, 0, 1)
    assert not found.better
    assert not found.worse


def test_a_clear_win_is_one_and_a_loss_is_its_mirror():
    lot = random.Random(2)
    theirs = [lot.random() / 2 for _ in range(100)]
    ours = [score + 0.1 + lot.random() / 10 for score in theirs]
    won, lost = paired(ours, theirs), paired(theirs, ours)
    assert won is not None
    assert lost is not None
    assert won.better
    assert lost.worse
    assert won.p < 0.01
    assert won.difference == pytest.approx(-lost.difference)
    assert (won.low, won.high) == pytest.approx((-lost.high, -lost.low))


def test_on_few_examples_nothing_is_for_sure():
    few = LEAST_EXAMPLES - 1
    found = paired([1.0] * few, [0.0] * few)
    assert found is not None
    assert found.low == 1
    assert not found.better


def test_noise_is_called_a_win_about_as_often_as_the_level_says():
    lot = random.Random(3)
    wins = 0
    for _ in range(600):
        ours = [lot.random() for _ in range(50)]
        theirs = [lot.random() for _ in range(50)]
        found = paired(ours, theirs)
        wins += found is not None and found.better
    # 2.5 % were meant, and resampling 50 scores gives 3.4 % of 1,500 such pairs.
    assert wins <= 0.05 * 600


def test_the_same_answers_give_the_same_report():
    scores = {"one": [0.2, 0.9, 0.4] * 20, "two": [0.1, 0.5] * 20}
    assert mean_of_groups(scores) == mean_of_groups(scores)
    assert ratio([1, 2, 3], [10, 10, 10]) == ratio([1, 2, 3], [10, 10, 10])


def test_both_sides_answer_the_same_questions():
    with pytest.raises(ValueError, match="1 scores beside 2"):
        compare([0.1], [0.1, 0.2], ["1"])


def test_a_task_of_one_example_does_not_outweigh_one_of_sixty():
    lot = random.Random(4)
    theirs = [0.4] * 61
    ours = [0.4 + lot.gauss(-0.03, 0.05) for _ in range(60)] + [1.0]
    found = paired(ours, theirs)
    assert found is not None
    assert found.difference < 0
    assert not found.better


def test_lines_of_a_video_that_are_good_or_bad_together_are_no_proof_each():
    lot = random.Random(5)
    wins = {"videos": 0, "lines": 0}
    for _ in range(300):
        shifts = [lot.gauss(0, 0.1) for _ in range(6)]
        ours = [shift + lot.gauss(0, 0.2) for shift in shifts for _ in range(33)]
        videos = [f"v{number}" for number in range(6) for _ in range(33)]
        found = compare(ours, [0.0] * len(ours), videos)
        wins["videos"] += found is not None and found.better
        alone = paired(ours, [0.0] * len(ours))
        wins["lines"] += alone is not None and alone.better
    assert wins["videos"] <= 0.05 * 300 < wins["lines"]


def test_both_directions_of_a_pair_are_no_proof_each():
    lot = random.Random(6)
    wins = 0
    for _ in range(400):
        once = [lot.gauss(0, 0.2) for _ in range(40)]
        found = compare(once * 2, [0.0] * 80, [str(number) for number in range(40)] * 2)
        wins += found is not None and found.better
    assert wins <= 0.05 * 400


def test_videos_are_drawn_where_there_are_five_and_rows_where_there_are_fewer():
    rows = list("abcdef")
    assert units_of(["1", "2", "3", "4", "5", "5"], rows) == ["1", "2", "3", "4", "5", "5"]
    assert units_of(["1", "2", "3", "4", "4", "4"], rows) == rows


def test_one_video_or_row_alone_says_nothing():
    assert compare([1.0] * 40, [0.0] * 40, ["v"] * 40) is None
