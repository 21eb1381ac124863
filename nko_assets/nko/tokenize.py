"""Words of N'Ko text, and the keys by which two texts are the same.

`\\w` splits N'Ko words at their marks, so nothing here or elsewhere uses it on N'Ko.
"""

from __future__ import annotations

import re

from nko_assets.nko import characters as c
from nko_assets.nko.normalize import normalize

_WORD = re.compile(
    f"[{c.LETTERS}](?:[{c.LETTERS}{c.MARKS}{c.APOSTROPHES}{c.LAJANYALAN}]*"
    f"[{c.LETTERS}{c.MARKS}{c.APOSTROPHES}])?"
)
_SPACE = re.compile(r"\s+")
_MONEY = "߾߿"
_EDGES = "".join(set(c.PUNCTUATION) - set(_MONEY)) + c.SHARED_PUNCTUATION + " "

_FOREIGN_BY_MARK = {
    mark: "".join(pair[0] for pair in c.FOREIGN_SOUNDS if pair[1] == mark)
    for mark in (c.SHORT_HIGH, c.SHORT_RISING)
}
# A tone mark is a tone unless it makes a foreign sound of the letter or an ordinal of the digit.
_TONE = re.compile(
    f"(?<![{_FOREIGN_BY_MARK[c.SHORT_HIGH]}]){c.SHORT_HIGH}"
    f"|(?<![{_FOREIGN_BY_MARK[c.SHORT_RISING]}{c.DIGITS}]){c.SHORT_RISING}"
    f"|[{c.SHORT_LOW}{c.LONG_TONES}]"
)


def words(text: str) -> list[str]:
    """Return the N'Ko words of `text` in order, with their marks and elisions.

    Digits, punctuation and words of other scripts are no N'Ko words; a hyphen ends a word, a
    lajanyalan inside one does not.
    """
    return _WORD.findall(text)


def strip_tones(text: str) -> str:
    """Return `text` without its tones, for lengths, embeddings and comparison.

    Nasalization and the double dot stay, and so do marks that make another consonant (`ߝ߭` v) or
    an ordinal (`߁߭`): they are no tones.
    """
    return _TONE.sub("", text)


def key(text: str) -> str:
    """Return what two texts must share to be the same text.

    Normalized, on one line, with single spaces and without punctuation at either end.
    """
    return _SPACE.sub(" ", normalize(text)).strip(_EDGES)


def tone_key(text: str) -> str:
    """Return the key without tones: texts that differ in nothing else share it."""
    return strip_tones(key(text))
