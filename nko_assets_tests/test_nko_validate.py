"""Damaged readings are caught; what people write is not."""

import csv
import doctest
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nko_assets import nko
from nko_assets.nko import Signal, normalize, rejected, validate
from nko_assets.nko import characters as c
from nko_assets_tests.shared import SHARED, needs_shared


def names(text, **given_with):
    return {signal.name for signal in validate(text, **given_with)}


def human_lines(name):
    with (SHARED / "data" / f"{name}.tsv").open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [(row["nko"], row.get("english")) for row in rows]


def test_the_example_of_the_package_is_true():
    assert doctest.testmod(nko) == (0, 3)


def test_a_signal_says_what_it_saw():
    assert validate("ߒߞߏߏߏ") == [Signal("triple_letter", "reject", "ߏ three times in a row")]


def test_the_worst_signal_comes_first():
    signals = validate("ߌ ߣߌ߫߫ ߒߞo")
    assert [signal.severity for signal in signals] == ["reject", "review"]
    assert rejected(signals)
    assert not rejected(signals[1:])


def test_a_latin_that_spells_another_text_is_worth_a_look():
    assert validate("ߌ ߣߌ߫ ߛߐ߰ߡߊ߬", latin="i ni sɔgɔma") == []
    assert names("ߌ ߣߌ߫ ߛߐ߰ߡߊ߬", latin="ka baara kɛ") == {"latin_disagrees"}


def test_no_translation_says_nothing_about_length():
    assert validate("ߌ ߣߌ߫ ߛߐ߰", english=None) == validate("ߌ ߣߌ߫ ߛߐ߰", english="") == []


def test_what_normalizing_repairs_is_no_signal():
    assert validate("\u200fߛߋ\u07ec\u07f2ߓߊ\u00a0 ") == []


@settings(max_examples=200)
@given(st.text(max_size=40), st.none() | st.text(max_size=40), st.none() | st.text(max_size=20))
def test_any_text_gets_a_verdict(text, english, latin):
    for signal in validate(text, english=english, latin=latin):
        assert signal.name.isidentifier()
        assert signal.detail


@settings(max_examples=60)
@given(st.text(min_size=1, max_size=20).filter(lambda text: not re.search("[߀-߿]", text)))
def test_text_without_nko_is_never_accepted(text):
    assert validate(text)


@needs_shared
@pytest.mark.parametrize("name", ["flores_nqo_dev", "nllb_seed_nqo"])
def test_at_most_one_in_a_hundred_human_lines_is_rejected(name):
    lines = human_lines(name)
    assert len(lines) > 900
    bad = [nko for nko, english in lines if rejected(validate(nko, english=english))]
    assert len(bad) / len(lines) <= 0.01, bad[:5]


@needs_shared
def test_at_most_one_in_a_hundred_headwords_is_flagged():
    lines = human_lines("nicolingua_baba_mamadi_diane_parallel_001")[::10]
    assert len(lines) > 3000
    assert sum(bool(validate(nko)) for nko, _ in lines) / len(lines) <= 0.01


LOOP = " ߌ ߣߌ߫ ߛߣߍ߫" * 6
DAMAGES = {
    "reversed": lambda text: text[::-1],
    "reversed words": lambda text: " ".join(word[::-1] for word in text.split()),
    "loop": lambda text: text + LOOP,
    "thinking": lambda text: f"{text} (Wait, the second row",
    "label": lambda text: f"**NKO:** {text}",
    "fence": lambda text: f"```\n{text}\n```",
    **{
        codec: lambda text, codec=codec: text.encode().decode(codec, "replace")
        for codec in ("cp1252", "latin-1", "mac_roman", "cp437", "cp850", "cp1251", "koi8-r")
    },
}


@needs_shared
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_every_human_sentence_that_is_damaged_is_rejected(damage):
    for line, _ in human_lines("flores_nqo_dev")[::5]:
        assert rejected(validate(damage(line))), damage(line)


@needs_shared
def test_nearly_every_sentence_cut_at_ten_characters_is_rejected():
    lines = human_lines("flores_nqo_dev")
    caught = sum(rejected(validate(nko[:10], english=english)) for nko, english in lines)
    assert caught / len(lines) >= 0.99


@needs_shared
def test_nearly_every_sentence_without_its_tones_is_flagged():
    lines = [nko for nko, _ in human_lines("flores_nqo_dev")]
    bare = [re.sub(f"[{c.TONES}]", "", normalize(nko)) for nko in lines]
    assert sum("tone_marks" in names(nko) for nko in bare) / len(bare) >= 0.99
