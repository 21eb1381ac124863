"""Which N'Ko words are known: a list of headwords, and the share of a text's words that is in it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from pathlib import Path

from nko_assets.failures import ConfigurationError
from nko_assets.nko import normalize, strip_tones, words

# The column or key that holds the headwords, the first that is there.
_NAMES = ("word", "nko", "headword")

LEAST_WORDS = 10_000
"""Of a dictionary that readings are judged by: to a short list most right words are unknown."""


class Dictionary:
    """A set of words, compared without their tones, which writers use differently."""

    def __init__(self, headwords: Iterable[str]) -> None:
        """Every N'Ko word of `headwords` is known, also those of a headword of several words."""
        self._known = frozenset(
            strip_tones(word) for headword in headwords for word in words(normalize(headword))
        )

    def __len__(self) -> int:
        return len(self._known)

    def hit_rate(self, text: str) -> float | None:
        """The share of the N'Ko words of `text` that are known, 0 to 1; None when it has none."""
        found = words(normalize(text))
        if not found:
            return None
        return sum(strip_tones(word) in self._known for word in found) / len(found)

    def unknown(self, text: str) -> list[str]:
        """The N'Ko words of `text` that are not known, in order."""
        return [word for word in words(normalize(text)) if strip_tones(word) not in self._known]


def load_dictionary(*paths: Path) -> Dictionary:
    """The dictionary of files in UTF-8: one headword a line, or TSV or JSONL by the name's end.

    A TSV has a header, and a TSV as well as JSONL a column `word`, `nko` or `headword`. Raises
    `ConfigurationError` when a file cannot be read or holds no N'Ko word.
    """
    return Dictionary(headword for path in paths for headword in _read(path))


def _read(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"The dictionary {path} cannot be read: {error}.",
            "NKO_DICTIONARY names a text, TSV or JSONL file in UTF-8.",
        ) from error
    headwords = _headwords(path, text)
    if not any(words(normalize(headword)) for headword in headwords):
        raise ConfigurationError(
            f"The dictionary {path} holds no N'Ko word.",
            f"One headword a line; in TSV or JSONL under one of {', '.join(_NAMES)}.",
        )
    return headwords


def _headwords(path: Path, text: str) -> list[str]:
    if path.suffix == ".jsonl":
        rows: list[dict[str, object]] = []
        for number, line in enumerate(text.split("\n"), 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise ConfigurationError(
                    f"Line {number} of the dictionary {path} is no JSON: {error}.",
                    "Mend or remove it.",
                ) from error
            if isinstance(row, dict):
                rows.append(row)
    elif path.suffix == ".tsv":
        rows = list(csv.DictReader(io.StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE))
    else:
        return text.split("\n")
    return [
        value
        for row in rows
        if isinstance(value := next((row[name] for name in _NAMES if name in row), None), str)
    ]
