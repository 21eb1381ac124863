"""What a decision would teach: more where the reading is uncertain and where readers differ."""

from __future__ import annotations

import pytest

from nko_assets.reading.reviews import Said
from nko_assets.reading.reviews.items import review_items, teaches
from nko_assets.reading.trust.judge import Comparison, Trust
from nko_assets_tests.builders import reading, reviewed

ALONE = [Said("gemini", "ߒߞߏ")]


@pytest.mark.parametrize(
    ("gate", "confidence", "expected"),
    [
        ("needs_review", 0.3, 0.7),
        ("needs_review", 0.99, 0.5),
        ("needs_review", None, 1.0),
        ("rejected", 0.9, 0.25),
        ("accepted", 0.95, 0.05),
    ],
)
def test_what_the_gate_left_open_is_uncertain_at_least_by_half(gate, confidence, expected):
    assert teaches(gate, confidence, ALONE) == pytest.approx(expected)


def test_readers_that_differ_teach_up_to_twice_as_much():
    same, near, none = ([*ALONE, Said("offline", other)] for other in ("ߒߞߏ", "ߒߞߐ", ""))
    assert teaches("needs_review", 0.5, same) == 0.5
    assert teaches("needs_review", 0.5, near) == pytest.approx(0.5 * 4 / 3)
    assert teaches("needs_review", 0.5, none) == 1.0


def test_an_item_says_what_each_reader_read_and_holds_no_nul():
    row = reading("ߒߞߏ", "he\0llo", decision="needs_review", confidence=0.5)
    table = reviewed(row)
    (alone,) = review_items(table)
    assert [said.nko for said in alone.said] == ["ߒߞߏ"]
    assert alone.english == "he\N{REPLACEMENT CHARACTER}llo"
    trust = {(row["frame_id"], row["entry"]): Trust(0.5, "", read="ߓߟߏ")}
    (compared,) = review_items(table, Comparison(trust, {}))
    assert compared.said[1] == Said("offline", "ߓߟߏ")
    (unmatched,) = review_items(table, Comparison({key: Trust(0.5, "") for key in trust}, {}))
    assert unmatched.said[1] == Said("offline", "")
