"""How far a figure can be trusted: confidence intervals, and whether two models really differ.

All intervals are of 95 %. Resampling draws with replacement, 1,000 times, from a fixed seed, so
that the same answers give the same report: single examples for a figure, whole videos or rows for a
difference, on which something is decided.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest  # type: ignore[import-untyped]
from scipy.stats import norm as normal
from scipy.stats import t as student

RESAMPLES: Final = 1000
LEVEL: Final = 0.95
LEAST_EXAMPLES: Final = 30
"""On fewer, a difference is luck, whatever its interval says."""
MOST_FAILED: Final = 0.05
"""The share of questions without an answer from which nothing is decided."""
LEAST_VIDEOS: Final = 5
"""On fewer, drawing whole videos says nothing of other videos."""

_SEED: Final = 12345
_TAILS: Final = (100 * (1 - LEVEL) / 2, 100 * (1 + LEVEL) / 2)

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure, its interval, and over how many examples it was taken."""

    value: float
    low: float
    high: float
    count: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """What one model scores above another on the same examples, in points of the score.

    `p` is the probability of a difference this far from zero, on either side, if there were none.
    """

    difference: float
    low: float
    high: float
    p: float
    count: int

    @property
    def better(self) -> bool:
        """Whether the first model is better for sure: enough examples, and no interval over zero."""
        return self.count >= LEAST_EXAMPLES and self.low > 0

    @property
    def worse(self) -> bool:
        """Whether it is worse for sure."""
        return self.count >= LEAST_EXAMPLES and self.high < 0


def share(right: Sequence[bool]) -> Estimate | None:
    """The share of true values, with Wilson's interval; None of nothing.

    Resampling says of ten right ones out of ten that it can be nothing but 100 %; Wilson does not.
    """
    if not right:
        return None
    interval = binomtest(sum(right), len(right)).proportion_ci(LEVEL, method="wilson")
    return Estimate(sum(right) / len(right), float(interval.low), float(interval.high), len(right))


def ratio(parts: Sequence[float], wholes: Sequence[float]) -> Estimate | None:
    """The sum of `parts` over the sum of `wholes`, as an error rate is; None of nothing.

    Raises `ValueError` when the two are not of one length.
    """
    over, under = np.asarray(parts, np.float64), np.asarray(wholes, np.float64)
    if over.shape != under.shape:
        raise ValueError(f"{over.size} parts and {under.size} wholes")
    if not under.sum():
        return None
    drawn = _draws(len(over))
    # A drawing may hold nothing but examples without a whole, which then says nothing.
    sums = under[drawn].sum(axis=1)
    rates = over[drawn].sum(axis=1)[sums > 0] / sums[sums > 0]
    low, high = np.percentile(rates, _TAILS)
    return Estimate(float(over.sum() / under.sum()), float(low), float(high), len(over))


def mean_of_groups(scores: Mapping[str, Sequence[float]]) -> Estimate | None:
    """The mean over the groups of each group's mean; drawings stay within the groups."""
    groups = [np.asarray(values, np.float64) for _, values in sorted(scores.items()) if len(values)]
    if not groups:
        return None
    low, high = np.percentile(_resampled_means(groups), _TAILS)
    return Estimate(
        float(np.mean([group.mean() for group in groups])),
        float(low),
        float(high),
        sum(map(len, groups)),
    )


def units_of(videos: Sequence[str], rows: Sequence[str]) -> Sequence[str]:
    """What examples are drawn by: their videos, and where those are fewer than five their rows.

    Lines of one video, and both directions of one pair, are good or bad together.
    """
    return videos if len(set(videos)) >= LEAST_VIDEOS else rows


def compare(
    ours: Sequence[float], theirs: Sequence[float], units: Sequence[str]
) -> Comparison | None:
    """What we score above them, the mean over paired examples; None where a single unit is all.

    Every example weighs the same, so that a task of two of them decides nothing. `units` names for
    each what it is drawn with (`units_of`). Raises `ValueError` when the three are not of one
    length.
    """
    gained = np.asarray(ours, np.float64)
    if not gained.size == len(theirs) == len(units):
        raise ValueError(f"{gained.size} scores beside {len(theirs)}, of {len(units)} units")
    names, unit = np.unique(np.asarray(units, np.str_), return_inverse=True)
    if len(names) < 2:
        return None
    gained = gained - np.asarray(theirs, np.float64)
    sums, counts = np.bincount(unit, gained), np.bincount(unit)
    drawn = _draws(len(names))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    mean = gained.mean()
    # Drawings of few units lie too close together (Hesterberg 2015, expanded percentiles).
    freedom = len(names) - 1
    spread = student.ppf((1 + LEVEL) / 2, freedom) / normal.ppf((1 + LEVEL) / 2)
    means = mean + (means - mean) * spread * np.sqrt(len(names) / freedom)
    low, high = np.percentile(means, _TAILS)
    # With one drawing more than there are, so that nothing is ever impossible.
    tail = (min((means <= 0).sum(), (means >= 0).sum()) + 1) / (len(means) + 1)
    return Comparison(float(mean), float(low), float(high), min(float(2 * tail), 1.0), len(gained))


def _resampled_means(groups: Sequence[Numbers]) -> Numbers:
    means = [group[_draws(len(group))].mean(axis=1) for group in groups]
    return np.asarray(np.mean(means, axis=0))


def _draws(count: int) -> npt.NDArray[np.intp]:
    """RESAMPLES rows of `count` places, the same for every figure over that many examples."""
    generator = np.random.default_rng([_SEED, count])
    return generator.integers(0, count, (RESAMPLES, count))
