"""CER and WER are those of jiwer, and the errors of marks stand apart from those of letters."""

from __future__ import annotations

import jiwer
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

from nko_assets.nko import normalize
from nko_assets.nko.characters import MARKS
from nko_assets.tuning.evaluation.transcription import (
    added_line,
    line_errors,
    score_errors,
    score_lines,
)

LINE = st.text(alphabet="ߓߔߕߘߛߞߟߊߋߌߎߏ\u07eb\u07ec\u07f2 .", max_size=30)
TRUE = LINE.filter(lambda text: normalize(text).strip(MARKS + " ."))
MORNING = "ߌ ߣߌ߫ ߛߐ߰ߡߊ߬"


def test_the_rates_are_those_that_jiwer_gives_for_the_same_lines():
    read = ["ߌ ߣߌ ߛߐ߰ߡߊ߬", "ߒߞߏ", "ߛߓߍ߫ ߞߏ"]
    true = [MORNING, "ߒߞߏ", "ߛߓߍ ߞߎ"]
    found = score_lines(read, true)
    assert found is not None
    assert found.cer.value == pytest.approx(jiwer.cer(true, read))
    assert found.wer.value == pytest.approx(jiwer.wer(true, read))
    assert found.exact.value == pytest.approx(1 / 3)
    assert found.cer.count == 3


def test_a_known_answer_counted_by_hand():
    """Of 12 characters, 9 of them letters and spaces and 3 marks, one mark is lost."""
    errors = line_errors("ߌ ߣߌ ߛߐ߰ߡߊ߬", MORNING)
    assert (errors.edits, errors.characters) == (1, 12)
    assert (errors.word_edits, errors.words) == (1, 3)
    assert (errors.bare_edits, errors.bare_characters) == (0, 9)
    assert (errors.mark_edits, errors.marks) == (1, 3)


def test_a_wrong_letter_is_no_error_of_marks():
    errors = line_errors("ߌ ߟߌ߫ ߛߐ߰ߡߊ߬", MORNING)
    assert (errors.edits, errors.bare_edits, errors.mark_edits) == (1, 1, 0)


def test_a_mark_taken_for_another_is_one_error():
    errors = line_errors("ߌ ߣߌ߬ ߛߐ߰ߡߊ߬", MORNING)
    assert (errors.edits, errors.bare_edits, errors.mark_edits) == (1, 0, 1)


def test_a_line_that_was_missed_costs_all_its_characters():
    found = score_lines(["", "ߒߞߏ"], [MORNING, "ߒߞߏ"])
    assert found is not None
    assert found.cer.value == pytest.approx(12 / 15)


def test_a_line_that_is_not_there_costs_its_own_and_is_no_line():
    found = score_errors([line_errors("ߒߞߏ", "ߒߞߏ"), added_line("ߛߓߍ߫ ߞߏ")])
    assert found is not None
    assert found.cer.value == pytest.approx(7 / 3)
    assert found.wer.value == 2
    assert found.exact.value == 1
    assert found.exact.count == 1


def test_lines_without_marks_have_no_rate_of_marks():
    found = score_lines(["ߒߞߏ"], ["ߒߞߏ"])
    assert found is not None
    assert found.marks is None


def test_nothing_has_no_score_and_a_silent_line_cannot_be_read():
    assert score_lines([], []) is None
    with pytest.raises(ValueError, match="says nothing"):
        line_errors("ߒߞߏ", " ")
    with pytest.raises(ValueError):
        score_lines(["ߒߞߏ"], [])


@given(LINE, TRUE)
def test_edits_are_the_least_that_there_can_be_and_marks_are_among_them(read, true):
    errors = line_errors(read, true)
    assert errors.edits == Levenshtein.distance(normalize(read), normalize(true))
    assert errors.characters == len(normalize(true))
    assert errors.mark_edits <= errors.edits
    assert errors.bare_edits <= errors.edits


@given(TRUE)
def test_a_line_read_rightly_has_no_errors(true):
    errors = line_errors(true, true)
    assert (errors.edits, errors.word_edits, errors.bare_edits, errors.mark_edits) == (0, 0, 0, 0)
