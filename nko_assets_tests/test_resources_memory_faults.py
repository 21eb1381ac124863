"""What goes wrong on the way to the memory is told in one sentence, and leaves nothing half-written."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
from pydantic import SecretStr

from nko_assets.failures import ConfigurationError, NkoError, PermanentFailure, TransientFailure
from nko_assets.memory.rows import LESSONS
from nko_assets.resources.memory_store import MemoryCounts, VideosMerged
from nko_assets.resources.postgres_memory import PostgresMemory
from nko_assets.resources.store import Store, open_store
from nko_assets.resources.supabase_memory import SupabaseMemory
from nko_assets_tests.memory_places import address_of, empty
from nko_assets_tests.memory_rows import motif, video
from nko_assets_tests.servers.postgrest import (
    PAUSED,
    Answer,
    HangUp,
    LoseAnswer,
    Pass,
    PostgrestServer,
)

NOTHING = MemoryCounts(0, 0, 0, 0)
MERGING = 1852534530  # the lock under which loads are merged


@pytest.fixture
def direct(database: Store) -> PostgresMemory:
    empty(database)
    return PostgresMemory(lambda: database, "embedded Postgres")


@pytest.fixture
def api(database: Store, postgrest: PostgrestServer) -> SupabaseMemory:
    empty(database)
    return of(postgrest, postgrest.key("service_role"))


def of(server: PostgrestServer, key: str) -> SupabaseMemory:
    return SupabaseMemory(server.url, SecretStr(key))


@contextmanager
def another(database: Store, name: str, *statements: str) -> Iterator[str]:
    """Another database of the same server; yields its address."""
    with database.connect() as conn:
        conn.execute(f"drop database if exists {name} with (force)")
        conn.execute(f"create database {name} template template0")
        for statement in statements:
            conn.execute(statement)
    address = psycopg.conninfo.make_conninfo(address_of(database), dbname=name)
    yield address
    with database.connect() as conn:
        conn.execute(f"drop database {name} with (force)")


# --- keys and projects -------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["nonsense", "e30.e30.e30"])
def test_a_key_that_is_none_is_named(postgrest: PostgrestServer, key: str) -> None:
    with pytest.raises(ConfigurationError, match="does not accept the key") as caught:
        of(postgrest, key).counts()
    assert "SUPABASE_SERVICE_KEY" in caught.value.next_step


def test_a_key_of_another_project_is_refused(postgrest: PostgrestServer) -> None:
    key = postgrest.key("service_role", "the secret of another project, just as long")

    with pytest.raises(ConfigurationError, match="does not accept the key") as caught:
        of(postgrest, key).upsert_videos([video("a")])
    assert key not in str(caught.value)


@pytest.mark.parametrize("role", ["anon", "authenticated"])
def test_a_key_that_may_only_read_is_told_from_the_service_key(
    postgrest: PostgrestServer, api: SupabaseMemory, role: str
) -> None:
    with pytest.raises(ConfigurationError, match="may not be used with this key") as caught:
        of(postgrest, postgrest.key(role)).upsert_videos([video("a")])
    assert "service_role" in caught.value.next_step
    assert api.counts() == NOTHING


def test_a_paused_project_is_to_be_restored(
    postgrest: PostgrestServer, api: SupabaseMemory
) -> None:
    postgrest.trouble(PAUSED)

    with pytest.raises(ConfigurationError, match="paused") as caught:
        api.upsert_videos([video("a")])
    assert "Restore it" in caught.value.next_step
    assert api.counts() == NOTHING


@pytest.mark.parametrize(
    ("answer", "failure", "said"),
    [
        (Answer(521, b"<html>Web server is down</html>"), TransientFailure, "HTTP 521"),
        (Answer(544, b'{"message":"gateway timeout"}'), TransientFailure, "gateway timeout"),
        (Answer(429, b""), TransientFailure, "HTTP 429"),
        (Answer(503, b'{"code":"PGRST002","message":"No cache"}'), TransientFailure, "No cache"),
        (Answer(404, b"<html>nothing here</html>"), ConfigurationError, "no Supabase REST API"),
        (Answer(413, b"too large"), PermanentFailure, "HTTP 413"),
        (Answer(401, b'{"message":"Invalid API key"}'), ConfigurationError, "Invalid API key"),
    ],
)
def test_each_answer_that_is_none_says_what_it_means(
    postgrest: PostgrestServer,
    api: SupabaseMemory,
    answer: Answer,
    failure: type[NkoError],
    said: str,
) -> None:
    postgrest.trouble(answer)

    with pytest.raises(failure, match=said):
        api.upsert_videos([video("a")])
    assert api.counts() == NOTHING


def test_a_redirection_is_told_and_the_key_not_sent_on(
    postgrest: PostgrestServer, api: SupabaseMemory
) -> None:
    elsewhere = f"{postgrest.url}/elsewhere?token=of-somebody"
    postgrest.trouble(Answer(307, location=elsewhere))
    before = len(postgrest.requests)

    with pytest.raises(ConfigurationError, match="redirected to http://127") as caught:
        api.upsert_videos([video("a")])
    assert "SUPABASE_URL" in caught.value.message
    assert "of-somebody" not in str(caught.value)
    assert len(postgrest.requests) == before + 1


def test_nobody_at_the_address_is_a_transient_failure() -> None:
    memory = SupabaseMemory("http://127.0.0.1:9", SecretStr("key-of-nobody"))

    with pytest.raises(TransientFailure, match="connection to Supabase failed") as caught:
        memory.upsert_videos([video("a")])
    assert "key-of-nobody" not in repr(memory) + str(caught.value)


# --- broken off in the middle ---------------------------------------------------------------------


def test_a_request_cut_off_leaves_nothing(postgrest: PostgrestServer, api: SupabaseMemory) -> None:
    postgrest.trouble(HangUp())

    with pytest.raises(TransientFailure, match="whole or not at all"):
        api.upsert_videos([video("a", 100, model=None)])

    assert api.counts() == NOTHING
    assert api.upsert_videos([video("a", 100, model=None)]).turns_written == 100


def test_a_lost_answer_is_made_up_for_by_asking_again(
    postgrest: PostgrestServer, api: SupabaseMemory
) -> None:
    postgrest.trouble(LoseAnswer())

    with pytest.raises(TransientFailure):
        api.upsert_videos([video("a")])

    assert api.counts() == MemoryCounts(1, 3, 2, 0)
    assert api.upsert_videos([video("a")]) == VideosMerged()


@pytest.mark.parametrize("sent", [1, 2, 3])
def test_a_long_video_cut_off_between_its_parts_is_not_there(
    postgrest: PostgrestServer, api: SupabaseMemory, database: Store, sent: int
) -> None:
    postgrest.trouble(*[Pass()] * sent, HangUp())

    with pytest.raises(TransientFailure):
        api.upsert_videos([video("a", 600, model=None)])

    assert api.counts() == NOTHING
    with database.connect() as conn:
        conn.execute("update memory_staging set created_at = now() - interval '2 days'")
    assert api.upsert_videos([video("a", 600, model=None)]).turns_written == 600
    with database.connect() as conn:
        assert conn.execute("select count(*) from memory_staging").fetchone() == (0,)


def test_videos_before_the_one_cut_off_stay_whole(
    postgrest: PostgrestServer, api: SupabaseMemory
) -> None:
    postgrest.trouble(Pass(), HangUp())

    with pytest.raises(TransientFailure):
        api.upsert_videos([video("a", 200, model=None), video("b", 200, model=None)])

    assert api.counts() == MemoryCounts(1, 200, 199, 0)


def test_motifs_cut_off_are_completed_by_the_next_load(
    postgrest: PostgrestServer, api: SupabaseMemory
) -> None:
    motifs = [motif(f"ߞ{number}", model=None) for number in range(600)]
    postgrest.trouble(Pass(), HangUp())
    with pytest.raises(TransientFailure) as caught:
        api.upsert_motifs(LESSONS, motifs)
    assert "Nothing" not in caught.value.next_step
    assert "run it again for the rest" in caught.value.next_step
    assert api.counts().motifs == 250

    merged = api.upsert_motifs(LESSONS, motifs)

    assert merged.written == 350
    assert api.counts().motifs == 600


@contextmanager
def merging_blocked(database: Store) -> Iterator[psycopg.Connection]:
    """Nobody can merge in this block, so that a load stays where it has sent all its rows."""
    with database.connect() as conn, conn.transaction():
        conn.execute("select pg_advisory_xact_lock(%s)", [MERGING])
        yield conn


def failing(work: Callable[[], object]) -> tuple[threading.Thread, list[BaseException]]:
    caught: list[BaseException] = []

    def attempt() -> None:
        try:
            work()
        except BaseException as error:
            caught.append(error)

    thread = threading.Thread(target=attempt)
    thread.start()
    return thread, caught


def test_a_connection_that_drops_in_mid_load_leaves_nothing(
    direct: PostgresMemory, database: Store
) -> None:
    with merging_blocked(database) as conn:
        thread, caught = failing(lambda: direct.upsert_videos([video("a", 50, model=None)]))
        waiting: tuple[int] | None = None
        while waiting is None:
            assert thread.is_alive(), caught
            time.sleep(0.02)
            waiting = conn.execute(
                "select pid from pg_locks where locktype = 'advisory' and not granted"
            ).fetchone()
        conn.execute("select pg_terminate_backend(%s)", waiting)
        thread.join()

    (error,) = caught
    assert isinstance(error, TransientFailure)
    assert "broke off" in error.message
    assert direct.counts() == NOTHING
    assert direct.upsert_videos([video("a", 50, model=None)]).turns_written == 50


@contextmanager
def impatient(database: Store, role: str) -> Iterator[None]:
    with database.connect() as conn:
        conn.execute(f"alter role {role} set statement_timeout = '300ms'")
        try:
            yield
        finally:
            conn.execute(f"alter role {role} reset statement_timeout")


def test_a_statement_that_takes_too_long_is_told_and_undone(
    direct: PostgresMemory, database: Store
) -> None:
    # Connections of its own, the first of them made after the limit: it holds for new ones only.
    with (
        open_store(SecretStr(address_of(database)), None) as own,
        impatient(database, "postgres"),
        merging_blocked(database),
        pytest.raises(TransientFailure, match="statement_timeout"),
    ):
        PostgresMemory(lambda: own, "another Postgres").upsert_videos([video("a")])

    assert direct.counts() == NOTHING


def test_a_statement_that_takes_too_long_is_told_over_the_api_too(
    api: SupabaseMemory, postgrest: PostgrestServer, database: Store
) -> None:
    change = "alter function memory_put_videos set statement_timeout = '{}'"
    with database.connect() as conn:
        try:
            conn.execute(change.format("300ms"))
            postgrest.reload(conn)
            with (
                merging_blocked(database),
                pytest.raises(TransientFailure, match="statement_timeout"),
            ):
                api.upsert_videos([video("a")])
        finally:
            conn.execute(change.format("60s"))
            postgrest.reload(conn)

    assert api.counts() == NOTHING


# --- databases that cannot hold a memory ---------------------------------------------------------


def test_a_server_without_the_extension_is_told_what_it_needs(database: Store) -> None:
    nowhere = "alter database bare set extension_control_path = '/nowhere'"
    with another(database, "bare", nowhere) as address:
        with pytest.raises(ConfigurationError, match="vector") as caught:
            open_store(SecretStr(address), None)
        with psycopg.connect(address) as conn:
            made = conn.execute("select to_regclass('public.memory_turns')").fetchone()

    assert "pgvector" in caught.value.next_step
    assert made == (None,)


def test_an_extension_in_another_schema_is_to_be_moved(database: Store) -> None:
    with another(database, "elsewhere") as address:
        with psycopg.connect(address, autocommit=True) as conn:
            conn.execute("create extension vector with schema public")
        with pytest.raises(ConfigurationError, match="schema public") as caught:
            open_store(SecretStr(address), None)

        assert "alter extension vector set schema extensions" in caught.value.next_step
        with psycopg.connect(address, autocommit=True) as conn:
            conn.execute("create schema extensions")
            conn.execute("alter extension vector set schema extensions")
        open_store(SecretStr(address), None).close()


def test_who_may_not_make_tables_is_told_who_may(database: Store) -> None:
    with another(database, "strict") as address:
        with psycopg.connect(address, autocommit=True) as conn:
            conn.execute("drop role if exists visitor")
            conn.execute("create role visitor login")
            conn.execute("grant create on database strict to visitor")
        visitor = psycopg.conninfo.make_conninfo(address, user="visitor")
        with pytest.raises(ConfigurationError, match="permission denied") as caught:
            open_store(SecretStr(visitor), None)
        assert "owner of the database" in caught.value.next_step
    with database.connect() as conn:
        conn.execute("drop role visitor")


def test_a_project_without_the_tables_is_told_how_to_make_them(database: Store) -> None:
    with (
        another(database, "blank") as address,
        PostgrestServer(address) as server,
        pytest.raises(ConfigurationError, match="are missing") as caught,
    ):
        of(server, server.key("service_role")).upsert_videos([video("a")])

    assert "nko schema" in caught.value.next_step
