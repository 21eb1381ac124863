"""Rows of the memory for tests: videos with turns, edges and vectors, and motifs."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from nko_assets.memory.rows import (
    DIMENSIONS,
    LESSONS,
    Conversation,
    Edge,
    Motif,
    Turn,
    Vector,
    VideoMemory,
    conversation_id,
    memory_id,
    turn_id,
)
from nko_assets.memory.welford import Outcomes

MODEL = "tests-1"


def vector(seed: int) -> Vector:
    """A unit vector that is always the same for a seed."""
    drawn = np.random.default_rng(seed).standard_normal(DIMENSIONS).astype(np.float32)
    return drawn / np.linalg.norm(drawn)


def content(nko: str = "ߒ ߞߊ߲", translation: str | None = "I say", **more: Any) -> dict[str, Any]:
    """What is on a frame."""
    return {"nko_text": nko, "latin": "n kan", "translation": translation, "entries": [], **more}


def turn(
    video_id: str,
    number: int,
    *,
    text: str = "ߒ ߞߊ߲",
    outcomes: Sequence[float] = (0.9, 0.8),
    phase: str = "extraction",
    model: str | None = MODEL,
) -> Turn:
    """The turn of frame `number`, at five seconds a frame."""
    frame_id = f"{video_id}:{number * 5000}"
    return Turn(
        id=turn_id(frame_id),
        conversation_id=conversation_id(video_id),
        frame_id=frame_id,
        timestamp_ms=number * 5000,
        trajectory_depth=number,
        trajectory_phase=phase,
        content=content(text),
        salience_score=0.5,
        outcomes=Outcomes.of(outcomes),
        embedding=vector(2 * number) if model else None,
        nko_embedding=vector(2 * number + 1) if model else None,
        embedding_model=model,
    )


def edge(one: Turn, other: Turn, edge_type: str = "next", weight: float = 1.0) -> Edge:
    """An edge between two turns."""
    return Edge(
        id=memory_id("edge", edge_type, str(one.id), str(other.id)),
        conversation_id=one.conversation_id,
        from_turn=one.id,
        to_turn=other.id,
        edge_type=edge_type,
        weight=weight,
    )


def video(
    video_id: str,
    turns: int | Sequence[Turn] = 3,
    title: str = "ߞߊ߬ߟߊ߲",
    model: str | None = MODEL,
) -> VideoMemory:
    """A video with its turns in order and the edges between neighbours."""
    rows = (
        tuple(turn(video_id, number, model=model) for number in range(turns))
        if isinstance(turns, int)
        else tuple(turns)
    )
    return VideoMemory(
        conversation=Conversation(
            id=conversation_id(video_id),
            video_id=video_id,
            title=title,
            url=f"https://video.example/{video_id}",
            duration_ms=600_000,
            licence="CC BY 4.0",
        ),
        turns=rows,
        edges=tuple(edge(one, other) for one, other in itertools.pairwise(rows)),
    )


def motif(
    word: str,
    *,
    source: str = LESSONS,
    english: str = "word",
    seed: int = 0,
    model: str | None = MODEL,
) -> Motif:
    """A word of one source."""
    place = ("a", "a:5000", 5000) if source == LESSONS else (None, None, None)
    return Motif(
        id=memory_id("motif", "vocabulary", source, word),
        motif_type="vocabulary",
        source=source,
        licence="CC BY 4.0",
        nko_key=word,
        content=content(word, english),
        frequency=1,
        salience_score=0.25,
        video_id=place[0],
        frame_id=place[1],
        timestamp_ms=place[2],
        embedding=vector(seed) if model else None,
        nko_embedding=vector(seed + 1) if model else None,
        embedding_model=model,
    )
