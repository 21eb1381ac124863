"""Rows of the memory come back from their tables as they went in, and the tables keep their rules."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import polars as pl

from nko_assets.memory import tables
from nko_assets.schemas.base import schema_failures
from nko_assets.schemas.memory import (
    MemoryConversations,
    MemoryMotifs,
    MemoryTurnEdges,
    MemoryTurns,
)
from nko_assets_tests.memory_rows import motif, turn, video
from nko_assets_tests.tables import made


def test_a_video_comes_back_as_it_was() -> None:
    given = video("v1", [turn("v1", 0), turn("v1", 1, model=None), turn("v1", 2, outcomes=())])

    conversations = tables.conversations_table([given.conversation])
    turns = tables.turns_table(given.turns)
    edges = tables.edges_table(given.edges)

    assert tables.conversations_of(conversations) == (given.conversation,)
    assert tables.turns_of(turns) == given.turns
    ends = [(str(edge.id), str(edge.from_turn), str(edge.to_turn)) for edge in given.edges]
    assert edges.select("id", "from_turn", "to_turn").rows() == ends
    back = tables.turns_of(turns)
    assert np.array_equal(back[0].embedding, given.turns[0].embedding)
    assert back[1].embedding is None
    assert not schema_failures(MemoryConversations, conversations)
    assert not schema_failures(MemoryTurns, turns)
    assert not schema_failures(MemoryTurnEdges, edges)


def test_motifs_keep_what_they_say_in_their_table() -> None:
    given = (motif("ߒߞߏ"), motif("ߛߓߍ", source="dictionary"))

    table = tables.motifs_table(given)

    assert table["id"].to_list() == [str(one.id) for one in given]
    assert table["source"].to_list() == [one.source for one in given]
    assert [json.loads(content) for content in table["content"]] == [one.content for one in given]
    assert not schema_failures(MemoryMotifs, table)


def test_an_embedding_is_whole_and_has_a_model() -> None:
    short = made(MemoryTurns, {"embedding": [0.5] * 3})
    nameless = made(MemoryTurns, {"embedding_model": None})
    empty = made(MemoryMotifs, {"embedding": None})

    for model, table in ((MemoryTurns, short), (MemoryTurns, nameless), (MemoryMotifs, empty)):
        (failure,) = schema_failures(model, table)
        assert failure.rule == "embeddings_are_whole"


def test_an_edge_leads_elsewhere() -> None:
    table = tables.edges_table(video("v1", 2).edges)

    looped = table.with_columns(to_turn=pl.col("from_turn"))

    (failure,) = schema_failures(MemoryTurnEdges, looped)
    assert failure.rule == "edges_lead_elsewhere"


def test_equal_rows_are_equal_whatever_their_vectors() -> None:
    """Vectors follow from content and model, and arrays have no single truth."""
    one = turn("v1", 0)

    assert one == dataclasses.replace(one, embedding=None)
