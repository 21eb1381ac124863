"""The classes that the N'Ko line recognizer tells apart, and the order it reads them in.

The recognizer sees a line from left to right, so its labels are in visual order; text is stored
in logical order. A *unit* is a letter with its marks, a punctuation mark, a space, or one whole
Latin word; units change places, but the inside of a unit never does: the base comes first, then
its marks in NFC order. Every word in another script is the one class `LATIN_WORD`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

from nko_assets.nko.characters import APOSTROPHES, DIGITS, LETTERS, MARKS
from nko_assets.typeset import base_direction

LATIN_WORD = "\ufffc"
"""Stands for one word in another script (Unicode's object replacement character)."""

NKO_PUNCTUATION = "\u07f7\u07f8\u07f9\u07fa"
OTHER_PUNCTUATION = '،؟؛«»‹›﴾﴿⸜⸝()[].:-–"!?,;/=+%×*'

# The weights that ship were trained on this order.
CLASSES: tuple[str, ...] = (
    "",  # the CTC blank
    " ",
    LATIN_WORD,
    *LETTERS,
    *DIGITS,
    *MARKS,
    *APOSTROPHES,
    *NKO_PUNCTUATION,
    *OTHER_PUNCTUATION,
)
BLANK = 0
_INDEX = {character: index for index, character in enumerate(CLASSES) if character}

# Characters that look the same on a slide are read as one of them.
LOOK_ALIKES = str.maketrans(
    {
        "\u00a0": " ",
        "\u2009": " ",
        "\u202f": " ",
        "\t": " ",
        "—": "–",
        "−": "–",
        "‐": "-",
        "‑": "-",
        "“": '"',
        "”": '"',
        "„": '"',
        "…": "...",
    }
)
_MIRRORED = {
    a: b for pair in ("()", "[]", "«»", "‹›", "⸜⸝") for a, b in (tuple(pair), tuple(reversed(pair)))
}


def _is_foreign(character: str) -> bool:
    """Whether `character` belongs to a word in another script (a letter or a digit, not N'Ko)."""
    return character not in _INDEX and unicodedata.category(character)[0] in "LN"


def is_readable(text: str) -> bool:
    """Whether every character of `text` has a class or belongs to a foreign word."""
    text = unicodedata.normalize("NFC", text).translate(LOOK_ALIKES)
    return all(c in _INDEX or _is_foreign(c) for c in text)


def fold(text: str) -> str:
    """`text` as the recognizer can read it: logical order, NFC, each foreign word `LATIN_WORD`.

    Runs of spaces collapse. Punctuation inside a foreign word, and between two of them, belongs to
    them and is not kept. Characters without a class are dropped.
    """
    text = unicodedata.normalize("NFC", text).translate(LOOK_ALIKES)
    folded: list[str] = []
    index = 0
    while index < len(text):
        if _is_foreign(text[index]):
            index = _end_of_foreign_word(text, index)
            _drop_punctuation_between_foreign_words(folded)
            folded.append(LATIN_WORD)
            continue
        if text[index] in _INDEX:
            folded.append(text[index])
        index += 1
    return " ".join("".join(folded).split())


def _end_of_foreign_word(text: str, start: int) -> int:
    end = index = start + 1
    while index < len(text) and not text[index].isspace():
        if _is_foreign(text[index]):
            end = index + 1
        elif text[index] in _INDEX and unicodedata.bidirectional(text[index]) in ("R", "AL", "NSM"):
            break
        elif text[index] not in _INDEX:
            end = index + 1
        index += 1
    return end


def _drop_punctuation_between_foreign_words(folded: list[str]) -> None:
    last = len(folded) - 1
    while last >= 0 and _direction(folded[last]) is None and folded[last] != LATIN_WORD:
        last -= 1
    between = folded[last + 1 :]
    if last >= 0 and folded[last] == LATIN_WORD and " " in between:
        folded[last + 1 :] = [" "]


def _direction(unit: str) -> str | None:
    if unit == LATIN_WORD:
        return "ltr"
    return "rtl" if unicodedata.bidirectional(unit[0]) in ("R", "AL", "NSM") else None


def _units(folded: Iterable[str]) -> list[str]:
    units: list[str] = []
    for character in folded:
        if character in MARKS and units and units[-1] not in (" ", LATIN_WORD):
            units[-1] += character
        else:
            units.append(character)
    return units


def visual_classes(text: str) -> list[int]:
    """The classes of one line of `text` (logical order) from left to right, as they are drawn."""
    units = _units(fold(text))
    base = base_direction(text)
    # Within a foreign run only words and spaces remain, so a plain reversal is exact.
    visual = units[::-1] if base == "rtl" else _left_to_right(units)
    return [_INDEX[character] for unit in visual for character in unit]


def _left_to_right(units: Sequence[str]) -> list[str]:
    """Visual order of a line whose base direction is left to right."""
    strong = [_direction(unit) for unit in units]
    visual: list[str] = []
    run: list[str] = []
    for index, unit in enumerate(units):
        direction = strong[index]
        if direction is None and run:
            following = next((d for d in strong[index:] if d), "ltr")
            direction = following
        if direction == "rtl":
            run.append(unit)
            continue
        visual += run[::-1]
        run = []
        # A bracket drawn left to right looks like its partner drawn right to left.
        visual.append(_MIRRORED.get(unit, unit))
    return visual + run[::-1]


def logical_order(classes: Sequence[int]) -> list[int]:
    """Where in `classes` (visual order, left to right) each code point of the logical text stands.

    The line is taken to run from right to left. A mark with no letter before it joins the letter
    after it; where there is none, it stays alone. Marks come in NFC order.
    """
    units: list[list[int]] = []
    stray: list[int] = []
    for place, index in enumerate(classes):
        character = CLASSES[index]
        bare = character in (" ", LATIN_WORD)
        if character not in MARKS:
            units.append([place])
            if stray and not bare:
                units[-1] += stray
                stray = []
        elif units and CLASSES[classes[units[-1][0]]] not in (" ", LATIN_WORD):
            units[-1].append(place)
        else:
            stray.append(place)
    if stray:
        units.append(stray)
    return [
        place
        for base, *marks in reversed(units)
        for place in (
            base,
            *sorted(marks, key=lambda place: unicodedata.combining(CLASSES[classes[place]])),
        )
    ]


def logical_text(classes: Sequence[int]) -> str:
    """The text, in logical order and NFC, of `classes` in visual order from left to right."""
    return "".join(CLASSES[classes[place]] for place in logical_order(classes))
