"""The Gemini models that can read frames: how each takes resolution, temperature and thinking.

From ai.google.dev/gemini-api/docs (thinking, media-resolution, whats-new pages) and the developer
guides on docs.cloud.google.com, as of November 2026. A thinking level that a model does not have
fails every line of a job, so a model has to be in this table to be asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nko_assets.failures import ConfigurationError

Family = Literal["2.5", "3"]


@dataclass(frozen=True, slots=True)
class Model:
    """One model: its family, the least thinking it allows, and what that thinking takes.

    `family` decides how pictures are counted and which resolutions there are; Gemini 4 counts as 3.
    `thinking` is the least it can be told to think: a budget in tokens up to 2.5, a level from 3
    on; `thinking_tokens` is what is expected of it for one frame. `temperature` is the one to begin
    with, and `steerable` says whether another one changes anything for the better: from 3 on Google
    asks to leave it at 1 (lower ones loop), and the newest models ignore it.
    """

    name: str
    family: Family
    thinking: str
    thinking_tokens: int

    @property
    def steerable(self) -> bool:
        """Whether the temperature is ours to choose."""
        return self.family == "2.5"

    @property
    def temperature(self) -> float:
        """The temperature to begin with."""
        return 0.0 if self.steerable else 1.0


# Thinking at MINIMAL is nearly none; at LOW 500 tokens a frame is a cautious guess, which the real
# usage of a pilot replaces.
_MODELS = (
    Model("gemini-2.5-flash-lite", "2.5", "0", 0),
    Model("gemini-2.5-flash", "2.5", "0", 0),
    Model("gemini-2.5-pro", "2.5", "128", 128),
    Model("gemini-3-flash-preview", "3", "MINIMAL", 50),
    Model("gemini-3.1-flash-lite", "3", "MINIMAL", 50),
    Model("gemini-3.1-pro-preview", "3", "LOW", 500),
    # Answered by gemini-3.6-flash since its deprecation (ai.google.dev, whats-new-gemini-3.5).
    Model("gemini-3.5-flash", "3", "MINIMAL", 50),
    Model("gemini-3.5-flash-lite", "3", "MINIMAL", 50),
    Model("gemini-3.6-flash", "3", "MINIMAL", 50),
    # These two refuse MINIMAL with 400.
    Model("gemini-3.7-flash", "3", "LOW", 500),
    Model("gemini-3.8-flash", "3", "LOW", 500),
    Model("gemini-4-argon", "3", "LOW", 500),
)
_BY_NAME = {model.name: model for model in _MODELS}


def known_models() -> tuple[str, ...]:
    """The names of all models that can be asked."""
    return tuple(_BY_NAME)


def model_named(name: str) -> Model:
    """The model called `name`; raises ConfigurationError, listing all, when there is none."""
    try:
        return _BY_NAME[name.removeprefix("models/")]
    except KeyError:
        raise ConfigurationError(
            f"{name!r} is no Gemini model that this release knows.",
            f"Set NKO_MODEL to one of {', '.join(_BY_NAME)}.",
        ) from None
