"""Where tests keep a memory: the session's database, its address for others, and how it is emptied."""

from __future__ import annotations

import psycopg

from nko_assets.resources.store import Store


def address_of(database: Store) -> str:
    """Where the database is, for another client."""
    with database.connect() as conn:
        known = conn.info
        return psycopg.conninfo.make_conninfo(
            host=known.host, port=known.port, user=known.user, dbname=known.dbname
        )


def empty(database: Store) -> None:
    """Forget everything."""
    with database.connect() as conn:
        conn.execute(
            "truncate memory_conversations, memory_motifs, memory_staging restart identity cascade"
        )
