"""The tables of the frames group: one row a sampled frame, and the decision taken on each."""

from __future__ import annotations

import pandera.polars as pa
import polars as pl

from nko_assets.schemas.base import FRAME_ID, PHASH, VIDEO_ID, TableModel

FRAME_STATUSES = ("kept", "repeat", "superseded", "blank")


class Frames(TableModel):
    """One frame each interval of one video."""

    frame_id: str = pa.Field(
        str_matches=FRAME_ID, unique=True, description="<video_id>:<timestamp_ms>"
    )
    video_id: str = pa.Field(str_matches=VIDEO_ID)
    frame: pl.Int32 = pa.Field(ge=0, description="number of the frame in its video, from 0")
    timestamp_ms: pl.Int64 = pa.Field(ge=0, description="milliseconds from the start of the video")
    width: pl.Int32 = pa.Field(gt=0, description="pixels")
    height: pl.Int32 = pa.Field(gt=0, description="pixels")
    sharpness: pl.Float64 = pa.Field(
        ge=0, description="variance of the Laplacian of the gray image"
    )
    phash: str = pa.Field(str_matches=PHASH, description="64-bit perceptual hash, 16 hex digits")
    jpeg: pl.Binary = pa.Field(description="the frame as JPEG")


class UniqueFrames(TableModel):
    """The decision on each frame of one video; only kept frames carry their picture."""

    frame_id: str = pa.Field(str_matches=FRAME_ID, unique=True)
    video_id: str = pa.Field(str_matches=VIDEO_ID)
    frame: pl.Int32 = pa.Field(ge=0)
    timestamp_ms: pl.Int64 = pa.Field(ge=0)
    status: str = pa.Field(isin=FRAME_STATUSES)
    reason: str = pa.Field(str_length={"min_value": 1}, description="why it was kept or dropped")
    represented_by: str = pa.Field(
        nullable=True,
        description="frame_id that shows the same text; itself when kept, null when blank",
    )
    similarity: pl.Float64 = pa.Field(
        ge=0, le=1, nullable=True, description="ink similarity to the frame it was compared with"
    )
    first_seen_ms: pl.Int64 = pa.Field(
        ge=0, description="when the text shown was first seen, build-ups included"
    )
    last_seen_ms: pl.Int64 = pa.Field(ge=0)
    jpeg: pl.Binary = pa.Field(nullable=True, description="the frame as JPEG, kept frames only")

    @pa.dataframe_check
    @classmethod
    def kept_frames_represent_themselves(cls, data: pa.PolarsData) -> pl.LazyFrame:
        """A kept frame names itself and carries its picture."""
        kept = pl.col("status") == "kept"
        return data.lazyframe.select(
            ~kept
            | ((pl.col("represented_by") == pl.col("frame_id")) & pl.col("jpeg").is_not_null())
        )
