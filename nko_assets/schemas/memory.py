"""The tables of the memory group, one row a row of the memory; columns are named as there."""

from __future__ import annotations

import pandera.polars as pa
import polars as pl

from nko_assets.schemas.base import FRAME_ID, UUID, VIDEO_ID, TableModel
from nko_assets.schemas.memory_names import DIMENSIONS, EDGE_TYPES, MOTIF_TYPES, PHASES

_TEXT = {"min_value": 1}
_VECTOR = {"inner": pl.Float32()}


def _whole(data: pa.PolarsData) -> pl.LazyFrame:
    """Whether each embedding is whole or null, and has a model."""
    vectors = (pl.col("embedding"), pl.col("nko_embedding"))
    sized = [vector.list.len().fill_null(DIMENSIONS) == DIMENSIONS for vector in vectors]
    embedded = vectors[0].is_not_null() | vectors[1].is_not_null()
    modelled = pl.col("embedding_model").is_not_null() == embedded
    return data.lazyframe.select(sized[0] & sized[1] & modelled)


class MemoryConversations(TableModel):
    """The conversation of one video."""

    id: str = pa.Field(str_matches=UUID, unique=True)
    video_id: str = pa.Field(str_matches=VIDEO_ID, unique=True)
    title: str
    url: str = pa.Field(str_length=_TEXT)
    duration_ms: pl.Int64 = pa.Field(ge=0, nullable=True)
    licence: str = pa.Field(str_length=_TEXT)


class MemoryTurns(TableModel):
    """One turn a kept frame of one video, in order."""

    id: str = pa.Field(str_matches=UUID, unique=True)
    conversation_id: str = pa.Field(str_matches=UUID)
    frame_id: str = pa.Field(str_matches=FRAME_ID, unique=True)
    timestamp_ms: pl.Int64 = pa.Field(ge=0)
    trajectory_depth: pl.Int32 = pa.Field(ge=0, unique=True)
    trajectory_phase: str = pa.Field(isin=PHASES)
    content: str = pa.Field(str_length=_TEXT, description="JSON, see memory.turns")
    salience_score: pl.Float64 = pa.Field(ge=0, le=1)
    outcome_mean: pl.Float64 = pa.Field(ge=0, le=1)
    outcome_m2: pl.Float64 = pa.Field(ge=0)
    outcome_count: pl.Int64 = pa.Field(ge=0)
    embedding: pl.List = pa.Field(dtype_kwargs=_VECTOR, nullable=True)
    nko_embedding: pl.List = pa.Field(dtype_kwargs=_VECTOR, nullable=True)
    embedding_model: str = pa.Field(str_length=_TEXT, nullable=True)

    @pa.dataframe_check
    @classmethod
    def embeddings_are_whole(cls, data: pa.PolarsData) -> pl.LazyFrame:
        """An embedding has all its numbers, and a model that made it."""
        return _whole(data)


class MemoryTurnEdges(TableModel):
    """The edges between turns of one video."""

    id: str = pa.Field(str_matches=UUID, unique=True)
    conversation_id: str = pa.Field(str_matches=UUID)
    from_turn: str = pa.Field(str_matches=UUID)
    to_turn: str = pa.Field(str_matches=UUID)
    edge_type: str = pa.Field(isin=EDGE_TYPES)
    weight: pl.Float64 = pa.Field(ge=0, le=1)

    @pa.dataframe_check
    @classmethod
    def edges_lead_elsewhere(cls, data: pa.PolarsData) -> pl.LazyFrame:
        """No turn is tied to itself."""
        return data.lazyframe.select(pl.col("from_turn") != pl.col("to_turn"))


class MemoryMotifs(TableModel):
    """The motifs of the lessons."""

    id: str = pa.Field(str_matches=UUID, unique=True)
    motif_type: str = pa.Field(isin=MOTIF_TYPES)
    source: str = pa.Field(str_length=_TEXT)
    licence: str = pa.Field(str_length=_TEXT)
    nko_key: str = pa.Field(str_length=_TEXT)
    content: str = pa.Field(str_length=_TEXT, description="JSON, see memory.motifs")
    frequency: pl.Int32 = pa.Field(ge=1)
    salience_score: pl.Float64 = pa.Field(ge=0, le=1)
    video_id: str = pa.Field(str_matches=VIDEO_ID, nullable=True)
    frame_id: str = pa.Field(str_matches=FRAME_ID, nullable=True)
    timestamp_ms: pl.Int64 = pa.Field(ge=0, nullable=True)
    embedding: pl.List = pa.Field(dtype_kwargs=_VECTOR, nullable=True)
    nko_embedding: pl.List = pa.Field(dtype_kwargs=_VECTOR, nullable=True)
    embedding_model: str = pa.Field(str_length=_TEXT, nullable=True)

    @pa.dataframe_check
    @classmethod
    def embeddings_are_whole(cls, data: pa.PolarsData) -> pl.LazyFrame:
        """An embedding has all its numbers, and a model that made it."""
        return _whole(data)
