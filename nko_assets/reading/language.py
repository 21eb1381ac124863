"""Which language a line in Latin script is: English, French, romanized N'Ko, or none can tell."""

from __future__ import annotations

import re
import unicodedata
from difflib import SequenceMatcher

from nko_assets.nko import romanize

_NOT_LETTERS = re.compile(r"[^\w]|[\d_]")
# Spellings of one sound: ALA-LC and the Bambara and French habits that lessons show.
_SAME_SOUND = (("ny", "ɲ"), ("ŋ", "n"), ("ou", "u"), ("è", "ɛ"), ("ò", "ɔ"))


def skeleton(latin: str) -> str:
    """Letters alone, lower case, without tones: what two romanizations of one text share."""
    decomposed = unicodedata.normalize("NFD", latin.casefold())
    letters = "".join(c for c in decomposed if not unicodedata.combining(c))
    for spelling, sound in _SAME_SOUND:
        letters = letters.replace(spelling, sound)
    return _NOT_LETTERS.sub("", letters)


def romanization_agreement(latin: str, nko: str) -> float:
    """How far `latin` is a romanization of `nko`, 0 to 1: letters in common with the one by rule."""
    shown, by_rule = skeleton(latin), skeleton(romanize(nko))
    if not shown or not by_rule:
        return 0.0
    return SequenceMatcher(None, shown, by_rule, autojunk=False).ratio()
