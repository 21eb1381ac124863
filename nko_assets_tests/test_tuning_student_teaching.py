"""One student: trained, written under its digest, judged, and told about in a card."""

from __future__ import annotations

import json

import pytest

from nko_assets.files import sha256_of
from nko_assets.reading.recognizer import WEIGHTS
from nko_assets.reading.training.plan import TrainingPlan

torch = pytest.importorskip("torch", reason="needs the extra train")

from nko_assets.tuning.student.frozen import FrozenSet  # noqa: E402
from nko_assets.tuning.student.teaching import teach  # noqa: E402
from nko_assets_tests.student_lines import crop, frozen_line  # noqa: E402

PLAN = TrainingPlan(steps=2, columns=600, learning_rate=1e-5, warmup=1)
TAUGHT = [crop(number, by="person" if number % 3 else "agreement") for number in range(9)]
FROZEN = FrozenSet(
    "f" * 64,
    tuple(frozen_line(number, kind) for kind in ("real", "rendered") for number in range(20, 28)),
)


def test_a_student_lies_under_the_digest_of_its_weights_beside_its_card(tmp_path):
    said: list[str] = []
    student = teach(
        tmp_path, TAUGHT, FROZEN, WEIGHTS, said.append, left_out=4, plan=PLAN, settling=8
    )
    assert student.weights == tmp_path / student.digest[:12] / "nko_lines.onnx"
    assert sha256_of(student.weights) == student.digest
    card = student.card.read_text()
    assert "6 accepted or corrected by a person, 3 on which two readers agree" in card
    assert student.verdict.reason in card
    assert sha256_of(WEIGHTS)[:12] in card
    assert "4 more were left out" in card
    assert json.loads(student.told.read_text())["status"] == student.verdict.status
    assert any(line.startswith("step 2 of 2") for line in said)
    # Nothing else was left behind.
    assert {path.name for path in tmp_path.iterdir()} == {student.digest[:12]}


def test_the_same_lines_give_the_same_student(tmp_path):
    one, other = (
        teach(tmp_path / name, TAUGHT, FROZEN, WEIGHTS, lambda _said: None, plan=PLAN, settling=8)
        for name in ("one", "other")
    )
    assert one.digest == other.digest
    assert one.verdict == other.verdict


def test_a_run_that_is_interrupted_leaves_nothing_behind(tmp_path):
    def stop(_said: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        teach(tmp_path / "student", TAUGHT, FROZEN, WEIGHTS, stop, plan=PLAN, settling=8)
    assert not (tmp_path / "student").exists()
