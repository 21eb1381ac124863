"""Connections that are kept for the next one who needs one, because a new one costs milliseconds.

A new connection also plans every function anew; that of the search takes longer to plan than to run.
"""

from __future__ import annotations

import threading
from typing import Final

import psycopg
from psycopg.pq import TransactionStatus

MOST: Final = 4
"""How many are kept by one process; the embedded database has room for 200."""

KEPT_S: Final = 60
"""How long the server keeps one that nobody takes, in seconds."""


class IdleConnections:
    """A few open connections in autocommit mode; safe for many threads."""

    def __init__(self) -> None:
        """Holds none at first."""
        self._lock = threading.Lock()
        self._idle: list[psycopg.Connection] = []
        self._closed = False

    def take(self) -> psycopg.Connection | None:
        """One that works, the last that was given back, or None; the caller gives it back."""
        while (conn := self._last()) is not None:
            try:
                # Asks the server for a sign of life at once.
                conn.execute("reset idle_session_timeout")
            except psycopg.Error:
                conn.close()
            else:
                return conn
        return None

    def give(self, conn: psycopg.Connection) -> None:
        """Keep `conn` when it can be used by anybody, else close it."""
        fit = not conn.closed and conn.info.transaction_status is TransactionStatus.IDLE
        if fit and conn.autocommit:
            try:
                conn.execute(f"set idle_session_timeout = '{KEPT_S}s'")
            except psycopg.Error:
                fit = False
        with self._lock:
            if fit and conn.autocommit and not self._closed and len(self._idle) < MOST:
                self._idle.append(conn)
                return
        conn.close()

    def close(self) -> None:
        """Close those that are kept, and keep none from now on."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for conn in idle:
            conn.close()

    def _last(self) -> psycopg.Connection | None:
        with self._lock:
            return self._idle.pop() if self._idle else None
