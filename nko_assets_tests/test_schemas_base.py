"""Every table model is able to fail: on each rule, each type, each missing or further column."""

from __future__ import annotations

import polars as pl
import pytest

from nko_assets.schemas.base import TableModel, schema_failures
from nko_assets.schemas.frames import UniqueFrames
from nko_assets.schemas.readings import Readings, ReviewedReadings
from nko_assets.schemas.training import TranslationPairs
from nko_assets_tests.tables import GOOD, every_model, forbidden, made

MODELS = sorted(GOOD, key=lambda model: model.__name__)
(LINE,) = GOOD[Readings]["lines"]


def name_of(value: object) -> str | None:
    return value.__name__ if isinstance(value, type) else None


def test_every_model_has_a_good_row_here():
    assert every_model() == set(GOOD)


@pytest.mark.parametrize("model", MODELS, ids=name_of)
def test_a_good_row_passes(model):
    assert schema_failures(model, made(model, {})) == []


@pytest.mark.parametrize(
    ("model", "column", "rule", "value"),
    [
        pytest.param(model, *case, id=f"{model.__name__}-{case[0]}-{case[1]}")
        for model in MODELS
        for case in forbidden(model)
    ],
)
def test_each_rule_fails_on_a_value_that_breaks_it(
    model: type[TableModel], column: str, rule: str, value: object
):
    bad = made(model, {column: value})
    failed = [failure for failure in schema_failures(model, bad) if failure.column == column]
    assert failed, f"{model.__name__}.{column} takes {value!r}"
    assert failed[0].count == 1
    if rule not in ("null", "nan"):
        assert any(failure.rule.startswith(rule) for failure in failed)
        assert failed[0].examples == (str(value),)


@pytest.mark.parametrize("model", MODELS, ids=name_of)
def test_columns_missing_added_reordered_or_of_another_type_fail(model):
    good = made(model, {})
    first, *rest = good.columns
    assert schema_failures(model, good.drop(first))
    assert schema_failures(model, good.with_columns(pl.lit(1).alias("more")))
    assert schema_failures(model, good.select(*rest, first))
    assert schema_failures(model, good.with_columns(pl.lit(b"x").alias(first)))


@pytest.mark.parametrize("model", MODELS, ids=name_of)
def test_ids_that_name_a_row_are_there_once(model):
    unique = [name for name, column in model.to_schema().columns.items() if column.unique]
    twice = made(model, {}, {})
    for name in unique:
        assert name in {failure.column for failure in schema_failures(model, twice)}
    if not unique:
        assert schema_failures(model, twice) == []


@pytest.mark.parametrize(
    ("model", "row", "rule"),
    [
        (UniqueFrames, {"represented_by": "v1:0"}, "kept_frames_represent_themselves"),
        (UniqueFrames, {"jpeg": None}, "kept_frames_represent_themselves"),
        (Readings, {"status": "error", "reason": ""}, "failures_say_why"),
        (Readings, {"lines": []}, "ok_means_lines"),
        (Readings, {"lines": [LINE | {"script": "N'Ko"}]}, "lines_and_entries_use_known_names"),
        (Readings, {"lines": [LINE | {"language": None}]}, "lines_and_entries_use_known_names"),
        (Readings, {"entries": [{"kind": "frame"}]}, "lines_and_entries_use_known_names"),
        (ReviewedReadings, {"nko": ""}, "accepted_rows_have_nko"),
        (ReviewedReadings, {"latin": ""}, "accepted_rows_have_nko"),
        (TranslationPairs, {"english": None}, "has_a_translation"),
    ],
)
def test_rules_between_columns_fail_too(model, row, rule):
    assert rule in {failure.rule for failure in schema_failures(model, made(model, row))}


def test_a_table_shorter_than_it_has_to_be_fails():
    empty = made(TranslationPairs)
    (failure,) = schema_failures(TranslationPairs, empty)
    assert (failure.rule, failure.examples) == ("enough rows", ("0 rows of 1",))
    assert schema_failures(TranslationPairs, empty, minimum_rows=0) == []


def test_every_rule_that_is_broken_is_told_with_its_count_and_five_values():
    rows = [{"id": f"x{number}", "timestamp_ms": -number} for number in range(1, 8)]
    failures = {
        failure.column: failure
        for failure in schema_failures(TranslationPairs, made(TranslationPairs, *rows))
    }
    assert failures["id"].count == failures["timestamp_ms"].count == 7
    assert failures["id"].examples == ("x1", "x2", "x3", "x4", "x5")
