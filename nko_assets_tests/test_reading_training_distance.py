"""Edit distance and error rate, against their definitions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nko_assets.reading.training.distance import edit_distance, error_rate

short = st.text(alphabet="ߊߋߌ", max_size=8)


@given(short, short)
def test_the_distance_is_the_same_both_ways_and_within_its_bounds(a, b):
    distance = edit_distance(a, b)
    assert distance == edit_distance(b, a)
    assert abs(len(a) - len(b)) <= distance <= max(len(a), len(b))
    assert (distance == 0) == (a == b)


def test_known_distances():
    assert edit_distance("kitten", "sitting") == 3
    assert edit_distance("", "abc") == 3


def test_the_error_rate_weighs_lines_by_their_length():
    assert error_rate([("ab", "ab"), ("abcdefgx", "abcdefgh")]) == pytest.approx(0.1)


def test_an_error_rate_without_true_text_is_refused():
    with pytest.raises(ValueError, match="no true text"):
        error_rate([])
