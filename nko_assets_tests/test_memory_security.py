"""Who may do what in the store: each role tried on each table and function, and the catalog asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest
from psycopg import errors, sql

from nko_assets.resources.postgres_memory import PostgresMemory
from nko_assets.resources.store import Store
from nko_assets_tests.memory_places import empty
from nko_assets_tests.memory_rows import motif, turn, video
from nko_assets_tests.servers.postgrest import PostgrestServer

ROLES = ("anon", "authenticated", "service_role")
SCHEMAS = ("public", "ledger", "nko", "reviews", "tuning")
READ = {"SELECT"}
ALL = {"SELECT", "INSERT", "UPDATE", "DELETE"}

# What every role but anon, which may nothing, may do with every table there is.
TABLES: dict[str, dict[str, set[str]]] = {
    "public.memory_conversations": {"authenticated": READ, "service_role": ALL},
    "public.memory_turns": {"authenticated": READ, "service_role": ALL},
    "public.memory_turn_edges": {"authenticated": READ, "service_role": ALL},
    "public.memory_motifs": {"authenticated": READ, "service_role": ALL},
    "public.memory_turn_outcomes": {"service_role": ALL},
    "public.memory_staging": {"service_role": ALL},
    "public.memory_words": {"authenticated": READ, "service_role": ALL},
    "ledger.jobs": {},
    "ledger.foreign_jobs": {},
    "ledger.requests": {},
    "ledger.answers": {},
    "ledger.expenses": {},
    "tuning.jobs": {},
    "reviews.queue": {},
    "reviews.decisions": {},
    "reviews.items": {},
    "reviews.texts": {},
    "nko.migrations": {},
}
PRIVILEGES = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")

# Functions that reading is done with; service_role may call all that are no triggers.
READING = {
    "memory_counts",
    "memory_document",
    "memory_fold",
    "memory_label",
    "memory_latin_key",
    "memory_lesson_times",
    "memory_lesson_turns",
    "memory_lesson_turns_until",
    "memory_lessons",
    "memory_motif",
    "memory_motif_counts",
    "memory_motif_neighbours",
    "memory_motif_places",
    "memory_motifs_by_salience",
    "memory_motifs_by_spelling",
    "memory_recent_turns",
    "memory_running",
    "memory_search",
    "memory_words_of",
}

_TABLES = """
    select format('%%s.%%s', nspname, relname)
    from pg_class join pg_namespace on pg_namespace.oid = relnamespace
    where relkind in ('r', 'p', 'v', 'm', 'f') and nspname = any(%s)
"""
_FUNCTIONS = """
    select oid::regprocedure::text as signature, proname as name, prosecdef as definer,
           prorettype = 'trigger'::regtype as trigger, coalesce(proconfig, '{}') as settings,
           oid
    from pg_proc
    where pronamespace = any(%s::regnamespace[])
      and not exists (select from pg_depend where objid = pg_proc.oid and deptype = 'e')
"""


@pytest.fixture
def conn(database: Store) -> Iterator[psycopg.Connection]:
    """The owner's connection to a memory with rows in every table."""
    empty(database)
    memory = PostgresMemory(lambda: database, "embedded Postgres")
    memory.upsert_videos([video("a", 3)])
    memory.upsert_motifs("lessons", [motif("ߖߌ")])
    memory.record_outcome(turn("a", 0).id, "test", 1.0)
    with database.connect() as opened:
        opened.execute("insert into memory_staging values (gen_random_uuid(), 0, '{}')")
        opened.execute("insert into memory_words values ('ߖߌ', 20, 1.0)")
        yield opened
        opened.execute("delete from memory_words")


def functions(conn: psycopg.Connection) -> list[dict[str, Any]]:
    with conn.cursor(row_factory=psycopg.rows.dict_row) as cursor:
        return cursor.execute(_FUNCTIONS, [list(SCHEMAS)]).fetchall()


def first_column(conn: psycopg.Connection, table: str) -> str:
    row = conn.execute(
        "select attname from pg_attribute where attrelid = %s::regclass and attnum = 1", [table]
    ).fetchone()
    assert row is not None
    return row[0]


def allowed(conn: psycopg.Connection, role: str, statement: str | sql.Composed) -> bool:
    """Whether `role` may execute `statement`, whatever else may be wrong with it; undone after."""
    try:
        with conn.transaction(force_rollback=True):
            conn.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))
            conn.execute(statement)
    except errors.InsufficientPrivilege:
        return False
    except psycopg.Error:
        return True
    return True


def test_every_table_of_ours_is_accounted_for_here(conn: psycopg.Connection) -> None:
    found = {name for (name,) in conn.execute(_TABLES, [list(SCHEMAS)])}
    assert found == TABLES.keys()


def test_no_other_schema_holds_tables(conn: psycopg.Connection) -> None:
    found = conn.execute(
        "select distinct relnamespace::regnamespace::text from pg_class where relkind = 'r'"
        " and relnamespace::regnamespace::text !~ '^(pg_.*|information_schema)$'"
    )
    assert {name for (name,) in found} == set(SCHEMAS)


def test_every_table_has_row_level_security(conn: psycopg.Connection) -> None:
    without = conn.execute(
        "select oid::regclass::text from pg_class where relkind in ('r', 'p')"
        " and relnamespace = any(%s::regnamespace[]) and not relrowsecurity",
        [list(SCHEMAS)],
    ).fetchall()
    assert without == []


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_granted_what_it_needs_and_no_more(
    conn: psycopg.Connection, role: str, table: str
) -> None:
    granted = {
        privilege
        for privilege in PRIVILEGES
        if conn.execute(
            "select has_table_privilege(%(role)s, %(table)s, %(privilege)s)"
            " or (%(privilege)s in ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES')"
            "     and has_any_column_privilege(%(role)s, %(table)s, %(privilege)s))",
            {"role": role, "table": table, "privilege": privilege},
        ).fetchone()
        == (True,)
    }
    assert granted == TABLES[table].get(role, set())


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("role", ROLES)
def test_a_role_that_tries_everything_gets_as_far_as_it_may(
    conn: psycopg.Connection, role: str, table: str
) -> None:
    column = first_column(conn, table)
    tries = {
        "SELECT": f"select * from {table}",
        "INSERT": f"insert into {table} default values",
        "UPDATE": f"update {table} set {column} = {column}",
        "DELETE": f"delete from {table}",
        "TRUNCATE": f"truncate {table} cascade",
        "TRIGGER": f"create trigger t after insert on {table}"
        " execute function suppress_redundant_updates_trigger()",
    }
    done = {name for name, statement in tries.items() if allowed(conn, role, statement)}
    assert done == TABLES[table].get(role, set())


def test_rows_are_there_to_be_seen_by_those_who_may(conn: psycopg.Connection) -> None:
    """Row-level security could hide what a grant allows."""
    for role, tables in {
        "authenticated": [t for t, may in TABLES.items() if "authenticated" in may],
        "service_role": [t for t, may in TABLES.items() if "service_role" in may],
    }.items():
        for table in tables:
            with conn.transaction(force_rollback=True):
                conn.execute(f"set local role {role}")
                row = conn.execute(f"select count(*) from {table}").fetchone()
            assert row is not None
            assert row[0] > 0, (role, table)


def test_the_service_changes_and_removes_rows(conn: psycopg.Connection) -> None:
    for table in (table for table, may in TABLES.items() if "service_role" in may):
        column = first_column(conn, table)
        with conn.transaction(force_rollback=True):
            conn.execute("set local role service_role")
            assert conn.execute(f"update {table} set {column} = {column}").rowcount > 0
            assert conn.execute(f"delete from {table}").rowcount > 0


def test_no_function_runs_with_the_rights_of_its_owner(conn: psycopg.Connection) -> None:
    assert [function["signature"] for function in functions(conn) if function["definer"]] == []


def test_every_function_has_an_empty_search_path(conn: psycopg.Connection) -> None:
    without = [
        function["signature"]
        for function in functions(conn)
        if 'search_path=""' not in function["settings"]
    ]
    assert without == []


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_call_what_it_needs_and_no_more(conn: psycopg.Connection, role: str) -> None:
    may, tried, expected = set(), set(), set()
    for function in functions(conn):
        name = function["name"]
        row = conn.execute(
            "select has_function_privilege(%s, %s::oid, 'EXECUTE')", [role, function["oid"]]
        ).fetchone()
        if row == (True,):
            may.add(name)
        if _callable(conn, role, function):
            tried.add(name)
        if not function["trigger"] and (
            role == "service_role" or (role == "authenticated" and name in READING)
        ):
            expected.add(name)
    assert may == expected
    assert tried == expected


def _callable(conn: psycopg.Connection, role: str, function: dict[str, Any]) -> bool:
    """Whether calling it is allowed, which is decided before anything inside it."""
    signature = function["signature"]
    name, _, types = signature.partition("(")
    # A call that returns null whenever it is given null would not be made at all.
    given = {"text": "''", "jsonb": "'{}'", "json": "'{}'"}
    kinds = [kind for kind in types.rstrip(")").split(",") if kind]
    arguments = ", ".join(f"{given.get(kind, 'null')}::{kind}" for kind in kinds)
    try:
        with conn.transaction(force_rollback=True):
            conn.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))
            conn.execute(f"select {name}({arguments})")
    except errors.InsufficientPrivilege as error:
        # A function in a schema that may not be entered cannot be named.
        denied = ("permission denied for function", "permission denied for schema reviews")
        return not str(error.diag.message_primary).startswith(denied)
    except psycopg.Error:
        return True
    return True


@pytest.mark.parametrize("role", ROLES)
def test_no_role_draws_numbers_or_makes_objects(conn: psycopg.Connection, role: str) -> None:
    assert not allowed(conn, role, "select nextval('memory_turns_seq_seq')")
    assert not allowed(conn, role, "create table public.mine (n int)")
    assert not allowed(conn, role, "create function public.mine() returns int return 1")
    for schema in ("ledger", "nko", "reviews", "tuning"):
        assert not allowed(conn, role, f"create table {schema}.mine (n int)")


@pytest.mark.parametrize("role", ROLES)
def test_no_role_is_more_than_it_seems(conn: psycopg.Connection, role: str) -> None:
    row = conn.execute(
        "select rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolcanlogin"
        " from pg_roles where rolname = %s",
        [role],
    ).fetchone()
    assert row == (False,) * 5
    memberships = conn.execute(
        "select roleid::regrole::text from pg_auth_members where member = %s::regrole", [role]
    ).fetchall()
    assert memberships == []


def test_every_column_says_what_it_is(conn: psycopg.Connection) -> None:
    silent = conn.execute(
        "select attrelid::regclass || '.' || attname from pg_attribute"
        " join pg_class on pg_class.oid = attrelid"
        " where relnamespace = 'public'::regnamespace and relkind = 'r'"
        " and attnum > 0 and not attisdropped and col_description(attrelid, attnum) is null"
    ).fetchall()
    assert silent == []


# The same through the REST API, with the keys that a project has.

VISIBLE = {table.removeprefix("public."): may for table, may in TABLES.items() if "public" in table}
NOBODY: dict[str, tuple[str, str, object]] = {
    "memory_turn_outcomes": ("recorded_at", "lt.1970-01-01", "2000-01-01"),
    "memory_words": ("documents", "lt.0", 1),
}
DENIED = {"anon": 401, "authenticated": 403, "service_role": 403}


@pytest.mark.parametrize("table", VISIBLE)
@pytest.mark.parametrize("role", ROLES)
def test_over_rest_a_role_gets_as_far_as_it_may(
    conn: psycopg.Connection, postgrest: PostgrestServer, role: str, table: str
) -> None:
    may = VISIBLE[table].get(role, set())
    with _rest(postgrest, role) as rest:
        # No row is meant, so that nothing changes where it is allowed.
        column, nobody, value = NOBODY.get(table, ("created_at", "lt.1970-01-01", "2000-01-01"))
        params = {column: nobody}
        answers = {
            "SELECT": rest.get(f"/{table}"),
            "INSERT": rest.post(f"/{table}", json={}),
            "UPDATE": rest.patch(f"/{table}", params=params, json={column: value}),
            "DELETE": rest.delete(f"/{table}", params=params),
        }
    for privilege, answer in answers.items():
        if privilege in may:
            # An insert of nothing is refused for what is missing in it.
            assert answer.status_code in (200, 204, 400), (privilege, answer.text)
        else:
            assert answer.status_code == DENIED[role], (privilege, answer.text)
            assert "permission denied" in answer.text
    if "SELECT" in may:
        assert answers["SELECT"].json()


@pytest.mark.parametrize("role", ROLES)
def test_over_rest_a_role_calls_what_it_may(
    conn: psycopg.Connection, postgrest: PostgrestServer, role: str
) -> None:
    called = set()
    with _rest(postgrest, role) as rest:
        for function in functions(conn):
            if function["trigger"]:
                continue
            answer = rest.post(f"/rpc/{function['name']}", json={})
            denied = "permission denied for function" in answer.text
            if not denied and answer.status_code not in (401, 404):
                called.add(function["name"])
    assert called <= {f["name"] for f in functions(conn)}
    if role == "anon":
        assert called == set()
    if role == "authenticated":
        assert called <= READING
    assert ("memory_counts" in called) == (role != "anon")


@pytest.mark.parametrize("schema", ["ledger", "nko", "reviews", "tuning", "pg_catalog"])
def test_over_rest_only_the_memory_is_there(postgrest: PostgrestServer, schema: str) -> None:
    with _rest(postgrest, "service_role") as rest:
        answer = rest.get("/migrations", headers={"Accept-Profile": schema})
    assert answer.status_code == 406


def test_over_rest_a_key_of_another_project_is_refused(postgrest: PostgrestServer) -> None:
    forged = postgrest.key("service_role", "another secret that is long enough for HMAC-SHA-256")
    answer = httpx.get(
        f"{postgrest.url}/rest/v1/memory_turns", headers={"Authorization": f"Bearer {forged}"}
    )
    assert answer.status_code == 401


def _rest(server: PostgrestServer, role: str) -> httpx.Client:
    key = server.key(role)
    return httpx.Client(
        base_url=f"{server.url}/rest/v1",
        headers={"apikey": key, "Authorization": f"Bearer {key}"},
        timeout=30,
    )
