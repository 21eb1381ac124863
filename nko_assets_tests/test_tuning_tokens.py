"""Tokens: rates that hold what they promise, and tokenizers that count where they are at hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers

from nko_assets.failures import ConfigurationError
from nko_assets.tuning.tokens import (
    GEMINI,
    RATES,
    count_tokens,
    nko_and_other,
    read_tokenizers,
    text_tokens,
)


def words_tokenizer() -> Tokenizer:
    """One token a word, whatever the word."""
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return tokenizer


def put(folder, name, content=None):
    path = folder / name / "tokenizer.json"
    path.parent.mkdir(parents=True)
    path.write_text(words_tokenizer().to_str() if content is None else content)


@given(st.text())
def test_every_character_is_in_a_run_of_nko_or_is_not(text):
    nko, other = nko_and_other(text)
    assert nko + other == len(text)
    assert min(nko, other) >= 0


def test_spaces_and_points_between_nko_words_belong_to_the_run_and_latin_does_not():
    assert nko_and_other("ߌ ߣߌ߫ ߗߋ߫.") == (9, 1)
    assert nko_and_other("ߒߞߏ means N'Ko") == (3, 11)
    assert nko_and_other("ߒߞߏ\nߒߞߏ") == (6, 1)


@pytest.mark.parametrize("rates", RATES.values(), ids=RATES)
def test_nko_costs_every_model_of_today_more_than_english(rates):
    assert rates.nko_word > 5 * rates.english_word
    assert rates.nko > 4 * rates.other
    assert rates.source


@given(st.text(alphabet="ߒߞߏߣߌ߫ abc.", min_size=1))
def test_an_estimate_is_at_least_one_and_at_most_the_bytes(text):
    assert 1 <= text_tokens(text) <= len(text.encode())


def test_an_estimate_follows_the_rates_of_its_tokenizer():
    text = "ߒߞߏ" * 100
    assert text_tokens(text) == pytest.approx(300 * GEMINI.nko, abs=1)
    assert text_tokens(text, RATES["qwen3"]) < text_tokens(text)


def test_tokens_are_counted_over_many_batches():
    assert count_tokens(words_tokenizer(), ["one two three"] * 1_100) == 3_300
    assert count_tokens(words_tokenizer(), []) == 0


def test_the_tokenizers_of_a_folder_are_those_with_a_known_name(tmp_path):
    put(tmp_path, "qwen3")
    put(tmp_path, "somebody-else")
    assert list(read_tokenizers(tmp_path)) == ["qwen3"]
    assert read_tokenizers(None) == {}


def test_a_folder_without_any_and_a_broken_file_are_told(tmp_path):
    with pytest.raises(ConfigurationError, match=r"gemma3/tokenizer\.json"):
        read_tokenizers(tmp_path)
    put(tmp_path, "gemma3", "{}")
    with pytest.raises(ConfigurationError, match="no tokenizer"):
        read_tokenizers(tmp_path)
