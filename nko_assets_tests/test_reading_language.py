"""English, French and romanized N'Ko told apart, in single words and in sentences."""

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nko_assets.nko import romanize
from nko_assets.reading.language import (
    CANDIDATES,
    carries_language,
    language_of,
    language_shares,
    shares_beside,
)
from nko_assets_tests.shared import SHARED, needs_shared


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Monday", "en"),
        ("lundi", "fr"),
        ("good morning", "en"),
        ("bonjour", "fr"),
        ("Thank you very much.", "en"),
        ("Comment allez-vous ?", "fr"),
        ("How's work?", "en"),
        ("l’école", "fr"),
        ("élève", "fr"),
    ],
)
def test_common_words_and_sentences_are_told_apart(text, language):
    assert language_of(text) == language


@pytest.mark.parametrize("text", ["sɛbɛ", "ɲɔgɔn", "n bɔda", "à bɛ́ ɲìn"])
def test_letters_that_only_manding_has_mean_a_romanization(text):
    assert language_of(text) == "nqo-Latn"


@pytest.mark.parametrize(
    ("nko", "latin"),
    [("ߌ ߣߌ߫ ߛߐ߰ߡߊ߬", "i ni sɔɔma"), ("ߌ ߣߌ߫ ߗߋ߫", "i ni ce"), ("ߒ ߓߊ", "n ba")],
)
def test_a_line_that_spells_its_neighbour_is_its_romanization(nko, latin):
    assert language_of(latin, [nko]) == "nqo-Latn"


def test_a_translation_that_resembles_its_neighbour_stays_a_translation():
    # The name of a country sounds alike in all four.
    assert shares_beside("Guinea", "ߖߌ߬ߣߍ߫")["en"] > 0.9
    assert shares_beside("good morning", "ߌ ߣߌ߫ ߛߐ߰ߡߊ߬")["en"] > 0.9


@pytest.mark.parametrize(
    "text", ["", "12", "3 / 14", "p. 7", "N’Ko 07.pdf", "https://example.org/nko", "H", "- - -"]
)
def test_numbers_files_and_addresses_carry_no_language(text):
    assert not carries_language(text)
    assert language_of(text) == "und"


@given(st.text())
def test_shares_are_probabilities_for_any_text(text):
    shares = language_shares(text)
    assert set(shares) == set(CANDIDATES)
    assert sum(shares.values()) == pytest.approx(1)
    assert all(0 < share < 1 for share in shares.values())


def rows(name):
    with (SHARED / "data" / name).open(encoding="utf-8") as lines:
        yield from csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)


def right(texts):
    """The share of (text, language) that is told right between English and French."""
    told = [
        (shares["en"] > shares["fr"]) == (language == "en")
        for text, language in texts
        for shares in [language_shares(text)]
    ]
    return sum(told) / len(told)


@needs_shared
def test_names_of_cldr_are_told_apart_in_nine_of_ten():
    differ = [
        row
        for row in rows("cldr_nqo_names.tsv")
        if row["english"] and row["french"] and row["english"].lower() != row["french"].lower()
    ]
    texts = [
        (row[name], {"english": "en", "french": "fr"}[name])
        for row in differ
        for name in ("english", "french")
    ]
    assert len(texts) > 1000
    assert right(texts) >= 0.9


@needs_shared
def test_attested_greetings_are_told_apart_without_exception():
    texts = [
        (row[name], {"english": "en", "french": "fr"}[name])
        for row in rows("greetings_gold.tsv")
        for name in ("english", "french")
        if row[name]
    ]
    assert right(texts) == 1


@needs_shared
def test_romanized_phrases_are_told_beside_their_n_ko():
    phrases = [row["nko"] for row in rows("nicolingua_kalo_mory_diane_parallel_001.tsv")][::35]
    told = [language_of(romanize(nko), [nko]) for nko in phrases]
    assert told.count("nqo-Latn") / len(told) >= 0.99
