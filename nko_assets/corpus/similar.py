"""When two N'Ko texts are nearly the same: the relation, and an index that finds what it joins.

The relation is an edit similarity of `SIMILARITY` over the letters without tones, for texts of at
least `LONG_ENOUGH` letters; shorter texts are the same only when their letters are. Among 35,000
texts of a dictionary, phrase lists and translated articles, 39 % of those with 8 letters have
another real text one letter away, 11 % of those with 12, 1 % of those with 20: in a short text a
letter is a meaning, in a long one it is more likely a misreading.

MinHash over pairs of letters proposes candidates; the edit similarity of each is computed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from datasketch import MinHash, MinHashLSH
from rapidfuzz.distance import Levenshtein

from nko_assets.nko import characters as c
from nko_assets.nko import key

LONG_ENOUGH: Final = 12  # letters
SIMILARITY: Final = 0.9  # one letter in ten may differ

# A text of n letters with n/10 of them changed shares two thirds of its letter pairs. 64 bands of
# 4 rows miss such a text once in a million; a text that shares a tenth becomes a candidate once
# in 150.
_BANDS, _ROWS = 64, 4
_TONES = frozenset(c.TONES)
_LETTERS = frozenset(c.LETTERS + c.DIGITS + c.MARKS + c.APOSTROPHES)


def letters(text: str) -> str:
    """The N'Ko letters, marks and digits of `text`, without spaces and punctuation."""
    return "".join(sign for sign in key(text) if sign in _LETTERS)


@lru_cache(maxsize=200_000)
def fold(text: str) -> str:
    """The letters of `text` without tones; texts that share it are never told apart by splits.

    Coarser than `nko.tone_key`: a tone mark that writes a foreign sound goes too. A text without
    N'Ko letters is its own fold.
    """
    return "".join(sign for sign in letters(text) if sign not in _TONES) or key(text) or text


def similarity(one: str, other: str) -> float:
    """Edit similarity of two folds: 1 - edits ÷ letters of the longer; 0 below `SIMILARITY`."""
    return Levenshtein.normalized_similarity(one, other, score_cutoff=SIMILARITY)


class NearDuplicates:
    """An index of folds; `like` gives those that a fold is nearly the same as."""

    def __init__(self, folds: Iterable[str] = ()) -> None:
        self._blank = MinHash(num_perm=_BANDS * _ROWS, seed=1)
        self._index = MinHashLSH(num_perm=_BANDS * _ROWS, params=(_BANDS, _ROWS))
        self._folds: set[str] = set()
        for one in folds:
            self.add(one)

    def add(self, one: str) -> None:
        """Put a fold into the index; one that is there already changes nothing."""
        if one in self._folds:
            return
        self._folds.add(one)
        if len(one) >= LONG_ENOUGH:
            self._index.insert(one, self._signature(one))

    def like(self, one: str) -> list[tuple[float, str]]:
        """(similarity, fold) of all that are nearly the same, best first, itself included."""
        found = {one} & self._folds
        if len(one) >= LONG_ENOUGH:
            found |= set(self._index.query(self._signature(one)))
        scored = [(similarity(one, other), other) for other in found]
        return sorted(
            (pair for pair in scored if pair[0] >= SIMILARITY),
            key=lambda pair: (-pair[0], pair[1]),
        )

    def _signature(self, one: str) -> MinHash:
        signature = self._blank.copy()
        signature.update_batch(_letter_pairs(one))
        return signature


def _letter_pairs(one: str) -> list[bytes]:
    """Each pair of neighbouring letters with the number of its occurrence, as MinHash wants sets."""
    seen: Counter[str] = Counter()
    pairs = []
    for start in range(max(len(one) - 1, 1)):
        pair = one[start : start + 2]
        pairs.append(f"{pair}{seen[pair]}".encode())
        seen[pair] += 1
    return pairs
