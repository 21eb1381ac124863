"""What Vertex AI asks for tuning Gemini, in dollars for each million tokens that it trains on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from nko_assets.failures import ConfigurationError

SOURCE: Final = "https://cloud.google.com/vertex-ai/generative-ai/pricing"
READ_ON: Final = "2026"
"""The page, and the year in which others quoted these figures from it; look there before a large job."""


EPOCHS: Final = 3
"""How often a job trains on its data, and what open models are compared by. The service would choose
by itself, and so the price too."""


@dataclass(frozen=True, slots=True)
class TunableModel:
    """A Gemini model that Vertex AI tunes; `training_usd` is for a million tokens of one epoch."""

    name: str
    training_usd: float


TUNABLE: Final = (
    TunableModel("gemini-2.5-flash-lite", 1.50),
    TunableModel("gemini-2.5-flash", 5.00),
    TunableModel("gemini-2.5-pro", 25.00),
)


def tunable(name: str) -> TunableModel:
    """The model of that name; raises `ConfigurationError` for one that is not tuned."""
    for model in TUNABLE:
        if model.name == name:
            return model
    raise ConfigurationError(
        f"What tuning {name} costs is not known, so nothing is sent.",
        f"Set NKO_TUNING_MODEL to one of {', '.join(model.name for model in TUNABLE)}.",
    )


def training_usd(model: TunableModel, tokens: int, epochs: int) -> float:
    """Dollars for so many epochs over a dataset of so many tokens."""
    return model.training_usd * tokens * epochs / 1e6
