"""The shipped JSON Schemas say what the models say, to someone who knows nothing of either."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from nko_assets.corpus.exports import ACCOUNTS, EXPORTS
from nko_assets.corpus.json_schema import json_schema, schema_path, validate_file, write_schemas
from nko_assets.corpus.jsonl import write_jsonl
from nko_assets_tests.builders import channel
from nko_assets_tests.corpus_files import Corpus, corpus_of

MODELS = {**EXPORTS, **ACCOUNTS}


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return corpus_of(channel(3, 20))


@pytest.mark.parametrize("name", MODELS)
def test_each_schema_is_a_schema_and_names_every_column(name: str) -> None:
    schema = json_schema(MODELS[name])
    Draft202012Validator.check_schema(schema)
    assert schema["required"] == list(MODELS[name].polars_schema())
    assert schema["additionalProperties"] is False
    assert schema["description"]


def test_written_schemas_are_those_of_the_models(tmp_path: Path) -> None:
    assert len(write_schemas(tmp_path)) == len(MODELS)
    for name, model in MODELS.items():
        assert json.loads(schema_path(tmp_path, name).read_text()) == json_schema(model)


@pytest.mark.parametrize("name", EXPORTS)
def test_every_exported_row_conforms(name: str, corpus: Corpus, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.jsonl"
    assert write_jsonl(path, corpus.files[name].iter_rows(named=True)) > 0
    assert validate_file(path, json_schema(EXPORTS[name])) == []


def test_ids_in_nko_with_its_marks_conform(corpus: Corpus, tmp_path: Path) -> None:
    ids = {"video_id": "ߒߞߏ-ߟߐ߲-4cf8e7d5d3", "frame_id": "ߒߞߏ-ߟߐ߲-4cf8e7d5d3:15000"}
    path = tmp_path / "nko_english.jsonl"
    write_jsonl(path, [corpus.files["nko_english"].row(0, named=True) | ids])
    assert validate_file(path, json_schema(EXPORTS["nko_english"])) == []


@pytest.mark.parametrize(
    ("name", "change", "where"),
    [
        ("nko_english", {"video_id": "a/b"}, "$.video_id"),
        ("nko_english", {"frame_id": "a b:0"}, "$.frame_id"),
        ("nko_english", {"id": "42"}, "$.id"),
        ("nko_english", {"nko": ""}, "$.nko"),
        ("nko_english", {"kind": "poem"}, "$.kind"),
        ("nko_english", {"confidence": 1.5}, "$.confidence"),
        ("nko_english", {"timestamp_ms": -1}, "$.timestamp_ms"),
        ("nko_english", {"timestamp_ms": "5000"}, "$.timestamp_ms"),
        ("nko_english", {"licence": None}, "$.licence"),
        ("nko_english", {"english": None, "french": None}, "$"),
        ("nko_english", {"extra": 1}, "$"),
        ("conversations", {"language": "de"}, "$.language"),
        ("conversations", {"messages": []}, "$.messages"),
        (
            "conversations",
            {"messages": [{"role": "narrator", "content": "x"}] * 3},
            "$.messages[0].role",
        ),
        ("ocr_samples", {"image": "no picture!"}, "$.image"),
        ("ocr_samples", {"width": 0}, "$.width"),
        ("ocr_samples", {"width": 2**31}, "$.width"),
        ("vocabulary", {"frequency": 0}, "$.frequency"),
        ("vocabulary", {"sources": [{"video_id": "a"}]}, "$.sources[0]"),
        (
            "vocabulary",
            {"examples": [{"nko": None, "english": "", "french": ""}]},
            "$.examples[0].nko",
        ),
    ],
)
def test_a_bad_row_is_found_with_its_line(
    name: str, change: dict[str, Any], where: str, corpus: Corpus, tmp_path: Path
) -> None:
    good, other = corpus.files[name].head(2).to_dicts()
    path = tmp_path / "rows.jsonl"
    path.write_text(f"{json.dumps(good)}\n{json.dumps({**other, **change})}\n")
    violations = validate_file(path, json_schema(EXPORTS[name]))
    assert (2, where) in [(violation.line, violation.where) for violation in violations]
    assert {violation.line for violation in violations} == {2}


def test_a_missing_column_is_found(corpus: Corpus, tmp_path: Path) -> None:
    row = corpus.files["nko_english"].to_dicts()[0]
    del row["french"]
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(row) + "\n")
    (violation,) = validate_file(path, json_schema(EXPORTS["nko_english"]))
    assert "'french' is a required property" in violation.message


def test_an_id_that_comes_twice_is_found(corpus: Corpus, tmp_path: Path) -> None:
    line = json.dumps(corpus.files["nko_english"].to_dicts()[0])
    path = tmp_path / "rows.jsonl"
    path.write_text(f"{line}\n{line}\n")
    (violation,) = validate_file(path, json_schema(EXPORTS["nko_english"]))
    assert (violation.line, violation.message) == (2, "line 1 has this id too")
