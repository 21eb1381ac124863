"""What a check is, the schema check of every table, and the judgement checks a person would make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import polars as pl

from nko_assets.failures import PermanentFailure
from nko_assets.previews import table_preview
from nko_assets.schemas.base import SchemaFailure, TableModel, schema_failures

Severity = Literal["ERROR", "WARN"]
# How many offending rows a failed check shows.
SAMPLE_ROWS = 5


@dataclass(frozen=True, slots=True)
class CheckSpec:
    """A check as declared: what it looks at, and whether its failure stops the artefact."""

    name: str
    description: str
    severity: Severity = "WARN"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a check found; `facts` are numbers and sample rows that make a failure readable."""

    name: str
    passed: bool
    severity: Severity
    message: str
    facts: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The result as a record keeps it."""
        return asdict(self)


class CheckFailed(PermanentFailure):
    """An artefact broke an ERROR check, so that it is not recorded as made."""

    def __init__(self, message: str, results: Sequence[CheckResult]) -> None:
        super().__init__(message, "It does not count as made, and nothing is built on it.")
        self.results = tuple(results)


SCHEMA = CheckSpec("schema", "Every column, type, range and pattern of the table's model.", "ERROR")


def schema_check(
    model: type[TableModel], table: pl.DataFrame, *, minimum_rows: int = 1
) -> CheckResult:
    """The check `schema`: does `table` conform to `model`?"""
    failures = schema_failures(model, table, minimum_rows=minimum_rows)
    if not failures:
        return CheckResult(
            SCHEMA.name, True, "ERROR", f"{table.height} rows conform.", {"rows": table.height}
        )
    worst = "; ".join(f"{item.column}: {item.rule} ({item.count}×)" for item in failures[:3])
    return CheckResult(
        SCHEMA.name,
        False,
        "ERROR",
        f"{len(failures)} rules broken: {worst}.",
        {"rows": table.height, "failures": {"markdown": _failures_table(failures)}},
    )


def judge(
    spec: CheckSpec, passed: bool, message: str, facts: Mapping[str, Any] | None = None
) -> CheckResult:
    """The result of `spec`, with what was counted."""
    return CheckResult(spec.name, bool(passed), spec.severity, message, dict(facts or {}))


def stop_on_errors(what: str, results: Sequence[CheckResult]) -> None:
    """Raise `CheckFailed` when an ERROR check among `results` failed."""
    broken = [result for result in results if not result.passed and result.severity == "ERROR"]
    if broken:
        messages = " ".join(f"{result.name}: {result.message}" for result in broken)
        raise CheckFailed(f"{what} broke a check. {messages}", results)


def _failures_table(failures: Sequence[SchemaFailure]) -> str:
    return table_preview(
        pl.DataFrame(
            {
                "column": [item.column for item in failures],
                "rule": [item.rule for item in failures],
                "rows": [item.count for item in failures],
                "values": [" · ".join(item.examples[:SAMPLE_ROWS]) for item in failures],
            }
        ),
        ["column", "rule", "rows", "values"],
        len(failures),
    )
