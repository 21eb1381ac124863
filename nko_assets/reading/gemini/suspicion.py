"""What makes a well-formed answer no reading: loops, leaked reasoning, another script.

Each frame is judged as a whole. A single damaged row among good ones stays: the review rejects it
by the same signals. Thresholds on compression come from FLORES and a phrase book: a real line of 80
characters and more compresses at most 2.6 times, thirty phrases of one drill together 7 times.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from itertools import groupby

from nko_assets.nko import characters as c
from nko_assets.nko import leaks, validate
from nko_assets.reading.gemini.content import TEXT_FIELDS, Fault, Row

_LONG_ROW = 80  # characters
_ROW_RATIO = 4.0
_LONG_ANSWER = 600  # bytes
_ANSWER_RATIO = 12.0
_SAME_IN_A_ROW = 4
_DRILLED = 2  # characters: a lesson may show one letter several times
_MANY_ROWS = 10
_DIFFERENT = 0.5  # of many rows
_FOREIGN_FROM = 0.5  # of the rows with N'Ko

# What nearly every row is made of: text in which neither another script nor a leak can hide.
_ONLY_NKO = re.compile(
    f"[{c.BLOCK_START}-\u07fa\u07fd-{c.BLOCK_END}\\s0-9.:!?,;()\\[\\]«»‹›\"'’“”–—\\-…،؛؟﴾﴿⸜⸝/+=%•]*"
)
_NKO = re.compile(f"[{c.LETTERS}{c.DIGITS}]")
_NKO_FIELD = re.compile(r'"nko"\s*:\s*"((?:[^"\\]|\\.)*)')
# Reasoning among English and French, which may well say "I think" or "the first word is".
_ASIDE = re.compile(
    r"</?think|\bthoughts?\s*(?=n['’]?ko|:)|\bthought(?=[A-Z])|```"
    r"|[(\[]\s*(?:[Ww]ait\b|[Hh]mm|[Ll]et me\b|[Uu]nclear|[Ii]llegible|[Uu]nreadable)"
    r"|\bas an AI\b"
)
_LEAKS = frozenset({"code_fence", "leaked_reasoning", "label", "markup", "escaped", "placeholder"})
_FOREIGN = frozenset(
    {
        "wrong_script",
        "no_nko",
        "lookalike_letter",
        "mojibake",
        "replacement_character",
        "private_use",
        "unassigned",
    }
)


def has_nko(text: str) -> bool:
    """Whether `text` has a letter or a digit of N'Ko."""
    return _NKO.search(text) is not None


def find_fault(rows: Sequence[Row]) -> Fault | None:
    """What makes these rows no reading of a frame, or None."""
    texts = ["\t".join(getattr(row, name) for name in TEXT_FIELDS) for row in rows]
    if loop := find_loop(texts):
        return Fault("loop", loop)
    beside = "\n".join(
        text for row in rows for text in (row.english, row.french, row.gloss) if text
    )
    if leak := _ASIDE.search(beside):
        return Fault("leaked_thought", f"not part of a text: {leak[0]!r}")
    return _fault_of_nko(rows)


def find_loop(texts: Sequence[str]) -> str | None:
    """How `texts`, in the order in which they were written, repeat themselves; None if not."""
    for text, run in groupby(texts):
        times = sum(1 for _ in run)
        if times >= _SAME_IN_A_ROW and len(text.strip()) > _DRILLED:
            return f"{text.strip()[:40]!r} {times} times in a row"
    if len(texts) >= _MANY_ROWS and len(set(texts)) < _DIFFERENT * len(texts):
        return f"{len(set(texts))} different texts in {len(texts)} rows"
    for text in texts:
        if len(text) >= _LONG_ROW and (ratio := _ratio(text)) > _ROW_RATIO:
            return f"a text that compresses {ratio:.0f} times: {text[:40]!r}"
    answer = "\n".join(texts)
    if len(answer) * 2 >= _LONG_ANSWER and (ratio := _ratio(answer)) > _ANSWER_RATIO:
        return f"texts that compress {ratio:.0f} times"
    return None


def find_loop_in_part(text: str) -> str | None:
    """As `find_loop`, for an answer that broke off: from its N'Ko fields, or else as it stands."""
    fields = [field for field in _NKO_FIELD.findall(text) if field]
    return find_loop(fields or [text])


def _fault_of_nko(rows: Sequence[Row]) -> Fault | None:
    """Leaks in any of the rows' N'Ko; another script in half of them."""
    foreign, of_nko, example = 0, 0, ""
    for row in rows:
        if leak := leaks.find(row.latin):
            return Fault("leaked_thought", f"not part of a romanization: {leak.excerpt!r}")
        of_nko += bool(row.nko)
        if not row.nko or (_ONLY_NKO.fullmatch(row.nko) and has_nko(row.nko)):
            continue
        signals = {signal.name: signal.detail for signal in validate(row.nko)}
        if leaked := _LEAKS & signals.keys():
            return Fault("leaked_thought", signals[min(leaked)])
        if wrong := _FOREIGN & signals.keys():
            foreign += 1
            example = example or f"{signals[min(wrong)]} in {row.nko[:30]!r}"
    if foreign and foreign >= _FOREIGN_FROM * of_nko:
        return Fault("wrong_script", f"{foreign} of {of_nko} rows are not N'Ko: {example}")
    return None


def _ratio(text: str) -> float:
    """How many times `text` compresses."""
    data = text.encode(errors="replace")
    return len(data) / len(zlib.compress(data, 6))
