"""Texts that went wrong, or look as if they had: each is judged as its row says."""

import json
from pathlib import Path

import pytest

from nko_assets.nko import rejected, validate

PATH = Path(__file__).parent / "gnarly" / "nko_text.jsonl"
CASES = [json.loads(line) for line in PATH.read_text(encoding="utf-8").split("\n") if line]


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_each_gnarly_text_is_judged_as_its_row_says(case):
    signals = validate(case["text"], english=case.get("english"))
    verdict = "reject" if rejected(signals) else "review" if signals else "accept"
    assert verdict == case["expect"], (case["why"], signals)
    if case["signal"]:
        assert case["signal"] in {signal.name for signal in signals}


def test_the_corpus_is_wide():
    assert len(CASES) >= 60
    assert len({case["name"] for case in CASES}) == len(CASES)
    assert {case["expect"] for case in CASES} == {"reject", "review", "accept"}
    assert all(case["why"] for case in CASES)
    assert all((case["signal"] is None) == (case["expect"] == "accept") for case in CASES)
