"""The trust model: a logistic regression over named features, small enough to be read.

Its numbers lie in `weights/trust.json`, with how they were fitted and how well they do on held-out
frames; `weights/MODEL_CARD.md` says the same in words.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from nko_assets.failures import ConfigurationError
from nko_assets.reading.trust.evidence import Evidence
from nko_assets.reading.trust.reliability import ReliabilityBin

WEIGHTS = Path(__file__).parent / "weights" / "trust.json"


@dataclass(frozen=True, slots=True)
class HeldOut:
    """How the model did on frames that it was not fitted on.

    `error` is the expected calibration error over the `bins`, `brier` the Brier score, `auroc` the
    area under the ROC curve; `wrong` of the `sure` entries with a confidence of at least `gate`
    were wrong.
    """

    entries: int
    right: int
    error: float
    brier: float
    auroc: float
    gate: float
    sure: int
    wrong: int
    bins: tuple[ReliabilityBin, ...]


@dataclass(frozen=True, slots=True)
class TrustModel:
    """Coefficients by feature, and the features' means over entries that are right."""

    intercept: float
    coefficients: Mapping[str, float]
    usual: Mapping[str, float]
    held_out: HeldOut

    def probability(self, evidence: Evidence) -> float:
        """The probability, 0 to 1, that the entry's N'Ko is exactly right."""
        logit = self.intercept + math.fsum(
            weight * evidence.features[name] for name, weight in self.coefficients.items()
        )
        return 1 / (1 + math.exp(-logit)) if logit > -700 else 0.0

    def pull(self, evidence: Evidence, names: Sequence[str]) -> float:
        """How far these features lower (below 0) the logit against an entry that is right."""
        return math.fsum(
            self.coefficients[name] * (evidence.features[name] - self.usual[name])
            for name in names
            if name in self.coefficients
        )


@dataclass(frozen=True, slots=True)
class Fitted:
    """Both models, for when there is a dictionary and for when there is none, and their making."""

    made: Mapping[str, object]
    without_dictionary: TrustModel
    with_dictionary: TrustModel

    def to_json(self) -> str:
        """As the file holds it: numbers to six digits."""
        return json.dumps(_rounded(asdict(self)), ensure_ascii=False, indent=1) + "\n"


@lru_cache(maxsize=2)
def load(path: Path = WEIGHTS) -> Fitted:
    """The packaged models; raises ConfigurationError when the file is missing or damaged."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return Fitted(
            data["made"], _model(data["without_dictionary"]), _model(data["with_dictionary"])
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(
            f"The trust model at {path} cannot be read: {error!r}.", "Install the package again."
        ) from error


def _model(data: Mapping[str, Any]) -> TrustModel:
    held_out = data["held_out"]
    bins = tuple(ReliabilityBin(**one) for one in held_out["bins"])
    return TrustModel(**{**data, "held_out": HeldOut(**{**held_out, "bins": bins})})


def _rounded(value: object) -> object:
    if isinstance(value, Mapping):
        return {name: _rounded(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(one) for one in value]
    return round(value, 6) if isinstance(value, float) else value
