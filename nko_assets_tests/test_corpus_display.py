import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from nko_assets.corpus.display import cut, has_nko, one_line

NKO = st.text(alphabet=[chr(code) for code in range(0x07C0, 0x07FB)] + [" "], max_size=80)


@given(NKO, st.integers(2, 40))
def test_a_cut_text_is_short_and_a_beginning(text, longest):
    short = cut(text, longest)
    assert len(short) <= max(longest, 1)
    assert text.startswith(short.removesuffix("…"))


@given(NKO, st.integers(2, 40))
def test_no_letter_loses_its_marks(text, longest):
    short = cut(text, longest)
    if short != text and len(short) > 1:
        following = text[len(short) - 1 :].lstrip()
        assert not following or not unicodedata.combining(following[0]) or " " in text[: len(short)]


def test_a_cut_prefers_the_end_of_a_word():
    assert cut("one two three four", 16) == "one two three…"


@given(st.text())
def test_one_line_is_free_of_controls_and_idempotent(text):
    line = one_line(text)
    assert "\n" not in line
    assert not {"\u202e", "\u2069", "\u200f"} & set(line)
    assert one_line(line) == line


def test_nko_is_told_from_its_arabic_neighbours():
    assert has_nko("a ߒ")
    assert not has_nko("،؟ abc")
