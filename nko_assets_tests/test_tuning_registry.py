"""The champion falls only to a win that cannot be chance, and every decision is kept."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from nko_assets.failures import PermanentFailure
from nko_assets.tuning.evaluation.intervals import Comparison
from nko_assets.tuning.registry import Decision, Model, Registry, Rival, decide

NOW = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)
WIN = Comparison(0.1, 0.05, 0.15, 0.002, 60)
TIE = Comparison(0.02, -0.01, 0.05, 0.2, 60)
LOSS = Comparison(-0.1, -0.15, -0.05, 0.002, 60)
FEW = Comparison(0.5, 0.5, 0.5, 0.002, 12)


def model(name: str) -> Model:
    return Model(name * 64, f"model {name}", f"/models/{name}", "open", None, "e" * 32)


A, B = model("a"), model("b")


def decision(
    *rivals: Comparison | None, challenger=A, champion=None, asked=60, failed=0, **over
) -> Decision:
    named = [Rival(f"rival {number}", found) for number, found in enumerate(rivals)]
    given = {"asked": asked, "failed": failed, "at": NOW} | over
    return decide(challenger, champion, "f" * 64, named, **given)


@pytest.mark.parametrize(
    ("rivals", "verdict", "why"),
    [
        ((WIN, WIN), "promoted", r"it beats rival 0 by \+10.0 points"),
        ((WIN, TIE), "kept", "is not better for sure than rival 1"),
        ((LOSS,), "kept", "is worse than rival 0"),
        ((FEW,), "undecided", "12 examples that rival 0 answered too"),
        ((WIN, None), "undecided", "0 examples that rival 1"),
        ((), "undecided", "nobody was there"),
    ],
)
def test_a_model_is_promoted_only_when_it_beats_everybody_for_sure(rivals, verdict, why):
    made = decision(*rivals)
    assert made.verdict == verdict
    assert re.search(why, made.reason)


def test_nothing_is_decided_when_answers_are_missing():
    made = decision(WIN, failed=4)
    assert made.verdict == "undecided"
    assert made.reason == "4 of 60 questions have no answer"
    assert decision(WIN, failed=3).verdict == "promoted"


def test_a_record_that_is_not_there_has_no_champion(tmp_path):
    registry = Registry(tmp_path / "models.json")
    assert registry.champion is None
    assert registry.decisions == []


def test_a_promotion_and_what_came_after_are_on_record(tmp_path):
    registry = Registry(tmp_path / "tuning" / "models.json")
    first, second = decision(WIN), decision(TIE, challenger=B, champion=A)
    registry.record(first)
    registry.record(second)
    assert registry.champion == A
    assert registry.decisions == [first, second]

    third = decision(WIN, challenger=model("c"), champion=A)
    registry.record(third)
    assert Registry(tmp_path / "tuning" / "models.json").champion == model("c")
    assert registry.decisions == [first, second, third]


def test_the_same_decision_again_changes_nothing(tmp_path):
    path = tmp_path / "models.json"
    registry = Registry(path)
    registry.record(decision(TIE))
    before = path.read_bytes()
    registry.record(decision(TIE, at=NOW + timedelta(days=1)))
    assert path.read_bytes() == before


def test_a_later_measurement_of_the_same_replaces_the_earlier_one(tmp_path):
    registry = Registry(tmp_path / "models.json")
    registry.record(decision(WIN, failed=30))
    registry.record(decision(WIN, at=NOW + timedelta(days=1)))
    (kept,) = registry.decisions
    assert kept.verdict == "promoted"
    assert registry.champion == A


def test_on_another_frozen_test_it_is_another_decision(tmp_path):
    registry = Registry(tmp_path / "models.json")
    registry.record(decision(TIE))
    registry.record(decide(A, None, "0" * 64, [Rival("x", TIE)], asked=60, failed=0, at=NOW))
    assert len(registry.decisions) == 2


def test_a_broken_record_is_refused_and_not_overwritten(tmp_path):
    path = tmp_path / "models.json"
    path.write_text('{"champion": ', encoding="utf-8")
    with pytest.raises(PermanentFailure, match="is no record of models"):
        Registry(path).record(decision(WIN))
    assert path.read_text(encoding="utf-8") == '{"champion": '


def test_people_can_read_the_record(tmp_path):
    path = tmp_path / "models.json"
    Registry(path).record(decision(WIN))
    document = json.loads(path.read_text(encoding="utf-8"))
    assert document["champion"]["name"] == "model a"
    assert document["decisions"][0]["verdict"] == "promoted"
    assert document["decisions"][0]["rivals"][0]["comparison"]["low"] == 0.05
