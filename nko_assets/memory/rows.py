"""The rows of the memory as they are stored, and their ids. Fields are named as the columns are."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from nko_assets.memory.welford import Outcomes
from nko_assets.schemas.memory_names import DIMENSIONS, EDGE_TYPES, MOTIF_TYPES, PHASES

__all__ = [
    "DIMENSIONS",
    "EDGE_TYPES",
    "LESSONS",
    "MOTIF_TYPES",
    "NAMESPACE",
    "PHASES",
    "Conversation",
    "Edge",
    "Motif",
    "Turn",
    "Vector",
    "VideoMemory",
    "conversation_id",
    "memory_id",
    "turn_id",
]

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "memory.nko-assets")
LESSONS = "lessons"
"""The source of motifs that were read from the videos; imports have names of their own."""

Vector = npt.NDArray[np.float32]
"""An embedding: `DIMENSIONS` numbers."""


def memory_id(*content: str) -> uuid.UUID:
    """The id of a row with this content, the same wherever and whenever it is made."""
    return uuid.uuid5(NAMESPACE, "\x1f".join(content))


def conversation_id(video_id: str) -> uuid.UUID:
    """The id of a video's conversation."""
    return memory_id("conversation", video_id)


def turn_id(frame_id: str) -> uuid.UUID:
    """The id of a frame's turn."""
    return memory_id("turn", frame_id)


@dataclass(frozen=True, slots=True)
class Conversation:
    """A row of `memory_conversations`: one video."""

    id: uuid.UUID
    video_id: str
    title: str
    url: str
    duration_ms: int | None
    licence: str


@dataclass(frozen=True, slots=True)
class Turn:
    """A row of `memory_turns`: one kept frame. `outcomes` are those of its readings.

    `content` is JSON: nko_text, latin, translation, english, french, entries.
    """

    id: uuid.UUID
    conversation_id: uuid.UUID
    frame_id: str
    timestamp_ms: int
    trajectory_depth: int
    trajectory_phase: str
    content: Mapping[str, Any]
    salience_score: float
    outcomes: Outcomes
    embedding: Vector | None = field(default=None, compare=False, repr=False)
    nko_embedding: Vector | None = field(default=None, compare=False, repr=False)
    embedding_model: str | None = None


@dataclass(frozen=True, slots=True)
class Edge:
    """A row of `memory_turn_edges`: a turn and a later one of the same video."""

    id: uuid.UUID
    conversation_id: uuid.UUID
    from_turn: uuid.UUID
    to_turn: uuid.UUID
    edge_type: str
    weight: float


@dataclass(frozen=True, slots=True)
class Motif:
    """A row of `memory_motifs`: a word, a phrase or a pattern of one source.

    `content` is JSON: nko_text, latin, translation, english, french, and what its type adds.
    `video_id`, `frame_id` and `timestamp_ms` are its best place, all None for what was imported.
    """

    id: uuid.UUID
    motif_type: str
    source: str
    licence: str
    nko_key: str
    content: Mapping[str, Any]
    frequency: int
    salience_score: float
    video_id: str | None = None
    frame_id: str | None = None
    timestamp_ms: int | None = None
    embedding: Vector | None = field(default=None, compare=False, repr=False)
    nko_embedding: Vector | None = field(default=None, compare=False, repr=False)
    embedding_model: str | None = None


@dataclass(frozen=True, slots=True)
class VideoMemory:
    """Everything that is stored about one video, in one transaction."""

    conversation: Conversation
    turns: tuple[Turn, ...]
    edges: tuple[Edge, ...]
