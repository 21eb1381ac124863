"""Broken answers are called what they are, and odd ones that are right are not called broken."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nko_assets.tuning.evaluation.degenerate import FAULTS, fault, loops, nko_share
from nko_assets_tests.shared import SHARED, needs_shared

PATH = Path(__file__).parent / "gnarly" / "model_answers.jsonl"
CASES = [json.loads(line) for line in PATH.read_text(encoding="utf-8").split("\n") if line]


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_each_gnarly_answer_is_judged_as_its_row_says(case):
    cut = case.get("cut", False)
    found = fault(case["answer"], case["question"], case["reference"], case["script"], cut=cut)
    assert found == case["expect"], case["why"]


def test_the_corpus_knows_every_fault_and_answers_without_any():
    assert len({case["name"] for case in CASES}) == len(CASES) >= 35
    assert {case["expect"] for case in CASES} == {None, *FAULTS}
    assert all(case["why"] for case in CASES)


@given(st.text(max_size=200), st.text(max_size=50), st.sampled_from(["nko", "latin"]))
def test_any_text_can_be_judged_and_none_is_broken_that_is_its_reference(text, question, script):
    assert fault(text, question, "ߒߞߏ" if script == "nko" else "N'Ko", script) in {None, *FAULTS}
    assert fault(text, question, text, script) is None


@given(st.sampled_from(["ߞߏ߫", "the", "ߌ ߣߌ߫", "of the"]), st.integers(4, 30))
def test_what_comes_four_times_in_a_row_is_a_loop(phrase, times):
    assert loops(" ".join([phrase] * times))


def test_the_share_of_nko_leaves_spaces_out():
    assert nko_share("") == 0
    assert nko_share("ߒ ߞ ߏ") == 1
    assert nko_share("ߒߞab") == 0.5


@needs_shared
def test_hardly_a_real_sentence_is_called_broken():
    assert SHARED is not None
    rows = (SHARED / "data" / "flores_nqo_dev.tsv").read_text(encoding="utf-8").splitlines()[1:]
    pairs = [row.split("\t")[1:3] for row in rows]
    # With another reference, so that being right excuses nothing.
    into_nko = [fault(nko, english, "ߒߞߏ" * 40, "nko") for nko, english in pairs]
    into_english = [fault(english, nko, "a" * 130, "latin") for nko, english in pairs]
    wrong = [one for one in (*into_nko, *into_english) if one not in (None, "length")]
    assert len(wrong) <= 0.01 * 2 * len(pairs), wrong
