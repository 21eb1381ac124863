"""What is derived by rule is true, marked, and nothing but a derivation."""

from __future__ import annotations

import polars as pl

from nko_assets.corpus.pairs import translation_pairs
from nko_assets.corpus.synthetic import GAP, synthetic_examples
from nko_assets.nko import strip_tones, words
from nko_assets.schemas.base import schema_failures
from nko_assets.schemas.training import Conversations
from nko_assets_tests.builders import channel, reading, reviewed

GREETING = "ߌ ߣߌ߫ ߛߐ߰ߡߊ߬"


def derived(nko: str, name: str, english: str = "good morning") -> dict[str, str]:
    """What learner and tutor say in the derivation `name` of one pair; empty without it."""
    rows = synthetic_examples(translation_pairs(reviewed(reading(nko, english)), {}).rows)
    chosen = rows.filter(pl.col("template") == f"synthetic/en/{name}")
    return {said["role"]: said["content"] for messages in chosen["messages"] for said in messages}


def test_all_rows_say_that_they_are_synthetic_and_conform() -> None:
    rows = synthetic_examples(translation_pairs(channel(2, 30), {}).rows)
    assert set(rows["origin"]) == {"synthetic"}
    assert schema_failures(Conversations, rows) == []
    kinds = {template.split("/")[-1] for template in rows["template"]}
    assert kinds >= {"spell", "cloze", "tones", "order"}


def test_the_missing_word_put_into_the_gap_gives_the_text() -> None:
    for text in (GREETING, "ߌ ߞߊ߫ ߞߍ߲ߘߍ߫ ߓߊ߬؟"):
        said = derived(text, "cloze")
        gapped = said["user"].rpartition(": ")[2]
        missing = said["assistant"].split(" is ")[1].split(" (")[0]
        assert gapped.replace(GAP, missing) == text


def test_a_word_that_occurs_twice_is_not_left_out() -> None:
    assert derived("ߛߏ ߛߏ ߛߏ", "cloze") == {}


def test_tones_are_put_back_where_they_were() -> None:
    said = derived(GREETING, "tones")
    assert strip_tones(GREETING) in said["user"]
    assert GREETING not in said["user"]
    assert GREETING in said["assistant"]


def test_a_text_without_tones_has_none_to_put_back() -> None:
    assert derived("ߛߏ", "tones") == {}


def test_shuffled_words_are_the_words_of_the_text() -> None:
    text = "ߌ ߞߊ߫ ߞߍ߲ߘߍ߫ ߓߊ߬ ߛߏ"
    said = derived(text, "order")
    shuffled = said["user"].split("\n")[0].rpartition(": ")[2].split(" / ")
    assert sorted(shuffled) == sorted(words(text))
    assert shuffled != text.split(" ")


def test_a_number_is_converted_by_rule() -> None:
    said = derived("ߡߐ߱ ߁߂߃", "digits", "123 people")
    assert said["assistant"].endswith("123.")


def test_a_part_of_a_decimal_a_time_or_a_date_is_no_number() -> None:
    for text in ("ߡߐ߱ ߃.߁߄", "ߡߐ߱ ߁߂:߃߀", "ߡߐ߱ ߂/߄"):
        assert derived(text, "digits") == {}


def test_all_nko_that_is_shown_is_declared() -> None:
    for row in synthetic_examples(translation_pairs(channel(2, 30), {}).rows).iter_rows(named=True):
        declared = row["nko"].split("\n")
        said = "\n".join(message["content"] for message in row["messages"])
        assert all(text in said for text in declared)


def test_the_order_of_the_pairs_does_not_matter() -> None:
    pairs = translation_pairs(channel(2, 30), {}).rows
    shuffled = pairs.sample(fraction=1.0, shuffle=True, seed=2)
    assert synthetic_examples(shuffled).equals(synthetic_examples(pairs))
