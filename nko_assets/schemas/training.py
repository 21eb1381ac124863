"""The rows of the exported training files, formats A to D, from which their JSON Schemas come."""

from __future__ import annotations

import pandera.polars as pa
import polars as pl

from nko_assets.schemas.base import FRAME_ID, UUID, VIDEO_ID, TableModel
from nko_assets.schemas.readings import ENGLISH_BY, ENTRY_KINDS

MESSAGE = pl.Struct({"role": pl.String, "content": pl.String})
EXAMPLE = pl.Struct({"nko": pl.String, "english": pl.String, "french": pl.String})
SOURCE = pl.Struct({"video_id": pl.String, "frame_id": pl.String, "timestamp_ms": pl.Int64})
ORIGINS = ("extracted", "synthetic")
_BY = f"({'|'.join(ENGLISH_BY)})"


class ExportRow(TableModel):
    """What every exported row carries: a stable id and where it comes from."""

    id: str = pa.Field(str_matches=UUID, unique=True, description="uuid5, stable across runs")
    video_id: str = pa.Field(str_matches=VIDEO_ID)
    frame_id: str = pa.Field(str_matches=FRAME_ID)
    timestamp_ms: pl.Int64 = pa.Field(ge=0, description="when the text first appears in the video")
    origin: str = pa.Field(isin=ORIGINS)
    reader: str = pa.Field(str_length={"min_value": 1})
    model: str = pa.Field(str_length={"min_value": 1})
    confidence: pl.Float64 = pa.Field(ge=0, le=1, nullable=True)
    english_by: str = pa.Field(
        str_matches=f"^{_BY}(; {_BY})*$",
        nullable=True,
        description="who says what the English is: the frame, the reader's own translation, a person",
    )
    licence: str = pa.Field(str_length={"min_value": 1})


class TranslationPairs(ExportRow):
    """Format A: a N'Ko text and what it means."""

    nko: str = pa.Field(str_length={"min_value": 1}, description="NFC, logical order")
    latin: str = pa.Field(str_length={"min_value": 1}, description="romanized by rule (ALA-LC)")
    english: str = pa.Field(nullable=True)
    french: str = pa.Field(nullable=True)
    kind: str = pa.Field(isin=ENTRY_KINDS)
    context: str = pa.Field(description="title of the lesson the text was shown in")

    @pa.dataframe_check
    @classmethod
    def has_a_translation(cls, data: pa.PolarsData) -> pl.LazyFrame:
        """English or French is there."""
        return data.lazyframe.select(
            pl.col("english").is_not_null() | pl.col("french").is_not_null()
        )


class Conversations(ExportRow):
    """Format B: a short exchange between a learner and a tutor about accepted text."""

    messages: pl.List = pa.Field(dtype_kwargs={"inner": MESSAGE})
    language: str = pa.Field(isin=("en", "fr"), description="language of the tutor")
    template: str = pa.Field(str_length={"min_value": 1})
    nko: str = pa.Field(
        str_length={"min_value": 1}, description="the text taught; splits keep it on one side"
    )


class OcrSamples(ExportRow):
    """Format C: the picture of a line and what it says."""

    image: str = pa.Field(
        str_matches=r"^[A-Za-z0-9+/]+={0,2}$", description="base64 of a JPEG crop"
    )
    text: str = pa.Field(str_length={"min_value": 1}, description="N'Ko, NFC, logical order")
    latin: str = pa.Field(str_length={"min_value": 1})
    translation: str = pa.Field(nullable=True, description="English, else French")
    width: pl.Int32 = pa.Field(gt=0, description="pixels of the crop")
    height: pl.Int32 = pa.Field(gt=0)


class Vocabulary(ExportRow):
    """Format D: a word, its meaning, and where it was seen."""

    word: str = pa.Field(str_length={"min_value": 1})
    latin: str = pa.Field(str_length={"min_value": 1})
    meaning: str = pa.Field(nullable=True, description="English")
    meaning_french: str = pa.Field(nullable=True)
    pos: str = pa.Field(
        nullable=True, description="part of speech, when a lesson or reader says it"
    )
    examples: pl.List = pa.Field(dtype_kwargs={"inner": EXAMPLE})
    frequency: pl.Int32 = pa.Field(ge=1, description="accepted readings that contain the word")
    sources: pl.List = pa.Field(dtype_kwargs={"inner": SOURCE})
