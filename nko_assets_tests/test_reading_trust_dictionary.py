"""Which words are known: every file format, and words rather than spellings of tone."""

from __future__ import annotations

import json

import pytest

from nko_assets.failures import ConfigurationError
from nko_assets.reading.trust.dictionary import Dictionary, load_dictionary

WORDS = ("ߞߊ߬ߙߊ߲߬ߡߐ߮", "ߒߞߏ ߓߟߏ")


def test_the_hit_rate_is_the_share_of_words_known():
    dictionary = Dictionary(WORDS)
    assert dictionary.hit_rate("ߞߊ߬ߙߊ߲߬ߡߐ߮ ߒߞߏ ߡߍ߲ ߓߟߏ.") == 0.75
    assert dictionary.unknown("ߞߊ߬ߙߊ߲߬ߡߐ߮ ߡߍ߲") == ["ߡߍ߲"]


def test_tones_do_not_make_another_word_but_nasals_do():
    dictionary = Dictionary(["ߞߊ߬ߙߊ߲"])
    assert dictionary.hit_rate("ߞߊߙߊ߲") == 1
    assert dictionary.hit_rate("ߞߊ߬ߙߊ") == 0


def test_a_text_without_nko_words_has_no_hit_rate():
    assert Dictionary(WORDS).hit_rate("lesson ߁߂") is None


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("words.txt", "\n".join(WORDS)),
        ("words.tsv", "id\tnko\tfrench\n" + "".join(f"1\t{word}\tx\n" for word in WORDS)),
        ("words.tsv", "word\n" + "\n".join(WORDS)),
        ("words.jsonl", "".join(json.dumps({"word": word}) + "\n" for word in WORDS)),
    ],
)
def test_every_format_gives_the_same_words(tmp_path, name, text):
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert len(load_dictionary(tmp_path / name)) == 3


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("words.txt", "only Latin", "holds no N'Ko word"),
        ("words.tsv", "id\tfrench\n1\tmot\n", "holds no N'Ko word"),
        ("words.jsonl", '{"word": "ߒߞߏ"}\n{"word"', "Line 2 .* is no JSON"),
        ("words.jsonl", "[]\n", "holds no N'Ko word"),
    ],
)
def test_a_file_that_is_no_dictionary_is_refused(tmp_path, name, text, said):
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=said):
        load_dictionary(tmp_path / name)


def test_a_dictionary_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"gone\.txt"):
        load_dictionary(tmp_path / "gone.txt")
