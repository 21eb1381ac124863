"""A large model's answers, simulated: the known text with the errors that such models make.

The kinds are those seen on real runs: wrong vowels, dropped and swapped marks, letters of another
script, other words that would be plausible, answers cut short, loops, lines that are missing,
shuffled or made up. How often each happens is drawn anew for every video, from hardly ever to
nearly always, because nobody knows it of a model before it has run. Nothing here was measured on a
real model.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from nko_assets.nko import normalize, romanize, words
from nko_assets.nko.characters import CONSONANTS, MARKS, NASALIZATION, TONES, VOWELS
from nko_assets.reading.training.text import invented_word
from nko_assets.reading.trust.evidence import Claim, Frame
from nko_assets.sample.calibration.pages import KnownPage

# Letters that look alike, by groups, and letters of other scripts that stand in for N'Ko ones.
_ALIKE = ("ߓߔߕ", "ߘߙߚ", "ߛߜߝ", "ߞߟߠ", "ߡߢߣ", "ߤߥߦ", "ߖߗ", "ߊߏߐ", "ߋߍ", "ߌߎ")
_OTHER_SCRIPT = {"ߊ": "ا", "ߏ": "ه", "ߐ": "o", "ߌ": "I", "ߎ": "U", "ߟ": "ل", "ߞ": "Y"}
_CUT_AT = (8, 14)  # characters at which answers were cut
_LEAST, _MOST = -3.0, -0.5  # powers of ten between which a video's rate of errors lies


@dataclass(frozen=True, slots=True)
class Rates:
    """How often a simulated reader errs: by letter, by mark, by word, by entry."""

    letter: float
    mark: float
    word: float
    entry: float
    copied: float
    """The share of entries that say what the offline reader read, errors and all: what is hard to
    see is hard for both."""
    own_latin: float
    """The share of romanizations that are made from the N'Ko read, not read from the frame."""


def draw_rates(rng: np.random.Generator) -> Rates:
    """The rates of one video, in any proportion to each other."""
    level = 10 ** rng.uniform(_LEAST, _MOST)

    def rate(share: float) -> float:
        return float(min(level * share * rng.uniform(0, 2), 0.6))

    return Rates(rate(1), rate(1), rate(0.7), rate(0.5), rng.uniform(0, 0.3), rng.uniform(0, 0.5))


def answer(
    page: KnownPage, rates: Rates, vocabulary: Sequence[str], rng: np.random.Generator
) -> tuple[Frame, list[bool]]:
    """What a simulated reader says of a page, and of each entry whether its N'Ko is right."""
    said: list[tuple[Claim, bool]] = []
    for number, known in enumerate(page.truth):
        fate = rng.random()
        if fate < rates.entry / 3:
            continue  # the line is missing
        nko = known.nko
        if fate < rates.entry:
            nko = _broken(nko, vocabulary, rng)
        elif fate < rates.entry + rates.copied and len(page.seen) == len(page.truth):
            nko = page.seen[number].text
        else:
            nko = _misread(nko, rates, vocabulary, rng)
        nko = normalize(nko)
        latin = known.latin_shown
        if latin and rng.random() < rates.own_latin:
            latin = romanize(nko) or latin
        said.append((replace(known, nko=nko, latin_shown=latin), nko == normalize(known.nko)))
    if rng.random() < rates.entry and vocabulary:
        said.append((Claim(_sentence(vocabulary, rng)), False))
    if rng.random() < rates.entry:
        said = [said[place] for place in rng.permutation(len(said))]
    return Frame([claim for claim, _ in said], page.seen), [right for _, right in said]


def _misread(text: str, rates: Rates, vocabulary: Sequence[str], rng: np.random.Generator) -> str:
    read = []
    for word in text.split(" "):
        if rng.random() < rates.word and words(word):
            fate = rng.random()
            if fate < 0.6:
                read.append(_nearby(word, vocabulary, rng))
            elif fate < 0.8:
                read.append(invented_word(rng))
            continue  # or it is lost
        read.append("".join(_sign(sign, rates, rng) for sign in word))
    return unicodedata.normalize("NFC", " ".join(read))


def _sign(sign: str, rates: Rates, rng: np.random.Generator) -> str:
    if sign in TONES or sign == NASALIZATION:
        if rng.random() >= rates.mark:
            return sign
        return "" if rng.random() < 0.6 else str(rng.choice(list(TONES)))
    if sign in MARKS or rng.random() >= rates.letter:
        return sign
    fate = rng.random()
    if sign in VOWELS and fate < 0.7:
        return str(rng.choice(list(VOWELS)))
    if fate < 0.75 and sign in _OTHER_SCRIPT:
        return _OTHER_SCRIPT[sign]
    group = next((group for group in _ALIKE if sign in group), "".join(CONSONANTS))
    return str(rng.choice(list(group))) if sign in CONSONANTS or sign in VOWELS else sign


def _broken(text: str, vocabulary: Sequence[str], rng: np.random.Generator) -> str:
    """A whole entry gone wrong: cut, in a loop, without marks, or another text altogether."""
    fate = rng.random()
    if fate < 0.35:
        return text[: int(rng.integers(*_CUT_AT))]
    if fate < 0.5:
        return " ".join([*text.split(), *text.split()[-1:] * int(rng.integers(1, 6))])
    if fate < 0.7:
        return "".join(sign for sign in text if sign not in TONES + NASALIZATION)
    return _sentence(vocabulary, rng)


def _sentence(vocabulary: Sequence[str], rng: np.random.Generator) -> str:
    return " ".join(rng.choice(vocabulary, size=int(rng.integers(1, 7))))


def _nearby(word: str, vocabulary: Sequence[str], rng: np.random.Generator) -> str:
    """A word of the vocabulary that begins alike, as a model that knows the language would guess."""
    alike = [other for other in vocabulary if other[:1] == word[:1] and other != word]
    return str(rng.choice(alike or list(vocabulary)))
