"""What the lines of a frame say: which script each is in, its text, and how sure that is.

Our recognizer reads every line first. It has one class for "a word in another script", so it also
tells which lines, or which parts of a line, are for the Latin recognizer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby, pairwise
from pathlib import Path
from statistics import fmean

import cv2
import numpy as np
from rapidfuzz.distance import Levenshtein

from nko_assets.nko import normalize
from nko_assets.nko.characters import BLOCK_END, BLOCK_START, DIGITS, LETTERS
from nko_assets.reading.answers import Box, Line
from nko_assets.reading.charset import LATIN_WORD
from nko_assets.reading.detect import TextLine, reading_order
from nko_assets.reading.language import UNDETERMINED
from nko_assets.reading.latin import LatinLine, LatinRecognizer
from nko_assets.reading.recognizer import WEIGHTS, NkoRecognizer, RecognizedLine

REREADS = 4
"""How often an N'Ko line is read again, to vote on its text and to see whether it holds.

On 300 lines from frames of 240 to 360 rows at the worst qualities of H.264, four votes leave three
in four character errors, and the confidence ranks right lines over wrong ones with AUROC 0.91.
"""

# Each re-read crop: what to add at the top, the bottom and the sides, in shares of the ink height.
_SHIFTS = ((0.10, -0.04, 0.1), (-0.05, 0.12, -0.1), (0.16, 0.16, 0.2), (-0.05, -0.05, 0.0))
# What our recognizer took for N'Ko with less confidence, or with fewer signs than the line has room
# for (width in heights for each sign), is offered to the Latin one as well.
_DOUBTFUL = 0.9
_CLEARLY_BETTER = 0.1
_WIDEST_SIGN = 2.0
_ROOM_ABOVE = 0.2  # in ink heights, for the Latin recognizer
# A mouse pointer or a bullet beside a line is read as some sign that stands apart, with a
# probability that stands out from the rest of a clear line.
_STRANGE, _CLEAR = 0.8, 0.9
# What may be the number of a list: a few signs that end like one, or that are doubtful.
_NUMBER = re.compile(r"[.(\-:]?\d{1,3}[.)\-:]?")
_LONGEST_NUMBER = 4
_NUMBER_LIMIT = 0.75  # the Latin recognizer reads N'Ko digits as Western ones with 0.66 at most
_SURE_SIGN = 0.97
# Below this, with its re-reads, a reading is of no text: each crop of a face says something else.
_NO_TEXT = 0.3
_BULLETS = "•·–—- "
_BETWEEN_SCRIPTS = " =:–—-|/→()"  # what stands between a text and its translation
# Below this, what the Latin recognizer says is no text: a face, a picture, another script.
_LATIN_LIMIT = 0.6


@dataclass(frozen=True, slots=True)
class _Part:
    """One line, or one stretch of a line that is in two scripts."""

    line: TextLine
    script: str
    text: str
    raw: str
    confidence: float


class Transcriber:
    """Reads the lines that detection found; loads its weights when first used, one thread."""

    def __init__(self, rereads: int = REREADS, weights: Path = WEIGHTS) -> None:
        """`weights` are those of our recognizer."""
        if not 0 <= rereads <= len(_SHIFTS):
            raise ValueError(f"rereads is from 0 to {len(_SHIFTS)}, not {rereads}")
        self._shifts = _SHIFTS[:rereads]
        self._weights = weights

    def transcribe(self, image: np.ndarray, found: Sequence[TextLine]) -> list[Line]:
        """The `found` lines of `image` (BGR uint8) in reading order, languages not yet told.

        A line that begins in one script and ends in another becomes two. What neither recognizer
        can read has script 'other', and perhaps no text.
        """
        if not found:
            return []
        gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        readings = self._nko.read([_cut(gray, line.crop) for line in found])
        parts = [
            part
            for line, reading in zip(found, readings, strict=True)
            for part in self._parts(image, gray, line, reading)
        ]
        parts = self._by_consensus(gray, parts)
        has_nko = any(part.script in {"nko", "mixed"} for part in parts)
        order = reading_order([part.line.box for part in parts], right_to_left=has_nko)
        return [
            Line(
                line=number,
                box=parts[place].line.box,
                script=parts[place].script,
                language="nqo" if parts[place].script in {"nko", "mixed"} else UNDETERMINED,
                text=parts[place].text,
                raw=parts[place].raw,
                confidence=parts[place].confidence,
            )
            for number, place in enumerate(order)
        ]

    def _parts(
        self, image: np.ndarray, gray: np.ndarray, line: TextLine, reading: RecognizedLine
    ) -> list[_Part]:
        if _is_latin(reading.text):
            return [_latin_part(line, self._read_latin(image, line))]
        part = _nko_part(line, reading)
        sparse = _is_sparse(part)
        if part.confidence < _DOUBTFUL or sparse or LATIN_WORD in reading.text:
            other = self._read_latin(image, line)
            if other.confidence > part.confidence + (0 if sparse else _CLEARLY_BETTER):
                return [_latin_part(line, other)]
        if LATIN_WORD not in reading.text:
            return self._numbered(image, gray, line, reading) or [part]
        stretches = _stretches(line, reading, gray)
        if len(stretches) == 2:
            return [
                part for box, latin in stretches for part in self._part(image, gray, box, latin)
            ]
        return [self._mixed(image, line, reading, stretches)]

    def _numbered(
        self, image: np.ndarray, gray: np.ndarray, line: TextLine, reading: RecognizedLine
    ) -> list[_Part]:
        """The parts of a line that begins with a number in Western digits; none for other lines.

        Our recognizer may take "1." for a letter; the Latin one is surer of it.
        """
        first, _, rest = reading.text.partition(" ")
        if not first or not rest or len(first) > _LONGEST_NUMBER:
            return []
        probabilities = reading.probabilities[: len(first)]
        doubtful = min(probabilities) < _SURE_SIGN
        if not doubtful and first[-1] not in ".)-:":
            return []
        as_latin = replace(reading, text=LATIN_WORD * len(first) + " " + rest)
        (start, _), *others = _stretches(line, as_latin, gray)
        number = self._read_latin(image, start)
        needed = _NUMBER_LIMIT if doubtful else fmean(probabilities)
        if not _NUMBER.fullmatch(number.text) or number.confidence <= needed:
            return []
        parts = [part for piece, latin in others for part in self._part(image, gray, piece, latin)]
        return [_latin_part(start, number), *parts]

    def _part(
        self, image: np.ndarray, gray: np.ndarray, piece: TextLine, latin: bool
    ) -> list[_Part]:
        """One of two stretches of a line, read by itself."""
        if latin:
            part = _latin_part(piece, self._read_latin(image, piece))
            return [part] if part.script == "latin" else []
        (reading,) = self._nko.read([_cut(gray, piece.crop)])
        return [_nko_part(piece, reading)]

    def _mixed(
        self,
        image: np.ndarray,
        line: TextLine,
        reading: RecognizedLine,
        stretches: Sequence[tuple[TextLine, bool]],
    ) -> _Part:
        """A line with words of both scripts among each other, as one text in logical order."""
        words = iter(self._read_latin(image, piece) for piece, latin in stretches if latin)
        pieces, sure = [], [reading.confidence]
        for latin, run in groupby(reading.text.split(" "), key=_is_latin):
            if not latin:
                pieces.append(" ".join(run))
                continue
            word = next(words, None)
            if word and word.confidence >= _LATIN_LIMIT:
                pieces.append(word.text)
                sure.append(word.confidence)
        script = "mixed" if len(sure) > 1 else "nko"
        text = normalize(" ".join(pieces).replace(LATIN_WORD, ""))
        return _Part(line, script, text, reading.text, min(sure))

    def _read_latin(self, image: np.ndarray, line: TextLine) -> LatinLine:
        """What `line` says in Latin script, cut with room above, which shows its letters' height.

        A word without ascenders that fills its crop looks like capitals.
        """
        x0, y0, x1, y1 = line.crop
        room = round(_ROOM_ABOVE * (line.box[3] - line.box[1]))
        return self._latin.read([_cut(image, (x0, max(y0 - room, 0), x1, y1))])[0]

    def _by_consensus(self, gray: np.ndarray, parts: Sequence[_Part]) -> list[_Part]:
        """The parts, each N'Ko one replaced by what most readings of it say, shifted ones included.

        The confidence is the mean probability of the reading that agrees best with all, times its
        mean agreement with the others.
        """
        places = [place for place, part in enumerate(parts) if part.script == "nko"]
        crops = [
            _cut(gray, _shifted(parts[place].line, shift, gray.shape))
            for place in places
            for shift in self._shifts
        ]
        again = iter(self._nko.read(crops) if crops else [])
        decided = list(parts)
        for place in places:
            part = parts[place]
            readings = [(part.text, part.confidence)]
            readings += [_clear_text(next(again), part.line) for _ in self._shifts]
            text, confidence = _consensus(readings)
            script = "nko" if confidence >= _NO_TEXT else "other"
            decided[place] = replace(part, script=script, text=text, confidence=confidence)
        return decided

    @cached_property
    def _nko(self) -> NkoRecognizer:
        return NkoRecognizer(self._weights)

    @cached_property
    def _latin(self) -> LatinRecognizer:
        return LatinRecognizer()


def _is_latin(text: str) -> bool:
    """Whether `text`, as our recognizer writes it, has words of other scripts and no N'Ko."""
    return LATIN_WORD in text and not any(
        BLOCK_START <= character <= BLOCK_END for character in text
    )


def _clear_text(reading: RecognizedLine, line: TextLine) -> tuple[str, float]:
    """The N'Ko of `reading`, normalized, and its mean probability; 0 without letter or digit.

    Without words of other scripts, and without single signs apart at its ends that are much less
    probable than the rest; without what joins it to a stretch in the other script.
    """
    words: list[list[tuple[str, float]]] = [[]]
    for sign, probability in zip(reading.text, reading.probabilities, strict=True):
        if sign in (" ", LATIN_WORD):
            words.append([])
        else:
            words[-1].append((sign, probability))
    words = [word for word in words if word]
    for end in (-1, 0):
        rest = words[:-1] if end else words[1:]
        strange = rest and len(words[end]) == 1 and words[end][0][1] < _STRANGE
        if strange and fmean(p for word in rest for _, p in word) >= _CLEAR:
            words = rest
    signs = [pair for word in words for pair in word]
    text = normalize(" ".join("".join(sign for sign, _ in word) for word in words))
    if _was_cut(line):
        text = text.strip(_BETWEEN_SCRIPTS)
    if not any(sign in LETTERS + DIGITS for sign, _ in signs):
        return text, 0.0
    return text, fmean(p for _, p in signs)


def _was_cut(line: TextLine) -> bool:
    """Whether `line` is a stretch of a line: then its crop has no margin on the side of the cut."""
    return line.crop[0] == line.box[0] or line.crop[2] == line.box[2]


def _consensus(readings: Sequence[tuple[str, float]]) -> tuple[str, float]:
    """Of (text, mean probability) readings of one line the one most like all, and how sure it is."""
    alike = [
        [Levenshtein.normalized_similarity(text, other) for other, _ in readings]
        for text, _ in readings
    ]
    weights = [confidence for _, confidence in readings]
    votes = [sum(w * a for w, a in zip(weights, row, strict=True)) for row in alike]
    best = votes.index(max(votes))
    text, confidence = readings[best]
    if len(readings) == 1:
        return text, confidence
    return text, confidence * (sum(alike[best]) - 1) / (len(readings) - 1)


def _is_sparse(part: _Part) -> bool:
    x0, y0, x1, y1 = part.line.box
    return x1 - x0 > _WIDEST_SIGN * (y1 - y0) * len(part.text)


def _nko_part(line: TextLine, reading: RecognizedLine) -> _Part:
    text, confidence = _clear_text(reading, line)
    return _Part(line, "nko", text, reading.text, confidence)


def _latin_part(line: TextLine, reading: LatinLine) -> _Part:
    sure = reading.confidence >= _LATIN_LIMIT and reading.text
    text = reading.text.lstrip(_BULLETS)
    return _Part(
        line, "latin" if sure else "other", text or reading.text, reading.text, reading.confidence
    )


def _stretches(
    line: TextLine, reading: RecognizedLine, gray: np.ndarray
) -> list[tuple[TextLine, bool]]:
    """The stretches of a line in reading order, each with whether it is in another script.

    They part where the space is widest between the last sign of one and the first of the next.
    """
    x0, _, x1, _ = line.crop
    runs: list[tuple[bool, list[float]]] = []
    index = 0
    for word in reading.text.split(" "):
        latin = _is_latin(word)
        places = [x0 + p * (x1 - x0) for p in reading.positions[index : index + len(word)]]
        index += len(word) + 1
        if runs and runs[-1][0] == latin:
            runs[-1][1].extend(places)
        elif word:
            runs.append((latin, places))
    columns = _cut(gray, line.box)
    level = np.median(columns)
    ink = np.abs(columns.astype(np.int16) - level).max(axis=0) > 40
    edges = [
        line.box[0] + _widest_gap(ink, (left - line.box[0], right - line.box[0]))
        for left, right in (
            sorted((_nearest(one, other), _nearest(other, one)))
            for (_, one), (_, other) in pairwise(runs)
        )
    ]
    # Runs come in logical order, from right to left; where they part, nothing is to be seen.
    box_edges = [line.box[2], *edges, line.box[0]]
    crop_edges = [line.crop[2], *edges, line.crop[0]]
    pieces = []
    for (latin, _), inked, cut in zip(runs, pairwise(box_edges), pairwise(crop_edges), strict=True):
        box = (min(inked), line.box[1], max(inked), line.box[3])
        crop = (min(cut), line.crop[1], max(cut), line.crop[3])
        pieces.append((TextLine(box, crop), latin))
    return pieces


def _nearest(places: Sequence[float], others: Sequence[float]) -> float:
    middle = fmean(others)
    return min(places, key=lambda place: abs(place - middle))


def _widest_gap(ink: np.ndarray, between: tuple[float, float]) -> int:
    """The middle of the widest run of columns without ink between two columns."""
    low, high = (int(np.clip(edge, 0, len(ink) - 1)) for edge in between)
    best, start = (0, (low + high) // 2), low
    for position in range(low, high + 1):
        if ink[position]:
            start = position + 1
        elif position - start + 1 > best[0]:
            best = (position - start + 1, (start + position) // 2)
    return best[1]


def _cut(picture: np.ndarray, box: Box) -> np.ndarray:
    return np.ascontiguousarray(picture[box[1] : box[3], box[0] : box[2]])


def _shifted(line: TextLine, shift: tuple[float, float, float], shape: tuple[int, ...]) -> Box:
    """The crop of `line` with a little more or less on its sides, at least one pixel.

    A side without margin is one where the line was cut from a stretch in the other script.
    """
    x0, y0, x1, y1 = line.crop
    height = line.box[3] - line.box[1]
    above, below, aside = (round(share * height) or (1 if share > 0 else -1) for share in shift)
    left = aside if x0 < line.box[0] else 0
    right = aside if x1 > line.box[2] else 0
    return (
        max(x0 - left, 0),
        max(y0 - above, 0),
        min(x1 + right, shape[1]),
        min(y1 + below, shape[0]),
    )
