"""The reviewed readings as the corpus takes them: what is accepted, and what is left out and why."""

from __future__ import annotations

import polars as pl

from nko_assets.corpus.rows import rejection, typed
from nko_assets.schemas.corpus import RejectedRows


def accepted_entries(reviewed: pl.DataFrame) -> pl.DataFrame:
    """The accepted entries of `reviewed` (`ReviewedReadings`), in the order of their ids.

    `timestamp_ms` becomes the time when the text first appeared, which is what exports say.
    """
    return (
        reviewed.filter((pl.col("decision") == "accepted") & (pl.col("entry") >= 0))
        .with_columns(timestamp_ms=pl.col("first_seen_ms"))
        .sort("reading_id")
    )


def rejected_readings(reviewed: pl.DataFrame) -> pl.DataFrame:
    """The readings that were rejected or wait for a person, as `RejectedRows`."""
    left_out = reviewed.filter(pl.col("decision").is_in(["rejected", "needs_review"])).with_columns(
        timestamp_ms=pl.col("first_seen_ms")
    )
    return typed(
        RejectedRows,
        [
            rejection(row, row["reading_id"], row["decision"], row["reason"])
            for row in left_out.iter_rows(named=True)
        ],
    )
