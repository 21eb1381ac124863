"""What speaks for and against an entry: the features of the trust model, computed for a video.

Only what two readers read is looked at, never the truth and never a reader's opinion of itself.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rapidfuzz.distance import Levenshtein

from nko_assets.nko import latin_agreement, strip_tones, validate
from nko_assets.nko.characters import NASALIZATION, TONES
from nko_assets.reading.answers import union
from nko_assets.reading.charset import fold
from nko_assets.reading.trust.dictionary import Dictionary

# A line that shares less than half of the letters is another line.
ALIKE = 0.5
# With so many of its letters an entry surely stands where the offline reader found it.
_SAME_PLACE = 0.75
# A sentence may run over so many lines.
_LONGEST_RUN = 4
_MOST_SIGNALS = 3
_DOUBTLESS = 0.99
# N'Ko characters without tones for one of English: the middle of real text, from 30 characters on.
_USUAL_RATIO = 1.08
_RATIO_FROM = 30
_FARTHEST_RATIO = 1.5
_BARE = str.maketrans("", "", TONES + NASALIZATION)


@dataclass(frozen=True, slots=True)
class Claim:
    """An entry as the reader to be judged gives it; `nko` is normalized."""

    nko: str
    latin_shown: str | None = None
    english: str | None = None


@dataclass(frozen=True, slots=True)
class SeenLine:
    """A line of N'Ko as the offline reader read it: its confidence, 0 to 1, and where it stands."""

    text: str
    confidence: float
    box: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Frame:
    """What two readers say of one frame, each in reading order."""

    claims: Sequence[Claim]
    seen: Sequence[SeenLine]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of one entry; `features` by the names of `FEATURES`.

    `read` is what the offline reader read in its place, with its `sureness` and the places of its
    `lines`; None when nothing is like it. It may be the `same`, or have the `same_letters` with
    other tone or nasal marks. `box` is around it where it is surely the same text. `unknown` are the
    entry's words that the dictionary does not have.
    """

    features: Mapping[str, float]
    read: str | None
    sureness: float
    same: bool = False
    same_letters: bool = False
    lines: range = range(0)
    box: tuple[int, ...] = ()
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Run:
    """One or more lines as the offline reader read them, as one text; as sure as the least sure."""

    lines: range
    text: str
    whole: str
    letters: str
    sureness: float
    boxes: tuple[tuple[int, ...], ...]

    @property
    def box(self) -> tuple[int, ...]:
        """Around all of the lines; empty when the place of one is not known."""
        return union([(b[0], b[1], b[2], b[3]) for b in self.boxes]) if all(self.boxes) else ()


@dataclass(frozen=True, slots=True)
class _Match:
    """The run that an entry stands for, and how like its text is, with marks and without."""

    run: _Run
    likeness: float
    letters_alike: float


# Each feature and the sign that its coefficient may have: what speaks for an entry has +1, what
# speaks against it -1, and 0 is for what only sets the scale.
FEATURES: Mapping[str, int] = {
    "same_and_sure": +1,  # the offline reader read the very same, by its confidence
    "marks_differ": -1,  # how much of it differs only in tone and nasal marks
    "edits": -1,  # log of 1 + the number of characters that differ
    "surely_other": -1,  # it read something else, by its confidence
    "most_surely_other": -1,  # the cube of that: what counts is whether it is very sure
    "other_in_company": +1,  # it read something else, though it reads the same elsewhere
    "unmatched": -1,  # nothing that the offline reader read is like it
    "out_of_order": -1,  # its line stands elsewhere among the lines than the entry among entries
    "signals": -1,  # signals that the validator raises
    "latin_shown": 0,  # a romanization was read on the frame
    "latin_differs": -1,  # and spells something else than the N'Ko does by rule
    "length_off": -1,  # log of how far its length is from what its English has
    "length": 0,  # log of its characters
    "company": +1,  # how like the offline readings the other entries of the video are
    "company_same": +1,  # the share of them that are the very same
}
WITH_DICTIONARY: Mapping[str, int] = {
    "unknown_words": -1,  # the share of its words that the dictionary does not have
    "known_better": +1,  # the share it knows of them less the share of the offline reading's
}


def evidence_of(
    frames: Sequence[Frame], dictionary: Dictionary | None = None
) -> list[list[Evidence]]:
    """The evidence on each claim of each frame of one video.

    With a dictionary the features of `WITH_DICTIONARY` are there too.
    """
    matches = [
        [_best_match(claim, runs) for claim in frame.claims]
        for frame in frames
        for runs in [_runs(frame.seen)]
    ]
    together = [
        (match.likeness if match else 0.0, float(_is_same(claim, match)))
        for frame, row in zip(frames, matches, strict=True)
        for claim, match in zip(frame.claims, row, strict=True)
    ]
    company = iter(
        zip(
            _others([one for one, _ in together]),
            _others([one for _, one in together]),
            strict=True,
        )
    )
    found: list[list[Evidence]] = []
    for frame, row in zip(frames, matches, strict=True):
        found.append([])
        for claim, match, ordered in zip(frame.claims, row, _in_order(row), strict=True):
            likeness, same = next(company)
            features = _features(claim, match) | {
                "out_of_order": float(not ordered),
                "company": likeness,
                "company_same": same,
                "other_in_company": 0.0 if _is_same(claim, match) else same,
            }
            if dictionary is not None:
                features |= _known(claim, match, dictionary)
            found[-1].append(_evidence(claim, match, features, dictionary))
    return found


def _evidence(
    claim: Claim,
    match: _Match | None,
    features: Mapping[str, float],
    dictionary: Dictionary | None,
) -> Evidence:
    unknown = tuple(dictionary.unknown(claim.nko)) if dictionary else ()
    if match is None:
        return Evidence(features, None, 0.0, unknown=unknown)
    run = match.run
    box = run.box if match.letters_alike >= _SAME_PLACE else ()
    return Evidence(
        features,
        run.text,
        run.sureness,
        same=_is_same(claim, match),
        same_letters=fold(claim.nko).translate(_BARE) == run.letters,
        lines=run.lines,
        box=box,
        unknown=unknown,
    )


def _runs(seen: Sequence[SeenLine]) -> list[_Run]:
    """Every line, and every run of a few lines that follow one another."""
    runs = []
    for first in range(len(seen)):
        for length in range(1, min(_LONGEST_RUN, len(seen) - first) + 1):
            lines = seen[first : first + length]
            text = " ".join(line.text for line in lines)
            whole = fold(text)
            sureness = min(line.confidence for line in lines)
            runs.append(
                _Run(
                    range(first, first + length),
                    text,
                    whole,
                    whole.translate(_BARE),
                    sureness,
                    tuple(line.box for line in lines),
                )
            )
    return runs


def _best_match(claim: Claim, runs: Sequence[_Run]) -> _Match | None:
    """The run most like the claim in its letters, then in its marks; None when none is alike."""
    whole = fold(claim.nko)
    letters = whole.translate(_BARE)
    best = (ALIKE, 0.0)
    found: _Match | None = None
    for run in runs:
        alike = Levenshtein.normalized_similarity(letters, run.letters, score_cutoff=best[0])
        if alike < best[0]:
            continue
        likeness = Levenshtein.normalized_similarity(whole, run.whole)
        if (alike, likeness) > best:
            best = alike, likeness
            found = _Match(run, likeness, alike)
    return found


def _is_same(claim: Claim, match: _Match | None) -> bool:
    return match is not None and fold(claim.nko) == match.run.whole


def _features(claim: Claim, match: _Match | None) -> dict[str, float]:
    whole = fold(claim.nko)
    same = _is_same(claim, match)
    alike, likeness = (match.letters_alike, match.likeness) if match else (0.0, 0.0)
    sureness = match.run.sureness if match else 0.0
    latin = latin_agreement(claim.nko, claim.latin_shown) if claim.latin_shown else None
    signals = validate(claim.nko, english=claim.english, latin=claim.latin_shown)
    return {
        "same_and_sure": _weight(sureness) if same else 0.0,
        "marks_differ": max(alike - likeness, 0.0),
        "edits": math.log1p(Levenshtein.distance(whole, match.run.whole if match else "")),
        "surely_other": 0.0 if same else _weight(sureness),
        "most_surely_other": 0.0 if same else _weight(sureness) ** 3,
        "unmatched": float(match is None),
        "signals": float(min(len(signals), _MOST_SIGNALS)),
        "latin_shown": float(latin is not None),
        "latin_differs": 0.0 if latin is None else 1.0 - latin,
        "length_off": _length_off(claim),
        "length": math.log(max(len(whole), 1)),
    }


def _weight(sureness: float) -> float:
    """A confidence on a scale, 0 to 1, on which 0.9 and 0.99 lie as far apart as 0 and 0.9."""
    return math.log1p(-sureness * _DOUBTLESS) / math.log1p(-_DOUBTLESS)


def _length_off(claim: Claim) -> float:
    english = (claim.english or "").strip()
    if len(english) < _RATIO_FROM or not claim.nko:
        return 0.0
    ratio = len(strip_tones(claim.nko)) / len(english)
    return min(abs(math.log(ratio / _USUAL_RATIO)), _FARTHEST_RATIO)


def _known(claim: Claim, match: _Match | None, dictionary: Dictionary) -> dict[str, float]:
    rate = dictionary.hit_rate(claim.nko)
    other = dictionary.hit_rate(match.run.text) if match else None
    return {
        "unknown_words": 0.0 if rate is None else 1.0 - rate,
        "known_better": 0.0 if rate is None or other is None else rate - other,
    }


def _others(values: Sequence[float]) -> list[float]:
    """For each value the mean of the others, drawn towards a half where there are few."""
    total = math.fsum(values)
    return [(total - value + 1.0) / (len(values) + 1) for value in values]


def _in_order(matches: Sequence[_Match | None]) -> list[bool]:
    """Whether each entry is of the most entries whose lines follow one another.

    An entry without a line is in nobody's way; several entries may stand on one line.
    """
    places = [(number, match.run.lines.start) for number, match in enumerate(matches) if match]
    # The patience method: the least last line of a sequence of each length, and who ends it.
    tails: list[int] = []
    ends: list[int] = []
    before: list[int | None] = []
    for position, (_, first) in enumerate(places):
        length = bisect_right(tails, first)
        tails[length : length + 1] = [first]
        ends[length : length + 1] = [position]
        before.append(ends[length - 1] if length else None)
    kept: set[int] = set()
    at = ends[-1] if ends else None
    while at is not None:
        kept.add(places[at][0])
        at = before[at]
    return [match is None or number in kept for number, match in enumerate(matches)]
