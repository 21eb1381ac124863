"""How every test runs, and fixtures that more than one test file needs."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from pydantic import SecretStr

from nko_assets.resources.memory_store import MemoryStore
from nko_assets.resources.postgres_memory import PostgresMemory
from nko_assets.resources.review_desk import ReviewDesk
from nko_assets.resources.store import Store, open_store
from nko_assets.resources.supabase_memory import SupabaseMemory
from nko_assets_tests.memory_places import address_of, empty, forget_reviews
from nko_assets_tests.servers.postgrest import PostgrestServer

# Hypothesis draws the same examples each time and looks at no clock.
settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")


@pytest.fixture(scope="session")
def database() -> Iterator[Store]:
    """An embedded Postgres for the whole session; the server and its files are gone afterwards."""
    with (
        tempfile.TemporaryDirectory(prefix="nko-test-", ignore_cleanup_errors=True) as folder,
        open_store(None, Path(folder) / "store") as opened,
    ):
        yield opened


@pytest.fixture
def store(database: Store) -> Store:
    """The session's database with an empty ledger."""
    with database.connect() as conn:
        conn.execute(
            "truncate ledger.answers, ledger.requests, ledger.jobs, ledger.foreign_jobs,"
            " ledger.expenses, tuning.jobs"
        )
    return database


@pytest.fixture
def desk(database: Store) -> ReviewDesk:
    """The review desk of the session's database, at which nothing has been decided."""
    forget_reviews(database)
    return ReviewDesk(lambda: database)


@pytest.fixture(scope="module")
def postgrest(database: Store) -> Iterator[PostgrestServer]:
    """PostgREST, as a Supabase project has it, over the session's database."""
    with PostgrestServer(address_of(database)) as server:
        yield server


@pytest.fixture(params=["postgres", "supabase"])
def memory(request: pytest.FixtureRequest, database: Store) -> MemoryStore:
    """An empty memory in the session's database, reached in each way."""
    empty(database)
    if request.param == "postgres":
        return PostgresMemory(lambda: database, "embedded Postgres")
    server = request.getfixturevalue("postgrest")
    return SupabaseMemory(server.url, SecretStr(server.key("service_role")))
