"""Answers that are none: empty, looping, in another script, or full of what is no part of one.

A mean over good and broken answers hides how a model breaks. Each answer is named by the worst
that is wrong with it, and the shares are reported beside the scores.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Iterator
from typing import Final, Literal

from nko_assets.nko import key, validate
from nko_assets.nko import leaks as leaked
from nko_assets.nko.characters import BLOCK_END, BLOCK_START
from nko_assets.nko.mojibake import is_mojibake
from nko_assets.tuning.evaluation.translation import Script

Fault = Literal["empty", "loop", "cut", "wrong_script", "damaged", "leak", "echo", "length"]
FAULTS: Final[dict[Fault, str]] = {
    "empty": "says nothing",
    "loop": "says the same over and over",
    "cut": "did not come to an end and was cut off",
    "wrong_script": "is not in the script that was asked for",
    "damaged": "holds characters that no text has",
    "leak": "holds labels, markup or reasoning beside the answer",
    "echo": "repeats the question",
    "length": "is more than three times as long as what was expected, or less than a third",
}

# The least share of N'Ko among the characters of a real line, and the most that another language
# shows when it quotes a word or two.
LEAST_NKO: Final = 0.78
_QUOTED_NKO: Final = 0.5

# A real line of 80 characters and more compresses at most 2.6 times.
_LONG: Final = 80
_RATIO: Final = 4.0
# Words and phrases of up to twelve words that come four times in a row; pieces of words six times.
_PHRASE_LOOP = re.compile(r"(?<!\S)(\S+(?:\s+\S+){0,11}?)(?:\s+\1){3,}(?!\S)")
_PIECE_LOOP = re.compile(r"([^\W\d_]\S{0,11}?)\1{5,}")
_NKO = re.compile(f"[{BLOCK_START}-{BLOCK_END}]")
_SPACE = re.compile(r"\s+")
_ASIDE = re.compile(
    r"</?think|\bas an AI\b|\Ahere(?: is|['’]s) (?:the|your) (?:translation|meaning|answer|text)",
    re.IGNORECASE,
)
_NKO_LOOPS: Final = frozenset({"loop", "triple_word", "triple_letter"})
_DAMAGE: Final = frozenset(
    {"replacement_character", "private_use", "unassigned", "mojibake", "reversed"}
)
_LEAKS: Final = frozenset(
    {"code_fence", "leaked_reasoning", "label", "markup", "escaped", "placeholder"}
)
_TIMES: Final = 3
_FROM: Final = 20  # characters: "yes" for "of course" is short, and no fault


def nko_share(text: str) -> float:
    """The share of N'Ko among the characters that are no space; 0 of nothing."""
    bare = _SPACE.sub("", text)
    return len(_NKO.findall(bare)) / len(bare) if bare else 0.0


def fault(
    answer: str, question: str, reference: str | None, script: Script, *, cut: bool = False
) -> Fault | None:
    """What makes `answer` no answer, the worst first; None when nothing does.

    `question` is the text that was to be translated, defined or answered, empty for a picture.
    `script` is the one in which an answer was wanted, and `cut` says that the answer was cut off. What
    the reference does is no fault; without one (None) nobody knows how long an answer should be.
    """
    text = unicodedata.normalize("NFC", answer).strip()
    found = next(_faults(text, question, reference, script, cut), None)
    if found is None or reference is None:
        return found
    return None if found in _faults(reference, question, reference, script, False) else found


def _faults(
    text: str, question: str, reference: str | None, script: Script, cut: bool
) -> Iterator[Fault]:
    if not any(sign.isalnum() for sign in text):
        yield "empty"
    # Of prose about N'Ko, as a tutor's, the signals of a line of N'Ko say nothing.
    signals = {signal.name for signal in validate(text)} if script == "nko" else set()
    if loops(text) or signals & _NKO_LOOPS:
        yield "loop"
    if cut:
        yield "cut"
    if signals & _DAMAGE or "\ufffd" in text or is_mojibake(text):
        yield "damaged"
    if _leaks(text, script) or signals & _LEAKS:
        yield "leak"
    # A question that comes back is in the wrong script too, and is better called by its name.
    if _same(text, question) and not (reference and _same(text, reference)):
        yield "echo"
    share = nko_share(text)
    if share < LEAST_NKO if script == "nko" else share > _QUOTED_NKO:
        yield "wrong_script"
    if reference is None:
        return
    longer = max(len(text), len(reference))
    if longer >= _FROM and longer > _TIMES * min(len(text), len(reference)):
        yield "length"


def _leaks(text: str, script: Script) -> bool:
    """Whether labels, markup or reasoning are in `text`.

    English and French may well say "I think" or "the first word is", and mean it.
    """
    found = leaked.find(text)
    return found is not None and (
        script == "nko" or found.name != "leaked_reasoning" or bool(_ASIDE.search(text))
    )


def loops(text: str) -> bool:
    """Whether `text`, in any script, goes round in a loop."""
    if _PHRASE_LOOP.search(text) or _PIECE_LOOP.search(text):
        return True
    data = text.encode(errors="replace")
    return len(text) >= _LONG and len(data) > _RATIO * len(zlib.compress(data, 6))


def _same(one: str, other: str) -> bool:
    if _NKO.search(one):
        return bool(key(one)) and key(one) == key(other)
    return one.casefold() == other.strip().casefold()
