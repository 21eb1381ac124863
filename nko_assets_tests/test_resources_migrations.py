"""Migrations go into a database by themselves, or as one script that a person pastes."""

from __future__ import annotations

import psycopg
import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from nko_assets.cli import app
from nko_assets.resources.migrations import migrate
from nko_assets.resources.store import Store, open_store
from nko_assets_tests.memory_places import address_of


@pytest.fixture
def blank(database: Store):
    """The address of an empty database."""
    with database.connect() as conn:
        conn.execute("create database pasted template template0")
    yield psycopg.conninfo.make_conninfo(address_of(database), dbname="pasted")
    with database.connect() as conn:
        conn.execute("drop database pasted with (force)")


def test_the_script_that_is_printed_makes_what_migrations_make(blank: str) -> None:
    printed = CliRunner().invoke(app, ["schema"])
    assert printed.exit_code == 0

    with psycopg.connect(blank, autocommit=True) as conn:
        conn.execute(printed.output)
        assert migrate(conn, "nko_assets.memory") == []
        counts = conn.execute("select * from memory_counts()").fetchone()
    assert counts == (0, 0, 0, 0)
    open_store(SecretStr(blank), None).close()


def test_the_script_pasted_twice_is_refused_whole(blank: str) -> None:
    script = CliRunner().invoke(app, ["schema"]).output
    with psycopg.connect(blank, autocommit=True) as conn:
        conn.execute(script)
        with pytest.raises(psycopg.errors.DuplicateTable):
            conn.execute(script)
        conn.execute("rollback")
        assert migrate(conn, "nko_assets.memory") == []
