"""What every way into the memory can do, whichever database or API lies behind it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from nko_assets.memory.rows import Motif, VideoMemory


@dataclass(frozen=True, slots=True)
class VideosMerged:
    """What a load of videos changed: rows that were new or different, and rows that are gone."""

    conversations_written: int = 0
    turns_written: int = 0
    turns_removed: int = 0
    edges_written: int = 0
    edges_removed: int = 0

    def __add__(self, other: VideosMerged) -> VideosMerged:
        return VideosMerged(
            self.conversations_written + other.conversations_written,
            self.turns_written + other.turns_written,
            self.turns_removed + other.turns_removed,
            self.edges_written + other.edges_written,
            self.edges_removed + other.edges_removed,
        )


@dataclass(frozen=True, slots=True)
class MotifsMerged:
    """What a load of motifs changed."""

    written: int
    removed: int


@dataclass(frozen=True, slots=True)
class MemoryCounts:
    """How many rows the memory holds."""

    conversations: int
    turns: int
    edges: int
    motifs: int


class MemoryStore(Protocol):
    """The memory. Doing anything twice changes no row the second time.

    Every method raises `ConfigurationError` when what is configured cannot work, `TransientFailure`
    when the memory does not answer now, `PermanentFailure` when it refuses what it was given.
    """

    @property
    def name(self) -> str:
        """Which memory it is, for people; without anything secret."""
        ...

    def identity(self) -> str:
        """What tells this memory from one made anew at the same address."""
        ...

    def upsert_videos(self, videos: Sequence[VideoMemory]) -> VideosMerged:
        """Make `videos` what the memory holds of them; rows of theirs not given are removed.

        Each video is written whole or not at all, whenever the load ends.
        """
        ...

    def upsert_motifs(self, source: str, motifs: Sequence[Motif]) -> MotifsMerged:
        """Make `motifs`, all of one source, what the memory holds of that source."""
        ...

    def record_outcome(self, turn: uuid.UUID, source: str, outcome: float) -> bool:
        """Say what came of a turn, 0 (wrong) to 1 (right); False when `source` had said so before.

        Another outcome of the same source replaces its first one.
        """
        ...

    def call(self, function: str, arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The rows of a function of the memory, each a dict with the names of its columns.

        Ids and times come as text. `arguments` are JSON; vectors in them are texts (`vector_text`).
        """
        ...

    def counts(self) -> MemoryCounts:
        """How many rows there are."""
        ...


def groups_of(videos: Sequence[VideoMemory], most_turns: int) -> Iterator[list[VideoMemory]]:
    """Videos that hold at most `most_turns` turns together; one that holds more comes alone."""
    group: list[VideoMemory] = []
    turns = 0
    for video in videos:
        if group and turns + len(video.turns) > most_turns:
            yield group
            group, turns = [], 0
        group.append(video)
        turns += len(video.turns)
    if group:
        yield group
