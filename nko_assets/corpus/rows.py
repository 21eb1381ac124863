"""What rows of the corpus have in common: their ids, their provenance, and where the rest goes."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from nko_assets.schemas.base import TableModel
from nko_assets.schemas.corpus import RejectedRows

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "corpus.nko-assets")

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Built:
    """The rows made, sorted by id, and those left out (`RejectedRows`), each with its reason."""

    rows: pl.DataFrame
    rejected: pl.DataFrame


def row_id(*content: str) -> str:
    """The id of a row with this content, the same wherever and whenever it is made."""
    return str(uuid.uuid5(_NAMESPACE, "\x1f".join(content)))


def joined(values: Iterable[str]) -> str:
    """Distinct values in alphabetical order, with '; ' between them."""
    return "; ".join(sorted(set(values)))


def provenance(sources: Sequence[Row]) -> dict[str, Any]:
    """Where a row made from `sources` comes from.

    Place and time are those of the first source; readers, models, licences and sources of the
    English are all named, and
    the confidence is the lowest, or unknown when one of them is.
    """
    first = sources[0]
    confidences = [source["confidence"] for source in sources]
    return {
        "video_id": first["video_id"],
        "frame_id": first["frame_id"],
        "timestamp_ms": first["timestamp_ms"],
        "reader": joined(source["reader"] for source in sources),
        "model": joined(source["model"] for source in sources),
        "confidence": None if None in confidences else min(confidences),
        "english_by": joined(filter(None, (source["english_by"] for source in sources))) or None,
        "licence": joined(source["licence"] for source in sources),
    }


def rejection(
    source: Row, identity: str, status: str, reason: str, kept_id: str | None = None
) -> dict[str, Any]:
    """One row of `RejectedRows` from a reading or a pair."""
    return {
        **{name: source[name] for name in _CARRIED},
        "id": identity,
        "status": status,
        "reason": reason,
        "kept_id": kept_id,
    }


_CARRIED = (
    "video_id",
    "frame_id",
    "timestamp_ms",
    "nko",
    "latin",
    "english",
    "french",
    "confidence",
    "reader",
    "model",
    "licence",
)


def typed(model: type[TableModel], rows: Sequence[Row]) -> pl.DataFrame:
    """A table of `model` with `rows` in the order of their ids."""
    schema = model.polars_schema()
    return pl.DataFrame(
        [{name: row[name] for name in schema} for row in rows], schema=schema, orient="row"
    ).sort("id")


def built(model: type[TableModel], rows: Sequence[Row], rejected: Sequence[Row] = ()) -> Built:
    """Rows and rejected rows as tables."""
    return Built(typed(model, rows), typed(RejectedRows, rejected))
