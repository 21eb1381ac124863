"""The tables that account for the corpus: rows left out, tone variants, the side of each row."""

from __future__ import annotations

import pandera.polars as pa
import polars as pl

from nko_assets.schemas.base import FRAME_ID, UUID, VIDEO_ID, TableModel

REJECTIONS = (
    "needs_review",
    "rejected",
    "no_translation",
    "duplicate",
    "near_duplicate",
    "no_word",
    "no_picture",
)
SIDES = ("train", "validation", "excluded")
VERDICTS = ("minimal_pair", "same_translation")

FORM = pl.Struct(
    {
        "id": pl.String,
        "nko": pl.String,
        "latin": pl.String,
        "english": pl.String,
        "french": pl.String,
        "readings": pl.Int32,
        "confidence": pl.Float64,
        "doubtful": pl.Boolean,
    }
)


class RejectedRows(TableModel):
    """One row a reading or an example that is not in the training files, and why."""

    id: str = pa.Field(str_matches=UUID, unique=True, description="of the reading or the example")
    status: str = pa.Field(isin=REJECTIONS)
    reason: str = pa.Field(str_length={"min_value": 1})
    kept_id: str = pa.Field(
        str_matches=UUID, nullable=True, description="the row that stands in its place"
    )
    video_id: str = pa.Field(str_matches=VIDEO_ID)
    frame_id: str = pa.Field(str_matches=FRAME_ID)
    timestamp_ms: pl.Int64 = pa.Field(ge=0, description="when the text first appears in the video")
    nko: str = pa.Field(description="empty when the frame gave no N'Ko entry")
    latin: str
    english: str = pa.Field(nullable=True)
    french: str = pa.Field(nullable=True)
    confidence: pl.Float64 = pa.Field(ge=0, le=1, nullable=True)
    reader: str = pa.Field(str_length={"min_value": 1})
    model: str = pa.Field(str_length={"min_value": 1})
    licence: str = pa.Field(str_length={"min_value": 1})


class ToneVariants(TableModel):
    """One row a spelling without tones that the pairs write with two or more sets of tones."""

    id: str = pa.Field(str_matches=UUID, unique=True)
    toneless: str = pa.Field(str_length={"min_value": 1}, description="what the forms share")
    verdict: str = pa.Field(
        isin=VERDICTS,
        description="minimal_pair: the meanings differ; same_translation: one may be misread",
    )
    forms: pl.List = pa.Field(
        dtype_kwargs={"inner": FORM},
        description="each spelling; doubtful when one better attested has its translation",
    )


class SplitAssignments(TableModel):
    """The side of each row of each training file."""

    file: str = pa.Field(str_length={"min_value": 1}, description="file name without its ending")
    id: str = pa.Field(str_matches=UUID)
    video_id: str = pa.Field(str_matches=VIDEO_ID)
    nko: str = pa.Field(str_length={"min_value": 1}, description="the texts it holds, one a line")
    side: str = pa.Field(isin=SIDES)
    reason: str = pa.Field(str_length={"min_value": 1})
