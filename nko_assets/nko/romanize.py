"""N'Ko to Latin by rule, after the ALA-LC table "Mande languages in N'Ko script".

One direction only: Latin does not determine N'Ko, because marks and elisions are lost on the way.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass

from nko_assets.nko import characters as c
from nko_assets.nko.normalize import normalize

_ACUTE, _GRAVE, _CARON, _CIRCUMFLEX = "\u0301", "\u0300", "\u030c", "\u0302"
_ACCENT = {
    c.SHORT_HIGH: _ACUTE,
    c.SHORT_LOW: _GRAVE,
    c.SHORT_RISING: _CARON,
    c.LONG_FALLING: _CIRCUMFLEX,
    c.LONG_HIGH: _ACUTE,
    c.LONG_LOW: _GRAVE,
    c.LONG_RISING: _CARON,
}
_FALLS = "’"  # ALA-LC: after a vowel whose unwritten tone falls

# An elided vowel takes the vowel that gbarali would borrow along with it. These five forms make
# up 271 of the 290 such places in 52,000 human-written lines; beside each, how often the full
# form has that vowel in FLORES dev and NLLB seed.
_ELIDED_VOWEL = {
    "ߓߘ": "ߊ",  # ߓߘߊ߫, 302 of 338
    "ߥߟ": "ߊ",  # ߥߟߊ߫, 982 of 1,126
    "ߞߣ": "ߐ",  # ߞߣߐ߫, 821 of 931
    "ߓߟ": "ߏ",  # ߓߟߏ߫, 560 of 579
    "ߝߘ": "ߊ",  # ߝߘߊ߫, 67 of 106
}

# How other writers of Manding spell the same sounds: French-based spelling and plain keyboards.
_VARIANTS = (
    ("è", "ɛ"),
    ("ò", "ɔ"),
    ("ny", "ɲ"),
    ("gn", "ɲ"),
    ("ou", "u"),
    ("dj", "j"),
    ("tch", "c"),
    ("ty", "c"),
    ("ŋ", "n"),
)

_UNIT = re.compile(f"([{c.LETTERS}])([{c.MARKS}]*)")
_TO_LATIN_DIGIT = str.maketrans(c.DIGITS, "0123456789")
_TO_LATIN_PUNCTUATION = str.maketrans({**c.PUNCTUATION, **dict.fromkeys(c.APOSTROPHES, "’")})
# N'Ko sets a space before its comma, question and exclamation marks; Latin does not.
_SPACE_AT_PUNCTUATION = re.compile("(?<=﴿) | (?=[߸،؛؟߹﴾])")
_PIECES = re.compile(
    f"(?P<word>[{c.LETTERS}][{c.LETTERS}{c.MARKS}]*)(?P<elided>[{c.APOSTROPHES}]?)"
    f"|(?P<number>[{c.DIGITS}]+)(?P<ordinal>[{c.NASALIZATION}{c.SHORT_RISING}]?)"
    f"|(?P<stretch>{c.LAJANYALAN}+)"
    f"|(?P<stray>[{c.MARKS}{c.UNASSIGNED}]+)"
)


@dataclass(frozen=True)
class _Unit:
    """A letter with what its marks say."""

    letter: str
    sound: str
    tone: str = ""
    nasal: bool = False

    @property
    def is_vowel(self) -> bool:
        return self.letter in c.VOWELS

    @property
    def is_consonant(self) -> bool:
        return self.letter in c.CONSONANTS

    @property
    def is_long(self) -> bool:
        return self.tone != "" and self.tone in c.LONG_TONES


def romanize(text: str, *, marked: bool = False, implied: bool = False) -> str:
    """Write N'Ko `text` in Latin letters; whatever is not N'Ko stays as it is.

    Plain, it gives consonants and vowels (`ߓߟߏ` → `bolo`). With `marked`, tones that are written
    appear as accents. With `implied` too, so do the tones that no mark writes: high inside a word,
    falling at its end (`á’`), which is the full ALA-LC form. Vowels dropped by gbarali come back.

    Digits become Western digits, most significant first; an ordinal takes the suffix *nan*
    (`߁߀߲` → `10nan`), as Manding in Latin script writes it. The text is normalized first, and the
    result is NFC. Marks without a letter have no Latin and are left out.
    """

    def piece(match: re.Match[str]) -> str:
        if word := match["word"]:
            latin = _romanize_word(word, bool(match["elided"]), marked or implied, implied)
            return latin + ("’" if match["elided"] else "")
        if number := match["number"]:
            return number.translate(_TO_LATIN_DIGIT) + ("nan" if match["ordinal"] else "")
        return "-" if match["stretch"] else ""

    tidy = _SPACE_AT_PUNCTUATION.sub("", normalize(text))
    latin = _PIECES.sub(piece, tidy).translate(_TO_LATIN_PUNCTUATION)
    return unicodedata.normalize("NFC", latin)


def _romanize_word(word: str, elided: bool, marked: bool, implied: bool) -> str:
    """Latin for one run of letters; `elided` when an apostrophe follows it."""
    units = [_read_unit(letter, marks) for letter, marks in _UNIT.findall(word)]
    if elided and (vowel := _ELIDED_VOWEL.get(word)):
        units.insert(1, _Unit(vowel, c.VOWELS[vowel]))
    units = _restore_dropped_vowels(units)
    last = units[-1]
    latin = "".join(_write(unit, marked, implied, unit is last) for unit in units)
    falls = implied and not elided and last.is_vowel and last.tone in {"", c.LONG_FALLING}
    return latin + (_FALLS if falls else "")


def _read_unit(letter: str, marks: str) -> _Unit:
    for mark in marks:
        if foreign := c.FOREIGN_SOUNDS.get(letter + mark):
            rest = marks.replace(mark, "", 1)
            return _Unit(letter, foreign, _first_tone(rest), c.NASALIZATION in rest)
    sound = c.VOWELS.get(letter) or c.CONSONANTS.get(letter) or ""
    if letter == c.SYLLABIC_NASAL:
        sound = "n"
    return _Unit(letter, sound, _first_tone(marks), c.NASALIZATION in marks)


def _first_tone(marks: str) -> str:
    return next((mark for mark in marks if mark in c.TONES), "")


def _restore_dropped_vowels(units: list[_Unit]) -> list[_Unit]:
    """Undo gbarali: a consonant before a different consonant with a short oral vowel borrows it."""
    restored: list[_Unit] = []
    for position, unit in enumerate(units):
        restored.append(unit)
        if not unit.is_consonant or position + 2 >= len(units):
            continue
        following, vowel = units[position + 1 : position + 3]
        if (
            following.is_consonant
            and following.sound != unit.sound
            and vowel.is_vowel
            and not vowel.nasal
            and not vowel.is_long
        ):
            restored.append(vowel)
    return restored


def _write(unit: _Unit, marked: bool, implied: bool, final: bool) -> str:
    sings = unit.is_vowel or unit.letter == c.SYLLABIC_NASAL
    accent = _ACCENT.get(unit.tone, "") if marked and sings else ""
    if implied and sings and (not unit.tone or (final and unit.tone == c.LONG_FALLING)):
        accent = _ACUTE
    # A long vowel is written twice, with its accent on the first.
    length = unit.sound[-1] if unit.is_vowel and unit.is_long else ""
    return unit.sound + accent + length + ("n" if unit.nasal else "")


def latin_agreement(text: str, latin: str) -> float:
    """Return how far `latin` spells N'Ko `text`, from 0 to 1, by shared pairs of letters (Dice).

    Tones, case, spaces and punctuation do not count, and of the usual spelling variants (`ny` for
    ɲ, `ou` for u) the better one does.
    """
    ours = _letter_pairs(_fold(romanize(text)))
    as_written, respelled = _fold(latin), latin.lower()
    for variant, letter in _VARIANTS:
        respelled = respelled.replace(variant, letter)
    theirs = (_letter_pairs(as_written), _letter_pairs(_fold(respelled)))
    return max(_dice(ours, pairs) for pairs in theirs)


def _fold(latin: str) -> str:
    return "".join(ch for ch in unicodedata.normalize("NFD", latin.lower()) if ch.isalnum())


def _letter_pairs(folded: str) -> Counter[str]:
    return Counter(folded[at : at + 2] for at in range(len(folded) - 1)) or Counter([folded])


def _dice(ours: Counter[str], theirs: Counter[str]) -> float:
    return 2 * (ours & theirs).total() / (ours.total() + theirs.total())
