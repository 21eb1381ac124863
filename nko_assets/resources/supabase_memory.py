"""The memory in a Supabase project, reached by its URL and service key alone: bounded requests."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
from postgrest.types import ReturnMethod
from pydantic import SecretStr
from supabase import Client, ClientOptions, create_client

from nko_assets.memory.columns import (
    CONVERSATIONS,
    EDGES,
    MOTIFS,
    TURNS,
    conversation_values,
    edge_values,
    motif_values,
    turn_values,
    vector_text,
)
from nko_assets.memory.rows import Motif, VideoMemory
from nko_assets.resources.memory_errors import refuse, request_errors
from nko_assets.resources.memory_store import (
    MemoryCounts,
    MotifsMerged,
    VideosMerged,
    groups_of,
)

# With vectors about 9 kB a row: some megabytes, well within what 8 s of the database can take.
ROWS_A_REQUEST = 250
# PostgREST gives no more rows than this at a time.
IDS_A_PAGE = 1_000
# Longer than the 60 s that a statement may take at most over the REST API.
TIMEOUT_S = 75.0

_Json = dict[str, Any]


class SupabaseMemory:
    """The memory in a Supabase project, through supabase-py."""

    def __init__(self, url: str, service_key: SecretStr) -> None:
        """Connects to nothing yet."""
        self._url = url
        self._key = service_key

    @property
    def name(self) -> str:
        """The host of the project."""
        return f"Supabase at {urlsplit(self._url).hostname}"

    def __repr__(self) -> str:
        return f"SupabaseMemory({self._url!r})"

    @cached_property
    def _client(self) -> Client:
        http = httpx.Client(timeout=TIMEOUT_S, http2=True, event_hooks={"response": [refuse]})
        # A service key signs in nobody, so there is no session to keep or to refresh.
        options = ClientOptions(httpx_client=http, auto_refresh_token=False, persist_session=False)
        return create_client(self._url, self._key.get_secret_value(), options)

    def identity(self) -> str:
        """The id that the database got when the memory was made in it."""
        return str(self._rpc("memory_identity", {}))

    def upsert_videos(self, videos: Sequence[VideoMemory]) -> VideosMerged:
        """See `MemoryStore`; videos that fit go together, one that does not is staged in parts."""
        merged = VideosMerged()
        for group in groups_of(videos, ROWS_A_REQUEST):
            parts = list(_parts(group))
            if len(parts) == 1:
                answer = self._rpc("memory_put_videos", {"rows": parts[0]})
            else:
                answer = self._put_staged(parts)
            merged += VideosMerged(**answer)
        return merged

    def _put_staged(self, parts: Sequence[_Json]) -> _Json:
        load = str(uuid.uuid4())
        for number, part in enumerate(parts):
            row = {"load": load, "part": number, "rows": part}
            with request_errors():
                self._client.table("memory_staging").insert(
                    row, returning=ReturnMethod.minimal
                ).execute()
        return self._rpc("memory_put_videos", {"rows": {}, "staged": load, "parts": len(parts)})

    def upsert_motifs(self, source: str, motifs: Sequence[Motif]) -> MotifsMerged:
        """See `MemoryStore`; each motif stands for itself, so requests are transactions.

        Who is cut off has some of the new rows, and the old ones until the next load.
        """
        written = 0
        for start in range(0, len(motifs), ROWS_A_REQUEST):
            rows = [
                _json(MOTIFS, motif_values(motif))
                for motif in motifs[start : start + ROWS_A_REQUEST]
            ]
            written += self._rpc("memory_put_motifs", {"rows": rows})
        gone = list(self._motif_ids(source) - {str(motif.id) for motif in motifs})
        removed = 0
        for start in range(0, len(gone), IDS_A_PAGE):
            removed += self._rpc("memory_remove_motifs", {"ids": gone[start : start + IDS_A_PAGE]})
        return MotifsMerged(written, removed)

    def _motif_ids(self, source: str) -> set[str]:
        found: set[str] = set()
        last = str(uuid.UUID(int=0))
        while True:
            with request_errors():
                page: Any = (
                    self._client.table("memory_motifs")
                    .select("id")
                    .eq("source", source)
                    .gt("id", last)
                    .order("id")
                    .limit(IDS_A_PAGE)
                    .execute()
                    .data
                )
            if not page:
                return found
            found.update(row["id"] for row in page)
            last = page[-1]["id"]

    def record_outcome(self, turn: uuid.UUID, source: str, outcome: float) -> bool:
        """See `MemoryStore`."""
        arguments = {"turn": str(turn), "source": source, "outcome": outcome}
        return bool(self._rpc("memory_record_outcome", arguments))

    def call(self, function: str, arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
        """See `MemoryStore`."""
        answer = self._rpc(function, arguments)
        if isinstance(answer, list):
            return answer
        return [answer if isinstance(answer, dict) else {function: answer}]

    def counts(self) -> MemoryCounts:
        """See `MemoryStore`."""
        return MemoryCounts(**self._rpc("memory_counts", {}))

    def _rpc(self, function: str, arguments: Mapping[str, Any]) -> Any:
        with request_errors():
            return self._client.rpc(function, dict(arguments)).execute().data


def _parts(group: Sequence[VideoMemory]) -> Iterator[_Json]:
    """The rows of a group in pieces that fit into a request each."""
    turns = [turn for video in group for turn in video.turns]
    edges = [edge for video in group for edge in video.edges]
    pieces = max(1, -(-len(turns) // ROWS_A_REQUEST))
    edges_a_piece = -(-len(edges) // pieces)
    for piece in range(pieces):
        yield {
            "conversations": [
                _json(CONVERSATIONS, conversation_values(video.conversation)) for video in group
            ]
            if piece == 0
            else [],
            "turns": [
                _json(TURNS, turn_values(turn))
                for turn in turns[piece * ROWS_A_REQUEST : (piece + 1) * ROWS_A_REQUEST]
            ],
            "edges": [
                _json(EDGES, edge_values(edge))
                for edge in edges[piece * edges_a_piece : (piece + 1) * edges_a_piece]
            ],
        }


def _json(columns: Mapping[str, str], values: Sequence[Any]) -> _Json:
    return {
        name: vector_text(value)
        if isinstance(value, np.ndarray)
        else str(value)
        if isinstance(value, uuid.UUID)
        else value
        for name, value in zip(columns, values, strict=True)
    }
