"""Connections kept for the next one: lent again, never broken ones, and no more than a few."""

from __future__ import annotations

import time
from contextlib import ExitStack

import psycopg
import pytest
from pydantic import SecretStr

from nko_assets.failures import TransientFailure
from nko_assets.resources.idle_connections import KEPT_S, MOST
from nko_assets.resources.store import Store, open_store
from nko_assets_tests.memory_places import address_of


def backend(conn: psycopg.Connection) -> int:
    return conn.info.backend_pid


def living(database: Store, pids: set[int]) -> set[int]:
    """Those of `pids` that the server still has."""
    with database.connect() as conn:
        rows = conn.execute(
            "select pid from pg_stat_activity where pid = any(%s)", [list(pids)]
        ).fetchall()
    return {pid for (pid,) in rows}


@pytest.fixture
def store(database: Store) -> Store:
    """The database of the tests, with idle connections of its own."""
    return open_store(SecretStr(address_of(database)), None)


def test_the_next_one_gets_the_same_connection(store):
    with store.session() as conn:
        first = backend(conn)
    with store.session() as conn:
        assert backend(conn) == first
    store.close()


def test_two_at_once_get_two(store):
    with store.session() as one, store.session() as other:
        assert backend(one) != backend(other)
    store.close()


def test_no_more_than_a_few_are_kept(store, database):
    with ExitStack() as stack:
        pids = {backend(stack.enter_context(store.session())) for _ in range(MOST + 3)}
    assert len(pids) == MOST + 3
    # The server hears of an end a little later.
    for _ in range(500):
        if len(living(database, pids)) <= MOST:
            break
        time.sleep(0.02)
    assert len(living(database, pids)) == MOST
    with ExitStack() as stack:
        again = {backend(stack.enter_context(store.session())) for _ in range(MOST + 3)}
    assert len(pids & again) == MOST
    store.close()


def test_one_that_the_server_ended_is_passed_over(store, database):
    with store.session() as conn:
        first = backend(conn)
    with database.connect() as other:
        other.execute("select pg_terminate_backend(%s, 5000)", [first])
    with store.session() as conn:
        assert backend(conn) != first
        assert conn.execute("select 1").fetchone() == (1,)
    store.close()


def test_one_that_breaks_is_not_lent_again(store, database):
    pids = []

    def ended_in_use() -> None:
        with store.session() as conn:
            pids.append(backend(conn))
            with database.connect() as other:
                other.execute("select pg_terminate_backend(%s, 5000)", pids)
            conn.execute("select 1")

    with pytest.raises(TransientFailure, match="does not answer"):
        ended_in_use()
    with store.session() as conn:
        assert backend(conn) not in pids
    store.close()


def test_what_was_not_committed_is_not_handed_on(store):
    with store.session() as conn:
        first = backend(conn)
        conn.execute("begin")
    with store.session() as conn:
        assert backend(conn) != first
    store.close()


def test_one_in_use_is_never_timed_out_and_one_that_waits_is(store):
    with store.session() as conn:
        assert conn.execute("show idle_session_timeout").fetchone() == ("0",)
    # Nobody else can ask a session for its settings.
    assert conn.execute("show idle_session_timeout").fetchone() == (f"{KEPT_S // 60}min",)
    with store.session() as again:
        assert again is conn
        assert conn.execute("show idle_session_timeout").fetchone() == ("0",)
    store.close()


def test_closing_ends_those_that_wait(store, database):
    with store.session() as conn:
        pid = backend(conn)
    store.close()
    for _ in range(100):
        if not living(database, {pid}):
            break
        time.sleep(0.02)
    assert not living(database, {pid})
    with store.session() as conn:
        assert backend(conn) != pid
