"""The dictionary hit rate: which words of a text a dictionary knows."""

from __future__ import annotations

import random
from pathlib import Path
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nko_assets.memory.dictionary import Dictionary
from nko_assets.memory.imports import read_parallel
from nko_assets.nko import strip_tones
from nko_assets.nko.characters import LETTERS, MARKS
from nko_assets_tests.shared import SHARED, needs_shared

LESSON = Dictionary(["ߛߓߍ", "ߒߞߏ", "ߞߊ߬ߙߊ߲", "ߞߊ߲ߜߍ ߛߓߍߛߎ߲"])


def test_the_share_of_known_words_is_the_hit_rate() -> None:
    assert LESSON.hit_rate("ߒߞߏ ߛߓߍ") == 1
    assert LESSON.hit_rate("ߒߞߏ ߖߌ") == 0.5
    assert LESSON.hit_rate("ߖߌ") == 0


@pytest.mark.parametrize("text", ["", "hello", "߁߂߃", "؟ ،", " ߫ "])
def test_a_text_without_words_has_no_hit_rate(text: str) -> None:
    assert LESSON.hit_rate(text) is None


def test_tones_stretches_and_punctuation_make_no_difference() -> None:
    assert LESSON.hit_rate("ߞߊߙߊ߲") == LESSON.hit_rate("ߞߊ߬ߙߊ߲߬߸") == 1
    assert LESSON.hit_rate("ߛߓߺߍ") == 1


def test_nasalization_makes_another_word() -> None:
    assert LESSON.hit_rate("ߞߊ߬ߙߊ") == 0


def test_the_words_of_a_headword_of_several_words_are_known() -> None:
    assert LESSON.hit_rate("ߛߓߍߛߎ߲") == 1


def test_of_words_joined_by_an_elision_the_last_counts() -> None:
    assert LESSON.hit_rate("ߞߴߒߞߏ") == 1
    assert LESSON.hit_rate("ߛߓߍߴߖߌ") == 0


def test_a_dictionary_without_headwords_knows_nothing() -> None:
    assert len(Dictionary([])) == 0
    assert Dictionary([]).hit_rate("ߒߞߏ") == 0


@given(st.text(alphabet=LETTERS + MARKS + "ߴߺ -.؟a1"))
def test_a_dictionary_of_a_text_knows_all_of_it_with_and_without_tones(text: str) -> None:
    known = Dictionary([text])
    assert known.hit_rate(text) in (1, None)
    assert known.hit_rate(strip_tones(text)) in (1, None)


@needs_shared
def test_real_sentences_score_far_above_misread_ones() -> None:
    assert SHARED is not None
    headwords = _texts(SHARED / "data" / "nicolingua_baba_mamadi_diane_parallel_001.tsv")
    sentences = _texts(SHARED / "data" / "flores_nqo_dev.tsv")
    known = Dictionary(headwords)
    draw = random.Random(1)
    misread = [
        "".join(
            draw.choice(LETTERS) if letter in LETTERS and draw.random() < 0.2 else letter
            for letter in text
        )
        for text in sentences
    ]
    assert fmean(known.hit_rate(text) or 0 for text in sentences) > 0.85
    assert fmean(known.hit_rate(text) or 0 for text in misread) < 0.6


def _texts(path: Path) -> list[str]:
    rows = read_parallel(path.read_bytes(), source=path.stem, licence="CC-BY-SA-4.0").rows
    return [row.nko for row in rows]
