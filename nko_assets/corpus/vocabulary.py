"""Format D: the words of the lessons, those that were taught and those that phrases use."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Final

import polars as pl

from nko_assets.corpus.deduplicate import plain
from nko_assets.corpus.readings import accepted_entries
from nko_assets.corpus.rows import Built, Row, built, joined, provenance, rejection, row_id
from nko_assets.nko import key, romanize, words
from nko_assets.schemas.training import Vocabulary

EXAMPLES: Final = 5
SOURCES: Final = 20  # places named for a word; the commonest words stand on thousands of frames


def vocabulary(reviewed: pl.DataFrame) -> Built:
    """The words (`Vocabulary`) of the accepted rows of `reviewed` (`ReviewedReadings`).

    A word entry is a word as it stands; a phrase or sentence gives each of its words. Meanings and
    part of speech are only those shown with a word entry, several joined by '; ', the commonest
    first. Frequency counts accepted readings. Place and confidence of a row are those of the best
    reading that teaches the word, or of the best that uses it; readers, models and licences are
    those of all.
    """
    taught: defaultdict[str, list[Row]] = defaultdict(list)
    used: defaultdict[str, list[Row]] = defaultdict(list)
    rejected: list[dict[str, Any]] = []
    for entry in accepted_entries(reviewed).iter_rows(named=True):
        if entry["kind"] == "word":
            found = {key(entry["nko"])}
            place = taught
        else:
            found = {_word(word) for word in words(entry["nko"])}
            place = used
        spoken = {word for word in found if _latin(word)}
        if not spoken:
            rejected.append(
                rejection(entry, entry["reading_id"], "no_word", "there is no N'Ko word in it")
            )
        for word in spoken:
            place[word].append(entry)
    rows = [_row(word, taught[word], used[word]) for word in sorted(taught.keys() | used.keys())]
    return built(Vocabulary, rows, rejected)


# Words come back thousands of times over a corpus.
_latin = lru_cache(maxsize=100_000)(romanize)
_word = lru_cache(maxsize=100_000)(key)


def _row(word: str, taught: Sequence[Row], used: Sequence[Row]) -> dict[str, Any]:
    best = min(taught or used, key=_best_first)
    return {
        **provenance([best]),
        **{
            name: joined(entry[name] for entry in (*taught, *used))
            for name in ("reader", "model", "licence")
        },
        "english_by": joined(filter(None, (entry["english_by"] for entry in taught))) or None,
        "id": row_id("word", word),
        "origin": "extracted",
        "word": word,
        "latin": _latin(word),
        "meaning": _commonest(entry["english"] for entry in taught),
        "meaning_french": _commonest(entry["french"] for entry in taught),
        "pos": _commonest(entry["pos"] for entry in taught),
        "examples": _examples(used),
        "frequency": len(taught) + len(used),
        "sources": _sources(best, [*taught, *used]),
    }


def _commonest(values: Iterable[str | None]) -> str | None:
    """Distinct values, the commonest first, joined by '; '; None when there is none."""
    spellings: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for value in values:
        if value is not None:
            spellings[plain(value)][value] += 1
    ranked = sorted(spellings.values(), key=lambda same: (-same.total(), min(same)))
    chosen = [min(same, key=lambda value: (-same[value], value)) for same in ranked]
    return "; ".join(chosen) or None


def _examples(used: Sequence[Row]) -> list[dict[str, Any]]:
    """Up to `EXAMPLES` texts that use the word, translated ones and short ones first."""
    ranked = sorted(
        used,
        key=lambda entry: (
            entry["english"] is None and entry["french"] is None,
            len(entry["nko"]),
            _best_first(entry),
        ),
    )
    distinct: dict[str, dict[str, Any]] = {}
    for entry in ranked:
        example = {name: entry[name] for name in ("nko", "english", "french")}
        distinct.setdefault(key(entry["nko"]), example)
    return list(distinct.values())[:EXAMPLES]


def _sources(best: Row, entries: Sequence[Row]) -> list[dict[str, Any]]:
    """The frame of `best`, then the others in order of video and time."""
    ordered = sorted(entries, key=lambda entry: (entry["video_id"], entry["timestamp_ms"]))
    frames = {
        entry["frame_id"]: {name: entry[name] for name in ("video_id", "frame_id", "timestamp_ms")}
        for entry in (best, *ordered)
    }
    return list(frames.values())[:SOURCES]


def _best_first(entry: Row) -> tuple[Any, ...]:
    confidence = -1.0 if entry["confidence"] is None else entry["confidence"]
    return (-confidence, entry["video_id"], entry["timestamp_ms"], entry["reading_id"])
