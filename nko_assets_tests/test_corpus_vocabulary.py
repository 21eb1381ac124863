"""Format D: words, taught and used."""

from __future__ import annotations

from typing import Any

from nko_assets.corpus.vocabulary import EXAMPLES, SOURCES, vocabulary
from nko_assets.schemas.base import schema_failures
from nko_assets.schemas.training import Vocabulary
from nko_assets_tests.builders import channel, reading, reviewed


def words_of(*rows: dict[str, Any]) -> dict[str, dict[str, Any]]:
    table = vocabulary(reviewed(*rows)).rows
    assert schema_failures(Vocabulary, table) == []
    return {row["word"]: row for row in table.iter_rows(named=True)}


def test_a_word_entry_carries_its_meaning_and_part_of_speech() -> None:
    word = words_of(reading("ߛߏ", "horse", french="cheval", pos="noun"))["ߛߏ"]
    assert (word["meaning"], word["meaning_french"], word["pos"]) == ("horse", "cheval", "noun")
    assert word["latin"] == "so"


def test_a_word_of_a_phrase_has_examples_and_no_meaning() -> None:
    words = words_of(reading("ߌ ߣߌ߫ ߗߋ߫", "thank you"))
    assert set(words) == {"ߌ", "ߣߌ߫", "ߗߋ߫"}
    assert words["ߗߋ߫"]["meaning"] is None
    assert words["ߗߋ߫"]["examples"] == [{"nko": "ߌ ߣߌ߫ ߗߋ߫", "english": "thank you", "french": None}]


def test_words_that_differ_by_tone_are_two_words() -> None:
    words = words_of(reading("ߓߊ߫", "river"), reading("ߓߊ߬", "goat", entry=1))
    assert {word: row["meaning"] for word, row in words.items()} == {
        "ߓߊ߫": "river",
        "ߓߊ߬": "goat",
    }


def test_several_meanings_are_listed_the_commonest_first() -> None:
    word = words_of(
        reading("ߛߏ", "home", timestamp_ms=1),
        reading("ߛߏ", "horse", timestamp_ms=2),
        reading("ߛߏ", "Horse.", timestamp_ms=3),
    )["ߛߏ"]
    assert word["meaning"] == "Horse.; home"


def test_frequency_counts_readings_and_a_reading_once() -> None:
    words = words_of(
        reading("ߛߏ", "horse"),
        reading("ߛߏ ߛߏ ߓߊ", "big", timestamp_ms=1),
        reading("ߛߏ ߓߊ߫", "x", timestamp_ms=2),
    )
    assert words["ߛߏ"]["frequency"] == 3


def test_examples_and_sources_are_bounded() -> None:
    rows = [
        reading(f"ߛߏ ߓߊ{'ߓߊ' * place}", f"meaning {place}", timestamp_ms=place)
        for place in range(30)
    ]
    word = words_of(*rows)["ߛߏ"]
    assert len(word["examples"]) == EXAMPLES
    assert len(word["sources"]) == SOURCES
    assert word["frequency"] == 30


def test_licences_of_all_readings_travel() -> None:
    word = words_of(
        reading("ߛߏ", "horse", licence="CC0-1.0"),
        reading("ߛߏ ߓߊ", "big horse", timestamp_ms=1, licence="CC-BY-4.0"),
    )["ߛߏ"]
    assert word["licence"] == "CC-BY-4.0; CC0-1.0"


def test_a_reading_that_is_not_accepted_gives_no_word() -> None:
    rejected = reading("ߛߏ", "horse", decision="rejected", reason="misread")
    assert vocabulary(reviewed(rejected)).rows.is_empty()


def test_a_phrase_without_a_word_is_left_out_with_the_reason() -> None:
    outcome = vocabulary(reviewed(reading("߁ ߂ ߃", "1 2 3")))
    assert outcome.rejected["status"].to_list() == ["no_word"]


def test_a_number_that_is_taught_is_a_word() -> None:
    assert words_of(reading("߁߂", "twelve"))["߁߂"]["meaning"] == "twelve"


def test_the_order_of_the_readings_does_not_matter() -> None:
    table = channel(3, 30)
    shuffled = table.sample(fraction=1.0, shuffle=True, seed=2)
    assert vocabulary(shuffled).rows.equals(vocabulary(table).rows)
