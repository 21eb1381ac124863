"""The memory group: what is accepted in the lessons is in the memory, whole, once, and current."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
import pytest

from nko_assets.checks import schema_check
from nko_assets.lineage import STEPS
from nko_assets.memory.rows import LESSONS, conversation_id
from nko_assets.resources.memory_store import MemoryCounts, MemoryStore
from nko_assets.resources.postgres_memory import PostgresMemory
from nko_assets.schemas.readings import SecondReadings
from nko_assets.schemas.translations import Translations
from nko_assets.steps import Context, Performed, current_record, perform
from nko_assets_tests.builders import reading, reviewed
from nko_assets_tests.tables import made
from nko_assets_tests.workbench import Workbench, check, entry_of

GREETING = "ߌ ߣߌ߫ ߛߐ߰ߡߊ߬"
VIDEO_STEPS = ("memory_conversations", "translations", "memory_turns", "memory_turn_edges")


def lesson(*texts: tuple[str, str | None], video_id: str = "v1", **over: object) -> pl.DataFrame:
    return reviewed(
        *(
            reading(nko, english, video_id=video_id, timestamp_ms=5000 * place, **over)
            for place, (nko, english) in enumerate(texts)
        )
    )


def numbered(bench: Workbench, video_id: str) -> None:
    """Number the frames of the lesson, as sampling does."""
    frames = bench.lake.read_table("unique_frames", video_id).with_columns(
        frame=pl.int_range(pl.len(), dtype=pl.Int32), first_seen_ms=pl.col("timestamp_ms")
    )
    bench.put("unique_frames", video_id, frames)
    bench.put("second_readings", video_id, made(SecondReadings))
    bench.put("translations", video_id, made(Translations))


@pytest.fixture
def bench_of(tmp_path, memory: MemoryStore) -> Callable[..., Workbench]:
    def bench(*readings: pl.DataFrame) -> Workbench:
        videos = [table["video_id"][0] for table in readings]
        bench = Workbench(tmp_path, *map(entry_of, videos), memory=memory)
        for table, video_id in zip(readings, videos, strict=True):
            bench.put_lesson(table)
            numbered(bench, video_id)
        return bench

    return bench


def remember(bench: Workbench, video_id: str) -> list[Performed]:
    return [perform(STEPS[name], bench.context(video_id), STEPS) for name in VIDEO_STEPS]


def corpus(bench: Workbench, *video_ids: str) -> Context:
    context = bench.context("", *video_ids)
    for name in ("translation_pairs", "vocabulary"):
        perform(STEPS[name], context, STEPS)
    return context


def test_a_lesson_is_in_the_memory_after_its_edges_are_made(bench_of, memory) -> None:
    bench = bench_of(lesson((GREETING, "good morning"), ("ߒߞߏ", "N'Ko"), (GREETING, "hello")))

    *_, last = remember(bench, "v1")

    assert memory.counts() == MemoryCounts(1, 3, 3, 0)
    assert last.record.facts["turns written"] == 3
    assert last.record.facts["kinds"] == {"next": 2, "same_topic": 1}
    held = memory.call("memory_held", {"conversation": str(conversation_id("v1"))})
    assert held == [{"turns": 3, "edges": 3}]


def test_what_is_current_is_not_stored_again(bench_of) -> None:
    bench = bench_of(lesson((GREETING, "good morning")))
    remember(bench, "v1")

    assert not any(performed.made for performed in remember(bench, "v1"))


def test_a_memory_made_anew_is_filled_again(bench_of, memory, database) -> None:
    bench = bench_of(lesson((GREETING, "good morning")))
    remember(bench, "v1")
    with database.connect() as conn:
        conn.execute("truncate memory_conversations cascade")
        conn.execute("alter function memory_identity() rename to memory_identity_before")
        conn.execute(
            "create function memory_identity() returns uuid language sql"
            " as 'select ''00000000-0000-0000-0000-000000000001''::uuid'"
        )
    try:
        anew = PostgresMemory(lambda: database, "embedded Postgres")
        context = Workbench(bench.lake.root, entry_of("v1"), memory=anew).context("v1")
        assert current_record(STEPS["memory_turns"], context, STEPS) is not None
        perform(STEPS["memory_turn_edges"], context, STEPS)
        assert memory.counts().turns == 1
    finally:
        with database.connect() as conn:
            conn.execute("drop function memory_identity()")
            conn.execute("alter function memory_identity_before() rename to memory_identity")


def test_a_person_who_confirms_moves_a_turn_to_validation(bench_of, memory, database) -> None:
    bench = bench_of(lesson((GREETING, "good morning"), ("ߒߞߏ", "N'Ko")))
    remember(bench, "v1")
    decided = lesson((GREETING, "good morning"), ("ߒߞߏ", "N'Ko")).with_columns(
        decided_by=pl.when(pl.col("nko") == GREETING)
        .then(pl.lit("Fanta"))
        .otherwise(pl.col("decided_by"))
    )
    bench.put("reviewed_readings", "v1", decided, decisions={"accepted": 2})

    *_, turns, edges = remember(bench, "v1")

    assert turns.record.facts["validated"] == 1
    assert edges.record.facts["turns written"] == 1
    with database.connect() as conn:
        phases = conn.execute(
            "select trajectory_phase, outcome_mean from memory_turns order by trajectory_depth"
        ).fetchall()
    assert phases == [("validation", 1.0), ("extraction", 0.9)]


def test_turns_are_judged_by_whether_they_teach(bench_of) -> None:
    table = lesson((GREETING, "good morning"), ("ߒߞߏ", None), ("ߛߓߍ", None))
    doubtful = table.with_columns(
        decision=pl.when(pl.col("nko") == GREETING)
        .then(pl.col("decision"))
        .otherwise(pl.lit("needs_review"))
    )
    bench = bench_of(doubtful)

    outcome = bench.work("memory_turns", "v1")

    assert check(outcome, "one_turn_a_frame").passed
    assert not check(outcome, "teaches").passed
    assert check(outcome, "teaches").message == "1 of 3 turns hold accepted text."


def test_turns_carry_both_embeddings(bench_of) -> None:
    outcome = bench_of(lesson((GREETING, "good morning"))).work("memory_turns", "v1")

    row = outcome.table.row(0, named=True)
    assert len(row["embedding"]) == len(row["nko_embedding"]) == 384
    assert row["embedding_model"] == outcome.facts["models"]


def test_motifs_of_the_lessons_are_stored(bench_of, memory) -> None:
    bench = bench_of(
        lesson((GREETING, "good morning"), ("ߒߞߏ", "N'Ko")),
        lesson(("ߛߓߍ", "writing"), video_id="v2"),
    )
    context = corpus(bench, "v1", "v2")

    performed = perform(STEPS["memory_motifs"], context, STEPS)

    facts = performed.record.facts
    assert facts["types"] == {"phrase": 1, "vocabulary": 5}
    assert memory.counts().motifs == facts["rows"] == 6
    held = memory.call("memory_motifs_held", {"of_source": LESSONS})
    assert held == [{"memory_motifs_held": 6}]
    assert not perform(STEPS["memory_motifs"], context, STEPS).made


def test_motifs_of_a_video_that_is_left_out_are_removed(bench_of, memory) -> None:
    bench = bench_of(lesson((GREETING, "good morning")), lesson(("ߛߓߍ", "writing"), video_id="v2"))
    perform(STEPS["memory_motifs"], corpus(bench, "v1", "v2"), STEPS)

    performed = perform(STEPS["memory_motifs"], corpus(bench, "v1"), STEPS)

    assert performed.record.facts["removed"] == 1


def test_every_table_of_the_group_keeps_its_schema(bench_of) -> None:
    bench = bench_of(lesson((GREETING, "good morning"), ("ߒߞߏ", None)))
    remember(bench, "v1")

    for name in VIDEO_STEPS:
        table = bench.lake.read_table(name, "v1")
        assert schema_check(STEPS[name].model, table, minimum_rows=0).passed
