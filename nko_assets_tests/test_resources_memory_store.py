"""Both ways into the memory keep the same promises, on real Postgres and real PostgREST."""

from __future__ import annotations

import dataclasses
import itertools
import threading
from typing import Any

import numpy as np
import psycopg
import pytest

from nko_assets.failures import PermanentFailure
from nko_assets.memory.rows import LESSONS, turn_id
from nko_assets.resources.memory_store import MemoryCounts, MemoryStore, VideosMerged
from nko_assets.resources.postgres_memory import PostgresMemory
from nko_assets.resources.store import Store
from nko_assets_tests.memory_places import empty
from nko_assets_tests.memory_rows import edge, motif, turn, video


def rows(database: Store, query: str) -> list[dict[str, Any]]:
    with database.connect() as conn, conn.cursor(row_factory=psycopg.rows.dict_row) as cursor:
        return cursor.execute(query).fetchall()


def everything(database: Store) -> list[Any]:
    """Every row, with the place in which its version lies: an update moves it."""
    tables = ("memory_conversations", "memory_turns", "memory_turn_edges", "memory_motifs")
    return [
        rows(database, f"select ctid::text, xmin::text, * from {table} order by id")
        for table in tables
    ]


def test_a_video_is_stored_as_it_was_given(memory: MemoryStore, database: Store) -> None:
    given = video("a", 3)

    merged = memory.upsert_videos([given])

    assert merged == VideosMerged(1, 3, 0, 2, 0)
    assert memory.counts() == MemoryCounts(1, 3, 2, 0)
    stored = rows(database, "select * from memory_turns order by trajectory_depth")
    for row, wanted in zip(stored, given.turns, strict=True):
        assert row["id"] == wanted.id
        assert row["content"] == wanted.content
        assert row["outcome_mean"] == pytest.approx(0.85)
        assert row["outcome_count"] == 2
        embedding = np.fromstring(row["embedding"].strip("[]"), sep=",", dtype=np.float32)
        assert np.allclose(embedding, wanted.embedding, atol=1e-5)
    conversation = rows(database, "select * from memory_conversations")[0]
    assert conversation["title"] == given.conversation.title
    assert {row["edge_type"] for row in rows(database, "select * from memory_turn_edges")} == {
        "next"
    }


def test_loading_again_touches_no_row(memory: MemoryStore, database: Store) -> None:
    memory.upsert_videos([video("a"), video("b")])
    memory.upsert_motifs(LESSONS, [motif("ߒ"), motif("ߞߏ", seed=2)])
    memory.record_outcome(turn_id("a:0"), "learner 1", 0.25)
    before = everything(database)

    assert memory.upsert_videos([video("a"), video("b")]) == VideosMerged()
    assert memory.upsert_motifs(LESSONS, [motif("ߒ"), motif("ߞߏ", seed=2)]).written == 0
    assert not memory.record_outcome(turn_id("a:0"), "learner 1", 0.25)

    assert everything(database) == before


def test_a_changed_reading_changes_its_row_alone(memory: MemoryStore, database: Store) -> None:
    memory.upsert_videos([video("a")])
    before = {row["id"]: row for row in everything(database)[1]}
    changed = turn("a", 1, text="ߌ ߣߌ߫ ߛߐ߰ߡߊ߬", outcomes=(0.5,), phase="validation")

    merged = memory.upsert_videos([video("a", [turn("a", 0), changed, turn("a", 2)])])

    assert merged == VideosMerged(turns_written=1)
    after = {row["id"]: row for row in everything(database)[1]}
    assert {key for key in after if after[key] != before[key]} == {changed.id}
    row = after[changed.id]
    assert (row["outcome_mean"], row["outcome_m2"], row["outcome_count"]) == (0.5, 0.0, 1)
    assert row["trajectory_phase"] == "validation"
    assert row["updated_at"] > row["created_at"]


def test_what_is_gone_from_a_video_is_removed_with_its_edges(
    memory: MemoryStore, database: Store
) -> None:
    memory.upsert_videos([video("a", 4), video("b", 2)])

    merged = memory.upsert_videos([video("a", [turn("a", 0), turn("a", 3)])])

    # Both edges that went with a turn, and the one that is not between neighbours any more.
    assert (merged.turns_removed, merged.edges_written) == (2, 1)
    assert memory.counts() == MemoryCounts(2, 4, 2, 0)
    found = rows(database, "select trajectory_depth from memory_turns order by frame_id")
    assert [row["trajectory_depth"] for row in found] == [0, 3, 0, 1]


def test_frames_may_change_places_within_a_video(memory: MemoryStore, database: Store) -> None:
    memory.upsert_videos([video("a", 3)])
    swapped = [
        dataclasses.replace(turn("a", 0), trajectory_depth=2),
        dataclasses.replace(turn("a", 1), trajectory_depth=0),
        dataclasses.replace(turn("a", 2), trajectory_depth=1),
    ]

    memory.upsert_videos([video("a", swapped)])

    found = rows(database, "select trajectory_depth from memory_turns order by timestamp_ms")
    assert [row["trajectory_depth"] for row in found] == [2, 0, 1]


def test_a_video_without_turns_is_a_conversation(memory: MemoryStore) -> None:
    memory.upsert_videos([video("a", 0)])

    assert memory.counts() == MemoryCounts(1, 0, 0, 0)


def test_new_models_bring_new_embeddings(memory: MemoryStore, database: Store) -> None:
    memory.upsert_videos([video("a", [turn("a", 0, model=None)])])
    assert rows(database, "select embedding from memory_turns") == [{"embedding": None}]

    merged = memory.upsert_videos([video("a", [turn("a", 0)])])

    assert merged.turns_written == 1
    assert rows(database, "select embedding from memory_turns")[0]["embedding"].startswith("[")


def test_a_long_video_and_many_short_ones_are_loaded_whole(
    memory: MemoryStore, database: Store
) -> None:
    videos = [
        video("long", 600, model=None),
        *(video(f"short{number}", 40, model=None) for number in range(20)),
    ]

    merged = memory.upsert_videos(videos)

    assert merged == VideosMerged(21, 1400, 0, 599 + 20 * 39, 0)
    assert memory.upsert_videos(videos) == VideosMerged()
    assert rows(database, "select * from memory_staging") == []


def test_a_refused_row_leaves_nothing_of_its_video(memory: MemoryStore) -> None:
    good = video("a", 3)
    memory.upsert_videos([good])
    broken = [*good.turns[:2], dataclasses.replace(turn("a", 5), salience_score=7.0)]

    with pytest.raises(PermanentFailure, match="salience_score"):
        memory.upsert_videos([video("a", broken, title="other")])

    assert memory.upsert_videos([good]) == VideosMerged()


def test_an_edge_to_nowhere_is_refused(memory: MemoryStore) -> None:
    given = video("a", 2)
    stray = dataclasses.replace(given, edges=(edge(given.turns[0], turn("a", 9)),))

    with pytest.raises(PermanentFailure, match="foreign key"):
        memory.upsert_videos([stray])

    assert memory.counts() == MemoryCounts(0, 0, 0, 0)


def test_outcomes_survive_a_changed_reading(memory: MemoryStore, database: Store) -> None:
    memory.upsert_videos([video("a", [turn("a", 0, outcomes=(0.9, 0.8))])])
    identity = turn_id("a:0")
    for number, outcome in enumerate((1.0, 0.0, 0.25)):
        assert memory.record_outcome(identity, f"learner {number}", outcome)
    memory.record_outcome(identity, "learner 1", 0.5)
    expect(database, [0.9, 0.8, 1.0, 0.5, 0.25])

    memory.upsert_videos([video("a", [turn("a", 0, text="ߞߏ", outcomes=(0.6, 0.7, 0.95))])])
    expect(database, [0.6, 0.7, 0.95, 1.0, 0.5, 0.25])

    memory.upsert_videos([video("a", [turn("a", 0, text="ߒ", outcomes=())])])
    expect(database, [1.0, 0.5, 0.25])


def expect(database: Store, outcomes: list[float]) -> None:
    row = rows(database, "select outcome_mean, outcome_m2, outcome_count from memory_turns")[0]
    assert row["outcome_count"] == len(outcomes)
    assert row["outcome_mean"] == pytest.approx(np.mean(outcomes), abs=1e-12)
    assert row["outcome_m2"] / len(outcomes) == pytest.approx(np.var(outcomes), abs=1e-12)


def test_an_outcome_of_no_turn_or_of_no_meaning_is_refused(memory: MemoryStore) -> None:
    memory.upsert_videos([video("a", 1)])

    with pytest.raises(PermanentFailure, match="no turn"):
        memory.record_outcome(turn_id("elsewhere:0"), "learner", 1.0)
    with pytest.raises(PermanentFailure, match="check constraint"):
        memory.record_outcome(turn_id("a:0"), "learner", 1.5)


def test_outcomes_recorded_at_once_all_count(memory: MemoryStore, database: Store) -> None:
    memory.upsert_videos([video("a", [turn("a", 0, outcomes=())])])
    outcomes = [number / 7 for number in range(8)]
    threads = [
        threading.Thread(target=memory.record_outcome, args=(turn_id("a:0"), f"l{n}", outcome))
        for n, outcome in enumerate(outcomes)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    expect(database, outcomes)


def test_motifs_of_a_source_are_what_was_given_last(memory: MemoryStore, database: Store) -> None:
    memory.upsert_motifs("dictionary", [motif("ߒ", source="dictionary")])
    lessons = [motif(f"ߞ{number}", model=None) for number in range(1300)]
    first = memory.upsert_motifs(LESSONS, lessons)
    changed = dataclasses.replace(lessons[7], frequency=9)

    second = memory.upsert_motifs(LESSONS, [*lessons[:7], changed])

    assert (first.written, first.removed) == (1300, 0)
    assert (second.written, second.removed) == (1, 1292)
    assert memory.counts().motifs == 9
    kept = rows(database, "select frequency, source from memory_motifs where frequency = 9")
    assert kept == [{"frequency": 9, "source": LESSONS}]


def test_a_function_is_called_the_same_way(memory: MemoryStore) -> None:
    memory.upsert_videos([video("a", 2)])

    found = memory.call("memory_counts", {})

    assert found == [{"conversations": 1, "turns": 2, "edges": 1, "motifs": 0}]


def test_a_memory_is_known_again(memory: MemoryStore, database: Store) -> None:
    with database.connect() as conn:
        expected = conn.execute("select public.memory_identity()::text").fetchone()

    assert (memory.identity(),) == expected


def test_later_loads_have_higher_sequence_numbers(memory: MemoryStore, database: Store) -> None:
    loads = [[video(f"v{load}-{n}", 5) for n in range(4)] for load in range(6)]
    threads = [threading.Thread(target=memory.upsert_videos, args=(load,)) for load in loads]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert memory.counts().turns == 120
    committed = rows(
        database,
        "select min(seq) as first, max(seq) as last, count(distinct xmin::text) as loads"
        " from memory_turns group by xmin::text order by min(seq)",
    )
    assert all(one["last"] < other["first"] for one, other in itertools.pairwise(committed))


def test_a_large_first_load_leaves_every_index_as_it_was(database: Store) -> None:
    empty(database)
    memory = PostgresMemory(lambda: database, "embedded Postgres")
    query = "select indexdef from pg_indexes where schemaname = 'public' order by indexname"
    before = rows(database, query)
    videos = [video(f"v{number}", 50) for number in range(40)]
    motifs = [motif(f"ߞ{number}", seed=number) for number in range(2000)]

    assert memory.upsert_videos(videos).turns_written == 2000
    assert memory.upsert_motifs(LESSONS, motifs).written == 2000

    assert rows(database, query) == before
    assert any("hnsw" in row["indexdef"] for row in before)
