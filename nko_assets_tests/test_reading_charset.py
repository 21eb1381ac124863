"""Lines change between logical and visual order without losing a code point."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nko_assets.nko.characters import DIGITS, LETTERS, MARKS, TONES
from nko_assets.reading.charset import (
    BLANK,
    CLASSES,
    LATIN_WORD,
    OTHER_PUNCTUATION,
    fold,
    is_readable,
    logical_order,
    logical_text,
    visual_classes,
)

units = st.builds(
    lambda letter, nasal, tone: letter + nasal + tone,
    st.sampled_from(LETTERS),
    st.sampled_from(["", "\u07f2"]),
    st.sampled_from(["", *TONES]),
)
words = st.lists(units, min_size=1, max_size=5).map("".join)
pieces = words | st.text(DIGITS, min_size=1, max_size=4) | st.sampled_from(list(OTHER_PUNCTUATION))
nko_lines = st.builds(
    lambda first, rest: " ".join([first, *rest]), words, st.lists(pieces | st.just("Bamako"))
)


def spelled(text: str) -> list[str]:
    return [CLASSES[index] for index in visual_classes(text)]


@given(nko_lines)
def test_a_right_to_left_line_survives_the_way_to_visual_order_and_back(line):
    assert logical_text(visual_classes(line)) == fold(line)


@given(st.text(max_size=40))
def test_folding_twice_changes_nothing(text):
    assert fold(fold(text)) == fold(text)


@given(st.text(max_size=40) | nko_lines)
def test_any_text_has_visual_classes_and_none_of_them_is_the_blank(text):
    assert BLANK not in visual_classes(text)


@given(st.lists(st.integers(1, len(CLASSES) - 1), max_size=30))
def test_whatever_the_network_says_comes_out_whole_and_in_nfc(classes):
    assert sorted(logical_order(classes)) == list(range(len(classes)))
    text = logical_text(classes)
    assert unicodedata.normalize("NFC", text) == text


def test_every_character_of_the_script_has_exactly_one_class():
    block = {chr(c) for c in (*range(0x07C0, 0x07F6), 0x07F7, 0x07F8, 0x07F9, 0x07FA, 0x07FD)}
    assert block <= set(CLASSES)
    assert len(set(CLASSES)) == len(CLASSES)


def test_letters_are_read_from_the_left_and_marks_follow_their_letter():
    assert spelled("ߞߊ߲߫ ߏ") == ["ߏ", " ", "ߊ", "\u07f2", "\u07eb", "ߞ"]


def test_marks_in_another_order_are_put_into_nfc_order():
    assert logical_text(visual_classes("ߊ\u07eb\u07f2")) == "ߊ\u07f2\u07eb"


@pytest.mark.parametrize("word", ["Bamako", "2025", "e-mail", "l'eau", "3.5", "Ségou", "ɲɔgɔn"])
def test_a_latin_word_is_one_class(word):
    assert spelled(f"ߞߊ {word} ߏ") == ["ߏ", " ", LATIN_WORD, " ", "ߊ", "ߞ"]


def test_latin_words_that_follow_one_another_are_counted_and_their_punctuation_is_theirs():
    assert fold("ߞߊ Bamako, Mali ߏ") == f"ߞߊ {LATIN_WORD} {LATIN_WORD} ߏ"


def test_punctuation_next_to_a_latin_word_in_a_line_of_nko_is_kept():
    assert fold("ߞߊ (Bamako)، ߏ") == f"ߞߊ ({LATIN_WORD})، ߏ"


def test_a_line_that_begins_in_latin_runs_from_left_to_right():
    assert spelled("water ߖߌ") == [LATIN_WORD, " ", "ߌ", "ߖ"]
    assert spelled("one two.") == [LATIN_WORD, " ", LATIN_WORD, "."]


def test_a_bracket_drawn_left_to_right_has_the_class_of_the_shape_that_is_seen():
    assert spelled("water (ߖߌ) is")[2] == ")"
    assert spelled("ߞߊ (ߖߌ) ߏ")[2:] == [")", "ߌ", "ߖ", "(", " ", "ߊ", "ߞ"]


def test_a_stray_mark_joins_the_letter_after_it_or_stays_alone():
    mark, letter = CLASSES.index(TONES[0]), CLASSES.index("ߊ")
    assert logical_text([mark, letter]) == "ߊ" + TONES[0]
    assert logical_text([mark]) == TONES[0]
    assert all(CLASSES.index(m) for m in MARKS)


def test_text_with_a_character_that_has_no_class_is_not_readable():
    assert is_readable("ߞߊ Bamako، «ߏ»")
    assert not is_readable("ߞߊ ☃")
