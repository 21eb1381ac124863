"""One row for one phrase; tones are meaning."""

from __future__ import annotations

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from nko_assets.corpus.deduplicate import Deduplicated, deduplicate, differ_by_tone_alone
from nko_assets.corpus.pairs import translation_pairs
from nko_assets.schemas.base import schema_failures
from nko_assets.schemas.corpus import RejectedRows, ToneVariants
from nko_assets.schemas.training import TranslationPairs
from nko_assets_tests.builders import channel, reading, reviewed

LONG = "ߌ ߞߊ߫ ߞߍ߲ߘߍ߫ ߓߊ߬ ߒ ߕߋߙߌ"
MISREAD = "ߌ ߞߊ߫ ߞߍ߲ߘߐ߫ ߓߊ߬ ߒ ߕߋߙߌ"


def deduplicated(*rows: dict[str, object]) -> Deduplicated:
    return deduplicate(translation_pairs(reviewed(*rows), {}).rows)


def at(place: int) -> dict[str, str | int]:
    return {"video_id": f"lesson-{place}", "timestamp_ms": 1000 * place}


def test_the_same_text_with_the_same_translation_is_kept_once_with_the_highest_confidence() -> None:
    result = deduplicated(
        reading("ߛߏ", "horse", confidence=0.86, **at(1)),
        reading("ߛߏ.", "Horse.", confidence=0.95, **at(2)),
    )
    assert result.kept["video_id"].to_list() == ["lesson-2"]
    assert result.dropped["status"].to_list() == ["duplicate"]
    assert result.dropped["kept_id"].to_list() == result.kept["id"].to_list()


def test_the_row_with_both_languages_is_kept() -> None:
    result = deduplicated(
        reading("ߛߏ", "horse", confidence=0.99, **at(1)),
        reading("ߛߏ", "horse", french="cheval", confidence=0.86, **at(2)),
    )
    assert result.kept["french"].to_list() == ["cheval"]


def test_the_same_text_with_another_translation_is_kept() -> None:
    result = deduplicated(reading("ߛߏ", "horse", **at(1)), reading("ߛߏ", "home", **at(2)))
    assert result.kept.height == 2


def test_a_translation_into_another_language_is_not_the_same_translation() -> None:
    result = deduplicated(
        reading("ߛߏ", "horse", **at(1)), reading("ߛߏ", None, french="cheval", **at(2))
    )
    assert result.kept.height == 2


def test_a_long_phrase_with_one_wrong_letter_is_dropped_for_the_one_read_more_often() -> None:
    result = deduplicated(
        reading(MISREAD, "are you well, my friend?", confidence=0.99, **at(1)),
        reading(LONG, "are you well, my friend?", confidence=0.9, **at(2)),
        reading(LONG, "are you well, my friend?", confidence=0.9, **at(3)),
    )
    assert result.kept["nko"].to_list() == [LONG]
    assert sorted(result.dropped["status"]) == ["duplicate", "near_duplicate"]


def test_the_row_named_as_kept_is_kept_even_when_its_duplicate_was_dropped_too() -> None:
    result = deduplicated(
        *(reading(LONG, "are you well?", **at(place)) for place in (1, 2, 3)),
        *(reading(MISREAD, "are you well?", **at(place)) for place in (4, 5)),
    )
    assert result.kept.height == 1
    assert set(result.dropped["kept_id"]) == set(result.kept["id"])


def test_a_long_phrase_with_one_other_letter_and_another_meaning_is_kept() -> None:
    result = deduplicated(
        reading(LONG, "are you well, my friend?", **at(1)),
        reading(MISREAD, "is he well, my friend?", **at(2)),
    )
    assert result.kept.height == 2


def test_short_words_one_letter_apart_are_kept_even_with_one_meaning() -> None:
    result = deduplicated(reading("ߛߏ", "place", **at(1)), reading("ߛߐ", "place", **at(2)))
    assert result.kept.height == 2


def test_a_minimal_pair_of_tones_is_kept_and_reported() -> None:
    result = deduplicated(reading("ߓߊ߫", "river", **at(1)), reading("ߓߊ߬", "goat", **at(2)))
    assert result.kept.height == 2
    (variant,) = result.tone_variants.iter_rows(named=True)
    assert variant["verdict"] == "minimal_pair"
    assert not any(form["doubtful"] for form in variant["forms"])


def test_another_tone_with_the_same_translation_is_kept_and_marked_doubtful() -> None:
    other = LONG.replace("ߓߊ߬", "ߓߊ߫")
    assert differ_by_tone_alone(LONG, other)
    result = deduplicated(
        reading(LONG, "are you well?", **at(1)),
        reading(LONG, "are you well?", **at(2)),
        reading(other, "are you well?", confidence=0.99, **at(3)),
    )
    assert set(result.kept["nko"]) == {LONG, other}
    (variant,) = result.tone_variants.iter_rows(named=True)
    assert variant["verdict"] == "same_translation"
    assert [form["doubtful"] for form in variant["forms"]] == [False, True]
    assert schema_failures(ToneVariants, result.tone_variants) == []


def test_every_row_is_kept_or_dropped() -> None:
    pairs = translation_pairs(channel(6, 30), {}).rows
    result = deduplicate(pairs)
    assert {*result.kept["id"], *result.dropped["id"]} == set(pairs["id"])
    assert result.kept.height + result.dropped.height == pairs.height
    assert set(result.dropped["kept_id"]) <= set(result.kept["id"])
    assert schema_failures(TranslationPairs, result.kept) == []
    assert schema_failures(RejectedRows, result.dropped) == []


def test_what_is_kept_has_no_more_duplicates() -> None:
    once = deduplicate(translation_pairs(channel(6, 30), {}).rows).kept
    again = deduplicate(once)
    assert again.kept.equals(once)
    assert again.dropped.is_empty()


@settings(max_examples=20)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([LONG, MISREAD, LONG.replace("ߓߊ߬", "ߓߊ߫"), "ߛߏ", "ߛߐ"]),
            st.sampled_from(["one", "two"]),
            st.sampled_from([0.86, 0.9, 0.95]),
        ),
        min_size=1,
        max_size=12,
    ),
    st.randoms(use_true_random=False),
)
def test_the_order_of_the_rows_does_not_matter(
    texts: list[tuple[str, str, float]], dice: object
) -> None:
    rows = [
        reading(nko, english, confidence=confidence, **at(place))
        for place, (nko, english, confidence) in enumerate(texts)
    ]
    pairs = translation_pairs(reviewed(*rows), {}).rows
    shuffled = pairs.to_dicts()
    dice.shuffle(shuffled)  # type: ignore[attr-defined]
    other = deduplicate(pl.DataFrame(shuffled, schema=pairs.schema))
    mine = deduplicate(pairs)
    assert mine.kept.equals(other.kept)
    assert mine.dropped.equals(other.dropped)
    assert mine.tone_variants.equals(other.tone_variants)


def test_a_translation_that_was_shown_is_kept_before_one_that_the_reader_made() -> None:
    result = deduplicated(
        reading("ߛߏ", "horse", english_by="reader", confidence=0.99, **at(1)),
        reading("ߛߏ", "Horse.", english_by="frame", confidence=0.91, **at(2)),
    )
    assert result.kept["english_by"].to_list() == ["frame"]
