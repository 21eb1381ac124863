"""The table of English that a model gave where a frame shows none; it never trains anything."""

from __future__ import annotations

import pandera.polars as pa
import polars as pl

from nko_assets.schemas.base import FRAME_ID, UUID, VIDEO_ID, TableModel

TRANSLATOR = "translator"
"""Who says what such English is. It is none of `ENGLISH_BY`, so that no training file takes it."""

STATUSES = ("translated", "broken", "failed")


class Translations(TableModel):
    """One row an accepted reading without a translation; empty where no translator is chosen."""

    reading_id: str = pa.Field(str_matches=UUID, unique=True)
    frame_id: str = pa.Field(str_matches=FRAME_ID)
    video_id: str = pa.Field(str_matches=VIDEO_ID)
    nko: str = pa.Field(str_length={"min_value": 1})
    english: str = pa.Field(nullable=True, description="what the model answered, if it is English")
    english_by: str = pa.Field(str_matches=f"^{TRANSLATOR}$", nullable=True)
    status: str = pa.Field(isin=STATUSES)
    reason: str = pa.Field(description="what happened, empty when status is translated")
    translator: str = pa.Field(str_length={"min_value": 1}, description="name of the model")

    @pa.dataframe_check
    @classmethod
    def only_translations_have_english(cls, data: pa.PolarsData) -> pl.LazyFrame:
        """English is there when, and only when, the status says so, and then it is marked."""
        there = pl.col("english").is_not_null()
        return data.lazyframe.select(
            (there == (pl.col("status") == "translated"))
            & (there == pl.col("english_by").is_not_null())
        )

    @pa.dataframe_check
    @classmethod
    def others_say_why(cls, data: pa.PolarsData) -> pl.LazyFrame:
        """Any status but translated carries a reason."""
        return data.lazyframe.select(
            (pl.col("status") == "translated") | (pl.col("reason").str.len_chars() > 0)
        )
