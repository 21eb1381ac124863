"""Is this real N'Ko? What a human writer would not have written, as named signals.

`reject` means that the text is damaged or is no transcription; `review` that a person should look.
Thresholds come from 14,191 human-written lines (FLORES dev, NLLB seed, a phrase book) and a
dictionary of 37,894 headwords; "real" below means those.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from nko_assets.nko import characters as c
from nko_assets.nko import leaks
from nko_assets.nko.mojibake import is_mojibake
from nko_assets.nko.normalize import normalize_with_notes
from nko_assets.nko.romanize import latin_agreement
from nko_assets.nko.tokenize import strip_tones, words

Severity = Literal["reject", "review"]


@dataclass(frozen=True)
class Signal:
    """One thing that speaks against a text, and what in the text says so."""

    name: str
    severity: Severity
    detail: str


# Share of N'Ko among letters and digits: p0.1 of 14,191 real lines is 0.83, the lowest 0.60 (many
# names in Latin letters); a greeting with its gloss in brackets has little more than a half.
_MIN_SHARE: Final = 0.5
# Base letters in a word: real p99.9 is 12; three sentences in 7,190 have a word longer than 17, and
# the longest headword has 24.
_MAX_WORD: Final = 17
_MAX_RUN_TOGETHER: Final = 30
# Tone and nasal marks per character, from 40 and 100 letters on: real p0.1–p99.9 are 0.071–0.236
# and 0–0.122. A reader that drops or invents marks falls outside. No tone at all: none of 11,000
# real lines of ten letters or more.
_TONES_FROM: Final = 40
_TONE_RANGE: Final = (0.07, 0.26)
_SOME_TONE_FROM: Final = 10
_NASALS_FROM: Final = 100
_NASAL_RANGE: Final = (0.0, 0.14)
# N'Ko characters without tones ÷ English characters, from 30 English characters on: real p1–p99
# are 0.68–1.55, the extremes 0.41 (phrases of three words) and 2.2.
_RATIO_FROM: Final = 30
_RATIO_RANGE: Final = (0.4, 2.3)
_RATIO_LIMITS: Final = (0.2, 4.6)
# Output that ran out of tokens stopped at about ten characters, while the English went on.
_TRUNCATED: Final = (7, 14)
_TRUNCATED_FROM: Final = 40
_TRUNCATED_RATIO: Final = 0.3
# Marks on a consonant that takes none: real texts have one in 10,000 marks, a reversed text a third.
_MISPLACED_SHARE: Final = 0.25
# Agreement of letter pairs between our Latin and another reader's: p95 of unrelated sentences is
# 0.47, p1 of a right one with a fifth of its letters wrong 0.56. Short phrases spread more widely.
_LATIN_AGREEMENT: Final = 0.5

_LATIN = "A-Za-zÀ-ÖØ-öø-˿Ḁ-ỿªµº"
_NKO = f"{c.BLOCK_START}-{c.BLOCK_END}"
_NKO_LETTER = re.compile(f"[{c.LETTERS}]")
_NKO_LETTER_OR_DIGIT = re.compile(f"[{c.LETTERS}{c.DIGITS}]")
_OTHER_LETTER_OR_DIGIT = re.compile(f"[^\\W_{_NKO}]")
_NEITHER_NKO_NOR_LATIN = re.compile(f"[^\\W\\d_{_NKO}{_LATIN}]")
# Scripts written from right to left: their letters stand in for N'Ko ones, as Greek in a formula
# does not.
_LOOKALIKE_SCRIPTS: Final = frozenset(
    {"ADLAM", "ARABIC", "HEBREW", "MANDAIC", "SAMARITAN", "SYRIAC", "THAANA"}
)
_ARABIC_DIGIT = re.compile("[\u0660-\u0669\u06f0-\u06f9]")
_TOUCHING = re.compile(
    f"(?<=[{c.LETTERS}{c.MARKS}])[^\\W\\d_{_NKO}]+|[^\\W\\d_{_NKO}]+(?=[{c.LETTERS}{c.MARKS}])"
)
_FOREIGN_MARK = re.compile(f"[{c.LETTERS}][{c.MARKS}]*([\u0300-\u036f\u064b-\u0655\u0670])")
_LONG_WORD = re.compile(
    f"(?:[{c.LETTERS}][{c.MARKS}{c.APOSTROPHES}{c.LAJANYALAN}]*){{{_MAX_WORD + 1}}}"
)
_TONE_MARK = re.compile(f"[{c.TONES}]")
_TRIPLE_LETTER = re.compile(f"([{c.LETTERS.replace(c.SYLLABIC_NASAL, '')}])\\1\\1")
_MARK_LETTERS = re.compile(f"[{c.MARKS}{c.APOSTROPHES}]")
# Real words repeat a syllable up to three times (ߞߊߞߊߞߊ߫ "to laugh").
_SYLLABLE_LOOP = re.compile(f"([{c.LETTERS}{c.MARKS}{c.APOSTROPHES}]{{2,24}}?)\\1{{4,}}")
_ORPHAN_MARK = re.compile(f"(?<![{c.LETTERS}{c.DIGITS}{c.MARKS}])[{c.MARKS}]")
_MARK_ON_CONSONANT = re.compile(
    f"([{''.join(c.CONSONANTS)}{c.DAGBASINNA}])([{c.TONES}{c.NASALIZATION}])"
)
_REPEATED_MARK = re.compile(f"([{c.MARKS}])\\1")
_UNASSIGNED = re.compile(f"[{c.UNASSIGNED}]")
_PRIVATE_OR_SURROGATE = re.compile("[\ud800-\udfff\ue000-\uf8ff]")
_BIDI_OVERRIDE = re.compile("[\u202d\u202e]")
# No real line of 14,191 begins with the sign that ends a sentence or ends with an elision.
_STARTS_WITH_END = re.compile(f"[.؟߹߸،؛]\\s*[{_NKO}]")
_ENDS_SENTENCE = re.compile(r"[.!?؟߹…]\W*$")


def validate(text: str, *, english: str | None = None, latin: str | None = None) -> list[Signal]:
    """Return every signal against `text`, worst first; an empty list means nothing was found.

    `text` is the text as it was read; it is normalized here, and what normalizing repairs is no
    signal. `english` is its translation, `latin` another reader's romanization: with them lengths
    and letters are compared. Text without N'Ko letters is flagged, and rejected when it is in a
    script that passes for N'Ko; N'Ko digits alone are N'Ko.
    """
    normalized = normalize_with_notes(text)
    found = [*_damage(text, normalized.text)]
    if not any(signal.severity == "reject" for signal in found):
        found += _script(normalized.text)
        found += _letters_and_marks(normalized.text)
        found += _repetition(normalized.text)
        found += _edges(normalized.text)
        found += _against_translation(normalized.text, english)
        found += _against_latin(normalized.text, latin)
        if "ambiguous_apostrophe" in normalized.notes:
            found.append(Signal("apostrophe", "review", "an apostrophe stands for ߴ or ߵ"))
    return sorted(found, key=lambda signal: signal.severity != "reject")


def rejected(signals: list[Signal]) -> bool:
    """Whether any of `signals` rejects the text."""
    return any(signal.severity == "reject" for signal in signals)


def _damage(raw: str, text: str) -> Iterator[Signal]:
    """Damage that makes everything else that could be said about the text meaningless."""
    if not text:
        yield Signal("empty", "reject", "no text")
        return
    if is_mojibake(raw):
        yield Signal("mojibake", "reject", f"decoded with the wrong encoding: {text[:20]!r}")
    if "\ufffd" in raw:
        yield Signal("replacement_character", "reject", "U+FFFD: a character was lost in decoding")
    if match := _PRIVATE_OR_SURROGATE.search(raw):
        yield Signal("private_use", "reject", f"U+{ord(match[0]):04X} has no meaning in text")
    if match := _UNASSIGNED.search(text):
        yield Signal("unassigned", "reject", f"U+{ord(match[0]):04X} is not a character")
    if leak := leaks.find(raw):
        yield Signal(leak.name, "reject", f"not part of the text: {leak.excerpt!r}")
    if match := _BIDI_OVERRIDE.search(raw):
        yield Signal("bidi_override", "review", f"U+{ord(match[0]):04X} may hide a reversed text")


def _script(text: str) -> Iterator[Signal]:
    """Other scripts where N'Ko should be."""
    nko = len(_NKO_LETTER_OR_DIGIT.findall(text))
    other = len(_OTHER_LETTER_OR_DIGIT.findall(text))
    if not nko and not other:
        yield Signal("empty", "reject", f"neither letters nor digits in {text[:20]!r}")
        return
    if foreign := _NEITHER_NKO_NOR_LATIN.findall(text):
        scripts = Counter(unicodedata.name(letter, "UNKNOWN").split()[0] for letter in foreign)
        script, count = scripts.most_common(1)[0]
        detail = f"{count} {script.title()} letters, {nko} of N'Ko"
        if len(foreign) > nko:
            yield Signal("wrong_script", "reject", detail)
            return
        if script in _LOOKALIKE_SCRIPTS:
            yield Signal("foreign_script", "review", detail)
    if not nko:
        yield Signal("no_nko", "review", f"no N'Ko in {text[:20]!r}")
        return
    if leak := leaks.find_prose(text):
        yield Signal(leak.name, "reject", f"running prose in another language: {leak.excerpt!r}")
    if match := _ARABIC_DIGIT.search(text):
        yield Signal("foreign_digits", "review", f"Arabic digit {match[0]!r}")
    for run in sorted(_TOUCHING.findall(text), key=len):
        if len(run) == 1 or _NEITHER_NKO_NOR_LATIN.search(run):
            yield Signal("lookalike_letter", "reject", f"{run!r} in an N'Ko word")
        else:
            yield Signal("missing_space", "review", f"{run!r} touches an N'Ko word")
        break
    share = nko / (nko + other)
    if share < _MIN_SHARE:
        yield Signal("script_share", "review", f"{share:.2f} of the letters and digits are N'Ko")


def _letters_and_marks(text: str) -> Iterator[Signal]:
    """Words and marks in proportions that no writer produces."""
    if _LONG_WORD.search(text):
        longest = max(len(_NKO_LETTER.findall(word)) for word in words(text))
        severity: Severity = "reject" if longest > _MAX_RUN_TOGETHER else "review"
        yield Signal("word_length", severity, f"a word of {longest} letters")

    marks = len(_MARK_LETTERS.findall(text))
    misplaced = [
        pair
        for pair in _MARK_ON_CONSONANT.findall(text)
        if pair[0] + pair[1] not in c.FOREIGN_SOUNDS
    ]
    orphans = _ORPHAN_MARK.findall(text)
    wrong = len(misplaced) + len(orphans)
    if wrong >= 2 and wrong >= _MISPLACED_SHARE * marks:
        yield Signal("reversed", "reject", f"{wrong} of {marks} marks precede their letter")
    elif orphans:
        severity = "reject" if text[0] in c.MARKS else "review"
        yield Signal("orphan_mark", severity, f"U+{ord(orphans[0]):04X} without a letter")
    elif misplaced:
        yield Signal("misplaced_mark", "review", f"U+{ord(misplaced[0][1]):04X} on a consonant")
    if match := _FOREIGN_MARK.search(text):
        yield Signal("foreign_mark", "review", f"U+{ord(match[1]):04X} on an N'Ko letter")
    if match := _REPEATED_MARK.search(text):
        yield Signal("repeated_mark", "review", f"U+{ord(match[1]):04X} twice on one letter")

    letters = len(_NKO_LETTER.findall(text))
    tones = len(_TONE_MARK.findall(text)) / len(text)
    toneless = not tones and letters >= _SOME_TONE_FROM and len(words(text)) > 2
    outside = letters >= _TONES_FROM and not _TONE_RANGE[0] <= tones <= _TONE_RANGE[1]
    if toneless or outside:
        yield Signal("tone_marks", "review", f"{tones:.2f} tone marks a character")
    nasals = text.count(c.NASALIZATION)
    share = nasals / len(text)
    if letters >= _NASALS_FROM and (not nasals or share > _NASAL_RANGE[1]):
        yield Signal("nasal_marks", "review", f"{share:.2f} nasal marks a character")


def _repetition(text: str) -> Iterator[Signal]:
    """Loops: a letter, a syllable, a word or a phrase over and over."""
    bare = _MARK_LETTERS.sub("", text)
    if match := _TRIPLE_LETTER.search(bare):
        yield Signal("triple_letter", "reject", f"{match[1]} three times in a row")
    elif match := _SYLLABLE_LOOP.search(text):
        yield Signal("loop", "reject", f"{match[1]!r} over and over")
    tokens = text.split()
    for period in range(1, min(12, len(tokens) // 3) + 1):
        run = 0
        for position in range(len(tokens) - period):
            run = run + 1 if tokens[position] == tokens[position + period] else 0
            if run == 2 * period:
                phrase = " ".join(tokens[position - period + 1 : position + 1])
                size = len(_NKO_LETTER_OR_DIGIT.findall(phrase))
                if not size:  # a dotted line
                    continue
                name = "triple_word" if period == 1 else "loop"
                # A lesson may drill a single letter; no lesson seen drills a word in one line.
                severity: Severity = "review" if size == 1 else "reject"
                yield Signal(name, severity, f"{phrase!r} three times")
                return


def _edges(text: str) -> Iterator[Signal]:
    """Beginnings and ends that no sentence has."""
    if _STARTS_WITH_END.match(text):
        yield Signal("starts_with_end", "review", f"begins with {text[0]!r}: the order is reversed")
    if text[-1] in c.APOSTROPHES:
        yield Signal("unfinished", "review", "ends with an elision, so a word is missing")


def _against_translation(text: str, english: str | None) -> Iterator[Signal]:
    """A translation much longer or shorter than the text: one of the two was cut or made up."""
    english = (english or "").strip()
    if len(english) < _RATIO_FROM:
        return
    nko = len(strip_tones(text))
    ratio = nko / len(english)
    low, high = _TRUNCATED
    cut = ratio < _TRUNCATED_RATIO and len(english) >= _TRUNCATED_FROM
    if cut and low <= len(text) <= high and not _ENDS_SENTENCE.search(text):
        yield Signal("truncated", "reject", f"{len(text)} characters for {len(english)} of English")
    elif not _RATIO_RANGE[0] <= ratio <= _RATIO_RANGE[1]:
        # A headword shorter than any truncated answer may well have a long definition.
        extreme = len(text) >= low and not _RATIO_LIMITS[0] <= ratio <= _RATIO_LIMITS[1]
        severity: Severity = "reject" if extreme else "review"
        yield Signal("length_ratio", severity, f"{ratio:.2f} characters for one of English")


def _against_latin(text: str, latin: str | None) -> Iterator[Signal]:
    """Another reader's romanization that does not spell this text."""
    if not latin or not _NKO_LETTER.search(text):
        return
    agreement = latin_agreement(text, latin)
    if agreement < _LATIN_AGREEMENT:
        yield Signal("latin_disagrees", "review", f"{agreement:.2f} of the letter pairs agree")
