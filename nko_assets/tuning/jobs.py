"""A tuning job in plain values: what is asked, the receipt for it, how far it is, what it measured."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Literal

from nko_assets.failures import PermanentFailure

TunerName = Literal["open", "vertex"]

NEW_MODEL = "a new model"
"""The base of a model that begins from nothing."""


@dataclass(frozen=True, slots=True)
class TuningRequest:
    """Everything that decides the tuned model: who tunes what, on which data, with what settings.

    `base` is the model that is tuned, `dataset` the digest of the data.
    """

    tuner: TunerName
    base: str
    dataset: str
    settings: Mapping[str, object]

    @property
    def digest(self) -> str:
        """SHA-256 of the request: equal requests are one job."""
        return hashlib.sha256(
            json.dumps(asdict(self), sort_keys=True, ensure_ascii=False).encode()
        ).hexdigest()

    def name(self, attempt: int = 1) -> str:
        """The name of the job; one that ended badly and is asked for again has another."""
        return f"nko-tune-{self.digest[:24]}" + (f"-{attempt}" if attempt > 1 else "")


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a job may cost before it is begun, and how that was reckoned, in one sentence."""

    usd: float
    basis: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """A job that was handed over. `place` is where it is done: a resource name, or a folder."""

    name: str
    tuner: TunerName
    base: str
    dataset: str
    settings: Mapping[str, object]
    place: str
    estimated_usd: float
    basis: str

    def to_json(self) -> str:
        """The file `tuning/job.json`; the same job has the same text."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Receipt:
        """Read `to_json` back; raises `PermanentFailure` when the text is something else."""
        try:
            return cls(**json.loads(text))
        except (TypeError, ValueError) as error:
            raise PermanentFailure(
                f"tuning/job.json cannot be read: {error}.", "Materialize tuning_job again."
            ) from error


class TuningState(StrEnum):
    """Where a job stands."""

    WAITING = "waiting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def final(self) -> bool:
        """Whether the job has ended."""
        return self not in (TuningState.WAITING, TuningState.RUNNING)


@dataclass(frozen=True, slots=True)
class TuningStatus:
    """How far a job is, in a sentence for people.

    `model` is the tuned model of one that succeeded: a folder or an endpoint. `usd` is what it
    cost, None while that is not known.
    """

    state: TuningState
    note: str
    model: str | None = None
    usd: float | None = None


@dataclass(frozen=True, slots=True)
class MetricPoint:
    """One measurement of a training: at a step, on one side of the split.

    `token_accuracy` is the share of next tokens that are predicted right, 0 to 1.
    """

    step: int
    split: Literal["train", "validation"]
    loss: float
    epoch: float | None = None
    token_accuracy: float | None = None
    learning_rate: float | None = None
    seconds: float | None = None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> MetricPoint:
        """The point in a line of a trainer's `metrics.jsonl`, whatever else the line holds."""
        given: dict[str, Any] = {name: row.get(name) for name in cls.__dataclass_fields__}
        return cls(**given)

    def __str__(self) -> str:
        accuracy = (
            "" if self.token_accuracy is None else f", {self.token_accuracy:.1%} of tokens right"
        )
        return f"step {self.step}, {self.split}: loss {self.loss:.3f}{accuracy}"


def observed(point: MetricPoint) -> dict[str, object]:
    """The point as figures to show while the training goes on."""
    figures: dict[str, object] = {"step": point.step, f"{point.split} loss": round(point.loss, 4)}
    if point.token_accuracy is not None:
        figures[f"{point.split} token accuracy"] = round(point.token_accuracy, 4)
    return figures
