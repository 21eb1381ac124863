"""Rows are sent in the columns that the tables have."""

from __future__ import annotations

import json

import numpy as np

from nko_assets.memory import columns
from nko_assets.resources.store import Store
from nko_assets_tests.memory_rows import motif, vector, video


def test_every_value_has_its_column() -> None:
    given = video("v1", 2)

    assert len(columns.conversation_values(given.conversation)) == len(columns.CONVERSATIONS)
    assert len(columns.turn_values(given.turns[0])) == len(columns.TURNS)
    assert len(columns.edge_values(given.edges[0])) == len(columns.EDGES)
    assert len(columns.motif_values(motif("ߒ"))) == len(columns.MOTIFS)


def test_the_columns_are_those_of_the_database(database: Store) -> None:
    made_there = {"created_at", "updated_at", "seq", "search"}
    for table, sent in (
        ("memory_conversations", columns.CONVERSATIONS),
        ("memory_turns", columns.TURNS),
        ("memory_turn_edges", columns.EDGES),
        ("memory_motifs", columns.MOTIFS),
    ):
        with database.connect() as conn:
            found = conn.execute(
                "select attname, atttypid::regtype::text from pg_attribute"
                " where attrelid = %s::regclass and attnum > 0 and not attisdropped",
                [f"public.{table}"],
            ).fetchall()
        assert {name for name, _ in found} - made_there == set(sent)


def test_every_column_of_the_memory_has_a_comment(database: Store) -> None:
    with database.connect() as conn:
        bare = conn.execute(
            "select relname, attname from pg_attribute join pg_class on pg_class.oid = attrelid"
            " where relname like 'memory\\_%' and relkind = 'r' and attnum > 0"
            " and not attisdropped and col_description(attrelid, attnum) is null"
        ).fetchall()
    assert bare == []


def test_a_vector_as_text_is_the_vector_to_five_digits() -> None:
    given = vector(1)

    read = np.array(json.loads(columns.vector_text(given)), np.float32)

    assert np.allclose(read, given, rtol=1e-4)
    assert len(columns.vector_text(given)) < 12 * len(given)
