"""Motifs are the words, phrases and patterns of the lessons, each once."""

from __future__ import annotations

from nko_assets.corpus.deduplicate import deduplicate
from nko_assets.corpus.pairs import translation_pairs
from nko_assets.corpus.vocabulary import vocabulary
from nko_assets.memory.motifs import SLOT, motifs
from nko_assets.memory.rows import LESSONS
from nko_assets_tests.builders import channel, reading, reviewed


def made(*rows: dict):
    table = reviewed(*rows)
    pairs = deduplicate(translation_pairs(table, {"lesson-1": "ߞߊ߬ߙߊ߲ 1"}).rows).kept
    return motifs(vocabulary(table).rows, pairs)


def of_type(found, kind: str):
    return {motif.content["nko_text"]: motif for motif in found if motif.motif_type == kind}


def test_a_word_that_is_taught_has_its_meaning_and_its_place() -> None:
    found = made(
        reading("ߛߓߍ", "writing", timestamp_ms=5000),
        reading("ߒ ߛߓߍ", "I write", timestamp_ms=10_000),
    )

    word = of_type(found, "vocabulary")["ߛߓߍ"]
    assert word.content["translation"] == "writing"
    assert word.frequency == 2
    assert (word.frame_id, word.timestamp_ms) == ("lesson-1:5000", 5000)
    assert word.source == LESSONS
    assert word.salience_score > of_type(found, "vocabulary")["ߒ"].salience_score


def test_a_phrase_is_no_word() -> None:
    found = made(reading("ߒ ߛߓߍ", "I write"), reading("ߛߓߍ", "writing", timestamp_ms=10_000))

    (phrase,) = of_type(found, "phrase").values()
    assert phrase.content["nko_text"] == "ߒ ߛߓߍ"
    assert phrase.content["context"] == "ߞߊ߬ߙߊ߲ 1"


def test_phrases_that_differ_in_one_word_make_a_pattern() -> None:
    greetings = {"ߛߐ߰ߡߊ߬": "morning", "ߕߟߋ߬": "day", "ߥߎߙߊ߫": "evening"}
    found = made(
        *(
            reading(f"ߌ ߣߌ߫ {time}", f"good {english}", timestamp_ms=5000 * place)
            for place, (time, english) in enumerate(greetings.items())
        )
    )

    (pattern,) = of_type(found, "pattern").values()
    assert pattern.content["nko_text"] == f"ߌ ߣߌ߫ {SLOT}"
    assert pattern.content["latin"] == f"i ni {SLOT}"
    assert sorted(pattern.content["fillers"]) == sorted(greetings)
    assert pattern.frequency == 3
    assert len(pattern.content["examples"]) == 3


def test_two_words_in_a_place_are_no_pattern_yet() -> None:
    found = made(
        reading("ߌ ߣߌ߫ ߕߟߋ߬", "good day"),
        reading("ߌ ߣߌ߫ ߥߎߙߊ߫", "good evening", timestamp_ms=10_000),
    )

    assert of_type(found, "pattern") == {}


def test_motifs_are_the_same_whenever_they_are_made() -> None:
    table = channel(3, 30)
    pairs = deduplicate(translation_pairs(table, {}).rows).kept
    words = vocabulary(table).rows

    one = motifs(words, pairs)
    other = motifs(words.reverse(), pairs.reverse())

    assert len({motif.id for motif in one}) == len(one)
    assert {motif.id: motif for motif in one} == {motif.id: motif for motif in other}


def test_nothing_read_gives_no_motifs() -> None:
    table = reviewed()
    assert motifs(vocabulary(table).rows, translation_pairs(table, {}).rows) == ()
