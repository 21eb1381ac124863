"""The memory keeps its promises on Postgres 16 too: the contract tests again, on another server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from nko_assets.resources.store import Store, open_store
from nko_assets_tests.servers.postgres16 import postgres16
from nko_assets_tests.test_resources_memory_store import *  # noqa: F403 - its tests, with the database below


@pytest.fixture(scope="module")
def database() -> Iterator[Store]:
    """A store on Postgres 16, in the place of the embedded one."""
    with postgres16() as address, open_store(SecretStr(address), None) as opened:
        yield opened


def test_the_server_is_of_that_version(database: Store) -> None:
    with database.connect() as conn:
        assert conn.info.server_version // 10_000 == 16


def test_migrations_are_applied_once(database: Store) -> None:
    with database.connect() as conn:
        before = conn.execute("select * from nko.migrations order by 1, 2").fetchall()
    with open_store(database._address, None), database.connect() as conn:
        assert conn.execute("select * from nko.migrations order by 1, 2").fetchall() == before
