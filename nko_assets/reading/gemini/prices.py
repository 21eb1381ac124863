"""What a token costs in batch, by model and day, from the price table packaged in `genai-prices`.

The package fetches prices only when told to, which nothing here does: the same release gives the
same dollars everywhere. Its prices carry the day from which they hold, so introductory prices end
when they end.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache
from importlib.metadata import version

from nko_assets.failures import ConfigurationError
from nko_assets.reading.gemini.models import model_named

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
    from genai_prices.data import providers

    name = model_named(model).name
    google = next(provider for provider in providers if provider.id == "google")
    found = google.find_model(name)
    if found is None:
        raise ConfigurationError(
            f"genai-prices {version('genai-prices')} has no price for {name}.",
            "Install a newer genai-prices, or choose another model with NKO_MODEL.",
        )
    at = datetime.combine(day, time(12), UTC)
    standard = found.get_prices(at)
    listed = [
        variant
        for variant in found.price_variants or ()
        if variant.when == _BATCH and (variant.constraint is None or variant.constraint.active(at))
    ]
    starts = [
        conditional.constraint
        for conditional in (found.prices if isinstance(found.prices, list) else ())
        if conditional.constraint is not None and conditional.constraint.active(at)
    ]
    chosen, share, rule = standard, Decimal(1), "the standard price"
    if batch and listed:
        chosen, rule = found.get_prices(at, _BATCH), "the listed batch price"
        starts += [variant.constraint for variant in listed if variant.constraint is not None]
    elif batch:
        share, rule = _BATCH_SHARE, "half of the standard price"
    dates = [start.start_date for start in starts if hasattr(start, "start_date")]
    return Price(
        model=name,
        day=day,
        batch=batch,
        input_usd=_base(chosen.input_mtok, share, name),
        output_usd=_base(chosen.output_mtok, share, name),
        since=max(dates, default=None),
        rule=rule,
        source=f"{(google.pricing_urls or ['genai-prices'])[0]}, genai-prices {version('genai-prices')}",
    )


def cost_usd(
    model: str, day: date, input_tokens: int, output_tokens: int, thinking_tokens: int
) -> float:
    """Dollars in batch for tokens that were used, or would be, on `day`."""
    return price(model, day).cost_usd(input_tokens, output_tokens, thinking_tokens)


def _base(listed: object, share: Decimal, name: str) -> float:
    """The dollars of a price for a million tokens, of its first tier when there are several."""
    base = getattr(listed, "base", listed)
    if not isinstance(base, Decimal):
        raise ConfigurationError(
            f"genai-prices {version('genai-prices')} has no price for the tokens of {name}.",
            "Install a newer genai-prices, or choose another model with NKO_MODEL.",
        )
    return float(base * share)
