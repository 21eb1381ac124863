"""How fast the memory is filled: `python -m nko_assets_tests.benchmarks.memory`.

The same videos go in four ways in one run, each into an empty memory: by COPY, through supabase-py
in our batches, through supabase-py as it comes (`upsert` of 250 rows, vectors as lists of numbers),
and row by row; first without the indexes over embeddings, then with them in place, when COPY builds
them anew after a load of this size and the others let them grow. Then 100,000 turns and 20,000
motifs with two embeddings each are loaded by COPY and indexed. Postgres, PostgREST and this process
share the machine, and other work on it stretches the seconds of each; the CPU seconds of all three
together do not depend on that.
"""

from __future__ import annotations

import random
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from pydantic import SecretStr
from supabase import create_client

from nko_assets.memory.columns import (
    CONVERSATIONS,
    EDGES,
    TURNS,
    conversation_values,
    edge_values,
    turn_values,
)
from nko_assets.memory.rows import DIMENSIONS, LESSONS, Motif, Vector, VideoMemory
from nko_assets.nko import romanize
from nko_assets.resources.postgres_memory import PostgresMemory
from nko_assets.resources.store import Store, open_store
from nko_assets.resources.supabase_memory import SupabaseMemory
from nko_assets_tests.benchmarks import command
from nko_assets_tests.builders import made_up_word
from nko_assets_tests.memory_places import address_of, empty
from nko_assets_tests.memory_rows import content, motif, turn, video
from nko_assets_tests.servers.postgrest import PostgrestServer

COMPARED = 2_400
ALONE = 240
"""Rows that are sent one by one; their speed does not depend on how many there are."""
ALL_TURNS = 100_000
ALL_MOTIFS = 20_000
TURNS_A_VIDEO = 80
_ENGLISH = ("house", "river", "market", "teacher", "book", "night", "road", "water", "friend")


@dataclass(frozen=True, slots=True)
class Load:
    """How long some rows took in one way."""

    way: str
    indexes: str
    rows: int
    seconds: float
    cpu_s: float


def measure(_folder: Path) -> dict[str, Any]:
    """All figures."""
    with (
        tempfile.TemporaryDirectory(prefix="nko-memory-", ignore_cleanup_errors=True) as folder,
        open_store(None, Path(folder) / "store") as store,
    ):
        with PostgrestServer(address_of(store)) as server:
            loads = list(_compare(store, server))
        whole = _whole(store)
    return {
        "loads": [
            {
                "way": load.way,
                "vector indexes": load.indexes,
                "rows": load.rows,
                "seconds": round(load.seconds, 2),
                "rows a second": round(load.rows / load.seconds),
                "rows a CPU second": round(load.rows / load.cpu_s),
            }
            for load in loads
        ],
        **whole,
    }


def _compare(store: Store, server: PostgrestServer) -> Iterator[Load]:
    key = server.key("service_role")
    direct = PostgresMemory(lambda: store, "embedded Postgres")
    api = SupabaseMemory(server.url, SecretStr(key))
    videos = _videos(COMPARED)
    few = videos[: ALONE // TURNS_A_VIDEO]
    # The first request opens the connection and loads the schema.
    api.counts()

    def plainly(videos: Sequence[VideoMemory], rows_a_request: int) -> None:
        """What supabase-py's own documentation does."""
        client = create_client(server.url, key)
        for table, columns, rows in (
            ("conversations", CONVERSATIONS, [conversation_values(v.conversation) for v in videos]),
            ("turns", TURNS, [turn_values(row) for v in videos for row in v.turns]),
            ("turn_edges", EDGES, [edge_values(row) for v in videos for row in v.edges]),
        ):
            for start in range(0, len(rows), rows_a_request):
                sent = [
                    dict(zip(columns, map(_plain, row), strict=True))
                    for row in rows[start : start + rows_a_request]
                ]
                client.table(f"memory_{table}").upsert(sent).execute()

    ways: Sequence[tuple[str, int, Callable[[], object]]] = (
        ("COPY", COMPARED, lambda: direct.upsert_videos(videos)),
        ("supabase-py, batches", COMPARED, lambda: api.upsert_videos(videos)),
        ("supabase-py as it comes", COMPARED, lambda: plainly(videos, 250)),
        ("supabase-py, row by row", ALONE, lambda: plainly(few, 1)),
    )
    for indexes in ("built afterwards", "in place"):
        for way, rows, load in ways:
            empty(store)
            with _no_vector_indexes(store) if indexes != "in place" else nullcontext():
                started, cpu = time.perf_counter(), _cpu_s(store, server)
                load()
                seconds, cpu = time.perf_counter() - started, _cpu_s(store, server) - cpu
                yield Load(way, indexes, rows, seconds, cpu)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    return str(value) if isinstance(value, uuid.UUID) else value


@contextmanager
def _no_vector_indexes(store: Store) -> Iterator[None]:
    with store.connect() as conn:
        found = conn.execute(
            "select indexname, indexdef from pg_indexes where indexdef like '%USING hnsw%'"
        ).fetchall()
        for name, _ in found:
            conn.execute(f'drop index public."{name}"')
    yield
    empty(store)
    with store.connect() as conn:
        for _, definition in found:
            conn.execute(definition)


def _cpu_s(store: Store, server: PostgrestServer) -> float:
    """CPU seconds so far of this process, PostgREST, and the database with all its connections."""
    with store.connect() as conn:
        postmaster = psutil.Process(conn.info.backend_pid).parent()
    assert postmaster is not None
    used = 0.0
    for process in (psutil.Process(), psutil.Process(server.pid), *postmaster.children()):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            used += times.user + times.system
    ended = postmaster.cpu_times()
    return used + ended.user + ended.system + ended.children_user + ended.children_system


def _whole(store: Store) -> dict[str, Any]:
    empty(store)
    memory = PostgresMemory(lambda: store, "embedded Postgres")
    videos, motifs = _videos(ALL_TURNS), _motifs(ALL_MOTIFS)
    turns_s = _seconds(lambda: memory.upsert_videos(videos))
    motifs_s = _seconds(lambda: memory.upsert_motifs(LESSONS, motifs))
    again_s = _seconds(lambda: memory.upsert_videos(videos[:100]))
    with store.connect() as conn:
        sizes = conn.execute(
            "select relname, pg_table_size(oid) / 1e6, pg_indexes_size(oid) / 1e6 from pg_class"
            " where relkind = 'r' and relname in ('memory_turns', 'memory_turn_edges',"
            " 'memory_motifs') order by 1"
        ).fetchall()
    return {
        "turns": {"rows": ALL_TURNS, "seconds": round(turns_s, 1)},
        "motifs": {"rows": ALL_MOTIFS, "seconds": round(motifs_s, 1)},
        "the same 8,000 turns again, s": round(again_s, 1),
        "megabytes": {
            name: {"table": round(float(table)), "indexes": round(float(indexes))}
            for name, table, indexes in sizes
        },
    }


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


class _Making:
    """Rows as lessons give them: some words, their meaning, two embeddings near a topic."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)
        self._noise = np.random.default_rng(seed)
        self._lexicon = [made_up_word(self._dice) for _ in range(5_000)]
        self._topics = self._noise.standard_normal((500, DIMENSIONS)).astype(np.float32)

    def vector(self) -> Vector:
        drawn = self._dice.choice(self._topics) + self._noise.standard_normal(
            DIMENSIONS, dtype=np.float32
        )
        return drawn / np.linalg.norm(drawn)

    def content(self) -> dict[str, Any]:
        said = " ".join(self._dice.choices(self._lexicon, k=self._dice.randint(2, 12)))
        meaning = " ".join(self._dice.choices(_ENGLISH, k=self._dice.randint(2, 12)))
        return content(said, meaning, english=meaning, french=None, latin=romanize(said))


def _videos(turns: int) -> list[VideoMemory]:
    making = _Making(1)
    return [
        video(
            f"v{number}",
            [
                replace(
                    turn(f"v{number}", place),
                    content=making.content(),
                    embedding=making.vector(),
                    nko_embedding=making.vector(),
                )
                for place in range(TURNS_A_VIDEO)
            ],
        )
        for number in range(turns // TURNS_A_VIDEO)
    ]


def _motifs(count: int) -> list[Motif]:
    making = _Making(2)
    return [
        replace(
            motif(f"ߞ{number}"),
            content=making.content(),
            embedding=making.vector(),
            nko_embedding=making.vector(),
        )
        for number in range(count)
    ]


def report(figures: dict[str, Any]) -> str:
    """The figures and their ratios as text."""
    lines = []
    for indexes in ("built afterwards", "in place"):
        lines.append(f"Vector indexes {indexes}:")
        for what in ("rows a second", "rows a CPU second"):
            copy, batches, plain, rows = (
                load[what] for load in figures["loads"] if load["vector indexes"] == indexes
            )
            lines += [
                (
                    f"  {what}: COPY {copy:,}, supabase-py in our batches {batches:,}, as it comes "
                    f"{plain:,}, row by row {rows:,}"
                ),
                (
                    f"    COPY is {copy / batches:.1f} × our batches and {copy / plain:.1f} × supabase-py "
                    f"as it comes; our batches are {batches / rows:.1f} × row by row"
                ),
            ]
    for what in ("turns", "motifs"):
        load = figures[what]
        lines.append(f"{load['rows']:,} {what} loaded and indexed in {load['seconds']} s")
    lines.append(
        f"8,000 turns loaded again unchanged in {figures['the same 8,000 turns again, s']} s"
    )
    lines += [
        f"{name}: {size['table']} MB and {size['indexes']} MB of indexes"
        for name, size in figures["megabytes"].items()
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    command.run("memory", __doc__, measure, report)
