"""One spelling for one text: NFC, no invisible characters, N'Ko marks instead of look-alikes.

Normalizing never loses a letter or a tone mark and never decides what only a reader can decide.
It is no repair: text that was decoded wrongly goes through `mojibake.repair` before it comes here.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from nko_assets.nko import characters as c

_BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_INVISIBLE = "\u00ad\u034f\u180e\u200b\u2060-\u2064\u206a-\u206f\ufe00-\ufe0f\ufeff"
_JOINERS = "\u200c\u200d"
_TATWEEL = "\u0640"
_CONTROLS = "\u0000-\u0008\u000e-\u001f\u007f-\u0084\u0086-\u009f"
_LATIN_COMBINING = "\u0300-\u036f"

_BIDI_CONTROLS = re.compile(f"[{_BIDI}]")
_ZERO_WIDTH = re.compile(f"[{_INVISIBLE}]")
_STRETCH = re.compile(_TATWEEL)
_CONTROL = re.compile(f"[{_CONTROLS}]")
_LINE_END = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
_ODD_SPACE = re.compile("[\t\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
_SPACES = re.compile(" {2,}")
_AROUND_LINE_END = re.compile(" *\n[ \n]*")

_BASE = f"{c.LETTERS}{c.DIGITS}"
_ON_NKO_BASE = re.compile(
    f"(?<=[{_BASE}])[{c.MARKS}]*[{_LATIN_COMBINING}][{c.MARKS}{_LATIN_COMBINING}]*"
)
_TO_NKO_MARK = str.maketrans(c.MARK_LOOKALIKES)
_RUN = re.compile(f"[{c.LETTERS}{c.MARKS}{_LATIN_COMBINING}{_JOINERS}]+")
_SHOWN_FORM = re.compile(f"[{_JOINERS}]?[{c.LETTERS}][{c.MARKS}{_LATIN_COMBINING}]*[{_JOINERS}]?")
_JOINER = re.compile(f"[{_JOINERS}]")
_APOSTROPHE = re.compile(f"(?<=[{c.LETTERS}{c.MARKS}])[{c.APOSTROPHE_LOOKALIKES}](?=[{c.LETTERS}])")
# What most texts are made of: nothing to remove, and single spaces.
_PLAIN = re.compile(
    "(?:[{0}]+(?: [{0}]+)*)?".format(f"{c.LETTERS}{c.MARKS}{c.DIGITS}{c.APOSTROPHES}!-~")
)


@dataclass(frozen=True)
class Normalized:
    """A normalized text and what was done to it or noticed in it, as short names."""

    text: str
    notes: tuple[str, ...]


def normalize(text: str) -> str:
    """Return `text` in the one spelling that everything else compares; idempotent."""
    if _PLAIN.fullmatch(text) and unicodedata.is_normalized("NFC", text):
        return text
    return normalize_with_notes(text).text


def normalize_with_notes(text: str) -> Normalized:
    """Normalize `text` and say what changed.

    Notes: `bidi_controls`, `zero_width`, `tatweel`, `controls`, `line_ends`, `joiners`, `spaces`,
    `not_nfc` (something was removed or replaced), `mark_lookalikes` (Latin combining marks became
    N'Ko marks), `ambiguous_apostrophe` (left alone: it stands for ߴ or ߵ). Line ends become `\\n`
    and stay; everything else that is white becomes one space.
    """
    notes: list[str] = []

    def apply(name: str, pattern: re.Pattern[str], replacement: str, value: str) -> str:
        changed, count = pattern.subn(replacement, value)
        if count:
            notes.append(name)
        return changed

    text = apply("bidi_controls", _BIDI_CONTROLS, "", text)
    text = apply("zero_width", _ZERO_WIDTH, "", text)
    text = apply("tatweel", _STRETCH, "", text)
    text = apply("controls", _CONTROL, "", text)
    text = apply("line_ends", _LINE_END, "\n", text)
    joined = _RUN.sub(_keep_shown_forms, text) if _JOINER.search(text) else text
    if joined != text:
        notes.append("joiners")
    spaced = _SPACES.sub(" ", _ODD_SPACE.sub(" ", joined))
    spaced = _AROUND_LINE_END.sub("\n", spaced).strip(" \n")
    if spaced != joined:
        notes.append("spaces")
    composed = unicodedata.normalize("NFC", spaced)
    if composed != spaced:
        notes.append("not_nfc")
    marked = _ON_NKO_BASE.sub(lambda run: run[0].translate(_TO_NKO_MARK), composed)
    if marked != composed:
        notes.append("mark_lookalikes")
        marked = unicodedata.normalize("NFC", marked)
    if _APOSTROPHE.search(marked):
        notes.append("ambiguous_apostrophe")
    return Normalized(marked, tuple(notes))


def _keep_shown_forms(run: re.Match[str]) -> str:
    """Drop joiners, except where a lesson shows the joined form of a single letter."""
    return run[0] if _SHOWN_FORM.fullmatch(run[0]) else _JOINER.sub("", run[0])
