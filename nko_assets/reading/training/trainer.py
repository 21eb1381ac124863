"""The training loop: one thread, bfloat16 convolutions, checkpoints from which a run goes on exactly."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader

from nko_assets.failures import ConfigurationError
from nko_assets.files import atomic_path
from nko_assets.reading.charset import BLANK, logical_text
from nko_assets.reading.recognizer import decode
from nko_assets.reading.training.batches import Batch, RenderedBatches
from nko_assets.reading.training.error_rate import error_rate
from nko_assets.reading.training.model import LineNetwork
from nko_assets.reading.training.plan import TrainingPlan, learning_rate
from nko_assets.reading.training.text import LineWriter

log = logging.getLogger(__name__)

VALIDATION_BATCHES = 8
VALIDATION_SEED_OFFSET = 1_000_003
EMA_DECAY = 0.999
CLIP = 2.0  # of the gradient's norm


def text_digest(*texts: Sequence[str]) -> str:
    """A short name for the lines that a run was given."""
    joined = "\x1e".join("\n".join(lines) for lines in texts)
    return hashlib.sha256(joined.encode()).hexdigest()[:16]


def log_probabilities(network: LineNetwork, batch: Batch) -> torch.Tensor:
    """What `network` says of the lines of `batch` (count, steps, classes); convolutions in bfloat16."""
    lines = batch.lines.contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        features = network.features(lines)
    return network.classify(features.float())


def ctc_loss(said: torch.Tensor, batch: Batch) -> torch.Tensor:
    """The CTC loss of the log probabilities `said` on `batch`, the mean over its lines."""
    return nn.functional.ctc_loss(
        said.transpose(0, 1),
        *(batch.labels, batch.steps, batch.label_lengths),
        blank=BLANK,
        zero_infinity=True,
    )


@torch.no_grad()
def follow(average: LineNetwork, network: LineNetwork, decay: float) -> None:
    """Move the averaged weights, which are the ones that ship, towards those of `network`."""
    averaged, current = average.state_dict(), network.state_dict()
    for name, value in averaged.items():
        if value.is_floating_point():
            value.lerp_(current[name], 1 - decay)
        else:
            value.copy_(current[name])


class Trainer:
    """Trains a LineNetwork on rendered lines; its state lives in `folder`/checkpoint.pt."""

    def __init__(
        self, folder: Path, plan: TrainingPlan, nko: Sequence[str], latin: Sequence[str]
    ) -> None:
        """Goes on from the checkpoint in `folder` where there is one.

        Raises ConfigurationError when that checkpoint was made with another plan or other text.
        """
        torch.set_num_threads(1)
        torch.manual_seed(plan.seed)
        self.folder, self.plan = folder, plan
        self.texts = text_digest(nko, latin)
        self.network = LineNetwork()
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = LineNetwork()
        self.average.load_state_dict(self.network.state_dict())
        self.optimizer = torch.optim.AdamW(self.network.parameters(), weight_decay=1e-2)
        self.step = 0
        self.seconds = 0.0
        self.lines = 0
        writer = LineWriter(nko, latin)
        self.batches = RenderedBatches(writer, plan.seed, plan.columns)
        self.validation = RenderedBatches(writer, plan.seed + VALIDATION_SEED_OFFSET, plan.columns)
        self._restore()

    @property
    def checkpoint(self) -> Path:
        """Where the state of the run is kept."""
        return self.folder / "checkpoint.pt"

    def _facts(self) -> dict[str, Any]:
        facts = asdict(self.plan) | {"texts": self.texts}
        # A run may be made longer or shorter than it was planned.
        del facts["steps"]
        return facts

    def _restore(self) -> None:
        if not self.checkpoint.is_file():
            return
        state = torch.load(self.checkpoint, weights_only=True)
        if state["facts"] != self._facts():
            raise ConfigurationError(
                f"{self.checkpoint} belongs to another run: {state['facts']}.",
                "Give the same seed, text and settings, or another --out.",
            )
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["rng"])
        self.step, self.seconds, self.lines = state["step"], state["seconds"], state["lines"]
        log.info("going on from step %d of %s", self.step, self.checkpoint)

    def save(self) -> None:
        """Write the checkpoint; it is complete or it is the one before."""
        state = {
            "facts": self._facts(),
            "plan": asdict(self.plan),
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "rng": torch.get_rng_state(),
            "step": self.step,
            "seconds": self.seconds,
            "lines": self.lines,
        }
        with atomic_path(self.checkpoint) as part:
            torch.save(state, part)

    def _ahead(self) -> Iterator[Batch]:
        """The batches still to come, rendered by one other process in their order."""
        loader = DataLoader(
            self.batches,
            sampler=range(self.step, self.plan.steps),
            batch_size=None,
            num_workers=1,
            prefetch_factor=8,
            generator=torch.Generator(),  # so that the loader leaves the global one alone
        )
        return iter(loader)

    def run(self, report_every: int = 50, save_every: int = 500, check_every: int = 1000) -> float:
        """Train to the last step; returns the CER on the validation lines (a share, not percent)."""
        started, before = time.monotonic(), self.seconds
        losses: list[float] = []
        lines_before = self.lines
        for batch in self._ahead():
            losses.append(self.advance(batch))
            self.seconds = before + time.monotonic() - started
            if self.step % report_every == 0:
                elapsed = self.seconds - before
                rate = (self.lines - lines_before) / elapsed
                steps_done = len(losses)
                eta = elapsed / steps_done * (self.plan.steps - self.step)
                log.info(
                    "step %d/%d loss %.4f lr %.2e lines/s %.0f eta %.1f min",
                    *(self.step, self.plan.steps, float(np.mean(losses[-report_every:]))),
                    *(learning_rate(self.plan, self.step - 1), rate, eta / 60),
                )
            if self.step % save_every == 0:
                self.save()
            if self.step % check_every == 0:
                log.info("step %d CER %.2f %%", self.step, 100 * self.validate())
        self.save()
        return self.validate()

    def advance(self, batch: Batch) -> float:
        """One step on `batch`; returns the loss before it."""
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.plan, self.step)
        self.network.train()
        loss = ctc_loss(log_probabilities(self.network, batch), batch)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), CLIP)
        self.optimizer.step()
        follow(self.average, self.network, min(EMA_DECAY, (1 + self.step) / (10 + self.step)))
        self.step += 1
        self.lines += len(batch.texts)
        return float(loss.detach())

    @torch.no_grad()
    def validate(self) -> float:
        """CER of the averaged weights on freshly rendered lines that training never sees."""
        self.average.eval()
        pairs: list[tuple[str, str]] = []
        for k in range(VALIDATION_BATCHES):
            batch = self.validation[k]
            probabilities = self.average(batch.lines).exp().numpy()
            truths = torch.split(batch.labels, batch.label_lengths.tolist())
            for row, truth in enumerate(truths):
                read = decode(probabilities[row, : int(batch.steps[row])])
                pairs.append((read.text, logical_text(truth.tolist())))
        return error_rate(pairs)
