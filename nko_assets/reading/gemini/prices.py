"""What a token costs in batch, by model and day, from the price table packaged in `genai-prices`.

The package fetches prices only when told to, which nothing here does: the same release gives the
same dollars everywhere. Its prices carry the day from which they hold, so introductory prices end
when they end.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import cache, lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING

from nko_assets.failures import ConfigurationError
from nko_assets.reading.gemini.models import model_named

if TYPE_CHECKING:
    from genai_prices.types import ConditionalPrice, ModelInfo, PriceVariant

_SOURCE = "https://ai.google.dev/gemini-api/docs/pricing"
_ADVICE = "Install a newer genai-prices, or choose another model with NKO_MODEL."
_MILLION = 1_000_000
_BATCH = {"processing": "batch"}
_BATCH_SHARE = Decimal("0.5")  # of the standard price: ai.google.dev/gemini-api/docs/batch-api


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars for a million tokens of `model` on `day`. Thinking is charged as output.

    `since` is the day from which the table gives this price, None when it gives none; `rule` says
    whether the batch price is listed or half of the standard one.
    """

    model: str
    day: date
    batch: bool
    input_usd: float
    output_usd: float
    since: date | None
    rule: str
    source: str

    def cost_usd(self, input_tokens: int, output_tokens: int, thinking_tokens: int = 0) -> float:
        """Dollars for that many tokens."""
        output = output_tokens + thinking_tokens
        return (input_tokens * self.input_usd + output * self.output_usd) / _MILLION


@lru_cache(maxsize=512)
def price(model: str, day: date, *, batch: bool = True) -> Price:
    """The price of `model` on `day` (UTC) for requests below 200,000 tokens.

    Raises ConfigurationError for a model that this release does not know or has no price for.
    """
    name = model_named(model).name
    listed = _listed(name)
    at = datetime.combine(day, time(12), UTC)
    chosen, share, rule = listed.get_prices(at), Decimal(1), "the standard price"
    starts = _starts(listed, batch=False)
    if batch and any(_holds(variant, at) for variant in _batch_variants(listed)):
        chosen, rule = listed.get_prices(at, _BATCH), "the listed batch price"
        starts = _starts(listed, batch=True)
    elif batch:
        share, rule = _BATCH_SHARE, "half of the standard price"
    return Price(
        model=name,
        day=day,
        batch=batch,
        input_usd=_base(chosen.input_mtok, share, name),
        output_usd=_base(chosen.output_mtok, share, name),
        since=max((start for start in starts if start <= day), default=None),
        rule=rule,
        source=f"{_SOURCE}, genai-prices {version('genai-prices')}",
    )


def next_price(model: str, day: date) -> Price | None:
    """The next batch price of `model` after `day` that is another one; None when none is known."""
    now = price(model, day)
    for start in sorted(set(_starts(_listed(now.model), batch=True))):
        if start > day:
            then = price(model, start)
            if (then.input_usd, then.output_usd) != (now.input_usd, now.output_usd):
                return then
    return None


def cost_usd(
    model: str, day: date, input_tokens: int, output_tokens: int, thinking_tokens: int
) -> float:
    """Dollars in batch for tokens that were used, or would be, on `day`."""
    return price(model, day).cost_usd(input_tokens, output_tokens, thinking_tokens)


@cache
def _listed(name: str) -> ModelInfo:
    from genai_prices.data import providers

    google = next(provider for provider in providers if provider.id == "google")
    found = google.find_model(name)
    if found is None:
        raise ConfigurationError(
            f"genai-prices {version('genai-prices')} has no price for {name}.", _ADVICE
        )
    return found


def _batch_variants(listed: ModelInfo) -> list[PriceVariant]:
    return [variant for variant in listed.price_variants or () if variant.when == _BATCH]


def _holds(variant: PriceVariant, at: datetime) -> bool:
    return variant.constraint is None or variant.constraint.active(at)


def _starts(listed: ModelInfo, *, batch: bool) -> list[date]:
    """The days from which a price of `listed` holds."""
    dated: list[ConditionalPrice | PriceVariant] = []
    if isinstance(listed.prices, list):
        dated += listed.prices
    if batch:
        dated += _batch_variants(listed)
    starts = (getattr(each.constraint, "start_date", None) for each in dated)
    return [start for start in starts if start is not None]


def _base(listed: object, share: Decimal, name: str) -> float:
    """The dollars of a price for a million tokens, of its first tier when there are several."""
    base = getattr(listed, "base", listed)
    if not isinstance(base, Decimal):
        raise ConfigurationError(
            f"genai-prices {version('genai-prices')} has no price for the tokens of {name}.",
            _ADVICE,
        )
    return float(base * share)
