"""Whether confidence keeps its word: of entries with a confidence of 0.8, four in five are right."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

BINS = 10
"""Bins of confidence, each 1 / BINS wide."""

_Z = 1.96  # of a normal distribution, for 95 %


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Entries whose confidence lies in one bin: how many, their mean confidence, how many right.

    Of an empty bin `confidence` is its middle.
    """

    count: int
    confidence: float
    right: int

    @property
    def share_right(self) -> float:
        """The share that is right; 0 for an empty bin."""
        return self.right / self.count if self.count else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Where the true share lies with 95 % (Wilson); from 0 to 1 for an empty bin."""
        if not self.count:
            return 0.0, 1.0
        n, p = self.count, self.share_right
        middle = (p + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
        half = _Z / (1 + _Z**2 / n) * math.sqrt(p * (1 - p) / n + _Z**2 / (4 * n**2))
        return max(middle - half, 0.0), min(middle + half, 1.0)


def reliability(known: Iterable[tuple[float, bool]]) -> tuple[ReliabilityBin, ...]:
    """The `BINS` bins of entries given as their confidence, 0 to 1, and whether they are right."""
    inside: list[list[tuple[float, bool]]] = [[] for _ in range(BINS)]
    for confidence, right in known:
        inside[min(int(confidence * BINS), BINS - 1)].append((confidence, right))
    return tuple(
        ReliabilityBin(
            len(found),
            math.fsum(one for one, _ in found) / len(found) if found else (place + 0.5) / BINS,
            sum(right for _, right in found),
        )
        for place, found in enumerate(inside)
    )


def calibration_error(bins: Sequence[ReliabilityBin]) -> float:
    """The expected calibration error: the mean distance of confidence and share right, by entries."""
    entries = sum(one.count for one in bins)
    if not entries:
        return 0.0
    return math.fsum(one.count * abs(one.share_right - one.confidence) for one in bins) / entries
