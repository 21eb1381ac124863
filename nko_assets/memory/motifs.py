"""Motifs of the lessons: the words, the phrases with their translations, and the patterns they share."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import polars as pl

from nko_assets.memory.rows import LESSONS, Motif, memory_id
from nko_assets.nko import key, romanize, words

SLOT: Final = "…"
"""Stands for the word that changes in a pattern."""
# From so many different words in the same place on, a phrase is a pattern.
LEAST_FILLERS: Final = 3
# A pattern with one word around its slot would be every phrase with that word in it.
LEAST_WORDS: Final = 2
EXAMPLES: Final = 5

_Row = Mapping[str, Any]


def motifs(vocabulary: pl.DataFrame, pairs: pl.DataFrame) -> tuple[Motif, ...]:
    """The motifs of a `Vocabulary` table and of the `TranslationPairs` of the same lessons."""
    most = max(vocabulary["frequency"].to_list(), default=1)
    phrases = [row for row in pairs.iter_rows(named=True) if row["kind"] != "word"]
    made = {
        motif.id: motif
        for motif in (
            *(_word(row, most) for row in vocabulary.iter_rows(named=True)),
            *map(_phrase, phrases),
            *_patterns(phrases),
        )
    }
    return tuple(made.values())


def _word(row: _Row, most: int) -> Motif:
    return Motif(
        id=memory_id("motif", "vocabulary", LESSONS, row["word"]),
        motif_type="vocabulary",
        source=LESSONS,
        licence=row["licence"],
        nko_key=key(row["word"]),
        content={
            "nko_text": row["word"],
            "latin": row["latin"],
            "translation": row["meaning"] or row["meaning_french"],
            "english": row["meaning"],
            "french": row["meaning_french"],
            "pos": row["pos"],
            "examples": row["examples"],
            "sources": row["sources"],
        },
        frequency=row["frequency"],
        # What is often used, and what is explained, is worth learning first.
        salience_score=_mean(
            math.log1p(row["frequency"]) / math.log1p(most),
            bool(row["meaning"] or row["meaning_french"]),
        ),
        video_id=row["video_id"],
        frame_id=row["frame_id"],
        timestamp_ms=row["timestamp_ms"],
    )


def _phrase(row: _Row) -> Motif:
    return Motif(
        id=memory_id(
            "motif", "phrase", LESSONS, key(row["nko"]), row["english"] or "", row["french"] or ""
        ),
        motif_type="phrase",
        source=LESSONS,
        licence=row["licence"],
        nko_key=key(row["nko"]),
        content={
            "nko_text": row["nko"],
            "latin": row["latin"],
            "translation": row["english"] or row["french"],
            "english": row["english"],
            "french": row["french"],
            "kind": row["kind"],
            "context": row["context"],
        },
        frequency=1,
        # Short ones are learnt by heart; a sentence of ten words is an example.
        salience_score=_mean(1 / math.sqrt(max(1, len(words(row["nko"])))), row["confidence"] or 0),
        video_id=row["video_id"],
        frame_id=row["frame_id"],
        timestamp_ms=row["timestamp_ms"],
    )


def _patterns(phrases: Sequence[_Row]) -> Iterator[Motif]:
    """Phrases that are the same but for one word, as one motif with a slot."""
    found: defaultdict[tuple[str, ...], dict[str, _Row]] = defaultdict(dict)
    for row in sorted(phrases, key=lambda row: row["id"]):
        said = [key(word) for word in words(row["nko"])]
        if len(said) <= LEAST_WORDS:
            continue
        for place, filler in enumerate(said):
            frame = (*said[:place], SLOT, *said[place + 1 :])
            found[frame].setdefault(filler, row)
    for frame, fillers in sorted(found.items()):
        if len(fillers) >= LEAST_FILLERS:
            yield _pattern(frame, fillers)


def _pattern(frame: Sequence[str], fillers: Mapping[str, _Row]) -> Motif:
    text = " ".join(frame)
    rows = list(fillers.values())
    best = max(rows, key=lambda row: (row["confidence"] or 0, row["id"]))
    return Motif(
        id=memory_id("motif", "pattern", LESSONS, text),
        motif_type="pattern",
        source=LESSONS,
        licence="; ".join(sorted({row["licence"] for row in rows})),
        nko_key=text,
        content={
            "nko_text": text,
            "latin": " ".join(SLOT if word == SLOT else romanize(word) for word in frame),
            "translation": None,
            "english": None,
            "french": None,
            "fillers": list(fillers),
            "examples": [
                {name: row[name] for name in ("nko", "english", "french")}
                for row in rows[:EXAMPLES]
            ],
        },
        frequency=len(rows),
        salience_score=round(1 - 1 / len(rows), 6),
        video_id=best["video_id"],
        frame_id=best["frame_id"],
        timestamp_ms=best["timestamp_ms"],
    )


def _mean(*shares: float) -> float:
    return round(min(1.0, sum(shares) / len(shares)), 6)
