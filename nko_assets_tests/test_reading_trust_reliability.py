"""Whether confidence keeps its word, by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nko_assets.reading.trust.reliability import BINS, calibration_error, reliability


def test_entries_fall_into_bins_by_their_confidence():
    bins = reliability([(0.05, False), (0.95, True), (0.97, False), (1.0, True)])
    assert len(bins) == BINS
    assert [one.count for one in bins] == [1, *[0] * 8, 3]
    assert bins[-1].right == 2
    assert bins[-1].confidence == pytest.approx((0.95 + 0.97 + 1) / 3)


def test_the_error_is_the_mean_distance_between_word_and_deed():
    always_right = reliability([(0.8, True)] * 3 + [(0.2, False)])
    assert calibration_error(always_right) == pytest.approx(0.2)
    assert calibration_error(reliability([])) == 0


def test_an_interval_narrows_with_the_number_of_entries():
    few, many = (reliability([(0.95, True)] * count)[-1].interval for count in (3, 300))
    assert few[0] < many[0] < 1
    assert few[1] == pytest.approx(1) == many[1]


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=40))
def test_no_entry_is_lost_and_every_share_lies_in_its_interval(known):
    bins = reliability(known)
    assert sum(one.count for one in bins) == len(known)
    assert sum(one.right for one in bins) == sum(right for _, right in known)
    for one in bins:
        low, high = one.interval
        assert -1e-9 <= low <= one.share_right + 1e-9
        assert one.share_right <= high + 1e-9 <= 1 + 1e-8
