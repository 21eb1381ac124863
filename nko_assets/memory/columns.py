"""The columns in which rows of the memory are sent, with their types, and the values in them."""

from __future__ import annotations

from typing import Any, Final

from nko_assets.memory.rows import Conversation, Edge, Motif, Turn, Vector

CONVERSATIONS: Final = {
    "id": "uuid",
    "video_id": "text",
    "title": "text",
    "url": "text",
    "duration_ms": "int8",
    "licence": "text",
}
TURNS: Final = {
    "id": "uuid",
    "conversation_id": "uuid",
    "frame_id": "text",
    "timestamp_ms": "int8",
    "trajectory_depth": "int4",
    "trajectory_phase": "text",
    "content": "jsonb",
    "salience_score": "float8",
    "outcome_mean": "float8",
    "outcome_m2": "float8",
    "outcome_count": "int8",
    "embedding": "vector",
    "nko_embedding": "vector",
    "embedding_model": "text",
}
EDGES: Final = {
    "id": "uuid",
    "conversation_id": "uuid",
    "from_turn": "uuid",
    "to_turn": "uuid",
    "edge_type": "text",
    "weight": "float8",
}
MOTIFS: Final = {
    "id": "uuid",
    "motif_type": "text",
    "source": "text",
    "licence": "text",
    "nko_key": "text",
    "content": "jsonb",
    "frequency": "int4",
    "salience_score": "float8",
    "video_id": "text",
    "frame_id": "text",
    "timestamp_ms": "int8",
    "embedding": "vector",
    "nko_embedding": "vector",
    "embedding_model": "text",
}


def conversation_values(row: Conversation) -> tuple[Any, ...]:
    """A conversation in the order of `CONVERSATIONS`."""
    return (row.id, row.video_id, row.title, row.url, row.duration_ms, row.licence)


def turn_values(row: Turn) -> tuple[Any, ...]:
    """A turn in the order of `TURNS`."""
    return (
        row.id,
        row.conversation_id,
        row.frame_id,
        row.timestamp_ms,
        row.trajectory_depth,
        row.trajectory_phase,
        row.content,
        row.salience_score,
        row.outcomes.mean,
        row.outcomes.m2,
        row.outcomes.count,
        row.embedding,
        row.nko_embedding,
        row.embedding_model,
    )


def edge_values(row: Edge) -> tuple[Any, ...]:
    """An edge in the order of `EDGES`."""
    return (row.id, row.conversation_id, row.from_turn, row.to_turn, row.edge_type, row.weight)


def motif_values(row: Motif) -> tuple[Any, ...]:
    """A motif in the order of `MOTIFS`."""
    return (
        row.id,
        row.motif_type,
        row.source,
        row.licence,
        row.nko_key,
        row.content,
        row.frequency,
        row.salience_score,
        row.video_id,
        row.frame_id,
        row.timestamp_ms,
        row.embedding,
        row.nko_embedding,
        row.embedding_model,
    )


def vector_text(vector: Vector) -> str:
    """An embedding as pgvector reads it; five digits are what half the bytes leave of a float32."""
    return f"[{_TEMPLATE[: 5 * len(vector) - 1] % tuple(vector.tolist())}]"


_TEMPLATE = "%.5g," * 4096
