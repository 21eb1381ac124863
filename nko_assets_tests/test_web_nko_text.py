"""N'Ko as markup: right to left, in its language, apart from its surroundings, and escaped."""

from __future__ import annotations

import re
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nko_assets.web.nko_text import direction, lines, nko, nko_number, text

OPEN = '<bdi class="nko" lang="nqo" dir="rtl">'


def test_each_line_is_right_to_left_whatever_it_begins_with() -> None:
    assert nko("ߒߞߏ\nPDF ߞߊ߬ߟߊ߲") == f"{OPEN}ߒߞߏ</bdi><br>{OPEN}PDF ߞߊ߬ߟߊ߲</bdi>"


def test_a_title_follows_its_first_letter() -> None:
    assert text("Lesson ߒߞߏ") == '<bdi class="nko" lang="nqo" dir="ltr">Lesson ߒߞߏ</bdi>'
    assert text("ߒߞߏ lesson") == f"{OPEN}ߒߞߏ lesson</bdi>"
    assert text("lesson") == "<bdi>lesson</bdi>"
    assert (direction("ߒߞߏ lesson"), direction("1 lesson"), direction("")) == ("rtl", "ltr", "ltr")


def test_numbers_stand_in_nko_digits() -> None:
    assert nko_number(2025) == f"{OPEN}߂߀߂߅</bdi>"
    assert nko_number("1:05") == f"{OPEN}߁:߀߅</bdi>"


def test_a_tone_mark_is_never_cut_from_its_letter() -> None:
    assert nko("ߊ߬ߊ߬ߊ߬", 4) == f"{OPEN}ߊ߬…</bdi>"


def test_lines_without_text_are_left_out() -> None:
    assert lines("water\n\n  \nmilk") == "<bdi>water</bdi><br><bdi>milk</bdi>"


@pytest.mark.parametrize("write", [nko, text, lines])
@given(given=st.text())
def test_nothing_becomes_markup_and_no_control_escapes_the_isolation(write, given: str) -> None:
    html = str(write(given))
    inside = re.sub(r'</?bdi(?: class="nko" lang="nqo" dir="(?:rtl|ltr)")?>|<br>', "", html)
    assert not re.search(r"[<>\u202a-\u202e\u2066-\u2069]", inside)
    assert not set(unescape(inside)) - set(given) - {" ", "…"}
