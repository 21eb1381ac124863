"""What is in the text but was never on the page: a model's reasoning, its labels, its markup."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from nko_assets.nko import characters as c

_NKO = f"{c.BLOCK_START}-{c.BLOCK_END}"
_FIELD = (
    r"n['’ʼ]?ko(?:\s+(?:text|script|transcription))?|nqo|latin|english|french|romani[sz]ation|"
    r"transliteration|transcription|translation|transcribed\s+text|ocr|text|output|answer|context"
)
_ORDINAL = r"(?:first|second|third|fourth|fifth|next|last|top|bottom|left|right)"
_PART = r"(?:row|line|word|column|image|picture|frame|slide|screenshot|text|title|letter|character)"
_READING = r"(?:transcribe|read|translate|output|write|look|check|try|see)"
_TELLS = r"(?:is|are|says?|reads?|shows?|looks?|has|appears?|seems?|contains?|might|could|on|of)"

# Each alternative is something a model says while it reads. Words that a bilingual lesson may have
# on the page ("I am", "(continued)", "N'Ko = …") are not among them.
_REASONING = "|".join(
    (
        r"</?think",
        rf"\bthoughts?\s*(?=n['’]?ko|:|[{_NKO}])",
        r"\bthought(?-i:[A-Z])",
        r"[(\[]\s*(?:wait\b|hmm|actually\b|let me\b|okay\b|ok\b|maybe\b|perhaps\b|probably\b)",
        r"[(\[]\s*(?:unclear|illegible|unreadable|cropped|truncated|cut off|illisible|coupé)",
        r"\b(?:hmm+|wait,|okay,|actually,|alternatively,|let me\b|looking at\b|as an ai\b)",
        rf"\blet['’]s {_READING}\b",
        r"\bi (?:think|notice|believe|cannot|can['’]?t|(?:can )?see (?:the|a|that|some))\b",
        rf"\bi(?: will|['’]ll| should| must| need to| have to) {_READING}\b",
        r"\bhere(?: is|['’]s) the\b",
        rf"\b(?:the|this|that) (?:{_ORDINAL} )?{_PART}s? {_TELLS}\b",
        rf"\b{_ORDINAL} (?:row|line)\b",
        r"\bje (?:vois|pense que|ne peux|ne vois)\b|\bl['’]image (?:montre|contient)\b",
    )
)


@dataclass(frozen=True)
class Leak:
    """The kind of leak, and the piece of text that shows it."""

    name: str
    excerpt: str


_LABEL = "|".join(
    (rf"^[ \t*_#>\-]*(?:{_FIELD})[ \t*_]*[:：]", r"^[ \t*_#>]*(?:row|line)\s*\d+\s*[:：]")
)
_MARKUP = "|".join(
    (
        r"(?<!\*)\*\*(?!\*)",
        r"(?<!_)__(?!_)",  # three and more are a blank to fill in
        r"^#+\s",
        r"</?[a-z][^<>]*>",
        r"&(?:#\d+|#x[0-9a-f]+|[a-z]+);",
        r"\\(?:text|textbf|n)(?![a-z])",
        r"\$\$",
    )
)
_ESCAPED = "|".join(
    (
        r"\\u0?7[c-f][0-9a-f]",
        r"\\x[0-9a-f]{2}",
        r"%DF%[89AB]",
        r"[{\[]\s*\"\w+\"\s*:",
        r"\"\w+\"\s*:\s*\"",
    )
)
# In the order in which they are looked for: the surest first.
_LEAKS: Final = (
    ("code_fence", r"```|~~~|`[^`\n]*`"),
    ("leaked_reasoning", _REASONING),
    ("label", _LABEL),
    ("markup", _MARKUP),
    ("escaped", _ESCAPED),
    ("placeholder", r"\A\W*(?:n/?a|null|none|nil|undefined|nan|unknown|empty|no text|blank)\W*\Z"),
)
_PATTERNS: Final = tuple(
    (name, re.compile(pattern, re.IGNORECASE | re.MULTILINE)) for name, pattern in _LEAKS
)
# Only ASCII can hold what the patterns look for, so most N'Ko lines are done after one test.
_WORTH_LOOKING = re.compile(r"[A-Za-z`~*_#<&\\$%{\[]")

# Words that run through English and French sentences but stand in no name, title or formula.
_FUNCTION_WORDS: Final = frozenset(
    """
    is are was were has have this that these those it its there which with from would could should
    seems looks says reads shows means because but not be been I my we you they he she
    est sont était cette ces ceci qui avec dans pour mais pas nous vous ils elle une des
    """.split()  # noqa: SIM905  prose reads better than sixty quoted words
)
_LATIN_WORD = re.compile(r"[A-Za-zÀ-ÿ]+")
_PROSE_FROM: Final = 3  # function words; titles quoted in real lines have at most two


def find(text: str) -> Leak | None:
    """Return the surest leak in `text` as it was read, or None."""
    if not _WORTH_LOOKING.search(text):
        return None
    for name, pattern in _PATTERNS:
        if match := pattern.search(text):
            return Leak(name, match[0][:40])
    return None


def find_prose(text: str) -> Leak | None:
    """Return running English or French prose among N'Ko, or None."""
    latin = _LATIN_WORD.findall(text)
    if sum(word.lower() in _FUNCTION_WORDS or word == "I" for word in latin) < _PROSE_FROM:
        return None
    return Leak("leaked_reasoning", " ".join(latin)[:40])
