"""How every test runs, and fixtures that more than one test file needs."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from nko_assets.resources.store import Store, open_store

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
        conn.execute("truncate ledger.answers, ledger.requests, ledger.jobs, ledger.foreign_jobs")
    return database
