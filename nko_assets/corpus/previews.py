"""Small markdown tables for Dagster's metadata, in which N'Ko reads right to left."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl


def table_preview(table: pl.DataFrame, columns: Sequence[str], rows: int = 5) -> str:
    """The first `rows` rows of `columns` as a markdown table."""
