"""Mean and spread of outcomes, kept one value at a time and merged from parts.

Welford, B. P. (1962), "Note on a method for calculating corrected sums of squares and products",
Technometrics 4 (3); the merge is that of Chan, Golub and LeVeque (1979).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What a set of outcomes comes to: how many, their mean, and their sum of squared differences.

    The order in which outcomes come changes nothing but the last digits.
    """

    mean: float = 0.0
    m2: float = 0.0
    count: int = 0

    @classmethod
    def of(cls, values: Iterable[float]) -> Outcomes:
        """The outcomes in `values`."""
        total = cls()
        for value in values:
            total = total.with_value(value)
        return total

    def with_value(self, value: float) -> Outcomes:
        """These and one more."""
        count = self.count + 1
        difference = value - self.mean
        mean = self.mean + difference / count
        return Outcomes(mean, self.m2 + difference * (value - mean), count)

    def merge(self, other: Outcomes) -> Outcomes:
        """These and those of `other`, none of which may be in both."""
        if not self.count or not other.count:
            return self if self.count else other
        count = self.count + other.count
        difference = other.mean - self.mean
        return Outcomes(
            self.mean + difference * other.count / count,
            self.m2 + other.m2 + difference**2 * self.count * other.count / count,
            count,
        )

    @property
    def variance(self) -> float | None:
        """Variance of the outcomes themselves (divided by their number); None when there is none."""
        return self.m2 / self.count if self.count else None
