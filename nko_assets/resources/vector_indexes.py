"""The indexes over embeddings: made anew after a large load, because they slow each insert down."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg import Connection, sql

# Enough for the graph of 100,000 embeddings; without it the build goes over the disk.
BUILD_MEMORY = "512MB"


@contextmanager
def indexed_afterwards(conn: Connection, *tables: str) -> Iterator[None]:
    """Be without the vector indexes of `tables` in this block, all in one transaction.

    Until it is committed nobody else can read the tables; when it is not, the indexes are as they
    were.
    """
    with conn.transaction():
        found = conn.execute(
            "select i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid)"
            " from pg_index i join pg_class c on c.oid = i.indexrelid"
            " join pg_am a on a.oid = c.relam"
            " where a.amname = 'hnsw' and i.indrelid = any(%s::regclass[])",
            [[f"public.{table}" for table in tables]],
        ).fetchall()
        for name, _ in found:
            conn.execute(sql.SQL("drop index " + name))
        yield
        conn.execute(sql.SQL("set local maintenance_work_mem = {}").format(BUILD_MEMORY))
        for _, definition in found:
            conn.execute(sql.SQL(definition))
