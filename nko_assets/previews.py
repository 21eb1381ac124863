"""Small markdown tables for Dagster's metadata, in which N'Ko reads right to left.

Dagster's viewer renders GitHub's tables and drops HTML, so Unicode isolates give the direction.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import polars as pl

from nko_assets.corpus.display import cut, one_line

NO_ROWS = "*no rows*"
_CELL = 60  # characters
# An isolate takes its direction from its first strong character, so N'Ko runs right to left and
# does not disturb the cells beside it.
_ISOLATE = "\u2068"
_END = "\u2069"
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>|~#!&$])")


def table_preview(table: pl.DataFrame, columns: Sequence[str], rows: int = 5) -> str:
    """The first `rows` rows of `columns` as a markdown table; columns of numbers align right.

    Texts are escaped and cut, bytes are given by their size, nulls are a dash. Below it stands how
    many rows are not shown. Raises polars' ColumnNotFoundError for a column that is not there.
    """
    shown = table.select(columns).head(rows)
    if shown.is_empty():
        return NO_ROWS
    rules = ["---:" if shown.schema[name].is_numeric() else "---" for name in columns]
    lines = [_row(columns), f"| {' | '.join(rules)} |", *map(_row, shown.iter_rows())]
    if table.height > shown.height:
        more = table.height - shown.height
        lines += ["", f"*and {more:,} more row{'s' if more > 1 else ''}*"]
    return "\n".join(lines)


def _row(values: Sequence[Any]) -> str:
    return f"| {' | '.join(_cell(value) for value in values)} |"


def _cell(value: Any) -> str:
    text = cut(one_line(_plain(value)), _CELL)
    if not text:
        return "–"
    escaped = _MARKDOWN.sub(r"\\\1", text)
    return escaped if text.isascii() else f"{_ISOLATE}{escaped}{_END}"


def _plain(value: Any) -> str:
    """A value as a person would write it; lists and structs as their parts, separated by commas."""
    if value is None:
        return ""
    if isinstance(value, bytes):
        return f"{len(value):,} bytes"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return ", ".join(part for part in map(_plain, value) if part)
    return str(value)
