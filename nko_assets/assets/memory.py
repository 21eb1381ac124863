"""The memory group: videos as conversations, frames as turns, motifs, what helps to find them."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import lru_cache, reduce
from typing import Any

import polars as pl

from nko_assets.assets.training import read_pairs, training_file
from nko_assets.checks import CheckSpec, judge
from nko_assets.corpus.exports import VOCABULARY
from nko_assets.corpus.jsonl import read_jsonl
from nko_assets.memory.conversations import conversation
from nko_assets.memory.edges import edges
from nko_assets.memory.embedded import embedded
from nko_assets.memory.motifs import motifs
from nko_assets.memory.rows import LESSONS, VideoMemory
from nko_assets.memory.tables import (
    conversations_of,
    conversations_table,
    edges_table,
    motifs_table,
    turns_of,
    turns_table,
)
from nko_assets.memory.turns import turns
from nko_assets.memory.welford import Outcomes
from nko_assets.previews import table_preview
from nko_assets.resources.chat import chat_identity
from nko_assets.resources.memory_store import MemoryStore
from nko_assets.schemas.memory import (
    MemoryConversations,
    MemoryMotifs,
    MemoryTurnEdges,
    MemoryTurns,
)
from nko_assets.schemas.training import Vocabulary
from nko_assets.schemas.translations import Translations
from nko_assets.steps import Context, Outcome, Step, parquet_bytes
from nko_assets.tuning.prompts import prompts_digest
from nko_assets.tuning.translator import translations

ONE_TURN_A_FRAME = CheckSpec(
    "one_turn_a_frame", "Each kept frame is a turn, and no other.", "ERROR"
)
TEACHES = CheckSpec("teaches", "At least half of the turns hold accepted text.")
TRANSLATED = CheckSpec("translated", "The translator in use answers nine times in ten, in English.")
STORED = CheckSpec("stored", "The memory holds what was made here.", "ERROR")
# A model takes the memory of the machine once, whoever asks it.
_ONE_AT_A_TIME = threading.Lock()


def _conversation(context: Context) -> Outcome:
    row = conversation(context.video)
    return Outcome(
        table=conversations_table([row]),
        facts={"title": row.title, "url": row.url, "licence": row.licence},
    )


def _entry(context: Context) -> Mapping[str, Any]:
    video = context.video
    return {
        "title": video.title,
        "url": video.url,
        "duration": video.duration_s,
        "licence": video.licence,
    }


def _translations(context: Context) -> Outcome:
    translator = context.workshop.translator
    reviewed = context.lake.read_table("reviewed_readings", context.key)
    with _ONE_AT_A_TIME:
        table = translations(translator() if translator else None, reviewed)
    given = table.filter(status="translated")
    return Outcome(
        table=table,
        checks=[
            judge(
                TRANSLATED,
                10 * given.height >= 9 * table.height,
                f"{given.height} of {table.height} texts without a translation have one now."
                if translator
                else "No translator is chosen (NKO_TRANSLATOR).",
            )
        ],
        facts={
            "rows": table.height,
            "statuses": dict(table.group_by("status").len().sort("status").iter_rows()),
            "translator": context.settings.translator,
            "preview": {
                "markdown": table_preview(table, ["nko", "english", "status", "reason"], 10)
            },
        },
    )


def _translator(context: Context) -> Mapping[str, Any]:
    chosen = context.settings.translator
    if chosen == "none":
        return {"translator": chosen}
    return {"translator": chat_identity(chosen, context.settings), "prompts": prompts_digest()}


def _turns(context: Context) -> Outcome:
    frames = context.lake.read_table(
        "unique_frames",
        context.key,
        ["frame_id", "video_id", "frame", "status", "first_seen_ms"],
    )
    reviewed = context.lake.read_table("reviewed_readings", context.key)
    second = context.lake.read_table("second_readings", context.key)
    made = turns(frames, reviewed, second, context.lake.read_table("translations", context.key))
    rows = embedded(made, context.workshop.embedder())
    table = turns_table(rows)
    kept = frames.filter(status="kept")["frame_id"].to_list()
    teaching = [row for row in rows if row.content["nko_text"]]
    outcomes = reduce(Outcomes.merge, (row.outcomes for row in rows), Outcomes())
    return Outcome(
        table=table,
        checks=[
            judge(
                ONE_TURN_A_FRAME,
                sorted(kept) == sorted(table["frame_id"]),
                f"{table.height} turns for {len(kept)} kept frames.",
            ),
            judge(
                TEACHES,
                2 * len(teaching) >= len(rows),
                f"{len(teaching)} of {len(rows)} turns hold accepted text.",
            ),
        ],
        facts={
            "rows": table.height,
            "with text": len(teaching),
            "validated": sum(row.trajectory_phase == "validation" for row in rows),
            "embedded": sum(row.embedding_model is not None for row in rows),
            "models": context.workshop.embedder().model,
            "outcomes": outcomes.count,
            "mean outcome": round(outcomes.mean, 4),
            "preview": {
                "markdown": table_preview(
                    pl.DataFrame(
                        {
                            "second": [row.timestamp_ms // 1000 for row in teaching],
                            "nko": [row.content["nko_text"] for row in teaching],
                            "latin": [row.content["latin"] for row in teaching],
                            "translation": [row.content["translation"] for row in teaching],
                            "salience": [row.salience_score for row in teaching],
                        },
                        schema_overrides={"translation": pl.String},
                    ),
                    ["second", "nko", "latin", "translation", "salience"],
                    10,
                )
            },
        },
    )


def _models(context: Context) -> Mapping[str, Any]:
    return {"models": context.workshop.embedder().model}


def _edges(context: Context) -> Outcome:
    """Make the edges, then store the whole video: conversation, turns and edges, or nothing."""
    (stored,) = conversations_of(context.lake.read_table("memory_conversations", context.key))
    made = turns_of(context.lake.read_table("memory_turns", context.key))
    ties = edges(made)
    memory = context.workshop.memory
    merged = memory.upsert_videos([VideoMemory(stored, made, ties)])
    held = memory.call("memory_held", {"conversation": str(stored.id)})[0]
    table = edges_table(ties)
    kinds = dict(table.group_by("edge_type").len().sort("edge_type").iter_rows())
    return Outcome(
        table=table,
        checks=[
            judge(
                STORED,
                held == {"turns": len(made), "edges": len(ties)},
                f"{memory.name} holds {held['turns']} of {len(made)} turns "
                f"and {held['edges']} of {len(ties)} edges.",
            )
        ],
        facts={
            "rows": table.height,
            "kinds": kinds,
            "memory": memory.name,
            "turns written": merged.turns_written,
            "turns removed": merged.turns_removed,
            "edges written": merged.edges_written,
            "edges removed": merged.edges_removed,
        },
    )


def _memory_identity(context: Context) -> Mapping[str, Any]:
    return {"memory": _identity(context.workshop.memory)}  # type: ignore[arg-type]  # hashable


@lru_cache(maxsize=8)
def _identity(memory: MemoryStore) -> str:
    """Asked for once a process, and not once a video."""
    return memory.identity()


def _motifs(context: Context) -> Outcome:
    vocabulary = read_jsonl(training_file(context, VOCABULARY), Vocabulary)
    rows = embedded(motifs(vocabulary, read_pairs(context)), context.workshop.embedder())
    memory = context.workshop.memory
    merged = memory.upsert_motifs(LESSONS, rows)
    # Search weighs words by how rare they are, in the lessons stored before as well.
    memory.call("memory_count_words", {})
    held = memory.call("memory_motifs_held", {"of_source": LESSONS})[0]["memory_motifs_held"]
    table = motifs_table(rows)
    shown = pl.DataFrame(
        {
            "motif": [row.content["nko_text"] for row in rows],
            "type": [row.motif_type for row in rows],
            "translation": [row.content["translation"] for row in rows],
            "frequency": [row.frequency for row in rows],
            "salience": [row.salience_score for row in rows],
        },
        schema={
            "motif": pl.String,
            "type": pl.String,
            "translation": pl.String,
            "frequency": pl.Int32,
            "salience": pl.Float64,
        },
    )
    return Outcome(
        table=table,
        files={context.lake.root / "memory_motifs" / "all.parquet": parquet_bytes(table)},
        checks=[
            judge(
                STORED,
                held == len(rows),
                f"{memory.name} holds {held} of {len(rows)} motifs of the lessons.",
            )
        ],
        facts={
            "rows": table.height,
            "types": dict(table.group_by("motif_type").len().sort("motif_type").iter_rows()),
            "memory": memory.name,
            "written": merged.written,
            "removed": merged.removed,
            "preview": {
                "markdown": table_preview(
                    shown.sort("salience", "motif", descending=[True, False]),
                    list(shown.columns),
                    10,
                )
            },
        },
    )


def _both(context: Context) -> Mapping[str, Any]:
    return {**_models(context), **_memory_identity(context)}


STEPS = (
    Step(
        name="memory_conversations",
        group="memory",
        description="The video as a conversation: title, place, length, licence.",
        work=_conversation,
        per_video=True,
        after=("reviewed_readings",),
        identity=_entry,
        model=MemoryConversations,
        kinds=("parquet",),
    ),
    Step(
        name="translations",
        group="memory",
        description=(
            "English from the translator in use where a frame shows no translation: for search "
            "alone, never for training. Empty where none is chosen."
        ),
        work=_translations,
        per_video=True,
        inputs=("reviewed_readings",),
        identity=_translator,
        code_version="2",
        model=Translations,
        minimum_rows=0,
        checks=(TRANSLATED,),
        kinds=("parquet",),
    ),
    Step(
        name="memory_turns",
        group="memory",
        description="Each kept frame as a turn: accepted text, phase, salience, outcomes, embeddings.",
        work=_turns,
        per_video=True,
        inputs=("unique_frames", "reviewed_readings", "second_readings", "translations"),
        identity=_models,
        model=MemoryTurns,
        checks=(ONE_TURN_A_FRAME, TEACHES),
        kinds=("parquet", "onnx"),
    ),
    Step(
        name="memory_turn_edges",
        group="memory",
        description=(
            "What comes next and what is about the same words; made last, it stores conversation, "
            "turns and edges of the video in one transaction."
        ),
        work=_edges,
        per_video=True,
        inputs=("memory_conversations", "memory_turns"),
        identity=_memory_identity,
        model=MemoryTurnEdges,
        minimum_rows=0,
        checks=(STORED,),
        kinds=("parquet", "postgres"),
    ),
    Step(
        name="memory_motifs",
        group="memory",
        description="Words, phrases and patterns that the lessons share, with embeddings, stored.",
        work=_motifs,
        per_video=False,
        inputs=("vocabulary", "translation_pairs"),
        identity=_both,
        model=MemoryMotifs,
        checks=(STORED,),
        kinds=("postgres",),
    ),
)
