"""The model card of a student: from what it was trained, on which lines, and how it was judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from nko_assets.reading.training.plan import TrainingPlan
from nko_assets.tuning.evaluation.intervals import Estimate
from nko_assets.tuning.student.crops import Crop
from nko_assets.tuning.student.frozen import FrozenSet
from nko_assets.tuning.student.gate import Compared, Verdict


@dataclass(frozen=True, slots=True)
class Origin:
    """What a student was made from.

    `base` and `before` are the SHA-256 of the weights it started from and of those it was compared
    with; `rendered` and `real` count the lines of all batches, `left_out` the crops that were kept
    from it because the frozen sets hold their text or their video. `share` is how far the weights
    went from the base towards the trained ones.
    """

    base: str
    before: str
    plan: TrainingPlan
    taught: Sequence[Crop]
    left_out: int
    rendered: int
    real: int
    share: float


def model_card(digest: str, origin: Origin, frozen: FrozenSet, verdict: Verdict) -> str:
    """The card as Markdown."""
    by = Counter(crop.by for crop in origin.taught)
    licences = ", ".join(sorted({crop.licence for crop in origin.taught}))
    plan = origin.plan
    return f"""# N'Ko line recognizer, a student: `{digest[:12]}`

**{verdict.status.capitalize()}**: {verdict.reason}.

The offline reader's network and classes (see the shipped weights' card), trained on with lines of real frames.

## Training
- Begun from weights `{origin.base[:12]}`, the shipped ones.
- {len(origin.taught)} real lines of {len({crop.video_id for crop in origin.taught})} videos: {by["person"]} accepted or corrected by a person, {by["agreement"]} on which two readers agree. None was taken on the reader's own confidence. {origin.left_out} more were left out, since a frozen set holds their text, nearly their text, or their video.
- {plan.steps} steps, each half rendered and half real: {origin.rendered:,} rendered and {origin.real:,} real lines seen. AdamW at {plan.learning_rate:g}, seed {plan.seed}, statistics of the normalizations kept, weights averaged; held to what the shipped weights say of rendered lines.
- {origin.share:.0%} of the way from the shipped weights to the trained ones: as far as errors on other rendered lines do not rise.

## Judged
On the frozen set `{frozen.digest[:12]}`, against weights `{origin.before[:12]}`, which were in use. Character error rates with 95 % intervals:

| lines | how many | before | after | fell by |
|---|--:|--:|--:|--:|
{_row("real, validation videos, vouched for by a person", verdict.real)}
{_row("rendered, hard, typefaces of training", verdict.rendered)}

Lines were read once each, cut as they are exported; the offline reader adds detection and votes over shifted crops.

## What it does not know
- Lines that people looked at are not all lines: reviewers see the doubtful ones first.
- The frozen lines of one video are much alike; the intervals treat lines as independent.
- The trust in readings was fitted with the shipped weights: with others it may be off a little.

## Licence
The lines taught: {licences}. The weights are shared under the licence of the shipped ones, CC-BY-SA-4.0, where that of the lines allows it.
"""


def _row(name: str, compared: Compared) -> str:
    fell = compared.fell
    points = f"{100 * fell.difference:.2f} ({100 * fell.low:.2f} to {100 * fell.high:.2f}) points"
    return (
        f"| {name} | {fell.count} | {_rate(compared.before)} | {_rate(compared.after)} | {points} |"
    )


def _rate(estimate: Estimate) -> str:
    return f"{100 * estimate.value:.2f} % ({100 * estimate.low:.2f} to {100 * estimate.high:.2f})"
