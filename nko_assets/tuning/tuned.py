"""The tuned model that the pipeline has: who made it of what, and where it is."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from nko_assets.failures import PermanentFailure
from nko_assets.tuning.jobs import TunerName


@dataclass(frozen=True, slots=True)
class Tuned:
    """A model that a job made.

    `digest` names it, `model` is its folder or its endpoint, `base` the model that was tuned (None
    when it began from nothing), `dataset` the digest of what it was tuned on, `usd` what that cost.
    """

    digest: str
    tuner: TunerName
    model: str
    base: str | None
    dataset: str
    usd: float | None

    def to_json(self) -> str:
        """The file `tuning/tuned.json`."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1) + "\n"


def read_tuned(path: Path) -> Tuned:
    """The model that `tuning_metrics` wrote down; raises `PermanentFailure` when there is none."""
    try:
        return Tuned(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise PermanentFailure("No model has been tuned yet.", "Run `nko tune`.") from None
    except (TypeError, ValueError) as error:
        raise PermanentFailure(
            f"{path} cannot be read: {error}.", "Materialize tuning_metrics again."
        ) from error
