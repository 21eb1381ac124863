"""The vector indexes are there again after a load, however it ends."""

from __future__ import annotations

import pytest
from psycopg import Connection

from nko_assets.resources.store import Store
from nko_assets.resources.vector_indexes import indexed_afterwards


def indexes(conn: Connection) -> list[tuple[str, str]]:
    return conn.execute(
        "select indexname, indexdef from pg_indexes where tablename like 'memory%' order by 1"
    ).fetchall()


def of_vectors(conn: Connection) -> set[str]:
    return {name for name, definition in indexes(conn) if "hnsw" in definition}


def test_the_indexes_of_the_table_named_are_gone_in_the_block_alone(database: Store) -> None:
    with database.connect() as conn:
        before, all_of_them = indexes(conn), of_vectors(conn)
        with indexed_afterwards(conn, "memory_motifs"):
            during = of_vectors(conn)

        assert during == {name for name in all_of_them if "turns" in name}
        assert during != all_of_them
        assert indexes(conn) == before


def test_a_load_that_fails_leaves_them_untouched(database: Store) -> None:
    with database.connect() as conn:
        before = indexes(conn)

        def load() -> None:
            with indexed_afterwards(conn, "memory_turns", "memory_motifs"):
                assert of_vectors(conn) == set()
                raise RuntimeError("broken off")

        with pytest.raises(RuntimeError, match="broken off"):
            load()
        assert indexes(conn) == before
