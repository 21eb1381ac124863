"""Whether new weights of the offline reader take the place of those in use: the frozen set decides.

Error on real lines has to fall for sure (the 95 % interval of the paired difference lies on one
side), and error on rendered lines must not rise. What the gate refuses changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nko_assets.reading.charset import fold
from nko_assets.reading.recognizer import NkoRecognizer
from nko_assets.tuning.evaluation.intervals import Comparison, Estimate, compare, ratio, units_of
from nko_assets.tuning.evaluation.transcription import LineErrors, line_errors
from nko_assets.tuning.student.frozen import FrozenLine, FrozenSet

Status = Literal["accepted", "refused"]


@dataclass(frozen=True, slots=True)
class Compared:
    """Character error rates (shares) of two weights on the same lines, with their intervals.

    `fell` is what the error rate of `after` lies below that of `before`, in shares, paired.
    """

    before: Estimate
    after: Estimate
    fell: Comparison


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate says, why, and by which figures."""

    status: Status
    reason: str
    real: Compared
    rendered: Compared


def judge_weights(before: Path, after: Path, frozen: FrozenSet) -> Verdict:
    """Compare the weights at `after` with those at `before`, which are in use."""
    old, new = NkoRecognizer(before), NkoRecognizer(after)
    real = compare_weights(old, new, frozen.of("real"))
    rendered = compare_weights(old, new, frozen.of("rendered"))
    told = (
        f"{_percent(real.before)} to {_percent(real.after)} on real lines, "
        f"{_percent(rendered.before)} to {_percent(rendered.after)} on rendered ones"
    )
    if not real.fell.better:
        return Verdict(
            "refused", f"errors on real lines do not fall for sure: {told}", real, rendered
        )
    if rendered.after.value > rendered.before.value:
        return Verdict("refused", f"errors on rendered lines rise: {told}", real, rendered)
    return Verdict("accepted", f"errors fall: {told}", real, rendered)


def compare_weights(
    old: NkoRecognizer, new: NkoRecognizer, lines: Sequence[FrozenLine]
) -> Compared:
    """Both recognizers on `lines`, each read once; raises ValueError for fewer than two."""
    before, after = (errors_on(recognizer, lines) for recognizer in (old, new))
    first, second = _rate(before), _rate(after)
    # Fewer edits score higher; per line, so that what is compared is paired.
    fell = compare(
        [-float(line.edits) for line in after],
        [-float(line.edits) for line in before],
        units_of([line.video_id for line in lines], [line.id for line in lines]),
    )
    if first is None or second is None or fell is None:
        raise ValueError("There are not two lines to compare weights on.")
    scale = len(lines) / sum(line.characters for line in before)
    points = Comparison(
        fell.difference * scale, fell.low * scale, fell.high * scale, fell.p, fell.count
    )
    return Compared(first, second, points)


def errors_on(recognizer: NkoRecognizer, lines: Sequence[FrozenLine]) -> list[LineErrors]:
    """What is wrong with each of `lines` as `recognizer` reads it."""
    read = recognizer.read([line.picture() for line in lines])
    return [
        line_errors(found.text, fold(line.text)) for found, line in zip(read, lines, strict=True)
    ]


def _rate(errors: Sequence[LineErrors]) -> Estimate | None:
    return ratio([line.edits for line in errors], [line.characters for line in errors])


def _percent(estimate: Estimate) -> str:
    return f"{100 * estimate.value:.2f} %"
