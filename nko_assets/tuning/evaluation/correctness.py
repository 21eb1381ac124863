"""Whether one answer is right, and how good it is: what accuracy and comparisons are made of."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from nko_assets.nko import key
from nko_assets.nko.characters import BLOCK_END, BLOCK_START
from nko_assets.tuning.evaluation.transcription import line_errors
from nko_assets.tuning.evaluation.translation import Script, prepared, sentence_chrf
from nko_assets.tuning.prompts import INTO_NKO, Task

RIGHT_CHRF: Final = 60.0
"""The chrF++ from which a translation counts as right.

Of 20,000 pairs of different phrases drawn from a phrase book (nicolingua-0005) 6 score as much, of
5,000 pairs of FLORES sentences none; at 50 it would be 21.
"""

ACCURACY: Final = (
    "Accuracy is the mean, over the tasks, of the share of examples answered right: a line read "
    "exactly as a reference has it or a word defined by nothing but meanings that a reference has "
    "(spaces, case and final punctuation aside), a translation or a tutor's turn with a chrF++ of "
    f"at least {RIGHT_CHRF:g} against a reference; examples for which no answer came are left out and counted beside it, "
    "and where those are more than 5 %, or all of a task, it is not known."
)

_NKO = re.compile(f"[{BLOCK_START}-{BLOCK_END}]")
_EDGES: Final = " .,;:!?\"'“”‘’«»()"
_SENSES = re.compile(r"[;,/]")
_ARTICLE = re.compile(r"^(?:an?|the|to)\s+")


def answer_script(task: Task, references: Sequence[str]) -> Script:
    """The script in which the answer is wanted; a tutor's turn is in that of its reference."""
    if task == "conversation":
        nko = sum(len(_NKO.findall(one)) for one in references)
        return "nko" if 2 * nko > sum(len("".join(one.split())) for one in references) else "latin"
    return "nko" if task in INTO_NKO else "latin"


def right(task: Task, answer: str, references: Sequence[str]) -> bool:
    """Whether `answer` is right, as `ACCURACY` says it."""
    if task == "read_line":
        return any(key(answer) == key(one) for one in references)
    if task == "define_word":
        known = set().union(*({_plain(one), *_senses(one)} for one in references))
        given = _senses(answer)
        # Who lists meanings until one fits has not defined the word.
        return _plain(answer) in known - {""} or (bool(given) and given <= known)
    return score(task, answer, references) >= RIGHT_CHRF / 100


def score(task: Task, answer: str, references: Sequence[str]) -> float:
    """How good `answer` is, from 0 to 1.

    chrF++ ÷ 100 of a translation or a tutor's turn, 1 - CER of a line read (not below 0), and for
    a word 1 or 0.
    """
    if task == "read_line":
        errors = [line_errors(answer, one) for one in references]
        return max(max(1 - one.edits / one.characters, 0.0) for one in errors)
    if task == "define_word":
        return float(right(task, answer, references))
    return sentence_chrf(answer, references, answer_script(task, references)) / 100


def _senses(text: str) -> set[str]:
    """Each of the senses that `text` lists."""
    return {_plain(sense) for sense in _SENSES.split(text)} - {""}


def _plain(text: str) -> str:
    """Without article, case and edges."""
    return _ARTICLE.sub("", prepared(text, "latin").casefold().strip(_EDGES))
