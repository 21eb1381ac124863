"""The dry run: what frames would cost with each model, against the budgets, before a cent is spent."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from nko_assets.failures import PermanentFailure
from nko_assets.reading.gemini.models import model_named
from nko_assets.reading.gemini.prices import Price, next_price, price
from nko_assets.reading.gemini.request import first_settings
from nko_assets.reading.gemini.tokens import expected_tokens

Sizes = Mapping[tuple[int, int], int]
"""How many frames there are of each size, width and height in pixels."""


@dataclass(frozen=True, slots=True)
class Budget:
    """The budgets, None for no limit, and what is paid or on its way, in dollars."""

    total_usd: float | None = None
    daily_usd: float | None = None
    committed_usd: float = 0.0
    today_usd: float = 0.0

    @property
    def left_usd(self) -> float:
        """What may still be spent; infinite without a budget."""
        return math.inf if self.total_usd is None else max(self.total_usd - self.committed_usd, 0.0)

    @property
    def left_today_usd(self) -> float:
        """What may still be spent on this day; infinite without a daily budget."""
        return math.inf if self.daily_usd is None else max(self.daily_usd - self.today_usd, 0.0)


@dataclass(frozen=True, slots=True)
class ModelEstimate:
    """What all frames would cost with one model.

    `days` is over how many days the daily budget spreads it, None when it never ends. `later` is
    what the same would cost from the day on which the price changes next, None when it does not.
    """

    model: str
    resolution: str
    frames: int
    input_tokens: int
    output_tokens: int
    thinking_tokens: int
    usd: float
    price: Price
    within_budget: bool
    over_usd: float
    days: int | None
    later: tuple[date, float] | None

    @property
    def usd_per_frame(self) -> float:
        """Dollars for one frame."""
        return self.usd / self.frames

    @property
    def verdict(self) -> str:
        """In a few words, whether the budgets allow it."""
        if not self.within_budget:
            return f"${self.over_usd:,.2f} over the budget"
        if self.days is None:
            return "the daily budget allows nothing"
        return (
            "within the budget" if self.days <= 1 else f"within the budget, over {self.days} days"
        )


@dataclass(frozen=True, slots=True)
class Estimate:
    """The dry run of all models, the cheapest first."""

    day: date
    budget: Budget
    models: tuple[ModelEstimate, ...]

    def as_rows(self) -> list[dict[str, str | int | float]]:
        """One row a model, for tables."""
        return [
            {
                "model": each.model,
                "resolution": each.resolution,
                "frames": each.frames,
                "input_tokens": each.input_tokens,
                "output_tokens": each.output_tokens,
                "thinking_tokens": each.thinking_tokens,
                "usd": round(each.usd, 2),
                "usd_per_1000_frames": round(1000 * each.usd_per_frame, 3),
                "verdict": each.verdict,
                "later": f"${each.later[1]:,.2f} from {each.later[0]}" if each.later else "",
                "price": (
                    f"${each.price.input_usd:g} in, ${each.price.output_usd:g} out for a million, "
                    f"{each.price.rule}"
                    + (f" since {each.price.since}" if each.price.since else "")
                ),
            }
            for each in self.models
        ]

    def as_text(self) -> str:
        """The estimate as a table in plain text, its assumptions below it."""
        heads = ("model", "frames", "input", "output", "thinking", "dollars", "budget", "later")
        rows = [
            (
                each.model,
                f"{each.frames:,}",
                _millions(each.input_tokens),
                _millions(each.output_tokens),
                _millions(each.thinking_tokens),
                f"${each.usd:,.2f}",
                each.verdict,
                f"${each.later[1]:,.2f} from {each.later[0]}" if each.later else "",
            )
            for each in self.models
        ]
        widths = [max(len(row[column]) for row in (heads, *rows)) for column in range(len(heads))]
        lines = [
            "  ".join(
                cell.rjust(width) if 1 <= column <= 5 else cell.ljust(width)
                for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in (heads, *rows)
        ]
        spent = f"${self.budget.committed_usd:,.2f} is paid or on its way"
        total = _limit("project", self.budget.total_usd)
        daily = _limit("daily", self.budget.daily_usd)
        return "\n".join(
            [
                *lines,
                "",
                f"Batch prices of {self.day}; {spent}; {total}; {daily}.",
                "Tokens of pictures by each model's rule, of answers as expected from FLORES.",
            ]
        )


def estimate(
    sizes: Sizes,
    models: Sequence[str],
    day: date,
    *,
    resolution: str = "high",
    budget: Budget | None = None,
) -> Estimate:
    """What reading all frames once would cost with each of `models` on `day`.

    Raises PermanentFailure without frames, ConfigurationError for a model that is not known.
    """
    sizes = {size: frames for size, frames in sizes.items() if frames}
    if not sizes:
        raise PermanentFailure(
            "There are no frames to estimate a cost for.", "Materialize unique_frames first."
        )
    limits = budget or Budget()
    estimates = [_of_model(model, sizes, day, resolution, limits) for model in models]
    return Estimate(day, limits, tuple(sorted(estimates, key=lambda each: (each.usd, each.model))))


def _of_model(
    model: str, sizes: Sizes, day: date, resolution: str, budget: Budget
) -> ModelEstimate:
    settings = first_settings(model, resolution)
    tokens = [0, 0, 0]
    for (width, height), frames in sizes.items():
        for place, each in enumerate(expected_tokens(model, settings, width, height)):
            tokens[place] += frames * each
    given, answer, thinking = tokens
    now = price(model, day)
    usd = now.cost_usd(given, answer, thinking)
    then = next_price(model, day)
    return ModelEstimate(
        model=model_named(model).name,
        resolution=resolution,
        frames=sum(sizes.values()),
        input_tokens=given,
        output_tokens=answer,
        thinking_tokens=thinking,
        usd=usd,
        price=now,
        within_budget=usd <= budget.left_usd,
        over_usd=max(usd - budget.left_usd, 0.0),
        days=_days(usd, budget),
        later=(then.day, then.cost_usd(given, answer, thinking)) if then else None,
    )


def _days(usd: float, budget: Budget) -> int | None:
    """Over how many days `usd` is spent, the first with what is left of it; None for never."""
    rest = usd - budget.left_today_usd
    if rest <= 0:
        return 1
    return 1 + math.ceil(rest / budget.daily_usd) if budget.daily_usd else None


def _millions(tokens: int) -> str:
    return f"{tokens / 1e6:,.1f} M"


def _limit(name: str, usd: float | None) -> str:
    return f"no {name} budget" if usd is None else f"{name} budget ${usd:,.2f}"
