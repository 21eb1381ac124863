"""Examples: what each row becomes, its references, and an order that no machine changes."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest

from nko_assets.failures import PermanentFailure
from nko_assets.tuning.examples import examples, iter_examples, rows_without_example
from nko_assets.tuning.prompts import ask
from nko_assets_tests.tuning_rows import TURNS, side


def test_a_pair_is_asked_in_both_directions_of_each_language_it_has(tmp_path):
    made = examples(side(tmp_path, nko_english=[{"french": "le n'ko"}]))
    assert {one.task for one in made} == {
        "nko_to_english",
        "english_to_nko",
        "nko_to_french",
        "french_to_nko",
    }
    into = next(one for one in made if one.task == "french_to_nko")
    assert into.question == ask("french_to_nko", "le n'ko")
    assert into.answer == "ߒߞߏ"
    assert into.messages[-1].role == "assistant"


def test_a_language_that_a_pair_does_not_have_gives_no_example(tmp_path):
    made = examples(side(tmp_path, nko_english=[{"french": None}]))
    assert {one.task for one in made} == {"nko_to_english", "english_to_nko"}


def test_other_answers_of_the_same_side_to_the_same_question_are_references(tmp_path):
    made = examples(side(tmp_path, nko_english=[{"english": "goat"}, {"english": "river"}]))
    by_answer = {one.answer: one for one in made if one.task == "nko_to_english"}
    assert by_answer["goat"].references == ("goat", "river")
    assert by_answer["river"].references == ("river", "goat")


def test_a_crop_is_read_and_its_picture_travels_beside_the_turns(tmp_path):
    picture = b"\xff\xd8 a picture"
    row = {"image": base64.b64encode(picture).decode()}
    (made,) = examples(side(tmp_path, ocr_samples=[row]))
    assert (made.task, made.image, made.answer) == ("read_line", picture, "ߒߞߏ")
    (text,) = examples(tmp_path, pictures=False)
    assert text == replace(made, image=None)


def test_a_word_is_defined_by_all_its_meanings_and_each_alone_would_do(tmp_path):
    (made,) = examples(side(tmp_path, vocabulary=[{"meaning": "goat; kid"}]))
    assert made.answer == "goat; kid"
    assert made.references == ("goat; kid", "goat", "kid")


def test_a_word_without_an_english_meaning_gives_no_example_and_is_counted(tmp_path):
    folder = side(tmp_path, vocabulary=[{"meaning": None}, {"meaning": "goat"}])
    assert len(examples(folder)) == 1
    assert rows_without_example(folder) == {"a word without an English meaning": 1}


def test_an_exchange_is_taken_as_it_stands_and_synthetic_ones_say_so(tmp_path):
    made = examples(
        side(tmp_path, conversations=[{"nko": "ߒߞߏ\nߓߊ"}], synthetic=[{"origin": "synthetic"}])
    )
    assert {one.origin for one in made} == {"extracted", "synthetic"}
    exchange = next(one for one in made if one.origin == "extracted")
    assert [turn.content for turn in exchange.messages] == ["You teach.", "ߒߞߏ?", "N'Ko"]
    assert exchange.nko == ("ߒߞߏ", "ߓߊ")


@pytest.mark.parametrize("turns", [TURNS[1:], TURNS[:2], [*TURNS, TURNS[2]], TURNS[:1]])
def test_an_exchange_that_does_not_end_with_the_assistants_turn_is_refused(tmp_path, turns):
    with pytest.raises(PermanentFailure, match="Line 1 of"):
        examples(side(tmp_path, conversations=[{"messages": turns}]))


def test_ids_differ_between_directions_and_never_between_machines(tmp_path):
    folder = side(tmp_path, nko_english=[{}, {"english": "script"}])
    first, again = examples(folder), examples(folder)
    assert [one.id for one in first] == [one.id for one in again]
    assert len({one.id for one in first}) == len(first) == 4
    assert [one.id for one in first] == sorted(one.id for one in iter_examples(folder))


def test_a_file_that_is_missing_is_told_and_only_synthetic_may_be(tmp_path):
    folder = side(tmp_path)
    (folder / "synthetic.jsonl").unlink()
    assert examples(folder) == []
    (folder / "vocabulary.jsonl").unlink()
    with pytest.raises(PermanentFailure, match=r"vocabulary\.jsonl"):
        examples(folder)
