"""The keys of the N'Ko keyboard: every sign can be written, and no key writes two."""

from __future__ import annotations

from nko_assets.nko import characters as c
from nko_assets.web.keyboard import ROWS, Key

KEYS = [key for _, row in ROWS for key in row]


def test_every_letter_mark_and_digit_has_one_key() -> None:
    written = [key.text for key in KEYS]
    assert len(set(written)) == len(written)
    assert set(c.LETTERS + c.MARKS + c.DIGITS + c.APOSTROPHES) <= set(written)


def test_no_typed_key_writes_two_signs() -> None:
    typed = [key.typed for key in KEYS if key.typed]
    assert len(set(typed)) == len(typed)
    assert all(len(character) == 1 for character in typed)


def test_only_archaic_letters_abbreviation_and_quotation_cannot_be_typed() -> None:
    assert "".join(key.text for key in KEYS if not key.typed) == "\u07fdߨߩߪ«»"


def test_every_key_can_be_called_by_something() -> None:
    assert all(key.sound or key.name for key in KEYS)


def test_a_mark_is_shown_over_a_dotted_circle() -> None:
    assert Key(c.NASALIZATION, "v").shown == "◌߲"
    assert Key("ߊ", "a").shown == "ߊ"
