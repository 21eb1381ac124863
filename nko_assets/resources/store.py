"""The store: a Postgres database, embedded beside the data or given by its address."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import psycopg
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr
from tenacity import Retrying, retry_if_exception_type, stop_after_delay
from tenacity.wait import wait_random_exponential

from nko_assets.failures import ConfigurationError, TransientFailure
from nko_assets.resources.idle_connections import IdleConnections
from nko_assets.resources.migrations import migrate
from nko_assets.resources.postgres_server import PostgresServer

MIGRATIONS = (
    "nko_assets.reading.ledger",
    "nko_assets.reading.reviews",
    "nko_assets.memory",
    "nko_assets.tuning.ledger",
)
"""Packages with a folder `migrations`, applied in this order."""

ROOM_WITHIN_S = 30.0
"""How long a database whose connections are all taken is waited for, in seconds."""

# Error 53300, which libpq tells of a connection that was refused only in words.
_FULL = ("too many clients", "too many connections", "connection slots", "max clients reached")


class Store:
    """A database in which every migration is applied.

    Close it, or use it as a context manager: the embedded server stops with its last user.
    """

    def __init__(
        self,
        address: SecretStr,
        server: PostgresServer | None,
        *,
        room_within_s: float = ROOM_WITHIN_S,
    ) -> None:
        """Use `open_store`; a database whose connections are all taken is waited for so long."""
        self._address = address
        self._server = server
        self._room_within_s = room_within_s
        self._idle = IdleConnections()

    def connect(self) -> psycopg.Connection:
        """A new connection in autocommit mode; the caller closes it.

        Times come back in UTC. Raises `TransientFailure` when the database does not answer, or
        has no room for one connection more for half a minute.
        """
        retrying = Retrying(
            retry=retry_if_exception_type(_NoRoomError),
            wait=wait_random_exponential(multiplier=0.1, max=2),
            stop=stop_after_delay(self._room_within_s),
            reraise=True,
        )
        try:
            return retrying(lambda: _connect(self._address))
        except _NoRoomError:
            raise TransientFailure(
                "The database has no room for one connection more, after "
                f"{self._room_within_s:g} s of waiting.",
                "Let other runs end, lower NKO_WORKERS, or raise its max_connections.",
            ) from None

    async def connect_async(self) -> psycopg.AsyncConnection:
        """The same for code that waits for many things at once."""
        try:
            with _connecting():
                return await psycopg.AsyncConnection.connect(
                    self._address.get_secret_value(), **_options(self._address)
                )
        except _NoRoomError:
            raise TransientFailure("The database has no room for one connection more.") from None

    @contextmanager
    def lend(self) -> Iterator[psycopg.Connection]:
        """A connection in autocommit mode for this block, which others may have had before.

        What is set for a session or lies in its temporary tables may be there for the next one:
        set things for a transaction only. Raises what `connect` raises.
        """
        conn = self._idle.take() or self.connect()
        try:
            yield conn
        finally:
            self._idle.give(conn)

    @contextmanager
    def session(self) -> Iterator[psycopg.Connection]:
        """As `lend`; raises `TransientFailure` also when the database goes away in the block."""
        with self.lend() as conn:
            try:
                yield conn
            except psycopg.OperationalError as error:
                raise _no_answer(error) from None

    def close(self) -> None:
        """Give the embedded server free; a second call does nothing."""
        self._idle.close()
        if self._server is not None:
            self._server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def open_store(dsn: SecretStr | None, folder: Path) -> Store:
    """The database at `dsn`, or without one the embedded server whose files lie in `folder`.

    Applies the migrations that the database does not have yet. Raises `ConfigurationError` or
    `TransientFailure`, none of which repeats a password.
    """
    server = None
    try:
        if dsn is None:
            server = PostgresServer(folder)
            dsn = SecretStr(server.conninfo)
        store = Store(dsn, server)
        with store.connect() as conn:
            _check(conn)
            for package in MIGRATIONS:
                migrate(conn, package)
    except BaseException:
        if server is not None:
            server.close()
        raise
    return store


_OPTIONS: Final[dict[str, Any]] = {
    "autocommit": True,
    "connect_timeout": 10,
    "application_name": "nko",
    # Poolers that change the server between transactions know no prepared statements.
    "prepare_threshold": None,
    # Who only listens would wait two hours for a server that is gone without a word.
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}


def _connect(address: SecretStr) -> psycopg.Connection:
    with _connecting():
        return psycopg.connect(address.get_secret_value(), **_options(address))


def _options(address: SecretStr) -> dict[str, Any]:
    understood = conninfo_to_dict(address.get_secret_value())
    _check_address(understood)
    asked = understood.get("options")
    # Prices and budgets go by the day in UTC; what else the address asks for stays.
    return {**_OPTIONS, "options": f"{asked or ''} -c timezone=UTC".strip()}


def _check_address(understood: Mapping[str, Any]) -> None:
    """Refuse an address whose password was taken for a host, a port or a name of a database.

    So it is with an @ or a / in the password; the rest of it would be told as what is not there.
    """
    host, port, name = (str(understood.get(part) or "") for part in ("host", "port", "dbname"))
    if "@" in host or "@" in name or not set(port) <= set("0123456789,"):
        raise ConfigurationError(
            "The address of the database cannot be understood: it has an @ or a / too many.",
            "In its user and password write @ as %40, / as %2F and % as %25.",
        )


@contextmanager
def _connecting() -> Iterator[None]:
    try:
        yield
    except psycopg.ProgrammingError:
        raise ConfigurationError(
            "The address of the database cannot be understood.",
            "It looks like postgresql://user:password@host:5432/postgres, and in its user and "
            "password @ is written as %40, / as %2F, % as %25 and a space as %20.",
        ) from None
    except psycopg.OperationalError as error:
        if any(words in str(error).lower() for words in _FULL):
            raise _NoRoomError from None
        raise _no_answer(error) from None


class _NoRoomError(Exception):
    """All connections that the database allows are taken."""


def _no_answer(error: psycopg.OperationalError) -> TransientFailure:
    return TransientFailure(
        f"The database does not answer: {' '.join(str(error).split())}.",
        "See that it runs and that its address, user and password are right.",
    )


def _check(conn: psycopg.Connection) -> None:
    """Refuse a database in which N'Ko letters would not count as letters, or an old one."""
    if conn.info.server_version < 150000:
        raise ConfigurationError(
            f"The database is PostgreSQL {conn.info.server_version // 10000}.",
            "Version 15 or later is needed.",
        )
    row = conn.execute("select 'ߒߞߏ' ~ '^[[:alpha:]]+$', getdatabaseencoding()").fetchone()
    if row != (True, "UTF8"):
        raise ConfigurationError(
            "The database does not know N'Ko letters, so searching it would find nothing.",
            "Create it with encoding UTF8 and a Unicode locale such as C.UTF-8.",
        )


class LazyStore:
    """A store that is opened when it is first asked for, once, and by any thread."""

    def __init__(self, dsn: SecretStr | None, folder: Path) -> None:
        """Opens nothing; the arguments are those of `open_store`."""
        self._dsn = dsn
        self._folder = folder
        self._lock = threading.Lock()
        self._store: Store | None = None

    def __call__(self) -> Store:
        """The store, opened now if it was not."""
        with self._lock:
            if self._store is None:
                self._store = open_store(self._dsn, self._folder)
            return self._store

    @property
    def exists(self) -> bool:
        """Whether there is anything to open: a database was named, or an embedded one was made."""
        return self._dsn is not None or (self._folder / "cluster").is_dir()

    def close(self) -> None:
        """Give free what was opened; the next call opens it again."""
        with self._lock:
            if self._store is not None:
                self._store.close()
            self._store = None
