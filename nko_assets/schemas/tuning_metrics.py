"""The table of a training's curves."""

from __future__ import annotations

import pandera.polars as pa
import polars as pl

from nko_assets.schemas.base import TableModel


class TuningMetrics(TableModel):
    """One row a measurement: a step of the training, on one side of the split.

    Upper bounds keep out what is not a number, which Polars takes for the largest.
    """

    step: pl.Int64 = pa.Field(ge=0)
    split: str = pa.Field(isin=("train", "validation"))
    loss: pl.Float64 = pa.Field(ge=0, description="mean cross-entropy a token, in nats")
    epoch: pl.Float64 = pa.Field(nullable=True, ge=0, le=1e6)
    token_accuracy: pl.Float64 = pa.Field(
        nullable=True, ge=0, le=1, description="share of next tokens predicted right"
    )
    learning_rate: pl.Float64 = pa.Field(nullable=True, ge=0, le=1)
    seconds: pl.Float64 = pa.Field(
        nullable=True, ge=0, le=1e9, description="since the training began"
    )
