"""New turns as they come: one listening connection for everyone who follows in this process.

Turns are numbered in the order of their commits (`memory_turns.seq`), so the last number that
someone has seen says all about what they have not. Those who follow take what is new from a short
memory of the feed, and from the database when they are further behind: a slow reader, a reader who
comes back and a reader who met a restart of the database are the same case.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg.rows import dict_row

from nko_assets.failures import NkoError

CHANNEL: Final = "memory_turns"
KEPT: Final = 1_000  # turns in memory, some 2 MB
PAGE: Final = 200  # turns in one query
QUIET_S: Final = 30.0  # without a word for so long, look whether the connection still lives
FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 5.0

RETRY_S: Final = 0.5

# The last number drawn is not below what anyone has seen, unless an older state was restored.
_LATEST = """
    select public.memory_identity()::text, coalesce((select max(seq) from public.memory_turns), 0),
           (select last_value from public.memory_turns_seq_seq)
"""
_TURNS = """
    select (select public.memory_identity()::text) as memory, turn.seq, turn.id::text,
           conversation.video_id, conversation.title, turn.frame_id, turn.timestamp_ms,
           turn.trajectory_depth, turn.trajectory_phase, turn.content - 'entries' as content,
           turn.salience_score
    from public.memory_turns turn
    join public.memory_conversations conversation on conversation.id = turn.conversation_id
    where turn.seq > %s and turn.seq <= %s
    order by turn.seq limit %s
"""
_NO_END: Final = 2**63 - 1

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Position:
    """How far someone has read: the last number seen, and the memory that it belongs to."""

    memory: str
    seq: int

    def __str__(self) -> str:
        """As `parse` reads it."""
        return f"{self.memory}:{self.seq}"

    @classmethod
    def parse(cls, text: str) -> Position | None:
        """The position that `text` says, or None when it says none."""
        match = re.fullmatch(r"([0-9a-f-]{36}):([0-9]{1,18})", text)
        return cls(match[1], int(match[2])) if match else None


@dataclass(frozen=True, slots=True)
class NewTurn:
    """A turn, as JSON, and the position of those who have seen it."""

    position: Position
    json: str


@dataclass(frozen=True, slots=True)
class Following:
    """Said first, and again when what was followed is gone.

    Then (`anew`) another memory was found in its place, or an older state of the same one: what
    was seen says nothing about that, and turns are sent from its present end on.
    """

    position: Position
    anew: bool = False


class TurnFeed:
    """The feed of one process. Enter `running` once; then any number may `follow`."""

    def __init__(self, connect: Callable[[], Awaitable[psycopg.AsyncConnection]]) -> None:
        """`connect` gives a new connection in autocommit mode each time it is called."""
        self._connect = connect
        self._listening = False
        self._latest: Position | None = None
        # Every turn above the floor, up to the latest.
        self._kept: deque[NewTurn] = deque()
        self._floor = 0
        self._moved = asyncio.Condition()
        self._ended = False
        self._reader: psycopg.AsyncConnection | None = None
        self._reading = asyncio.Lock()

    @property
    def listening(self) -> bool:
        """Whether the database tells of new turns now; when not, it is asked again and again."""
        return self._listening

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Listen while the block runs."""
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            if self._reader is not None:
                await self._reader.close()

    async def end(self) -> None:
        """End the streams of all who follow; nobody can from now on."""
        async with self._moved:
            self._ended = True
            self._moved.notify_all()

    async def follow(self, after: Position | None) -> AsyncGenerator[Following | NewTurn]:
        """Every turn after the position `after`, or every new one from now on, until `end`.

        Turns come in order and each once, whether the database is there all the time or not. Who
        comes from the feed of another process, which was ahead, may meet the last ones again.
        """
        position = after or await self._beyond(None)
        if position is None:
            return
        yield Following(position)
        while latest := await self._beyond(position):
            if latest.memory != position.memory or latest.seq < position.seq:
                position = latest
                yield Following(position, anew=True)
                continue
            turns, position = await self._between(position, latest)
            for turn in turns:
                yield turn

    async def _beyond(self, position: Position | None) -> Position | None:
        """The latest position, as soon as it is another than `position`; None at the end."""
        async with self._moved:
            await self._moved.wait_for(lambda: self._ended or self._latest not in (None, position))
        return None if self._ended else self._latest

    async def _between(
        self, position: Position, latest: Position
    ) -> tuple[list[NewTurn], Position]:
        """The turns that follow `position`, not all when they are many, and the new position."""
        if position.seq >= self._floor:
            turns = [turn for turn in self._kept if turn.position.seq > position.seq]
            return turns, turns[-1].position if turns else latest
        try:
            async with self._reading:
                if self._reader is None or self._reader.closed:
                    self._reader = await self._connect()
                turns = await _read(self._reader, position.seq, latest.seq)
        except (NkoError, psycopg.Error):
            # The listener meets the same and tells of it.
            await asyncio.sleep(RETRY_S)
            return [], position
        if any(turn.position.memory != position.memory for turn in turns):
            # Another memory, which the listener will find out too.
            await asyncio.sleep(RETRY_S)
            return [], position
        return turns, turns[-1].position if len(turns) == PAGE else latest

    async def _run(self) -> None:
        pause = FIRST_PAUSE_S
        while True:
            try:
                async with await self._connect() as conn:
                    # In this order nothing that is committed meanwhile is missed.
                    await conn.execute(f"listen {CHANNEL}")
                    await self._look(conn)
                    self._listening, pause = True, FIRST_PAUSE_S
                    while True:
                        await self._wait(conn)
            except (NkoError, psycopg.Error) as error:
                _log.warning("No new turns for now, trying again: %s", _one_line(error))
            finally:
                self._listening = False
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)

    async def _wait(self, conn: psycopg.AsyncConnection) -> None:
        """Wait for a word from the database, and read what it tells of."""
        heard = 0
        async for notification in conn.notifies(timeout=QUIET_S, stop_after=1):
            last = notification.payload.rpartition("-")[2]
            heard = max(heard, int(last) if last.isdecimal() else 0)
        known = self._latest
        if known is not None and heard > known.seq:
            await self._advance(conn, known)
        else:
            # Read already, or it was silent for long, or numbers began anew.
            await self._look(conn)

    async def _look(self, conn: psycopg.AsyncConnection) -> None:
        """Find out what is new."""
        row = await (await conn.execute(_LATEST)).fetchone()
        assert row is not None  # noqa: S101  a query without a table has one row
        *found, drawn = row
        latest, known = Position(*found), self._latest
        if known is None or known.memory != latest.memory or drawn < known.seq:
            async with self._moved:
                self._latest, self._floor = latest, latest.seq
                self._kept.clear()
                self._moved.notify_all()
        elif known.seq < latest.seq:
            await self._advance(conn, known)

    async def _advance(self, conn: psycopg.AsyncConnection, known: Position) -> None:
        while turns := await _read(conn, known.seq, _NO_END):
            async with self._moved:
                for turn in turns:
                    if len(self._kept) == KEPT:
                        self._floor = self._kept.popleft().position.seq
                    self._kept.append(turn)
                self._latest = known = turns[-1].position
                self._moved.notify_all()
            if len(turns) < PAGE:
                return


async def _read(conn: psycopg.AsyncConnection, after: int, up_to: int) -> list[NewTurn]:
    """The first turns, at most `PAGE`, with numbers above `after` and not above `up_to`."""
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_TURNS, [after, up_to, PAGE])
        return [_turn(row) async for row in cursor]


def _turn(row: dict[str, Any]) -> NewTurn:
    position = Position(row.pop("memory"), row["seq"])
    return NewTurn(position, json.dumps(row, ensure_ascii=False))


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
