"""Text of unknown origin made fit to be shown: no invisible controls, cut between letters."""

from __future__ import annotations

import re
import unicodedata

from nko_assets.nko.characters import BLOCK_END, BLOCK_START

# Bidi controls would escape the isolation that the page and the previews give each text.
_CONTROLS = re.compile("[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]+")
_NKO = re.compile(f"[{BLOCK_START}-{BLOCK_END}]")


def has_nko(text: str) -> bool:
    """Whether any character of `text` is N'Ko."""
    return _NKO.search(text) is not None


def one_line(text: str) -> str:
    """`text` without control characters and line ends, each run of them a single space."""
    return _CONTROLS.sub(" ", text).strip()


def cut(text: str, longest: int) -> str:
    """`text` of at most `longest` characters, cut after a word or else after a letter's marks."""
    if len(text) <= longest:
        return text
    end = longest - 1
    space = text.rfind(" ", 0, end + 1)
    if space > end * 2 // 3:
        return text[:space].rstrip() + "…"
    while end > 0 and unicodedata.combining(text[end]):
        end -= 1
    return text[:end].rstrip() + "…"
