"""What decides the weights of a run besides its lines; nothing here needs torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """What decides the weights: everything that a checkpoint must agree on, but for `steps`."""

    seed: int = 1
    steps: int = 12_000
    columns: int = 12_000
    learning_rate: float = 2e-3
    warmup: int = 300
    # The learning rate is constant until this share of the steps, then falls to nothing.
    constant: float = 0.55


def learning_rate(plan: TrainingPlan, step: int) -> float:
    """The learning rate at `step` (from 0)."""
    if step < plan.warmup:
        return plan.learning_rate * (step + 1) / plan.warmup
    start = plan.constant * plan.steps
    if step < start:
        return plan.learning_rate
    left = max(0.0, (plan.steps - step) / (plan.steps - start))
    # A cosine from the constant rate down to nearly nothing.
    return plan.learning_rate * max(0.5 * (1 - float(np.cos(np.pi * left))), 0.002)


RETRAINING = TrainingPlan(steps=300, columns=5_000, learning_rate=3e-4, warmup=20, constant=0.3)
"""Training on from weights that read well: a seventh of their rate, minutes of one core."""
KEEPING = 5.0
"""In retraining, the weight of the distance to what the starting weights say of rendered lines."""
RETRAINED_DECAY = 0.98
"""Of the averaged weights, in a run of some hundred steps."""
SHARES = (1.0, 0.85, 0.7, 0.5)
"""How far to go from the starting weights towards retrained ones, the furthest first."""
SETTLING_LINES = 1_000
"""Rendered lines that tell how far; on fewer, chance moves the error rate by more than retraining."""
