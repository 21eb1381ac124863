"""Fitting the logistic regression, and measuring it on videos that it was not fitted on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from scipy.optimize import minimize  # type: ignore[import-untyped]
from scipy.special import expit  # type: ignore[import-untyped]
from scipy.stats import rankdata  # type: ignore[import-untyped]

from nko_assets.failures import ConfigurationError
from nko_assets.nko import words
from nko_assets.reading.trust.dictionary import Dictionary
from nko_assets.reading.trust.evidence import FEATURES, WITH_DICTIONARY, evidence_of
from nko_assets.reading.trust.model import Fitted, HeldOut, TrustModel
from nko_assets.reading.trust.reliability import calibration_error, reliability
from nko_assets.sample.calibration.pages import KnownPage
from nko_assets.sample.calibration.simulate import answer, draw_rates

DRAWS = 6
"""How often the large model is simulated on each video, each time with other rates of errors."""

GATE = 0.90
"""The confidence from which wrong entries are counted, that of `NKO_ACCEPT_CONFIDENCE`."""

# Of nine videos in a row three are measured on: two with real text and one without, as they come.
_GROUP, _GROUPS = 3, 3
_PENALTY = 1e-4


@dataclass(frozen=True, slots=True)
class Sample:
    """The entries of one simulated run over one video: their features, and which are right."""

    video: int
    real: bool
    rows: int
    features: np.ndarray
    right: np.ndarray

    @property
    def share_right(self) -> float:
        """How good the simulated reader was on this video."""
        return float(self.right.mean())


@dataclass(frozen=True, slots=True)
class Stratum:
    """How the model without a dictionary did on one part of the held-out entries."""

    name: str
    held_out: HeldOut


def fit_models(
    pages: Sequence[KnownPage], dictionary: Dictionary, seed: int
) -> tuple[Fitted, list[Stratum]]:
    """Fit both models on two thirds of the videos and measure them on the others.

    The one with a dictionary sees only videos with real text. Raises ConfigurationError when there
    are too few videos of either kind.
    """
    plain = _samples(pages, None, seed)
    known = _samples([page for page in pages if page.real], dictionary, seed)
    without, held_out = _fitted(plain, list(FEATURES), FEATURES)
    signs = {**FEATURES, **WITH_DICTIONARY}
    with_dictionary, _ = _fitted(known, list(signs), signs)
    made: dict[str, object] = {
        "command": "python -m nko_assets.sample.calibration fit",
        "date": datetime.now(UTC).date().isoformat(),
        "seed": seed,
        "pages": len(pages),
        "pages with real text": sum(page.real for page in pages),
        "videos": len({page.video for page in pages}),
        "dictionary words": len(dictionary),
        "simulated runs a video": DRAWS,
        "large model": "simulated",
        "offline readings": "real, of rendered frames",
    }
    return Fitted(made, without, with_dictionary), _strata(without, held_out)


def _samples(pages: Sequence[KnownPage], dictionary: Dictionary | None, seed: int) -> list[Sample]:
    by_video: dict[int, list[KnownPage]] = {}
    for page in pages:
        by_video.setdefault(page.video, []).append(page)
    names = list(FEATURES) + (list(WITH_DICTIONARY) if dictionary is not None else [])
    samples = []
    for video, shown in by_video.items():
        # Plausible other words are those of the same lesson.
        vocabulary = sorted(
            {word for page in shown for claim in page.truth for word in words(claim.nko)}
        )
        for draw in range(DRAWS):
            rng = np.random.default_rng((seed, video, draw))
            rates = draw_rates(rng)
            answers = [answer(page, rates, vocabulary, rng) for page in shown]
            evidence = evidence_of([frame for frame, _ in answers], dictionary)
            features = [
                [one.features[name] for name in names] for frame in evidence for one in frame
            ]
            right = [one for _, known in answers for one in known]
            if right:
                samples.append(
                    Sample(video, shown[0].real, shown[0].rows, np.array(features), np.array(right))
                )
    return samples


def _fitted(
    samples: Sequence[Sample], names: Sequence[str], signs: Mapping[str, int]
) -> tuple[TrustModel, list[Sample]]:
    videos = sorted({sample.video for sample in samples})
    measured = {video for video in videos if video // _GROUP % _GROUPS == 0}
    train = [sample for sample in samples if sample.video not in measured]
    held_out = [sample for sample in samples if sample.video in measured]
    if not train or not held_out:
        raise ConfigurationError(
            f"{len(videos)} videos are too few to fit on some and measure on others.",
            "Draw more pages.",
        )
    features = np.concatenate([sample.features for sample in train])
    right = np.concatenate([sample.right for sample in train])
    weights = regression(features, right, [signs[name] for name in names])
    model = TrustModel(
        intercept=float(weights[0]),
        coefficients=dict(zip(names, map(float, weights[1:]), strict=True)),
        usual=dict(zip(names, map(float, features[right].mean(axis=0)), strict=True)),
        held_out=_measured(weights, held_out),
    )
    return model, held_out


def regression(features: np.ndarray, right: np.ndarray, signs: Sequence[int]) -> np.ndarray:
    """Intercept and coefficients of the likeliest logistic regression whose signs are as given.

    `features` is entries × features, `right` boolean. A sign of +1 or -1 keeps a coefficient on
    that side of zero, so that what speaks against an entry never raises its confidence.
    """
    design = np.hstack([np.ones((len(features), 1)), features])
    label = right.astype(float)

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        logit = design @ weights
        value = np.mean(np.logaddexp(0, logit) - label * logit)
        gradient = design.T @ (expit(logit) - label) / len(label)
        penalty = _PENALTY * weights
        penalty[0] = 0.0
        return float(value + weights @ penalty / 2), gradient + penalty

    bounds = {0: (None, None), 1: (0.0, None), -1: (None, 0.0)}
    found = minimize(
        loss,
        np.zeros(design.shape[1]),
        jac=True,
        method="L-BFGS-B",
        bounds=[bounds[0], *(bounds[sign] for sign in signs)],
        options={"maxiter": 2000},
    )
    return np.asarray(found.x)


def _measured(weights: np.ndarray, samples: Sequence[Sample]) -> HeldOut:
    features = np.concatenate([sample.features for sample in samples])
    right = np.concatenate([sample.right for sample in samples])
    return measure(expit(weights[0] + features @ weights[1:]), right)


def measure(confidence: np.ndarray, right: np.ndarray) -> HeldOut:
    """How well `confidence` (0 to 1) says which entries are `right` (boolean), of equal length."""
    bins = reliability(zip(map(float, confidence), map(bool, right), strict=True))
    sure = confidence >= GATE
    return HeldOut(
        entries=len(right),
        right=int(right.sum()),
        error=calibration_error(bins),
        brier=float(np.mean((confidence - right) ** 2)),
        auroc=_auroc(confidence, right),
        gate=GATE,
        sure=int(sure.sum()),
        wrong=int((sure & ~right).sum()),
        bins=bins,
    )


def _auroc(confidence: np.ndarray, right: np.ndarray) -> float:
    """The chance that an entry that is right has more confidence than one that is wrong."""
    good, bad = int(right.sum()), int((~right).sum())
    if not good or not bad:
        return float("nan")
    return float((rankdata(confidence)[right].sum() - good * (good + 1) / 2) / (good * bad))


def _strata(model: TrustModel, samples: Sequence[Sample]) -> list[Stratum]:
    weights = np.array([model.intercept, *model.coefficients.values()])
    groups: dict[str, Callable[[Sample], bool]] = {
        "simulated reader right on ≥ 90 % of a video": lambda s: s.share_right >= 0.9,
        "on 50–90 %": lambda s: 0.5 <= s.share_right < 0.9,
        "on < 50 %": lambda s: s.share_right < 0.5,
        "720 or 480 rows": lambda s: s.rows >= 480,
        "360 rows or fewer": lambda s: s.rows < 480,
        "real text": lambda s: s.real,
        "invented words": lambda s: not s.real,
    }
    return [
        Stratum(name, _measured(weights, chosen))
        for name, belongs in groups.items()
        if (chosen := [sample for sample in samples if belongs(sample)])
    ]


def table(fitted: Fitted, strata: Sequence[Stratum]) -> str:
    """The measurements as a plain text table."""
    rows = [
        ("without dictionary", fitted.without_dictionary.held_out),
        ("with dictionary", fitted.with_dictionary.held_out),
        *((stratum.name, stratum.held_out) for stratum in strata),
    ]
    names = ("entries", "right", "ECE", "Brier", "AUROC", "≥ 0.90", "wrong")
    lines = [f"{'held-out entries':<46}" + "".join(f"{name:>9}" for name in names)]
    for name, one in rows:
        wrong = one.wrong / one.sure if one.sure else 0.0
        lines.append(
            f"{name:<46}{one.entries:>9}{one.right / one.entries:>9.1%}{one.error:>9.3f}"
            f"{one.brier:>9.3f}{one.auroc:>9.3f}{one.sure / one.entries:>9.1%}{wrong:>9.2%}"
        )
    for name, model in (("without", fitted.without_dictionary), ("with", fitted.with_dictionary)):
        lines += ["", f"coefficients {name} dictionary (intercept {model.intercept:+.2f})"]
        lines += [f"  {feature:<16} {w:+.2f}" for feature, w in model.coefficients.items()]
        lines += [
            f"  {one.confidence:.2f} -> {one.share_right:.3f} of {one.count}"
            for one in model.held_out.bins
        ]
    return "\n".join(lines)
