"""JSON Schemas (2020-12) of the exported rows, generated from their pandera models.

Files are checked against them by `jsonschema`, which knows nothing of pandera or polars.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl
from jsonschema import Draft202012Validator

from nko_assets.corpus.exports import ACCOUNTS, EXPORTS
from nko_assets.corpus.jsonl import iter_jsonl
from nko_assets.files import write_atomically
from nko_assets.schemas.base import FRAME_ID, VIDEO_ID, TableModel
from nko_assets.schemas.training import TranslationPairs

_TYPES: Final[dict[type[pl.DataType], dict[str, Any]]] = {
    pl.String: {"type": "string"},
    pl.Boolean: {"type": "boolean"},
    pl.Float64: {"type": "number"},
    pl.Int32: {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
    pl.Int64: {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
}

# What each pandera check says in JSON Schema.
_RULES: Final[dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]]] = {
    "str_matches": lambda says: {"pattern": says["pattern"]},
    "isin": lambda says: {"enum": list(says["allowed_values"])},
    "greater_than": lambda says: {"exclusiveMinimum": says["min_value"]},
    "greater_than_or_equal_to": lambda says: {"minimum": says["min_value"]},
    "less_than": lambda says: {"exclusiveMaximum": says["max_value"]},
    "less_than_or_equal_to": lambda says: {"maximum": says["max_value"]},
    "str_length": lambda says: {
        name: says[bound]
        for name, bound in (("minLength", "min_value"), ("maxLength", "max_value"))
        if says[bound] is not None
    },
}

# What the types of polars cannot say: which fields of a struct may be null, which roles there are.
_NULLABLE_FIELDS: Final = frozenset({"english", "french", "confidence"})
_FIELDS: Final[dict[str, dict[str, Any]]] = {
    "role": {"enum": ["system", "user", "assistant"]},
    "content": {"minLength": 1},
    "nko": {"minLength": 1},
    "video_id": {"pattern": VIDEO_ID},
    "frame_id": {"pattern": FRAME_ID},
    "timestamp_ms": {"minimum": 0},
}
_LENGTHS: Final = {
    "messages": {"minItems": 3},
    "sources": {"minItems": 1},
    "forms": {"minItems": 2},
}

# What a model checks over several columns.
_ROWS: Final[dict[type[TableModel], dict[str, Any]]] = {
    TranslationPairs: {
        "anyOf": [
            {"properties": {"english": {"type": "string"}}},
            {"properties": {"french": {"type": "string"}}},
        ]
    }
}


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule of the schema that a line of a file breaks; `where` is a path into its row."""

    line: int
    where: str
    message: str


def json_schema(model: type[TableModel]) -> dict[str, Any]:
    """The JSON Schema of one row of `model`: every column, no other, nulls explicit.

    Raises `KeyError` for a type or a check that has no counterpart here, so that none is left out
    silently.
    """
    columns = model.to_schema().columns
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": model.__name__,
        "description": " ".join((model.__doc__ or "").split()),
        "type": "object",
        "properties": {name: _column(name, column) for name, column in columns.items()},
        "required": list(columns),
        "additionalProperties": False,
        **_ROWS.get(model, {}),
    }


def write_schemas(folder: Path) -> list[Path]:
    """Write the schema of every exported file to `folder`; returns the paths."""
    written = []
    for name, model in {**EXPORTS, **ACCOUNTS}.items():
        path = schema_path(folder, name)
        text = json.dumps(json_schema(model), ensure_ascii=False, indent=2)
        write_atomically(path, text.encode() + b"\n")
        written.append(path)
    return written


def schema_path(folder: Path, name: str) -> Path:
    """Where the schema of the exported file `name` lies."""
    return folder / f"{name}.schema.json"


def validate_file(path: Path, schema: Mapping[str, Any], *, limit: int = 100) -> list[Violation]:
    """The first `limit` rules of `schema` that rows of the JSON Lines file `path` break.

    An id that a line before has is a violation too. Raises `PermanentFailure` for a line that is
    no JSON.
    """
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    violations: list[Violation] = []
    seen: dict[str, int] = {}
    for number, row in iter_jsonl(path):
        violations += [
            Violation(number, error.json_path, error.message[:200])
            for error in validator.iter_errors(row)
        ]
        if (
            isinstance(row, dict)
            and (first := seen.setdefault(str(row.get("id")), number)) < number
        ):
            violations.append(Violation(number, "$.id", f"line {first} has this id too"))
        if len(violations) >= limit:
            break
    return violations[:limit]


def _column(name: str, column: Any) -> dict[str, Any]:
    schema = _of_type(column.dtype.type, name)
    for check in column.checks:
        schema |= _RULES[check.name](check.statistics)
    if column.nullable:
        schema["type"] = [schema["type"], "null"]
        if "enum" in schema:
            schema["enum"] = [*schema["enum"], None]
    if column.description:
        schema["description"] = column.description
    return schema


def _of_type(dtype: Any, name: str) -> dict[str, Any]:
    if isinstance(dtype, pl.List):
        return {"type": "array", "items": _of_type(dtype.inner, name), **_LENGTHS.get(name, {})}
    if isinstance(dtype, pl.Struct):
        return {
            "type": "object",
            "properties": {field.name: _field(field) for field in dtype.fields},
            "required": [field.name for field in dtype.fields],
            "additionalProperties": False,
        }
    base = dtype if isinstance(dtype, type) else type(dtype)
    return dict(_TYPES[base])


def _field(field: pl.Field) -> dict[str, Any]:
    schema = _of_type(field.dtype, field.name)
    if field.name in _NULLABLE_FIELDS:
        return {**schema, "type": [schema["type"], "null"]}
    return schema | _FIELDS.get(field.name, {})
