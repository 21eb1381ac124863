"""Checks: what they say when they fail, and which failures stop an artefact."""

from __future__ import annotations

import pytest

from nko_assets.checks import (
    CheckFailed,
    CheckResult,
    CheckSpec,
    judge,
    schema_check,
    stop_on_errors,
)
from nko_assets.lineage import STEPS
from nko_assets_tests.tables import GOOD, made

SOLID = CheckSpec("solid", "It holds.", "ERROR")
PRETTY = CheckSpec("pretty", "It pleases.")


def test_a_table_that_conforms_passes_with_its_rows():
    for model in GOOD:
        result = schema_check(model, made(model, {}))
        assert (result.name, result.passed, result.severity) == ("schema", True, "ERROR")
        assert result.message == "1 rows conform."


NAMED = [model for model in GOOD if {"id", "video_id"} & set(model.polars_schema())]


@pytest.mark.parametrize("model", sorted(NAMED, key=lambda model: model.__name__))
def test_one_bad_row_among_good_ones_fails_with_its_count_and_value(model):
    column = "id" if "id" in model.polars_schema() else "video_id"
    result = schema_check(model, made(model, {column: "not / an\nid"}))
    assert not result.passed
    assert f"{column}: str_matches" in result.message
    assert "(1×)" in result.message
    table = result.facts["failures"]["markdown"]
    assert table.startswith("| column | rule | rows | values |")
    assert "str\\_matches" in table


def test_the_table_of_failures_is_a_table_whatever_the_values_hold():
    model = next(iter(GOOD))
    result = schema_check(model, made(model, {"video_id": "a | b\n`c`"}))
    lines = result.facts["failures"]["markdown"].splitlines()
    assert len(lines) == 3
    assert lines[2].replace("\\|", "").count("|") == 5


def test_a_table_without_rows_fails_unless_it_may_have_none():
    model = next(iter(GOOD))
    assert "enough rows" in schema_check(model, made(model)).message
    assert schema_check(model, made(model), minimum_rows=0).passed


def test_only_errors_stop_and_all_results_travel_with_the_failure():
    fine = judge(SOLID, passed=True, message="It holds.")
    rough = judge(PRETTY, passed=False, message="It is rough.")
    stop_on_errors("a wall", [fine, rough])
    crumbles = judge(SOLID, passed=False, message="It crumbles.", facts={"stones": 3})
    with pytest.raises(
        CheckFailed, match=r"a wall broke a check\. solid: It crumbles\."
    ) as failure:
        stop_on_errors("a wall", [rough, crumbles])
    assert failure.value.results == (rough, crumbles)
    assert "rough" not in str(failure.value)


def test_a_result_comes_back_from_its_record():
    result = judge(SOLID, passed=False, message="It crumbles.", facts={"stones": 3})
    assert CheckResult(**result.as_dict()) == result


def test_every_declared_check_says_what_it_looks_at():
    for step in STEPS.values():
        names = [spec.name for spec in step.check_specs]
        assert len(names) == len(set(names)), step.name
        assert all(spec.description.endswith(".") for spec in step.check_specs), step.name
        assert names, f"{step.name} is checked by nothing"
