"""Training the recognizer on, from weights that read well, with lines of real frames.

Each step sees as many columns of rendered lines as of real ones. The real ones teach what the
renderer does not draw. The rendered ones keep what was learnt: the network is held to what the
starting weights say of them, not to their text alone, without which errors on them rise by an
eighth while those on real lines fall. The learning rate is low, the statistics of the
normalizations stay, and averaged weights are what comes out. It all follows from the seed; a run
takes minutes, so one that breaks off starts again from the beginning.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn

from nko_assets.failures import PermanentFailure
from nko_assets.reading.training import augment
from nko_assets.reading.training.batches import (
    POOL_BATCHES,
    Batch,
    RenderedBatches,
    TrainingLine,
    in_batches,
    prepare,
)
from nko_assets.reading.training.lines import RealLine, RenderedLine
from nko_assets.reading.training.model import LineNetwork
from nko_assets.reading.training.plan import (
    KEEPING,
    RETRAINED_DECAY,
    RETRAINING,
    TrainingPlan,
    learning_rate,
)
from nko_assets.reading.training.restore import restore
from nko_assets.reading.training.text import LineWriter
from nko_assets.reading.training.trainer import CLIP, ctc_loss, follow, log_probabilities

# Real lines run over the whole width of a slide.
WIDEST = 1600
REPORT_EVERY = 25


@dataclass(frozen=True, slots=True)
class Retrained:
    """The averaged network, how many lines of each sort it saw, and the loss on the way.

    `unused` real lines were too dense or too wide to be trained on.
    """

    network: LineNetwork
    rendered: int
    real: int
    unused: int
    losses: tuple[tuple[float, float], ...]


class RealBatches:
    """Batch k of real lines, each as a detector might have cut it: a function of the seed and k."""

    def __init__(self, lines: Sequence[RealLine], seed: int, columns: int) -> None:
        """Raises PermanentFailure when none of `lines` can be trained on."""
        self.usable = [line for line in lines if _plain(line) is not None]
        if not self.usable:
            raise PermanentFailure(
                f"None of the {len(lines)} real lines can be trained on.",
                "Look at their boxes: each has to show one line, less than "
                f"{WIDEST // 40} times as wide as high.",
            )
        self.seed, self.columns = seed, columns
        self._pool: tuple[int, list[Batch]] = (-1, [])

    def __getitem__(self, k: int) -> Batch:
        number, place = divmod(k, POOL_BATCHES)
        if self._pool[0] != number:
            self._pool = (number, self._draw_pool(number))
        return self._pool[1][place]

    def _draw_pool(self, number: int) -> list[Batch]:
        rng = np.random.default_rng((self.seed, number))
        lines: list[TrainingLine] = []
        total = 0
        while total < self.columns * POOL_BATCHES or len(lines) < POOL_BATCHES:
            for place in rng.permutation(len(self.usable)):
                line = cut_again(rng, self.usable[place])
                lines.append(line)
                total += line.image.shape[1]
                if total >= self.columns * POOL_BATCHES and len(lines) >= POOL_BATCHES:
                    break
        return in_batches(rng, lines)


def _plain(line: RealLine) -> TrainingLine | None:
    return prepare(RenderedLine(line.image, line.text), WIDEST)


def cut_again(rng: np.random.Generator, line: RealLine) -> TrainingLine:
    """`line` with other margins, and sometimes softer, noisier or paler than it is.

    One that no longer can be trained on after that comes as it is.
    """
    picture = line.image
    if rng.random() < 0.3:
        picture = cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.3, 1.0)))
    crop = augment.damage_crop(rng, augment.cut(rng, picture, line.box))
    again = prepare(RenderedLine(crop, line.text), WIDEST) or _plain(line)
    if again is None:
        raise ValueError("the line cannot be trained on as it is")
    return again


def retrain(
    weights: Path,
    lines: Sequence[RealLine],
    writer: LineWriter,
    say: Callable[[str], None],
    plan: TrainingPlan = RETRAINING,
) -> Retrained:
    """Train the network of `weights` on with `lines` and what `writer` writes, half and half.

    `say` is told how far it is, and may raise to stop it. One thread; the same arguments give the
    same weights on the same kind of processor. Raises PermanentFailure without usable lines.
    """
    torch.set_num_threads(1)
    torch.manual_seed(plan.seed)
    network = restore(weights)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = copy.deepcopy(network)
    real = RealBatches(lines, plan.seed, plan.columns)
    rendered = RenderedBatches(writer, plan.seed, plan.columns)
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=1e-3)
    teacher = restore(weights)
    seen = [0, 0]
    losses: list[tuple[float, float]] = []
    for step in range(plan.steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(plan, step)
        optimizer.zero_grad(set_to_none=True)
        parts = (_keep(network, teacher, rendered[step]), _learn(network, real[step]))
        for part in parts:
            part.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), CLIP)
        optimizer.step()
        follow(average, network, min(RETRAINED_DECAY, (1 + step) / (10 + step)))
        seen[0] += len(rendered[step].texts)
        seen[1] += len(real[step].texts)
        losses.append((float(parts[0].detach()), float(parts[1].detach())))
        if (step + 1) % REPORT_EVERY == 0 or step + 1 == plan.steps:
            last = np.mean(losses[-REPORT_EVERY:], axis=0)
            say(
                f"step {step + 1} of {plan.steps}: loss {last[0]:.3f} on rendered lines, "
                f"{last[1]:.3f} on real ones"
            )
    average.eval()
    unused = len(lines) - len(real.usable)
    return Retrained(average, seen[0], seen[1], unused, tuple(losses))


def _learn(network: LineNetwork, batch: Batch) -> torch.Tensor:
    """The loss on real lines: how improbable what they say is."""
    return ctc_loss(log_probabilities(network, batch), batch)


def _keep(network: LineNetwork, teacher: LineNetwork, batch: Batch) -> torch.Tensor:
    """The loss on rendered lines: half as before, and how far from what `teacher` says of them."""
    said = log_probabilities(network, batch)
    with torch.no_grad():
        wanted = log_probabilities(teacher, batch)
    inside = torch.arange(said.shape[1]) < batch.steps[:, None]
    apart = (wanted.exp() * (wanted - said)).sum(2)[inside].mean()
    return 0.5 * ctc_loss(said, batch) + KEEPING * apart
