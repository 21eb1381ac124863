"""What training an open model takes: arithmetic, memory, a card, hours and dollars.

Rules of thumb, stated with the page that uses them: a token of LoRA takes four operations a
weight (forward, and backward through frozen weights), a card reaches three tenths of its peak.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PRICES: Final = "docs.runpod.io/serverless/pricing, flex workers, billed by the second"
READ_ON: Final = "2026-11-25"

OPERATIONS: Final = 4  # for each weight and token of LoRA
UTILISATION: Final = 0.3  # of a card's peak, on short rows
PREPARATION_H: Final = 0.25  # download, loading, validation

_WEIGHT_BYTES: Final = 2  # bfloat16
_OVERHEAD: Final = 1.2  # adapters, their optimizer, buffers
_ACTIVATIONS_GB: Final = 4.0  # eight rows of 1,024 tokens with gradient checkpointing
_CPU_BILLIONS: Final = 0.2  # weights, in billions, that a machine without a card trains


@dataclass(frozen=True, slots=True)
class Card:
    """A graphics card one can rent: memory in GB, dense bfloat16 operations a second, dollars."""

    name: str
    memory_gb: int
    peak: float
    usd_hour: float


CARDS: Final = (
    Card("L4", 24, 121e12, 0.00019 * 3600),
    Card("A100 80 GB", 80, 312e12, 0.00076 * 3600),
    Card("H100 80 GB", 80, 989e12, 0.00116 * 3600),
)


@dataclass(frozen=True, slots=True)
class Training:
    """One training of an open model by LoRA; no card and no dollars where a processor does."""

    memory_gb: float
    card: Card | None
    hours: float | None
    usd: float


def memory_gb(billions: float) -> float:
    """About how much memory LoRA takes on a model of so many billion weights, in GB."""
    return billions * _WEIGHT_BYTES * _OVERHEAD + _ACTIVATIONS_GB


def training(billions: float, tokens: int, epochs: int) -> Training:
    """What so many epochs over so many tokens take, on the card that does it for the least money.

    Raises `ValueError` for a model that no card of the table holds.
    """
    needed = memory_gb(billions)
    if billions <= _CPU_BILLIONS:
        return Training(needed, None, None, 0.0)
    able = [card for card in CARDS if card.memory_gb >= needed]
    if not able:
        raise ValueError(f"no card of the table holds the {needed:.0f} GB that it takes")
    hours = {card: _hours(card, billions, tokens, epochs) for card in able}
    card = min(able, key=lambda one: hours[one] * one.usd_hour)
    return Training(needed, card, hours[card], hours[card] * card.usd_hour)


def _hours(card: Card, billions: float, tokens: int, epochs: int) -> float:
    operations = OPERATIONS * billions * 1e9 * tokens * epochs
    return PREPARATION_H + operations / (card.peak * UTILISATION) / 3600
