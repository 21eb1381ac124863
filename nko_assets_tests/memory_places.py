"""The session's database in tests: its address for others, and how what it holds is forgotten."""

from __future__ import annotations

from pathlib import Path

import psycopg
from pydantic import SecretStr

from nko_assets.resources.store import LazyStore, Store


def address_of(database: Store) -> str:
    """Where the database is, for another client."""
    with database.connect() as conn:
        known = conn.info
        return psycopg.conninfo.make_conninfo(
            host=known.host, port=known.port, user=known.user, dbname=known.dbname
        )


def lazily(database: Store) -> LazyStore:
    """The database as a workshop opens it."""
    return LazyStore(SecretStr(address_of(database)), Path("nowhere"))


def empty(database: Store) -> None:
    """Forget everything."""
    with database.connect() as conn:
        conn.execute(
            "truncate memory_conversations, memory_motifs, memory_staging, memory_words"
            " restart identity cascade"
        )


def forget_reviews(database: Store) -> None:
    """Forget what people decided, which the database itself refuses, and what they are asked."""
    with database.connect() as conn:
        conn.execute("alter table reviews.decisions disable trigger user")
        conn.execute("truncate reviews.items, reviews.texts, reviews.decisions restart identity")
        conn.execute("alter table reviews.decisions enable trigger user")
