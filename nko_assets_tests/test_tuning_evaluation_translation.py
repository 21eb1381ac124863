"""chrF++ and BLEU are those of sacrebleu, and tone marks are told apart from letters."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from nko_assets.tuning.evaluation.translation import (
    prepared,
    score_translations,
    sentence_chrf,
    signatures,
)

NKO = st.text(alphabet="ߓߔߕߖߘߙߛߞߟߡߣߊߋߌߍߎߏߐ\u07eb\u07ec\u07f2 ", min_size=1, max_size=40).filter(
    lambda text: text.strip() and text.strip()[0] not in "\u07eb\u07ec\u07f2"
)
ANSWERS = ["ߌ ߣߌ߫ ߛߐ߰ߡߊ߬", "ߒߞߏ ߛߓߍ", "ߌ ߣߌ߫ ߗߋ߫"]
WANTED = [["ߌ ߣߌ߫ ߛߐ߰ߡߊ߬"], ["ߒߞߏ"], ["ߌ ߣߌ ߗߋ", "ߌ ߣߌ߫ ߗߋ߫"]]


def test_the_figures_are_those_that_sacrebleu_gives_for_the_same_texts():
    found = score_translations(ANSWERS, WANTED, "nko")
    streams = [[each[0] for each in WANTED], [None, None, WANTED[2][1]]]
    assert found is not None
    assert found.chrf.value == pytest.approx(
        CHRF(word_order=2).corpus_score(ANSWERS, streams).score
    )
    assert found.bleu.value == pytest.approx(BLEU().corpus_score(ANSWERS, streams).score)
    assert found.chrf.count == 3


def test_a_known_answer_that_does_not_come_from_the_library():
    """chrF++ by hand: one word of four letters, one of them wrong.

    Letters: 3 of 4 unigrams, 2 of 3 bigrams, 1 of 2 trigrams, 0 of 1 four-gram; words: 0 of 1; the
    orders that the text is too short for do not count. All lengths are equal, so that F is the mean.
    """
    assert sentence_chrf("abcx", ["abcd"], "latin") == pytest.approx(
        100 * (3 / 4 + 2 / 3 + 1 / 2 + 0 + 0) / 5, abs=0.01
    )


def test_without_tones_only_letters_count():
    found = score_translations(["ߌ ߣߌ ߛߐߡߊ"] * 2, [["ߌ ߣߌ߫ ߛߐ߰ߡߊ߬"]] * 2, "nko")
    assert found is not None
    assert found.chrf.value < 60
    assert found.chrf_toneless is not None
    assert found.chrf_toneless.value == pytest.approx(100)
    assert found.bleu_toneless is not None


def test_english_has_no_figures_without_tones():
    found = score_translations(["good morning"] * 2, [["good morning"]] * 2, "latin")
    assert found is not None
    assert found.chrf.value == pytest.approx(100)
    assert found.chrf_toneless is None


def test_an_empty_answer_has_nothing_right():
    found = score_translations(["", ""], [["good morning"], ["good night"]], "latin")
    assert found is not None
    assert (found.chrf.value, found.chrf.low, found.chrf.high) == (0, 0, 0)


def test_answers_that_have_hardly_anything_right_have_a_figure_too():
    found = score_translations(
        ["zz", "a b", "", "qqq"], [["the cat"], ["a b"], ["dogs"], ["q"]], "latin"
    )
    assert found is not None
    assert 0 < found.chrf.value < 60


def test_nothing_has_no_score_and_every_answer_needs_a_reference():
    assert score_translations([], [], "nko") is None
    for references in ([["a"]], [["a"], []]):
        with pytest.raises(ValueError, match="at least one reference"):
            score_translations(["a", "b"], references, "latin")


@given(st.lists(st.tuples(NKO, NKO), min_size=1, max_size=8))
def test_figures_stay_on_their_scale_and_in_their_interval(pairs):
    answers, references = [one for one, _ in pairs], [[other] for _, other in pairs]
    found = score_translations(answers, references, "nko")
    assert found is not None
    for figure in (found.chrf, found.bleu, found.chrf_toneless, found.bleu_toneless):
        assert figure is not None
        assert 0 <= figure.low <= figure.value <= figure.high <= 100.0001


@given(NKO)
def test_a_text_is_its_own_best_translation(text):
    assert sentence_chrf(text, [text], "nko") == pytest.approx(100)
    assert sentence_chrf(text, ["ߒߞߏ", text], "nko") == pytest.approx(100)


@given(NKO)
def test_how_a_text_is_encoded_makes_no_difference(text):
    apart = unicodedata.normalize("NFD", text)
    assert prepared(apart, "nko") == prepared(text, "nko")
    assert prepared(f"  {text}\u200b ", "nko") == prepared(text, "nko")


def test_the_signatures_say_how_the_figures_were_made():
    score_translations(ANSWERS, WANTED, "nko")
    assert "nw:2" in signatures()["chrF++"]
    assert "tok:13a" in signatures()["BLEU"]
