"""Words that keep their marks, and keys that tell texts apart by what matters."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nko_assets.nko import characters as c
from nko_assets.nko import key, normalize, strip_tones, tone_key, words

texts = st.text(
    alphabet=st.sampled_from(
        c.LETTERS
        + c.MARKS
        + c.DIGITS
        + c.APOSTROPHES
        + c.LAJANYALAN
        + " \n.،߸؟-()«»\u0338=ab\u200d"
    ),
    max_size=30,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ߌ ߣߌ߫ ߛߐ߰ߡߊ߬", ["ߌ", "ߣߌ߫", "ߛߐ߰ߡߊ߬"]),
        ("ߌ ߞߊ߫ ߞߍ߲ߘߍ߫؟", ["ߌ", "ߞߊ߫", "ߞߍ߲ߘߍ߫"]),
        ("ߞߵߊ߬ ߦߴߌ", ["ߞߵߊ߬", "ߦߴߌ"]),
        ("ߌ-ߣߌ-ߛߣߍ߫", ["ߌ", "ߣߌ", "ߛߣߍ߫"]),
        ("ߥߟߊ߬ߘߊ ߁߀߲", ["ߥߟߊ߬ߘߊ"]),
        ("ߛߎ ߺ ߎ ߺ ߛߎ", ["ߛߎ", "ߎ", "ߛߎ"]),
        ("ߛߊߺߊ߳ߑߘߌ", ["ߛߊߺߊ߳ߑߘߌ"]),
        ("ߞ߽ ߁߂", ["ߞ߽"]),
        ("N’Ko ߒߞߏ YouTube", ["ߒߞߏ"]),
        ("«ߒߞߏ»", ["ߒߞߏ"]),
        ("", []),
        ("߁߂߃ ؟", []),
    ],
)
def test_words_are_whole_with_their_marks(text, expected):
    assert words(text) == expected


@settings(max_examples=200)
@given(texts)
def test_words_hold_every_letter_once_and_in_order(text):
    joined = "".join(words(text))
    assert [ch for ch in joined if ch in c.LETTERS] == [ch for ch in text if ch in c.LETTERS]
    assert all(word[0] in c.LETTERS for word in words(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ߌ ߣߌ߫ ߛߐ߰ߡߊ߬", "ߌ ߣߌ ߛߐߡߊ"),
        ("ߛߋ߲߬ߓߊ", "ߛߋ߲ߓߊ"),
        ("ߒ߬", "ߒ"),
        ("ߝ߭ߋߣߎ߳", "ߝ߭ߋߣߎ߳"),
        ("ߞ߫", "ߞ߫"),
        ("߁߭ ߂߲", "߁߭ ߂߲"),
        ("ߓߊ߭", "ߓߊ"),
    ],
)
def test_tones_go_and_other_marks_stay(text, expected):
    assert strip_tones(text) == expected


@settings(max_examples=150)
@given(texts)
def test_stripping_tones_keeps_letters_and_nasals_and_is_done_at_once(text):
    bare = strip_tones(text)
    assert strip_tones(bare) == bare
    for kept in c.LETTERS + c.DIGITS + c.NASALIZATION + c.DOUBLE_DOT:
        assert bare.count(kept) == text.count(kept)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ߌ ߣߌ߫ ߛߣߍ߫", " ߌ  ߣߌ߫\u00a0ߛߣߍ߫. "),
        ("ߌ ߞߊ߫ ߞߍ߲ߘߍ߫؟", "«ߌ ߞߊ߫ ߞߍ߲ߘߍ߫»"),
        ("ߌ ߣߌ߫\nߛߣߍ߫", "ߌ ߣߌ߫ ߛߣߍ߫ ߹"),
        ("ߛߋ\u07ec\u07f2ߓߊ", "ߛߋ߲߬ߓߊ"),
    ],
)
def test_texts_that_differ_only_in_dress_share_a_key(one, other):
    assert key(one) == key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ߌ ߣߌ߫ ߛߣߍ߫", "ߌ ߣߌ ߛߣߍ߫"),
        ("ߒߞߏ، ߛߓߍ", "ߒߞߏ߸ ߛߓߍ"),
        ("߅߀", "߅߀%"),
        ("ߞߵ", "ߞ"),
    ],
)
def test_texts_that_differ_in_substance_do_not(one, other):
    assert key(one) != key(other)


def test_a_tone_key_joins_texts_that_differ_in_tone_alone():
    assert tone_key("ߓߊ߬ߟߊ") == tone_key("ߓߟߊ".replace("ߓ", "ߓߊ", 1)) != key("ߓߊ߬ߟߊ")
    assert tone_key("ߓߊ߲߫") != tone_key("ߓߊ߫")


@settings(max_examples=200)
@given(texts)
def test_a_key_is_its_own_key(text):
    assert key(key(text)) == key(text)
    assert key(normalize(text)) == key(text)
