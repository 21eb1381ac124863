"""What training lines say: real N'Ko where text files are given, and invented words always.

Invented words obey N'Ko phonotactics but cover letters and marks evenly, so that the recognizer
reads glyphs rather than guesses words.
"""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from nko_assets.failures import ConfigurationError
from nko_assets.nko import characters as c
from nko_assets.reading.charset import fold, is_readable
from nko_assets.typeset import TYPEFACES, Typeface

VOWELS = "".join(c.VOWELS)
CONSONANTS = "".join(consonant for consonant in c.CONSONANTS if consonant not in "ߨߩߪ")  # archaic
FOREIGN = tuple(pair for pair in c.FOREIGN_SOUNDS if pair[0] in c.CONSONANTS)
# Words and greetings that hold in every lesson; enough for a run without any text file.
COMMON_WORDS = (  # noqa: SIM905 - words read best as running text
    "ߒߞߏ ߌ ߣߌ߫ ߛߐ߰ߡߊ߬ ߕߟߋ߬ ߥߎߙߊ߫ ߛߣߍ߫ ߗߋ߫ ߞߊ߫ ߞߍ߲ߘߍ߫؟ ߞߊ߲ߘߍ ߥߟߊ߬ߘߊ ߛߓߍ ߓߟߏ ߖߌ ߟߊ߫ ߦߋ߫ ߘߌ߫ ߟߎ߬ ߣߌ߲߬ ߡߊ߬ ߏ߬ ߊ߬ ߕߍ߫ "
    "ߞߏ߫ ߡߍ߲ ߣߌ߫ ߓߊ߯ߙߊ ߡߐ߱ ߛߏ ߘߎ߰ ߞߊ߬ߙߊ߲ ߞߊ߬ߙߊ߲߬ߡߐ߮ ߞߎߡߊ ߞߊ߲ ߕߐ߮ ߘߋ߲ ߡߎ߬ߛߏ ߗߍ߬ ߝߊ ߓߊ ߟߏ߲ ߛߊ߲߬ ߞߊߙߏ"
).split()
LATIN_ALPHABET = "aaabcdeeefghiijklmnoopqrsttuuvwxyzéèàɛɔɲŋùêç"
ENDINGS = (
    ".",
    " ߸",
    "߸",
    "،",
    " ،",
    " ߹",
    "߹",
    "؟",
    " ؟",
    "؛",
    ":",
    " :",
    "...",
    "!",
    "?",
    ",",
    ";",
)
BRACKETS = ("()", "«»", "‹›", "﴾﴿", "⸜⸝", '""', "[]")
SYMBOLS = ("-", "–", "=", "+", "×", "/", "*", "\u07f7", "\u07fa", "%")


def read_lines(paths: Iterable[Path], column: str = "nko") -> list[str]:
    """Lines of text files: the `column` of a TSV whose header names it.

    A file without such a header is N'Ko text, one line a line.

    Raises ConfigurationError for a file that is missing or holds no text.
    """
    lines: list[str] = []
    for path in paths:
        if not path.is_file():
            raise ConfigurationError(f"There is no text file {path}.", "Check --text.")
        content = path.read_text(encoding="utf-8").splitlines()
        header = content[0].split("\t") if content else []
        if len(header) > 1 and column in header:
            rows = csv.reader(content[1:], delimiter="\t", quoting=csv.QUOTE_NONE)
            place = header.index(column)
            found = [row[place] for row in rows if len(row) > place]
        elif column != "nko":
            found = []
        else:
            found = content
        lines += [" ".join(line.split()) for line in found if line.strip()]
    return lines


class LineWriter:
    """Writes the text of one training line at a time, from real lines and invented words."""

    def __init__(self, nko: Sequence[str] = (), latin: Sequence[str] = ()) -> None:
        """`nko` and `latin` are real lines; both may be empty."""
        self.nko = [line.split() for line in nko if is_readable(line)]
        self.latin = [line.split() for line in latin]

    def line(self, rng: np.random.Generator, length: int, face: Typeface) -> str:
        """One line of about `length` code points that `face` (or its fallback) can draw, in NFC.

        Never empty, and never a line that folds to nothing.
        """
        while True:
            text = self._line(rng, length)
            text = "".join(sign for sign in text if sign == " " or _drawable(sign, face))
            text = unicodedata.normalize("NFC", " ".join(text.split()))
            if fold(text):
                return text

    def _line(self, rng: np.random.Generator, length: int) -> str:
        kind = rng.random()
        if kind < 0.05:
            return _fill(length, lambda: self._latin_word(rng))
        if kind < 0.13:
            return _fill(length, lambda: _any_marks(rng))
        if kind < 0.18:
            return _fill(length, lambda: _number(rng))
        real = self._window(rng, length) if kind < 0.64 and self.nko else None
        words = real or _words(length, lambda: self._word(rng))
        return " ".join(self._decorate(rng, words))

    def _window(self, rng: np.random.Generator, length: int) -> list[str]:
        words = self.nko[rng.integers(len(self.nko))]
        start = int(rng.integers(len(words)))
        if rng.random() < 0.5:
            start = 0
        taken, size = [], 0
        for word in words[start:]:
            taken.append(word)
            size += len(word) + 1
            if size >= length:
                break
        # Dictionary entries are short: the line goes on with other entries.
        while size < length * 0.6:
            words = self.nko[rng.integers(len(self.nko))]
            taken += words[:4]
            size += sum(len(word) + 1 for word in words[:4])
        return taken

    def _word(self, rng: np.random.Generator) -> str:
        if rng.random() < 0.1:
            return COMMON_WORDS[rng.integers(len(COMMON_WORDS))]
        return invented_word(rng)

    def _latin_word(self, rng: np.random.Generator) -> str:
        if self.latin and rng.random() < 0.6:
            words = self.latin[rng.integers(len(self.latin))]
            return words[rng.integers(len(words))]
        if rng.random() < 0.2:
            return str(rng.integers(10 ** int(rng.integers(1, 5))))
        letters = rng.integers(len(LATIN_ALPHABET), size=int(rng.integers(1, 11)))
        word = "".join(LATIN_ALPHABET[i] for i in letters)
        return word.capitalize() if rng.random() < 0.4 else word

    def _decorate(self, rng: np.random.Generator, words: Sequence[str]) -> list[str]:
        """Punctuation, numbers, symbols and foreign words among `words`."""
        latin_rate = 0.2 if rng.random() < 0.12 else 0.0
        decorated = []
        for given in words:
            word = given
            chance = rng.random()
            if chance < latin_rate:
                word = self._latin_word(rng)
            elif chance < latin_rate + 0.05:
                word += ENDINGS[rng.integers(len(ENDINGS))]
            elif chance < latin_rate + 0.08:
                pair = BRACKETS[rng.integers(len(BRACKETS))]
                word = f"{pair[0]}{word}{pair[1]}"
            elif chance < latin_rate + 0.10:
                decorated.append(SYMBOLS[rng.integers(len(SYMBOLS))])
            elif chance < latin_rate + 0.12:
                word = word + "-\u07fa–"[rng.integers(3)] + invented_word(rng)
            elif chance < latin_rate + 0.14:
                decorated.append(_number(rng))
            decorated.append(word)
        return decorated


def invented_lines(count: int, seed: int) -> list[str]:
    """`count` lines of invented words, numbers and punctuation, as no text file has them."""
    rng = np.random.default_rng(seed)
    writer = LineWriter()
    return [writer.line(rng, int(rng.integers(8, 60)), TYPEFACES["noto"]) for _ in range(count)]


def invented_word(rng: np.random.Generator) -> str:
    """One word of one to four syllables, in NFC."""
    word = "".join(_syllable(rng) for _ in range(int(rng.integers(1, 5))))
    if rng.random() < 0.06:
        word = "ߒ" + ("\u07ec" if rng.random() < 0.5 else "") + word
    if rng.random() < 0.05:
        word += "ߴߵ"[rng.integers(2)]
    return unicodedata.normalize("NFC", word)


def _syllable(rng: np.random.Generator) -> str:
    syllable = ""
    if rng.random() < 0.93:
        syllable = (
            FOREIGN[rng.integers(len(FOREIGN))]
            if rng.random() < 0.08
            else CONSONANTS[rng.integers(len(CONSONANTS))]
        )
        if rng.random() < 0.10:
            cluster = "ߑ" if rng.random() < 0.3 else ""
            syllable += cluster + CONSONANTS[rng.integers(len(CONSONANTS))]
    syllable += VOWELS[rng.integers(len(VOWELS))]
    if rng.random() < 0.03:
        syllable += c.DOUBLE_DOT
    if rng.random() < 0.25:
        syllable += c.NASALIZATION
    if rng.random() < 0.6:
        # Half by how often real text has the tone, half evenly.
        syllable += c.TONES[rng.choice(7, p=(0.27, 0.32, 0.08, 0.08, 0.09, 0.09, 0.07))]
    return syllable


def _any_marks(rng: np.random.Generator) -> str:
    """A word of any letters with any marks, legal in Unicode though not in the language."""
    word = ""
    for _ in range(int(rng.integers(1, 7))):
        word += c.LETTERS[rng.integers(len(c.LETTERS))]
        chance = rng.random()
        if chance < 0.3:
            word += c.TONES[rng.integers(7)]
        elif chance < 0.45:
            word += c.NASALIZATION + c.TONES[rng.integers(7)]
        elif chance < 0.55:
            word += c.NASALIZATION
        elif chance < 0.62:
            word += c.DOUBLE_DOT
        elif chance < 0.64:
            word += "\u07fd"
    return word


def _number(rng: np.random.Generator) -> str:
    """A number, a date, a decimal or an ordinal in N'Ko digits."""
    digits = "".join(c.DIGITS[i] for i in rng.integers(10, size=int(rng.integers(1, 5))))
    chance = rng.random()
    if chance < 0.2:
        return digits + ("\u07ed" if rng.random() < 0.6 else "\u07f2")
    if chance < 0.3:
        other = "".join(c.DIGITS[i] for i in rng.integers(10, size=2))
        return digits + "/:.,-%"[rng.integers(5)] + other
    if chance < 0.36:
        return digits + "%"
    if chance < 0.42:
        return digits + ".-:)"[rng.integers(4)]
    return digits


def _words(length: int, word: Callable[[], str]) -> list[str]:
    words = [word()]
    size = len(words[0])
    while size < length:
        words.append(word())
        size += len(words[-1]) + 1
    return words


def _fill(length: int, word: Callable[[], str]) -> str:
    return " ".join(_words(length, word))


def _drawable(character: str, face: Typeface) -> bool:
    return face.covers(character) or TYPEFACES["dejavu"].covers(character)
