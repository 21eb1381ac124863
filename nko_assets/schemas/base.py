"""What every table model shares: strictness, id patterns, and the list of failures of a table."""

from __future__ import annotations

from dataclasses import dataclass

import pandera.polars as pa
import polars as pl
from pandera.errors import SchemaError, SchemaErrors

# Said without \w: engines differ on whether it takes letters beyond ASCII and the marks of N'Ko.
VIDEO_ID = r"^[^\s:/\\]+$"
FRAME_ID = r"^[^\s:/\\]+:[0-9]+$"
PHASH = r"^[0-9a-f]{16}$"
UUID = r"^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"

_ROWS = "enough rows"


class TableModel(pa.DataFrameModel):
    """A table whose columns are exactly those named, in order, with the types named."""

    class Config:
        """No column more or less, in this order; types are compared, never coerced."""

        strict = True
        ordered = True
        coerce = False

    @classmethod
    def polars_schema(cls) -> pl.Schema:
        """Column names and polars types, for building an empty or a typed frame."""
        return pl.Schema(
            {name: column.dtype.type for name, column in cls.to_schema().columns.items()}
        )


@dataclass(frozen=True, slots=True)
class SchemaFailure:
    """One rule that a table broke: where, which, how often, with up to five values."""

    column: str
    rule: str
    count: int
    examples: tuple[str, ...]


def schema_failures(
    model: type[TableModel], table: pl.DataFrame, *, minimum_rows: int = 1
) -> list[SchemaFailure]:
    """Every rule of `model` that `table` breaks; empty when it conforms.

    The frame has to be eager: pandera checks only names and types of a lazy one. Where columns
    are missing, unknown or of another type, only that is told: their values cannot be judged.
    """
    failures: list[SchemaFailure] = []
    if table.height < minimum_rows:
        failures.append(SchemaFailure("*", _ROWS, 1, (f"{table.height} rows of {minimum_rows}",)))
    schema = model.to_schema()
    if table.schema != model.polars_schema():
        failures += _failures(schema, table.clear())
    if any(failure.rule != _ROWS for failure in failures):
        return failures
    # polars cannot write bytes as JSON, and panics when pandera tells of a row that holds some:
    # rules are about whether they are there.
    for name, column in schema.columns.items():
        if column.dtype.type == pl.Binary:
            schema = schema.update_column(name, dtype=pl.String)
            table = table.with_columns(
                pl.when(pl.col(name).is_not_null()).then(pl.lit("bytes")).alias(name)
            )
    return failures + _failures(schema, table)


def _failures(schema: pa.DataFrameSchema, table: pl.DataFrame) -> list[SchemaFailure]:
    try:
        schema.validate(table, lazy=True)
    except SchemaErrors as error:
        return _collect(error.failure_cases)
    except SchemaError as error:
        return [SchemaFailure("*", str(error).splitlines()[0], 1, ())]
    return []


def _collect(cases: pl.DataFrame) -> list[SchemaFailure]:
    grouped = cases.group_by("column", "check", maintain_order=True).agg(
        pl.len().alias("count"), pl.col("failure_case").head(5).alias("examples")
    )
    return [
        SchemaFailure(
            column=str(row["column"]),
            rule=str(row["check"]),
            count=row["count"],
            examples=tuple(str(value)[:120] for value in row["examples"]),
        )
        for row in grouped.iter_rows(named=True)
    ]
