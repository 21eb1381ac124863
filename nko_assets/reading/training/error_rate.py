"""The character error rate over many lines."""

from __future__ import annotations

from collections.abc import Iterable

from rapidfuzz.distance import Levenshtein


def error_rate(pairs: Iterable[tuple[str, str]]) -> float:
    """Character error rate of (read, true) pairs: all edits over all true characters.

    Raises ValueError when there is no true character.
    """
    edits = characters = 0
    for read, true in pairs:
        edits += Levenshtein.distance(read, true)
        characters += len(true)
    if not characters:
        raise ValueError("There is no true text to measure against.")
    return edits / characters
