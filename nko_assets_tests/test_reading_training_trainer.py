"""Training learns, and goes on after an interruption as if there had been none."""

import numpy as np
import pytest

from nko_assets.failures import ConfigurationError
from nko_assets.reading.charset import visual_classes
from nko_assets.reading.recognizer import STRIDE, NkoRecognizer
from nko_assets.reading.training.plan import TrainingPlan, learning_rate
from nko_assets.reading.training.text import LineWriter

torch = pytest.importorskip("torch", reason="needs the extra train")

from nko_assets.reading.training.batches import RenderedBatches  # noqa: E402
from nko_assets.reading.training.export import export  # noqa: E402
from nko_assets.reading.training.model import LineNetwork  # noqa: E402
from nko_assets.reading.training.trainer import Trainer  # noqa: E402

PLAN = TrainingPlan(seed=7, steps=6, columns=500, warmup=2)
TEXTS = ["ߒߞߏ ߛߓߍ", "ߌ ߣߌ߫ ߛߐ߰ߡߊ߬"]


def advance(trainer: Trainer, steps: int) -> list[float]:
    return [trainer.advance(trainer.batches[trainer.step]) for _ in range(steps)]


def test_an_interrupted_run_ends_with_the_same_weights(tmp_path):
    straight = Trainer(tmp_path / "straight", PLAN, TEXTS, [])
    losses = advance(straight, 6)
    first = Trainer(tmp_path / "broken", PLAN, TEXTS, [])
    advance(first, 3)
    first.save()
    torch.rand(5)  # what happens between the two runs must not matter
    second = Trainer(tmp_path / "broken", PLAN, TEXTS, [])
    assert second.step == 3
    assert advance(second, 3) == losses[3:]
    ours, theirs = second.average.state_dict(), straight.average.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_a_run_reports_its_error_rate_and_leaves_a_checkpoint_that_becomes_weights(tmp_path):
    trainer = Trainer(tmp_path, TrainingPlan(seed=7, steps=2, columns=400, warmup=1), TEXTS, [])
    assert 0 < trainer.run() <= 5
    size = export(trainer.checkpoint, tmp_path / "weights.onnx")
    assert size < 5_000_000
    crop = np.full((30, 90), 255, np.uint8)
    crop[10:20, 20:30] = 0
    assert len(NkoRecognizer(tmp_path / "weights.onnx").read([crop])) == 1


def test_the_loss_falls_on_lines_that_are_seen_again(tmp_path):
    plan = TrainingPlan(seed=7, steps=60, columns=300, warmup=5)
    trainer = Trainer(tmp_path, plan, TEXTS, [])
    batch = trainer.batches[0]
    losses = [trainer.advance(batch) for _ in range(25)]
    assert losses[-1] < losses[0] / 3


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    trainer = Trainer(tmp_path, PLAN, TEXTS, [])
    trainer.save()
    with pytest.raises(ConfigurationError, match="belongs to another run"):
        Trainer(tmp_path, TrainingPlan(seed=8, columns=500, warmup=2), TEXTS, [])
    with pytest.raises(ConfigurationError, match="belongs to another run"):
        Trainer(tmp_path, PLAN, TEXTS[:1], [])


def test_exporting_without_a_checkpoint_says_so(tmp_path):
    with pytest.raises(ConfigurationError, match="no checkpoint"):
        export(tmp_path / "checkpoint.pt", tmp_path / "weights.onnx")


def test_the_learning_rate_rises_stays_and_falls():
    plan = TrainingPlan(steps=1000, warmup=100, constant=0.5)
    rates = [learning_rate(plan, step) for step in range(1000)]
    assert rates[0] < rates[50] < rates[99]
    assert set(rates[100:500]) == {plan.learning_rate}
    assert rates[500:] == sorted(rates[500:], reverse=True)
    assert 0 < rates[-1] < plan.learning_rate / 50


def test_a_batch_depends_on_the_seed_and_its_number_only():
    batches = RenderedBatches(LineWriter(TEXTS), seed=3, columns=600)
    forward = [batches[k] for k in range(5)]
    again = RenderedBatches(LineWriter(TEXTS), seed=3, columns=600)[4]
    assert torch.equal(forward[4].lines, again.lines)
    assert forward[4].texts == again.texts


def test_the_labels_of_a_batch_are_those_of_its_texts_and_fit_their_steps():
    batch = RenderedBatches(LineWriter(TEXTS), seed=4, columns=2000)[1]
    labels = torch.split(batch.labels, batch.label_lengths.tolist())
    assert [label.tolist() for label in labels] == [visual_classes(text) for text in batch.texts]
    assert (batch.label_lengths <= batch.steps).all()
    assert batch.lines.shape[3] == STRIDE * int(batch.steps.max())


def test_the_network_gives_one_distribution_for_every_four_columns():
    network = LineNetwork().eval()
    out = network(torch.zeros(2, 1, 40, 64))
    assert out.shape[:2] == (2, 16)
    assert torch.allclose(out.exp().sum(2), torch.ones(2, 16), atol=1e-5)
