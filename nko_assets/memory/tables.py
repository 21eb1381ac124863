"""Rows of the memory as tables, in which the data root keeps them, and back."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import polars as pl

from nko_assets.memory.columns import (
    conversation_values,
    edge_values,
    motif_values,
    turn_values,
)
from nko_assets.memory.rows import Conversation, Edge, Motif, Turn
from nko_assets.memory.welford import Outcomes
from nko_assets.schemas.base import TableModel
from nko_assets.schemas.memory import (
    MemoryConversations,
    MemoryMotifs,
    MemoryTurnEdges,
    MemoryTurns,
)

_R = TypeVar("_R")


def conversations_table(rows: Iterable[Conversation]) -> pl.DataFrame:
    """`MemoryConversations` of `rows`."""
    return _table(MemoryConversations, rows, conversation_values)


def turns_table(rows: Iterable[Turn]) -> pl.DataFrame:
    """`MemoryTurns` of `rows`."""
    return _table(MemoryTurns, rows, turn_values)


def edges_table(rows: Iterable[Edge]) -> pl.DataFrame:
    """`MemoryTurnEdges` of `rows`."""
    return _table(MemoryTurnEdges, rows, edge_values)


def motifs_table(rows: Iterable[Motif]) -> pl.DataFrame:
    """`MemoryMotifs` of `rows`."""
    return _table(MemoryMotifs, rows, motif_values)


def conversations_of(table: pl.DataFrame) -> tuple[Conversation, ...]:
    """The rows of a `MemoryConversations` table."""
    return tuple(Conversation(**_row(row)) for row in table.iter_rows(named=True))


def turns_of(table: pl.DataFrame) -> tuple[Turn, ...]:
    """The rows of a `MemoryTurns` table."""
    rows = []
    for named in table.iter_rows(named=True):
        row = _row(named)
        outcomes = Outcomes(*(row.pop(f"outcome_{name}") for name in ("mean", "m2", "count")))
        rows.append(Turn(**row, outcomes=outcomes))
    return tuple(rows)


def _table(
    model: type[TableModel], rows: Iterable[_R], values: Callable[[_R], Sequence[Any]]
) -> pl.DataFrame:
    return pl.DataFrame(
        [tuple(map(_cell, values(row))) for row in rows],
        schema=model.polars_schema(),
        orient="row",
    )


def _cell(value: Any) -> Any:
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        return json.dumps(value, ensure_ascii=False)
    return value


_IDS = ("id", "conversation_id")
_VECTORS = ("embedding", "nko_embedding")


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _value(name, value) for name, value in row.items()}


def _value(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in _IDS:
        return uuid.UUID(value)
    if name in _VECTORS:
        return np.asarray(value, np.float32)
    return json.loads(value) if name == "content" else value
