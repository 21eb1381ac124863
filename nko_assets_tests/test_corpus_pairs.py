"""Format A: what becomes a pair, and what is left out."""

from __future__ import annotations

import polars as pl
import pytest

from nko_assets.corpus.pairs import translation_pairs
from nko_assets.corpus.readings import accepted_entries, rejected_readings
from nko_assets.schemas.base import schema_failures
from nko_assets.schemas.corpus import RejectedRows
from nko_assets.schemas.training import TranslationPairs
from nko_assets_tests.builders import channel, reading, reviewed

TITLES = {"lesson-1": "ߒߞߏ  ߦߌ߬ߘߊ߬ߞߏ߬ ߁"}


def test_an_accepted_entry_with_its_translation_becomes_a_pair() -> None:
    pairs = translation_pairs(
        reviewed(reading("ߌ ߣߌ߫ ߗߋ߫", "thank you", first_seen_ms=3000)), TITLES
    ).rows
    (pair,) = pairs.iter_rows(named=True)
    assert (pair["nko"], pair["english"], pair["french"]) == ("ߌ ߣߌ߫ ߗߋ߫", "thank you", None)
    assert (pair["timestamp_ms"], pair["english_by"]) == (3000, "frame")
    assert pair["context"] == "ߒߞߏ ߦߌ߬ߘߊ߬ߞߏ߬ ߁"
    assert schema_failures(TranslationPairs, pairs) == []


@pytest.mark.parametrize("decision", ["needs_review", "rejected", "no_text"])
def test_nothing_that_is_not_accepted_becomes_a_pair(decision: str) -> None:
    table = reviewed(reading("ߛߏ", "horse", decision=decision, reason="some reason"))
    assert translation_pairs(table, TITLES).rows.is_empty()
    assert accepted_entries(table).is_empty()


def test_an_entry_without_translation_is_left_out_with_the_reason() -> None:
    outcome = translation_pairs(reviewed(reading("ߛߏ", None)), TITLES)
    assert outcome.rows.is_empty()
    assert outcome.rejected["status"].to_list() == ["no_translation"]
    assert schema_failures(RejectedRows, outcome.rejected) == []


def test_a_pair_read_twice_on_one_frame_is_one_pair() -> None:
    table = reviewed(
        reading("ߛߏ", "horse", entry=0, confidence=0.86),
        reading("ߛߏ", "horse", entry=1, confidence=0.97),
    )
    outcome = translation_pairs(table, TITLES)
    assert outcome.rows["confidence"].to_list() == [0.97]
    assert outcome.rejected["status"].to_list() == ["duplicate"]
    assert outcome.rejected["kept_id"].to_list() == outcome.rows["id"].to_list()


def test_every_accepted_entry_is_a_pair_or_is_rejected() -> None:
    table = channel(3, 20)
    outcome = translation_pairs(table, {})
    assert outcome.rows.height + outcome.rejected.height == table.height


def test_rejected_and_waiting_readings_are_kept_with_their_reason() -> None:
    table = reviewed(
        reading("ߛߏ", "horse"),
        reading("ߛߐ", "x", entry=1, decision="rejected", reason="not N'Ko text"),
        reading("ߛߎ", "y", entry=2, decision="needs_review", reason="confidence 0.40"),
        reading("", None, entry=-1, kind="frame", decision="no_text", reason="blank"),
    )
    left_out = rejected_readings(table)
    assert set(left_out["reason"]) == {"not N'Ko text", "confidence 0.40"}
    assert schema_failures(RejectedRows, left_out) == []


def test_order_of_the_readings_does_not_matter() -> None:
    table = channel(3, 20)
    shuffled = table.sample(fraction=1.0, shuffle=True, seed=3)
    assert translation_pairs(table, {}).rows.equals(translation_pairs(shuffled, {}).rows)


def test_a_pair_without_any_translation_breaks_the_schema() -> None:
    pairs = translation_pairs(reviewed(reading("ߛߏ", "horse")), TITLES).rows
    broken = pairs.with_columns(english=pl.lit(None, dtype=pl.String))
    assert schema_failures(TranslationPairs, broken)
