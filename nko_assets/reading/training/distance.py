"""Edit distance between two lines, and the character error rate over many."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def edit_distance(a: Sequence[str], b: Sequence[str]) -> int:
    """The least number of insertions, deletions and substitutions that turn `a` into `b`."""
    row = list(range(len(b) + 1))
    for i, left in enumerate(a, start=1):
        diagonal, row[0] = row[0], i
        for j, right in enumerate(b, start=1):
            diagonal, row[j] = (
                row[j],
                min(row[j] + 1, row[j - 1] + 1, diagonal + (left != right)),
            )
    return row[-1]


def error_rate(pairs: Iterable[tuple[str, str]]) -> float:
    """Character error rate of (read, true) pairs: all edits over all true characters.

    Raises ValueError when there is no true character.
    """
    edits = characters = 0
    for read, true in pairs:
        edits += edit_distance(read, true)
        characters += len(true)
    if not characters:
        raise ValueError("There is no true text to measure against.")
    return edits / characters
