"""Items of the queue from what was read: what each reader said, and what a decision would teach."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl
from rapidfuzz.distance import Levenshtein

from nko_assets.reading.reviews.rows import NewItem, Said
from nko_assets.reading.trust.judge import Comparison, Trust

OTHER_READER = "offline"

# How open a question the gate left at least: half is an even chance.
_LEAST_UNCERTAIN = {"needs_review": 0.5, "rejected": 0.25, "accepted": 0.0}


def review_items(judged: pl.DataFrame, compared: Comparison | None = None) -> list[NewItem]:
    """One item for each entry of a `ReviewedReadings` table that no person had a part in.

    `compared` is what the offline reader says of these readings, when it is not the one in use.
    """
    return [
        _item(row, compared.entries[row["frame_id"], row["entry"]] if compared else None)
        for row in judged.filter(pl.col("entry") >= 0).iter_rows(named=True)
    ]


def _item(row: Mapping[str, Any], trust: Trust | None) -> NewItem:
    nko = row["nko"]
    said = [Said(row["reader"], nko)]
    if trust:
        said.append(Said(OTHER_READER, trust.read or ""))
    return NewItem(
        reading_id=row["reading_id"],
        video_id=row["video_id"],
        frame_id=row["frame_id"],
        entry=row["entry"],
        timestamp_ms=row["timestamp_ms"],
        nko=nko,
        latin=row["latin"],
        latin_shown=_storable(row["latin_shown"]),
        english=_storable(row["english"]),
        french=_storable(row["french"]),
        box=tuple(row["box"]),
        confidence=row["confidence"],
        signals=tuple(row["signals"]),
        gate=row["decision"],
        reason=row["reason"],
        said=tuple(said),
        teaches=teaches(row["decision"], row["confidence"], said),
    )


def teaches(gate: str, confidence: float | None, said: list[Said]) -> float:
    """What a decision would teach: how uncertain the reading is, up to twice that in dispute.

    What the gate left open is uncertain at least by half, whatever the confidence; a reading
    without one is wholly uncertain. The dispute is the share of signs in which the readers differ.
    """
    uncertain = 1.0 if confidence is None else 1.0 - confidence
    first, *others = said
    dispute = max(
        (Levenshtein.normalized_distance(first.nko, other.nko) for other in others), default=0.0
    )
    return max(uncertain, _LEAST_UNCERTAIN[gate]) * (1.0 + dispute)


def _storable(text: str | None) -> str | None:
    """The text as a database takes it: a NUL that a reader gave shows as what it is, no letter."""
    return None if text is None else text.replace("\0", "\N{REPLACEMENT CHARACTER}")
