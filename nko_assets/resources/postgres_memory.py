"""The memory in a Postgres database, reached directly: binary COPY, then one merge."""

from __future__ import annotations

import json
import struct
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any

import numpy as np
import psycopg
from psycopg import sql
from psycopg.adapt import Dumper
from psycopg.pq import Format
from psycopg.rows import dict_row
from psycopg.types import TypeInfo
from psycopg.types.json import Jsonb, set_json_dumps

from nko_assets.memory.columns import (
    CONVERSATIONS,
    EDGES,
    MOTIFS,
    TURNS,
    conversation_values,
    edge_values,
    motif_values,
    turn_values,
)
from nko_assets.memory.rows import Motif, VideoMemory
from nko_assets.resources.memory_errors import database_errors
from nko_assets.resources.memory_store import (
    MemoryCounts,
    MotifsMerged,
    VideosMerged,
    groups_of,
)
from nko_assets.resources.store import Store
from nko_assets.resources.vector_indexes import indexed_afterwards

# A group of videos is one transaction: enough to be fast, little enough to be done again.
TURNS_A_TRANSACTION = 5_000
# Below this, building indexes costs more than growing them.
ROWS_WORTH_A_BUILD = 2_000


class PostgresMemory:
    """The memory in the database of a `Store`."""

    def __init__(self, store: Callable[[], Store], name: str) -> None:
        """`store` gives the opened store when it is first needed; `name` is what people call it."""
        self._store = store
        self._name = name

    @property
    def name(self) -> str:
        """What people call it."""
        return self._name

    def identity(self) -> str:
        """The id that the database got when the memory was made in it."""
        return str(self.call("memory_identity", {})[0]["memory_identity"])

    def upsert_videos(self, videos: Sequence[VideoMemory]) -> VideosMerged:
        """See `MemoryStore`; a group of videos is one transaction."""
        merged = VideosMerged()
        turns = sum(len(video.turns) for video in videos)
        with self._connected() as conn, _indexed_well(conn, "memory_turns", turns):
            for group in groups_of(videos, TURNS_A_TRANSACTION):
                with conn.transaction(), conn.cursor() as cursor:
                    cursor.execute("select public.memory_incoming()")
                    _copy(
                        cursor,
                        "incoming_conversations",
                        CONVERSATIONS,
                        (conversation_values(video.conversation) for video in group),
                    )
                    _copy(
                        cursor,
                        "incoming_turns",
                        TURNS,
                        (turn_values(turn) for video in group for turn in video.turns),
                    )
                    _copy(
                        cursor,
                        "incoming_edges",
                        EDGES,
                        (edge_values(edge) for video in group for edge in video.edges),
                    )
                    row = cursor.execute("select * from public.memory_merge()").fetchone()
                merged += VideosMerged(*(row or ()))
        return merged

    def upsert_motifs(self, source: str, motifs: Sequence[Motif]) -> MotifsMerged:
        """See `MemoryStore`; all in one transaction."""
        with (
            self._connected() as conn,
            _indexed_well(conn, "memory_motifs", len(motifs)),
            conn.transaction(),
            conn.cursor() as cursor,
        ):
            cursor.execute("select public.memory_incoming_motifs()")
            _copy(cursor, "incoming_motifs", MOTIFS, map(motif_values, motifs))
            written = cursor.execute("select public.memory_merge_motifs()").fetchone()
            removed = cursor.execute(
                "delete from public.memory_motifs kept where source = %s"
                " and not exists (select from pg_temp.incoming_motifs same where same.id = kept.id)",
                [source],
            ).rowcount
        return MotifsMerged(written[0] if written else 0, removed)

    def record_outcome(self, turn: uuid.UUID, source: str, outcome: float) -> bool:
        """See `MemoryStore`."""
        arguments = {"turn": turn, "source": source, "outcome": outcome}
        return bool(self.call("memory_record_outcome", arguments)[0]["memory_record_outcome"])

    def call(self, function: str, arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
        """See `MemoryStore`."""
        query = sql.SQL("select * from public.{}({})").format(
            sql.Identifier(function),
            sql.SQL(", ").join(
                sql.SQL("{} => {}").format(sql.Identifier(name), sql.Placeholder(name))
                for name in arguments
            ),
        )
        given = {
            name: Jsonb(value) if isinstance(value, dict) else value
            for name, value in arguments.items()
        }
        with self._connected() as conn, conn.cursor(row_factory=dict_row) as cursor:
            return [_plain(row) for row in cursor.execute(query, given).fetchall()]

    def counts(self) -> MemoryCounts:
        """See `MemoryStore`."""
        return MemoryCounts(**self.call("memory_counts", {})[0])

    @contextmanager
    def _connected(self) -> Iterator[psycopg.Connection]:
        with database_errors(), self._store().lend() as conn:
            _teach(conn)
            yield conn


def _indexed_well(
    conn: psycopg.Connection, table: str, coming: int
) -> AbstractContextManager[None]:
    """Build the vector indexes anew after a load that brings more rows than the table has.

    Then the load is one transaction; otherwise this does nothing.
    """
    if coming < ROWS_WORTH_A_BUILD:
        return nullcontext()
    query = sql.SQL("select count(*) from public.{}").format(sql.Identifier(table))
    (there,) = conn.execute(query).fetchone() or (0,)
    return nullcontext() if there > coming else indexed_afterwards(conn, table)


def _copy(
    cursor: psycopg.Cursor[Any],
    table: str,
    columns: Mapping[str, str],
    rows: Iterable[tuple[object, ...]],
) -> None:
    statement = sql.SQL("copy pg_temp.{} ({}) from stdin (format binary)").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with cursor.copy(statement) as copy:
        copy.set_types(list(columns.values()))
        for row in rows:
            copy.write_row(row)


class _VectorDumper(Dumper):
    """pgvector's binary form: dimensions, two bytes of nothing, big-endian floats."""

    format = Format.BINARY

    def dump(self, obj: np.ndarray) -> bytes:
        return struct.pack(">HH", len(obj), 0) + obj.astype(">f4").tobytes()


def _teach(conn: psycopg.Connection) -> None:
    """Let the connection know vectors, whose type has another number in each database, and N'Ko."""
    if conn.adapters.types.get("vector") is not None:
        return
    vector = TypeInfo.fetch(conn, "extensions.vector")
    if vector is None:
        raise RuntimeError("the migrations make the extension vector")
    vector.register(conn)
    conn.adapters.register_dumper(
        np.ndarray, type("VectorDumper", (_VectorDumper,), {"oid": vector.oid})
    )
    set_json_dumps(partial(json.dumps, ensure_ascii=False), conn)


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """Ids and times as the REST API gives them: text."""
    return {
        name: str(value)
        if isinstance(value, uuid.UUID)
        else value.isoformat()
        if hasattr(value, "isoformat")
        else value
        for name, value in row.items()
    }
