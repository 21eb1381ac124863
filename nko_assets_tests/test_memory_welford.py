"""Welford's statistics are those of numpy in float64, in whatever order and pieces they are made."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nko_assets.memory.welford import Outcomes

VALUES = st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), max_size=60)


def assert_same(found: Outcomes, values: list[float]) -> None:
    """`found` is what numpy says, as exactly as the size of the values allows."""
    assert found.count == len(values)
    if not values:
        assert (found.mean, found.m2, found.variance) == (0.0, 0.0, None)
        return
    array = np.asarray(values, dtype=np.float64)
    scale = float(np.abs(array).max()) or 1.0
    assert found.mean == pytest.approx(array.mean(), rel=1e-9, abs=1e-12 * scale)
    assert found.variance == pytest.approx(array.var(), rel=1e-9, abs=1e-12 * scale**2)
    assert found.m2 >= 0


@given(VALUES)
def test_one_value_after_the_other_gives_what_numpy_gives(values: list[float]) -> None:
    assert_same(Outcomes.of(values), values)


@given(VALUES, st.randoms(use_true_random=False))
def test_the_order_does_not_matter(values: list[float], order: random.Random) -> None:
    shuffled = list(values)
    order.shuffle(shuffled)

    assert_same(Outcomes.of(shuffled), values)


@given(VALUES, VALUES)
def test_two_halves_merge_into_the_whole(one: list[float], other: list[float]) -> None:
    assert_same(Outcomes.of(one).merge(Outcomes.of(other)), one + other)
    assert_same(Outcomes.of(other).merge(Outcomes.of(one)), one + other)


@given(st.lists(VALUES, max_size=6))
def test_many_parts_merge_into_the_whole(parts: list[list[float]]) -> None:
    whole = Outcomes()
    for part in parts:
        whole = whole.merge(Outcomes.of(part))

    assert_same(whole, [value for part in parts for value in part])


def test_a_spread_far_from_zero_is_not_lost() -> None:
    values = [1e9 + step for step in (4.0, 7.0, 13.0, 16.0)]

    assert Outcomes.of(values).variance == 22.5
