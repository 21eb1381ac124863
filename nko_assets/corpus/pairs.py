"""Format A: each accepted entry with its translation becomes a pair."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from nko_assets.corpus.readings import accepted_entries
from nko_assets.corpus.rows import Built, Row, built, provenance, rejection, row_id
from nko_assets.nko import normalize
from nko_assets.schemas.training import TranslationPairs


def translation_pairs(reviewed: pl.DataFrame, titles: Mapping[str, str]) -> Built:
    """The pairs (`TranslationPairs`) of the accepted rows of `reviewed` (`ReviewedReadings`).

    `titles` gives the title of each video, which becomes the context of its pairs. Entries
    without a translation, and the same pair read twice on one frame, are among the rejected.
    Duplicates between frames are left to `deduplicate`.
    """
    pairs: dict[str, dict[str, Any]] = {}
    rejected: list[dict[str, Any]] = []
    # The best reading first, so that it is the one that stays when a frame shows a pair twice.
    entries = accepted_entries(reviewed).sort(
        "confidence", "reading_id", descending=[True, False], nulls_last=True
    )
    for entry in entries.iter_rows(named=True):
        if entry["english"] is None and entry["french"] is None:
            rejected.append(
                rejection(
                    entry, entry["reading_id"], "no_translation", "no translation is shown with it"
                )
            )
            continue
        pair = _pair(entry, titles.get(entry["video_id"], ""))
        if pair["id"] in pairs:
            rejected.append(
                rejection(
                    entry,
                    entry["reading_id"],
                    "duplicate",
                    "the same pair was read twice on this frame",
                    pair["id"],
                )
            )
            continue
        pairs[pair["id"]] = pair
    return built(TranslationPairs, list(pairs.values()), rejected)


def _pair(entry: Row, title: str) -> dict[str, Any]:
    return {
        **provenance([entry]),
        "id": row_id(
            "pair",
            entry["frame_id"],
            entry["nko"],
            entry["english"] or "",
            entry["french"] or "",
        ),
        "origin": "extracted",
        "nko": entry["nko"],
        "latin": entry["latin"],
        "english": entry["english"],
        "french": entry["french"],
        "kind": entry["kind"],
        "context": normalize(title),
    }
