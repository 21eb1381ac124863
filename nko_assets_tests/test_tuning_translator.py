"""The translator: English where a frame shows none, marked, kept out of all that trains."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import polars as pl
import pytest

from nko_assets.checks import schema_check
from nko_assets.corpus.exports import EXPORTS
from nko_assets.failures import ConfigurationError, TransientFailure
from nko_assets.lineage import STEPS
from nko_assets.schemas.readings import ENGLISH_BY, SecondReadings
from nko_assets.schemas.translations import TRANSLATOR, Translations
from nko_assets.steps import perform
from nko_assets.tuning.chat_model import Answer
from nko_assets.tuning.registry import Model, Registry
from nko_assets.tuning.translator import untranslated
from nko_assets_tests.builders import reading, reviewed
from nko_assets_tests.chat_models import ScriptedModel
from nko_assets_tests.tables import made
from nko_assets_tests.workbench import Workbench, check, entry_of

GREETING, BOOK, WATER = "ߌ ߣߌ߫ ߛߐ߰ߡߊ߬", "ߛߓߍ", "ߖߌ"
SECRET = "a word that no frame shows"


def lesson() -> pl.DataFrame:
    return reviewed(
        reading(GREETING, "good morning", video_id="v1", timestamp_ms=0),
        reading(BOOK, None, video_id="v1", timestamp_ms=5000),
        reading(WATER, None, video_id="v1", timestamp_ms=10_000, french="eau"),
        reading(BOOK, None, video_id="v1", timestamp_ms=15_000),
        reading("ߒߞߏ", None, video_id="v1", timestamp_ms=20_000, decision="needs_review"),
    )


def bench_with(tmp_path: Path, model: ScriptedModel | None) -> Workbench:
    bench = Workbench(tmp_path, entry_of("v1"))
    bench.put_lesson(lesson())
    frames = bench.lake.read_table("unique_frames", "v1").with_columns(
        frame=pl.int_range(pl.len(), dtype=pl.Int32), first_seen_ms=pl.col("timestamp_ms")
    )
    bench.put("unique_frames", "v1", frames)
    bench.put("second_readings", "v1", made(SecondReadings))
    if model is not None:
        bench.workshop = dataclasses.replace(bench.workshop, translator=lambda: model)
    return bench


def test_only_accepted_text_without_any_translation_is_translated():
    assert untranslated(lesson())["nko"].to_list() == [BOOK, BOOK]


def test_without_a_translator_nothing_is_asked_and_the_table_is_empty(tmp_path):
    bench = bench_with(tmp_path, None)

    outcome = bench.work("translations", "v1")

    assert outcome.table.is_empty()
    assert schema_check(Translations, outcome.table, minimum_rows=0).passed
    assert check(outcome, "translated").passed


def test_a_text_that_comes_twice_is_asked_once_and_both_get_the_answer(tmp_path):
    model = ScriptedModel({BOOK: " writing \n"})

    outcome = bench_with(tmp_path, model).work("translations", "v1")

    assert model.asked == [BOOK]
    assert outcome.table["english"].to_list() == ["writing", "writing"]
    assert set(outcome.table["english_by"]) == {TRANSLATOR}
    assert schema_check(Translations, outcome.table).passed


@pytest.mark.parametrize(
    ("said", "status", "why"),
    [
        (Answer(None, "safety: blocked"), "failed", "blocked"),
        ("", "broken", "says nothing"),
        ("book book book book book", "broken", "over and over"),
        ("ߛߓߍ ߟߎ߬", "broken", "not in the script"),
        ("**Translation:** writing", "broken", "labels, markup"),
        (Answer("writing that", cut=True), "broken", "was cut off"),
    ],
)
def test_what_is_no_english_is_kept_out_with_the_reason(tmp_path, said, status, why):
    outcome = bench_with(tmp_path, ScriptedModel({BOOK: said})).work("translations", "v1")

    assert set(outcome.table["status"]) == {status}
    assert why in outcome.table["reason"][0]
    assert outcome.table["english"].null_count() == 2
    assert schema_check(Translations, outcome.table).passed
    assert not check(outcome, "translated").passed


def test_a_service_that_is_away_leaves_no_table_and_is_asked_again(tmp_path):
    bench = bench_with(tmp_path, ScriptedModel({}))
    with pytest.raises(TransientFailure, match=r"did not answer 1 of 1 texts: .*503"):
        perform(STEPS["translations"], bench.context("v1"), STEPS)
    assert bench.lake.record("translations", "v1") is None

    healed = bench_with(tmp_path, ScriptedModel({BOOK: "writing"}))
    performed = perform(STEPS["translations"], healed.context("v1"), STEPS)
    assert performed.record.facts["statuses"] == {"translated": 2}


def test_the_memory_finds_a_turn_by_the_translators_english_and_says_whose_it_is(tmp_path):
    bench = bench_with(tmp_path, ScriptedModel({BOOK: SECRET}))
    perform(STEPS["translations"], bench.context("v1"), STEPS)

    table = bench.work("memory_turns", "v1").table
    contents = [json.loads(content) for content in table["content"]]

    assert [content["english"] for content in contents] == [
        "good morning",
        SECRET,
        None,
        SECRET,
        None,
    ]
    assert contents[1]["entries"][0]["english_by"] == TRANSLATOR
    assert contents[0]["entries"][0]["english_by"] == "frame"
    assert table["embedding"][1] is not None


def test_a_turn_is_no_more_salient_for_a_translators_english(tmp_path):
    plain = bench_with(tmp_path / "plain", None)
    perform(STEPS["translations"], plain.context("v1"), STEPS)
    helped = bench_with(tmp_path / "helped", ScriptedModel({BOOK: SECRET}))
    perform(STEPS["translations"], helped.context("v1"), STEPS)

    salience = [
        bench.work("memory_turns", "v1").table["salience_score"].to_list()
        for bench in (plain, helped)
    ]

    assert salience[0] == salience[1]


def test_no_training_file_and_no_split_ever_holds_a_translators_english(tmp_path):
    bench = bench_with(tmp_path, ScriptedModel({BOOK: SECRET}))
    for name in ("translations", "memory_conversations", "memory_turns", "memory_turn_edges"):
        perform(STEPS[name], bench.context("v1"), STEPS)
    corpus = ("translation_pairs", "conversations", "ocr_samples", "vocabulary")
    for name in (*corpus, "synthetic_examples", "splits"):
        perform(STEPS[name], bench.context("", "v1"), STEPS)

    written = [
        path
        for folder in (bench.lake.training, tmp_path / "splits")
        for path in folder.rglob("*.jsonl")
    ]
    assert {path.stem for path in written} >= set(EXPORTS)
    for path in written:
        text = path.read_text(encoding="utf-8")
        assert SECRET not in text, path
        assert TRANSLATOR not in text, path


def test_no_step_that_trains_is_made_from_translations():
    waiting, reached = ["translations"], set()
    while waiting:
        name = waiting.pop()
        reached.add(name)
        waiting += [
            step.name
            for step in STEPS.values()
            if name in (*step.inputs, *step.after) and step.name not in reached
        ]
    assert {STEPS[name].group for name in reached} == {"memory"}
    assert TRANSLATOR not in ENGLISH_BY


def test_another_translator_makes_the_table_again(tmp_path):
    identity = STEPS["translations"].identity
    bench = Workbench(tmp_path, entry_of("v1"), translator="current")
    with pytest.raises(ConfigurationError, match="No tuned model is in use yet"):
        identity(bench.context("v1"))
    registry = tmp_path / "tuning" / "models.json"
    registry.parent.mkdir()
    champion = Model("d" * 64, "tuned", "/models/one", "open", None, "e" * 32)
    registry.write_text(
        json.dumps({"champion": dataclasses.asdict(champion), "decisions": []}), encoding="utf-8"
    )
    assert Registry(registry).champion == champion
    assert identity(bench.context("v1"))["translator"] == "d" * 64

    weights = tmp_path / "model" / "weights.bin"
    weights.parent.mkdir()
    weights.write_bytes(b"one")
    named = Workbench(tmp_path, entry_of("v1"), translator=str(weights.parent))
    before = identity(named.context("v1"))
    weights.write_bytes(b"three")
    assert identity(named.context("v1")) != before
