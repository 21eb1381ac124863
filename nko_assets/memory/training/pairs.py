"""Parallel text to train and measure on: N'Ko beside English or French."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nko_assets.failures import ConfigurationError
from nko_assets.nko import tone_key

# One row in this many is never trained on, by its N'Ko text.
HELD_OUT = 20


@dataclass(frozen=True, slots=True)
class Pair:
    """One text in N'Ko and in English, French or both."""

    nko: str
    english: str | None
    french: str | None


def read_pairs(paths: Iterable[Path]) -> list[Pair]:
    """The rows of TSV files whose header has `nko` and `english` or `french`.

    Rows without N'Ko or without a translation are no pairs. Raises ConfigurationError for a file
    that is missing, has another header, or holds no pair.
    """
    pairs = []
    for path in paths:
        if not path.is_file():
            raise ConfigurationError(f"There is no file {path}.", "Check --pairs and --exclude.")
        # A text may hold U+2028 and its like; a row ends at the end of a line only.
        with path.open(encoding="utf-8", newline="\n") as file:
            rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            columns = set(rows.fieldnames or ())
            if "nko" not in columns or not columns & {"english", "french"}:
                raise ConfigurationError(
                    f"{path} has no columns nko and english or french.",
                    "Its first line names them, separated by tabs.",
                )
            found = [
                Pair(row["nko"], _text(row, "english"), _text(row, "french"))
                for row in rows
                if tone_key(row["nko"] or "")
            ]
        found = [pair for pair in found if pair.english or pair.french]
        if not found:
            raise ConfigurationError(f"{path} holds no pair.", "Check --pairs and --exclude.")
        pairs += found
    return pairs


def split(pairs: Sequence[Pair], excluded: Sequence[Pair] = ()) -> tuple[list[Pair], list[Pair]]:
    """What to train on, and what is held out; no text of `excluded` is in either.

    Two rows with the same N'Ko but for tones are on the same side.
    """
    known = {text for pair in excluded for text in _texts(pair)}
    training: list[Pair] = []
    held_out: list[Pair] = []
    for pair in pairs:
        if known.isdisjoint(_texts(pair)):
            (held_out if is_held_out(pair.nko) else training).append(pair)
    return training, held_out


def is_held_out(nko: str) -> bool:
    """Whether an N'Ko text belongs to the part that is never trained on."""
    return int(hashlib.sha256(tone_key(nko).encode()).hexdigest(), 16) % HELD_OUT == 0


def _text(row: dict[str, str], column: str) -> str | None:
    return (row.get(column) or "").strip() or None


def _texts(pair: Pair) -> set[str]:
    return {tone_key(pair.nko)} | {
        " ".join(text.lower().split()) for text in (pair.english, pair.french) if text
    }
