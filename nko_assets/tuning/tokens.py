"""About how many tokens a text is, where the tokenizer itself is out of reach.

Gemini's tokenizer is not published; Gemma's is its open sibling, of the same vocabulary size and
family, and its rates stand in for it. How they were measured: `tuning/options/fertility.py`.
"""

from __future__ import annotations

import math
from typing import Final

from nko_assets.nko.characters import BLOCK_END, BLOCK_START

NKO_RATE: Final = 1.8
"""Tokens for a character of N'Ko, marks counted as characters."""
OTHER_RATE: Final = 0.25
"""Tokens for any other character."""


def nko_characters(text: str) -> int:
    """How many code points of `text` are N'Ko."""
    return sum(BLOCK_START <= sign <= BLOCK_END for sign in text)


def text_tokens(text: str) -> int:
    """About how many tokens Gemini counts for `text`."""
    nko = nko_characters(text)
    return math.ceil(nko * NKO_RATE + (len(text) - nko) * OTHER_RATE)
