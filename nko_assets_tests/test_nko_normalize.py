"""One spelling for one text, and never a tone mark less."""

import csv
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nko_assets.nko import Normalized, normalize, normalize_with_notes
from nko_assets.nko import characters as c
from nko_assets_tests.shared import SHARED, needs_shared

# Texts made of what normalizing has to deal with, next to anything at all.
ALPHABET = (
    c.LETTERS
    + c.MARKS
    + c.DIGITS
    + c.APOSTROPHES
    + c.UNASSIGNED
    + "".join(c.PUNCTUATION)
    + "".join(c.MARK_LOOKALIKES)
    + c.APOSTROPHE_LOOKALIKES
    + "\u0300\u0301\u0338\u0344 \u00a0\u2009\t\n\r\u2028\u200b\u200c\u200d\u200e\u202e\u2067\ufeff"
    + "\u0640\u0085\x00abé.=ß"
)
messy = st.text(alphabet=st.sampled_from(ALPHABET), max_size=30)


@settings(max_examples=300)
@given(messy | st.text(max_size=30))
def test_normalizing_twice_changes_nothing(text):
    once = normalize(text)
    assert normalize(once) == once


@settings(max_examples=300)
@given(messy)
def test_no_letter_and_no_tone_mark_is_ever_dropped(text):
    kept = normalize(text)
    for character in c.LETTERS + c.DIGITS + c.MARKS:
        assert kept.count(character) >= text.count(character)


@settings(max_examples=200)
@given(messy)
def test_the_result_is_composed_on_single_spaces_without_anything_invisible(text):
    kept = normalize(text)
    assert unicodedata.is_normalized("NFC", kept)
    assert "  " not in kept
    assert kept == kept.strip()
    assert not set(kept) & set("\u200b\u200e\u202e\u2067\ufeff\u0640\u00a0\u2009\t\r\u2028\x00")


# Texts of which most need nothing, and some nearly nothing.
tidy = st.text(
    alphabet=st.sampled_from(c.LETTERS + c.MARKS + c.DIGITS + c.APOSTROPHES + "aé!'~  \n\u0301"),
    max_size=12,
)


@settings(max_examples=500)
@given(tidy | messy)
def test_the_text_is_the_same_whether_or_not_notes_are_taken(text):
    assert normalize(text) == normalize_with_notes(text).text


@settings(max_examples=100)
@given(messy)
def test_a_text_without_notes_is_unchanged(text):
    result = normalize_with_notes(text)
    if not result.notes:
        assert result.text == text


@pytest.mark.parametrize(
    ("raw", "expected", "note"),
    [
        ("ߛߋ\u07ec\u07f2ߓߊ", "ߛߋ\u07f2\u07ecߓߊ", "not_nfc"),
        ("\ufeffߒߞߏ", "ߒߞߏ", "zero_width"),
        ("\u200fߒߞߏ\u200f", "ߒߞߏ", "bidi_controls"),
        ("ߒـߞـߏ", "ߒߞߏ", "tatweel"),
        ("ߌ\u00a0ߣߌ߫  ߛߣߍ߫ ", "ߌ ߣߌ߫ ߛߣߍ߫", "spaces"),
        ("ߒ\u200dߞ\u200dߏ", "ߒߞߏ", "joiners"),
        ("ߒ\x07ߞߏ", "ߒߞߏ", "controls"),
        ("ߒߞߏ\r\nߛߓߍ", "ߒߞߏ\nߛߓߍ", "line_ends"),
    ],
)
def test_what_was_removed_is_noted(raw, expected, note):
    assert normalize_with_notes(raw) == Normalized(expected, (note,))


@pytest.mark.parametrize(("lookalike", "mark"), c.MARK_LOOKALIKES.items())
def test_latin_marks_on_an_nko_letter_become_nko_marks(lookalike, mark):
    result = normalize_with_notes("ߓߊ" + lookalike)
    assert result.text == "ߓߊ" + mark
    assert result.notes == ("mark_lookalikes",)


def test_latin_marks_on_a_digit_make_an_ordinal():
    assert normalize("߁߀\u0323") == "߁߀߲"


def test_latin_marks_on_latin_letters_stay():
    assert normalize("e\u0304 ߓߊ") == "ē ߓߊ"


def test_two_lookalikes_end_in_canonical_order():
    assert normalize("ߛߋ\u0303\u0323ߓߊ") == "ߛߋ߲߬ߓߊ"


@pytest.mark.parametrize("apostrophe", c.APOSTROPHE_LOOKALIKES)
def test_an_ambiguous_apostrophe_is_flagged_and_left_alone(apostrophe):
    text = f"ߞ{apostrophe}ߊ߬"
    assert normalize_with_notes(text) == Normalized(text, ("ambiguous_apostrophe",))


def test_an_apostrophe_in_latin_is_no_matter():
    assert normalize_with_notes("N’Ko").notes == ()


@pytest.mark.parametrize("shown", ["ߓ\u200d", "\u200dߓ\u200d", "\u200dߒ߫", "ߓ\u200c"])
def test_the_joined_form_of_a_single_letter_is_kept(shown):
    assert normalize_with_notes(f"ߒߞߏ {shown}").text == f"ߒߞߏ {shown}"


def test_arabic_and_nko_commas_stay_apart():
    assert normalize("ߒߞߏ، ߒߞߏ߸") == "ߒߞߏ، ߒߞߏ߸"


def test_lines_stay_lines():
    assert normalize(" ߒߞߏ \r\n\r\n ߛߓߍ\u2028ߓߊ ") == "ߒߞߏ\nߛߓߍ\nߓߊ"


def test_compatibility_characters_are_not_folded():
    assert normalize("ߒߞߏ ²") == "ߒߞߏ ²"


@needs_shared
@pytest.mark.parametrize("name", ["flores_nqo_dev", "nllb_seed_nqo"])
def test_human_lines_keep_every_nko_character(name):
    with (SHARED / "data" / f"{name}.tsv").open(encoding="utf-8", newline="") as file:
        lines = [row["nko"] for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]
    assert len(lines) > 900
    for line in lines:
        kept = normalize(line)
        assert [ch for ch in kept if "\u07c0" <= ch <= "\u07ff"] == [
            ch for ch in line if "\u07c0" <= ch <= "\u07ff"
        ]
