"""Training on with real lines: half of them, cut anew each time, and never away from the rest."""

from __future__ import annotations

import numpy as np
import pytest

from nko_assets.failures import PermanentFailure
from nko_assets.reading.charset import visual_classes
from nko_assets.reading.recognizer import WEIGHTS
from nko_assets.reading.training.lines import RealLine
from nko_assets.reading.training.plan import TrainingPlan
from nko_assets.reading.training.text import LineWriter

torch = pytest.importorskip("torch", reason="needs the extra train")

from nko_assets.reading.training.restore import restore  # noqa: E402
from nko_assets.reading.training.retrain import RealBatches, cut_again, retrain  # noqa: E402
from nko_assets_tests.student_lines import crop  # noqa: E402

LINES = [crop(number).line() for number in range(12)]
PLAN = TrainingPlan(seed=3, steps=3, columns=900, learning_rate=1e-4, warmup=1)


def quiet(_said: str) -> None:
    """Nobody listens."""


def test_the_same_seed_gives_the_same_weights_and_another_seed_others():
    one, again, other = (
        retrain(WEIGHTS, LINES, LineWriter(), quiet, plan).network.state_dict()
        for plan in (PLAN, PLAN, TrainingPlan(**{**plan_of(PLAN), "seed": 4}))
    )
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert not all(torch.equal(one[name], other[name]) for name in one)


def plan_of(plan: TrainingPlan) -> dict[str, object]:
    return {name: getattr(plan, name) for name in TrainingPlan.__slots__}


def test_the_statistics_of_the_normalizations_stay_and_everything_else_moves():
    before = restore(WEIGHTS).state_dict()
    after = retrain(WEIGHTS, LINES, LineWriter(), quiet, PLAN).network.state_dict()
    for name, value in before.items():
        still = "running" in name or "num_batches" in name
        assert torch.equal(value, after[name]) == still, name


def test_as_many_columns_are_real_as_are_rendered():
    run = retrain(WEIGHTS, LINES, LineWriter(), quiet, PLAN)
    assert run.real >= PLAN.steps
    assert run.rendered >= PLAN.steps
    batches = RealBatches(LINES, 3, 2000)
    columns = [int(batches[k].steps.sum()) * 4 for k in range(8)]
    assert 2000 <= np.mean(columns) <= 2000 + max(line.image.shape[1] for line in LINES)


def test_every_real_line_is_seen_before_one_is_seen_again():
    batches = RealBatches(LINES, 3, 3000)
    seen = [text for k in range(4) for text in batches[k].texts]
    times = [seen.count(line.text) for line in LINES]
    assert max(times) - min(times) <= 1


def test_a_line_cut_again_says_the_same_and_looks_another_way():
    dice = np.random.default_rng(1)
    line = LINES[0]
    cuts = [cut_again(dice, line) for _ in range(20)]
    assert all(one.classes == visual_classes(line.text) for one in cuts)
    assert len({one.image.tobytes() for one in cuts}) > 15


def test_lines_that_cannot_be_trained_on_are_counted_or_told():
    dense = RealLine(np.full((40, 20), 255, np.uint8), "ߊ" * 60, (0, 0, 20, 40))
    run = retrain(WEIGHTS, [*LINES, dense], LineWriter(), quiet, PLAN)
    assert run.unused == 1
    with pytest.raises(PermanentFailure, match="None of the 1 real lines"):
        retrain(WEIGHTS, [dense], LineWriter(), quiet, PLAN)


def test_the_loss_on_real_lines_falls():
    plan = TrainingPlan(seed=3, steps=12, columns=700, learning_rate=5e-4, warmup=2)
    pale = [RealLine(255 - (255 - line.image) // 6, line.text, line.box) for line in LINES[:4]]
    noisy = np.random.default_rng(0)
    hard = [
        RealLine(
            np.clip(line.image + noisy.normal(0, 25, line.image.shape), 0, 255).astype(np.uint8),
            line.text,
            line.box,
        )
        for line in pale
    ]
    losses = [real for _, real in retrain(WEIGHTS, hard, LineWriter(), quiet, plan).losses]
    assert np.mean(losses[-4:]) < np.mean(losses[:4])
