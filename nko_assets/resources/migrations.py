"""Migrations: SQL files of a package, each applied once, in the order of their names."""

from __future__ import annotations

import hashlib
from importlib.resources import files

import psycopg
from psycopg import Connection, errors, sql

from nko_assets.failures import ConfigurationError

_MIGRATING = 0x6E6B6F00  # "nko" and a counter: the advisory lock under which schemas change

_RECORD = """
create schema if not exists nko;
create table if not exists nko.migrations (
    package text, name text, sha256 text not null, applied_at timestamptz not null default now(),
    primary key (package, name)
);
alter table nko.migrations enable row level security;
"""


def migrate(conn: Connection, package: str) -> list[str]:
    """Apply what `package` has in `migrations/*.sql` and the database has not; the names applied.

    All in one transaction, one process at a time. Raises `ConfigurationError` when a file that was
    applied has changed since, or when the database knows a later one than this version does.
    """
    scripts = _scripts(package)
    applied = []
    with conn.transaction():
        conn.execute("select pg_advisory_xact_lock(%s)", [_MIGRATING])
        if conn.execute("select to_regclass('nko.migrations')").fetchone() == (None,):
            conn.execute(_RECORD)
        done: dict[str, str] = dict(
            conn.execute(
                "select name, sha256 from nko.migrations where package = %s", [package]
            ).fetchall()
        )
        for name in sorted(done.keys() - scripts.keys()):
            raise ConfigurationError(
                f"The database was made by a later version: it has {name} of {package}.",
                "Install that version again.",
            )
        for name, script in scripts.items():
            digest = _digest(script)
            if done.get(name, digest) != digest:
                raise ConfigurationError(
                    f"{name} of {package} was applied to the database in another form.",
                    "Put the file back as it was, and write the change as a new migration.",
                )
            if name not in done:
                _apply(conn, package, name, script)
                conn.execute(
                    "insert into nko.migrations (package, name, sha256) values (%s, %s, %s)",
                    [package, name, digest],
                )
                applied.append(name)
    return applied


def migration_script(package: str) -> str:
    """SQL that applies and records every migration of `package`, for a database without any.

    It is for databases that can be reached only through an editor; all of it is one transaction.
    """
    pieces = ["begin;", _RECORD]
    for name, script in _scripts(package).items():
        record = sql.SQL(
            "insert into nko.migrations (package, name, sha256) values ({}, {}, {});"
        ).format(*map(sql.Literal, (package, name, _digest(script))))
        pieces += [script, record.as_string()]
    return "\n".join([*pieces, "commit;", ""])


def _scripts(package: str) -> dict[str, str]:
    """The migrations of `package` by their names, in order."""
    scripts = {
        item.name: item.read_text(encoding="utf-8")
        for item in files(package).joinpath("migrations").iterdir()
        if item.name.endswith(".sql")
    }
    if not scripts:
        raise RuntimeError(f"{package} has no migrations")
    return dict(sorted(scripts.items()))


def _digest(script: str) -> str:
    return hashlib.sha256(script.encode()).hexdigest()


def _apply(conn: Connection, package: str, name: str, script: str) -> None:
    try:
        conn.execute(sql.SQL(script))
    except psycopg.OperationalError:
        raise
    except psycopg.Error as error:
        said = (error.diag.message_primary or type(error).__name__).rstrip(".")
        raise ConfigurationError(
            f"The database cannot take {name} of {package}: {said}.", _advice(error)
        ) from error


def _advice(error: psycopg.Error) -> str:
    if isinstance(error, errors.FeatureNotSupported | errors.UndefinedFile):
        return "Install what it names on the database server; pgvector is the extension vector."
    if isinstance(error, errors.InsufficientPrivilege):
        return "Connect as the owner of the database: on Supabase that is the user postgres."
    return error.diag.message_hint or "Nothing was changed."
