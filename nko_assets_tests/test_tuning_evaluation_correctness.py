"""What counts as right, and how good an answer is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nko_assets.tuning.evaluation.correctness import ACCURACY, answer_script, right, score
from nko_assets.tuning.prompts import TASKS

MORNING = "ߌ ߣߌ߫ ߛߐ߰ߡߊ߬"


@pytest.mark.parametrize(
    ("task", "answer", "references", "expected"),
    [
        ("read_line", f" {MORNING} ", [MORNING], True),
        ("read_line", MORNING.replace("\u07eb", ""), [MORNING], False),
        ("define_word", "House.", ["house"], True),
        ("define_word", "a house", ["house; home"], True),
        ("define_word", "home", ["house; home"], True),
        ("define_word", "home, house", ["house; home; building"], True),
        ("define_word", "home, house", ["house", "home"], True),
        ("define_word", "house; dog; cat; water", ["cat"], False),
        ("define_word", "to go, to walk", ["to walk; go"], True),
        ("define_word", "houses", ["house"], False),
        ("define_word", ".", ["house"], False),
        ("define_word", "", ["."], False),
        ("nko_to_english", "good morning", ["good morning"], True),
        ("nko_to_english", "Good morning to you", ["good morning to you"], True),
        ("nko_to_english", "the cat sat", ["good morning"], False),
        ("nko_to_english", "hello", ["good morning", "hello"], True),
        ("english_to_nko", MORNING, [MORNING], True),
        ("english_to_nko", "", [MORNING], False),
    ],
)
def test_an_answer_is_right_or_not(task, answer, references, expected):
    assert right(task, answer, references) == expected


@given(
    st.sampled_from(TASKS), st.text(max_size=80), st.sampled_from([MORNING, "good morning", "ߛ"])
)
def test_every_score_is_between_nothing_and_all(task, answer, reference):
    assert 0 <= score(task, answer, [reference]) <= 1
    assert isinstance(right(task, answer, [reference]), bool)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("reference", [MORNING, "good morning"])
def test_the_reference_itself_is_right_and_all_that_can_be_had(task, reference):
    assert right(task, reference, [reference])
    assert score(task, reference, [reference]) == pytest.approx(1)


def test_a_line_is_as_good_as_its_letters_are_right():
    assert score("read_line", MORNING.replace("\u07eb", ""), [MORNING]) == pytest.approx(11 / 12)
    assert score("read_line", "x" * 100, [MORNING]) == 0


def test_a_tutors_turn_is_in_the_script_of_what_was_wanted():
    assert answer_script("conversation", ["It is written ߒߞߏ."]) == "latin"
    assert answer_script("conversation", [MORNING]) == "nko"
    assert answer_script("english_to_nko", ["anything"]) == "nko"
    assert answer_script("nko_to_french", [MORNING]) == "latin"


def test_accuracy_is_defined_in_one_sentence():
    assert ACCURACY.count(". ") == 0
    assert ACCURACY.endswith(".")
