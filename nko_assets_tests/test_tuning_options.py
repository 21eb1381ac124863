"""The decision document: figures that follow the data, and a recommendation that says why."""

from __future__ import annotations

import dataclasses
import json
from datetime import date

import pytest

from nko_assets.reading.gemini.prices import price
from nko_assets.tuning.examples import iter_examples
from nko_assets.tuning.options.candidates import CANDIDATES
from nko_assets.tuning.options.costs import CARDS, memory_gb, training
from nko_assets.tuning.options.decision import GOAL, decide
from nko_assets.tuning.options.measure import measure
from nko_assets.tuning.options.page import options_json, render_options
from nko_assets.tuning.shapes.gemini import gemini_tokens
from nko_assets.tuning.tokens import RATES
from nko_assets.tuning.trainer.configuration import load
from nko_assets.tuning.vertex_prices import EPOCHS, TUNABLE
from nko_assets_tests.builders import channel
from nko_assets_tests.corpus_files import corpus_of, write_corpus
from nko_assets_tests.test_tuning_tokens import words_tokenizer

DAY = date(2026, 11, 25)


@pytest.fixture(scope="module")
def splits(tmp_path_factory):
    root = tmp_path_factory.mktemp("options")
    write_corpus(corpus_of(channel(8, 12)), root)
    return root / "splits"


def measured_of(splits, tokenizers=None):
    return measure(
        iter_examples(splits / "train"), iter_examples(splits / "validation"), tokenizers or {}
    )


@pytest.fixture(scope="module")
def measured(splits):
    return measured_of(splits)


@pytest.fixture(scope="module")
def options(measured):
    return decide(measured, 100, DAY)


def option(options, name):
    return next(one for one in options.options if one.candidate.name == name)


def test_every_example_is_counted_once_by_its_task(measured, splits):
    train = list(iter_examples(splits / "train"))
    assert measured.examples == len(train) == sum(measured.tasks.values())
    assert measured.pictures == sum(one.image is not None for one in train)
    assert measured.validation == len(list(iter_examples(splits / "validation")))
    assert measured.gemini == sum(map(gemini_tokens, train))


def test_characters_of_the_text_are_those_of_its_turns(measured, splits):
    turns = [
        turn.content
        for one in iter_examples(splits / "train")
        if one.image is None
        for turn in one.messages
    ]
    assert measured.nko + measured.other == sum(map(len, turns))
    per_example = sum(measured.question) + sum(measured.answer)
    texts = measured.examples - measured.pictures
    assert per_example * texts == pytest.approx(sum(map(len, turns)))


def test_without_a_tokenizer_its_rates_estimate_and_with_it_it_counts(measured, splits):
    rates = RATES["qwen3"]
    estimated = measured.tokens["qwen3"]
    assert not estimated.counted
    assert estimated.text == round(measured.nko * rates.nko + measured.other * rates.other)
    counted = measured_of(splits, {"qwen3": words_tokenizer()}).tokens
    assert counted["qwen3"].counted
    assert counted["qwen3"].text != estimated.text
    assert counted["gemma3"] == measured.tokens["gemma3"]


def test_pieces_learnt_from_train_shorten_the_nko_of_validation(measured):
    own = measured.own
    assert own.pieces > 0
    assert own.words > 0
    assert own.tokens_a_word < min(rates.nko_word for rates in RATES.values())
    for tokens in measured.tokens.values():
        assert tokens.extended < tokens.text


def test_with_nothing_held_out_no_pieces_are_tried(splits):
    alone = measure(iter_examples(splits / "train"), [], {})
    assert alone.own is None
    assert all(tokens.extended is None for tokens in alone.tokens.values())
    decided = decide(alone, 100, DAY)
    assert all(one.tokens == one.plain_tokens for one in decided.options)


def test_names_of_tokenizers_presets_and_priced_models_are_real():
    assert {one.tokenizer for one in CANDIDATES} == set(RATES)
    for one in CANDIDATES:
        if one.preset:
            assert load(one.preset)
        if one.where == "vertex":
            assert price(one.name, DAY, batch=False).input_usd > 0
    assert {model.name for model in TUNABLE} < {one.name for one in CANDIDATES}
    assert len({one.name for one in CANDIDATES}) == len(CANDIDATES)


def test_a_service_asks_for_each_token_of_each_epoch(options, measured):
    flash = option(options, "gemini-2.5-flash")
    assert flash.usd == pytest.approx(5 * EPOCHS * measured.gemini / 1e6)
    assert flash.goal_usd == pytest.approx(flash.usd * GOAL / measured.examples)
    assert flash.tokens == measured.gemini


def test_a_price_that_nobody_gives_is_unknown_and_never_nothing(options):
    unpriced = option(options, "gemini-3.5-flash")
    assert unpriced.usd is None
    assert unpriced.goal_usd is None
    assert any("price" in sentence for sentence in unpriced.candidate.unknown)
    assert "unknown" in render_options(options)


def test_memory_and_dollars_grow_with_the_model_and_the_tokens():
    assert memory_gb(4) < memory_gb(8) < memory_gb(12)
    small, large = training(1.7, 10**7, 3), training(8.0, 10**7, 3)
    assert small.usd < large.usd < training(8.0, 10**8, 3).usd
    assert large.usd == pytest.approx(large.hours * large.card.usd_hour)


def test_the_card_is_one_that_holds_the_model_and_the_one_that_costs_least():
    for billions in (1.0, 4.0, 8.0, 12.2):
        found = training(billions, 10**9, 3)
        assert found.card.memory_gb >= found.memory_gb
    assert training(12.2, 1_000, 1).card.memory_gb == 80
    # What takes long is cheaper on the fast card.
    assert training(8.0, 10**10, 3).card is CARDS[-1]


def test_a_small_model_needs_no_card_and_one_too_large_is_refused():
    assert training(0.135, 10**6, 3).card is None
    with pytest.raises(ValueError, match="no card"):
        training(70, 10**6, 3)


def test_the_cheapest_service_and_a_model_to_keep_are_recommended_with_reasons(options):
    recommended = options.recommendation
    assert recommended.first == "gemini-2.5-flash-lite"
    assert recommended.beside == "Qwen3-4B-Instruct-2507"
    kept = option(options, recommended.beside)
    assert kept.candidate.permissive
    text = " ".join(recommended.reasons)
    assert "evaluation" in text
    assert "rehearsal" in text  # far fewer examples than are wanted
    assert "7.5 tokens a word" in text


def test_a_budget_that_allows_no_service_says_so_and_what_is_kept_remains(measured):
    recommended = decide(measured, 0, DAY).recommendation
    assert recommended.first == ""
    assert recommended.beside
    assert "NKO_BUDGET_USD" in recommended.reasons[0]


def test_too_few_examples_recommend_nothing(measured):
    few = dataclasses.replace(measured, examples=99)
    recommended = decide(few, 100, DAY).recommendation
    assert (recommended.first, recommended.beside) == ("", "")
    assert "99 examples" in recommended.reasons[0]


def test_many_examples_are_no_rehearsal(measured):
    many = dataclasses.replace(measured, examples=GOAL)
    assert "rehearsal" not in " ".join(decide(many, 100, DAY).recommendation.reasons)


def test_the_page_holds_every_candidate_every_source_and_every_unknown(options):
    page = render_options(options)
    for one in CANDIDATES:
        assert one.name in page
        assert one.source in page
    for card in CARDS:
        assert card.name in page
    assert f"{options.measured.examples:,}" in page
    assert "<script" not in page


def test_the_json_says_the_same(options):
    document = json.loads(options_json(options))
    assert document["recommendation"]["first"] == options.recommendation.first
    assert len(document["options"]) == len(CANDIDATES)
    assert document["day"] == "2026-11-25"
