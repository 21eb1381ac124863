"""Where two readings differ: found sign by sign, with nothing lost of either."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from nko_assets.nko.characters import LETTERS, MARKS
from nko_assets.reading.reviews.differences import Difference, Piece, compare, signs

texts = st.text(st.sampled_from(LETTERS + MARKS + " .a"), max_size=30)


def test_a_tone_mark_that_differs_marks_its_whole_letter() -> None:
    compared = compare("ߌ ߣߌ߫ ߗߋ߫", "ߌ ߣߌ߬ ߗߋ߫")
    assert compared.here == (
        Piece("ߌ ߣ", None),
        Piece("ߌ߫", "marks"),
        Piece(" ߗߋ߫", None),
    )
    assert compared.differences == (Difference("ߌ߫", "ߌ߬", "marks"),)


def test_a_mark_that_one_reading_lacks_is_seen_in_both() -> None:
    compared = compare("ߛߊ߲", "ߛߊ")
    assert [piece for piece in compared.here if piece.kind] == [Piece("ߊ߲", "marks")]
    assert [piece for piece in compared.there if piece.kind] == [Piece("ߊ", "marks")]


def test_another_letter_is_told_from_another_mark() -> None:
    assert compare("ߓߟߏ", "ߓߟߐ").differences == (Difference("ߏ", "ߐ", "letters"),)


def test_a_word_that_only_the_other_reading_has_is_marked_there() -> None:
    compared = compare("ߌ ߣߌ߫", "ߌ ߣߌ߫ ߗߋ߫")
    assert all(piece.kind is None for piece in compared.here)
    assert "".join(piece.text for piece in compared.there if piece.kind) == " ߗߋ߫"


def test_a_space_that_differs_is_called_a_space() -> None:
    assert compare("ߒߞߏ", "ߒ ߞߏ").differences == (Difference("", " ", "spaces"),)


def test_a_mark_at_the_start_is_a_sign_by_itself() -> None:
    assert signs("߫ߊ") == ["߫", "ߊ"]


@given(texts, texts)
def test_the_pieces_are_the_texts(here: str, there: str) -> None:
    compared = compare(here, there)
    assert "".join(piece.text for piece in compared.here) == here
    assert "".join(piece.text for piece in compared.there) == there


@given(texts, texts)
def test_texts_without_a_difference_are_the_same(here: str, there: str) -> None:
    assert (compare(here, there).differences == ()) == (here == there)


@given(texts, texts)
def test_no_piece_begins_within_a_letter(here: str, there: str) -> None:
    for piece in compare(here, there).here[1:]:
        assert not unicodedata.category(piece.text[0]).startswith("M")
