"""Which memory is in use: a Supabase project by its API, or a Postgres database by COPY."""

from __future__ import annotations

from pydantic import SecretStr

from nko_assets.resources.memory_store import MemoryStore
from nko_assets.resources.postgres_memory import PostgresMemory
from nko_assets.resources.store import LazyStore
from nko_assets.resources.supabase_memory import SupabaseMemory


def open_memory(
    supabase_url: str | None,
    service_key: SecretStr | None,
    store: LazyStore,
    *,
    store_is_named: bool,
) -> MemoryStore:
    """The memory that is configured; connects to nothing yet.

    A database address reaches any database by COPY, that of a Supabase project too; without one
    `supabase_url` and `service_key` do; with nothing configured it is the embedded database.
    """
    if store_is_named:
        return PostgresMemory(store, "Postgres")
    if supabase_url and service_key:
        return SupabaseMemory(supabase_url, service_key)
    return PostgresMemory(store, "embedded Postgres")
