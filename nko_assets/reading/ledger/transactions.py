"""Transactions that are durable when they end, and the advisory locks of the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg import Connection
from psycopg.pq import TransactionStatus

CLAIMING = 0x6E6B6F01
"""Number of the advisory lock under which jobs are planned: "nko" and a counter."""


@contextmanager
def durable(conn: Connection) -> Iterator[None]:
    """A transaction that is committed, and on disk, when the block ends well.

    Raises RuntimeError inside another transaction: what the ledger says was done must not be
    undone by it.
    """
    if conn.info.transaction_status is not TransactionStatus.IDLE:
        raise RuntimeError("The ledger needs a connection in autocommit mode, outside transactions")
    with conn.transaction():
        yield
