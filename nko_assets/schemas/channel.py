"""The table of the channel group: every video that the configured source has listed."""

from __future__ import annotations

import math

import pandera.polars as pa
import polars as pl

from nko_assets.schemas.base import VIDEO_ID, TableModel


class Videos(TableModel):
    """One row a video of the channel, in the order of the listing."""

    video_id: str = pa.Field(str_matches=VIDEO_ID, unique=True)
    title: str
    url: str = pa.Field(str_length={"min_value": 1})
    # A float that is no number is above every limit and below none.
    duration_s: pl.Float64 = pa.Field(gt=0, lt=math.inf, nullable=True)
    uploaded: str = pa.Field(str_matches=r"^\d{4}-\d{2}-\d{2}$", nullable=True)
    source: str = pa.Field(str_length={"min_value": 1})
    licence: str = pa.Field(str_length={"min_value": 1})
    listed: bool = pa.Field(description="false when the video was listed once and is not any more")
