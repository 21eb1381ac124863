"""The tables of tuning: every example of a data set, and in which of its files it stands."""

from __future__ import annotations

from typing import Final, Literal, get_args

import pandera.polars as pa
import polars as pl

from nko_assets.schemas.base import UUID, VIDEO_ID, TableModel
from nko_assets.schemas.training import ORIGINS

Task = Literal[
    "nko_to_english",
    "english_to_nko",
    "nko_to_french",
    "french_to_nko",
    "read_line",
    "define_word",
    "conversation",
]
TASKS: Final[tuple[Task, ...]] = get_args(Task)


class TuningExamples(TableModel):
    """One row an example, with where it comes from; a reason says why a file is without it."""

    id: str = pa.Field(str_matches=UUID, unique=True)
    side: str = pa.Field(isin=("train", "validation"))
    task: str = pa.Field(isin=TASKS)
    row_id: str = pa.Field(str_matches=UUID, description="the row of the splits it is made of")
    video_id: str = pa.Field(str_matches=VIDEO_ID)
    origin: str = pa.Field(isin=ORIGINS)
    licence: str = pa.Field(str_length={"min_value": 1})
    tokens: pl.Int32 = pa.Field(ge=1, description="about as many as Gemini counts")
    gemini: str = pa.Field(
        nullable=True, str_length={"min_value": 1}, description="why not in gemini/, if it is not"
    )
    chat: str = pa.Field(
        nullable=True, str_length={"min_value": 1}, description="why not in chat/, if it is not"
    )
