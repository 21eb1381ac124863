"""Which Latin-script lines translate or romanize which N'Ko line of a frame.

Each N'Ko block offers three places: English, French, romanization. Which Latin block takes which
place is an assignment problem, solved exactly. A place costs what the layout says (beside, under,
over, and what stands between) and what the language says; a block that fits nowhere stays alone.
The first solution shows how the slide is built (where translations stand, which language a column
has), and it is solved again with that knowledge.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

import numpy as np

from nko_assets.reading import language as lang
from nko_assets.reading.answers import Box, Entry, Line, entry_kind, union
from nko_assets.reading.blocks import Block, blocks_of, column_labels, is_number, located

PLACES = (lang.ENGLISH, lang.FRENCH, lang.ROMANIZED)

# Costs are in nats; lengths are in heights of an N'Ko line.
_ALONE = 2.8  # a block that belongs to no N'Ko block
_NEVER = 1e6
_BESIDE, _UNDER, _OVER = 0.2, 0.3, 0.8
_PER_GAP = 0.9  # blank space on the way up or down, where it is widest
_PER_GAP_BESIDE = 0.03  # columns may be far apart
_PER_STEP = 0.1  # a Latin block between, which may belong to the same group
_PER_BLOCKER = 2.0  # an N'Ko block between
_SHIFTED, _APART = 0.3, 0.9  # overlapping without a common edge; not even overlapping
_NUMBER = 1.2  # N'Ko digits alone are seldom what is translated
_UNUSUAL = 0.6  # weight of how most pairs of the slide lie
_COLUMN = 0.7  # weight of the languages of the other blocks of a column
# A column may hold a block in another language (a heading); romanizations come as whole columns,
# while a single name may look like one.
_STRAY = {lang.ENGLISH: 0.03, lang.FRENCH: 0.03, lang.ROMANIZED: 0.002}
_SAME_ROW = 0.6
_SAME_EDGE = 0.7
_PASSES = 3

_DIVIDED = re.compile(r"\s+[/|=–—-]\s+")
_SPEAKER = re.compile(r"[A-ZÀ-Ý]\w{0,14}\s?:\s+(?=\S)")


@dataclass(frozen=True, slots=True)
class Relation:
    """How a Latin block lies to an N'Ko block, and what that costs."""

    kind: str
    cost: float


@dataclass(frozen=True, slots=True)
class Match:
    """A Latin block in a place of an N'Ko block."""

    nko: int
    place: str
    kind: str


def pair(lines: Sequence[Line]) -> tuple[tuple[Line, ...], tuple[Entry, ...]]:
    """The lines with their languages told, and an entry for each N'Ko line, in their order.

    Every line needs its box (ValueError without). An N'Ko sentence that runs over several lines is
    one entry where it has a translation; without one, each of its lines is an entry. Latin lines
    that belong to no N'Ko line keep their place among the lines.
    """
    if any(not line.box for line in lines):
        raise ValueError("lines are paired by their layout, so each needs its box")
    blocks = blocks_of(lines)
    labels = column_labels(blocks)
    nko = [block for block in blocks if block.is_nko]
    latin = [
        block
        for position, block in enumerate(blocks)
        if not block.is_nko and position not in labels and _may_translate(block)
    ]
    columns = {blocks[position].box: language for position, language in labels.items()}
    matches = _solve(nko, latin, columns) if nko and latin else {}
    told = _tell_languages(lines, latin, matches)
    return told, tuple(_entries(told, nko, latin, matches))


def _may_translate(block: Block) -> bool:
    names_speaker = block.text.rstrip().endswith(":") and len(block.text.split()) <= 3
    return lang.carries_language(block.text) and not names_speaker


# --- the assignment -------------------------------------------------------------------------


def _solve(
    nko: Sequence[Block],
    latin: Sequence[Block],
    columns: Mapping[Box, str | None],
) -> dict[int, Match]:
    """For each Latin block that belongs to an N'Ko block (by position): where."""
    unit = median(block.height for block in nko)
    relations = {
        (i, j): _relation(one, other, nko, latin, unit)
        for i, one in enumerate(latin)
        for j, other in enumerate(nko)
    }
    shares = {
        (i, j): lang.shares_beside(latin[i].text, nko[j].text)
        for (i, j), relation in relations.items()
        if relation.cost < _ALONE
    }
    nearest = {
        i: Match(j, lang.UNDETERMINED, relations[i, j].kind)
        for i, j in sorted(shares, key=lambda ij: relations[ij].cost, reverse=True)
    }
    announced = [_announced(block, columns, unit) for block in latin]
    matches: dict[int, Match] = {}
    for _ in range(_PASSES):
        usual = _usual_kinds(matches)
        # A block that is still alone learns from the column it would stand in.
        likely = {**nearest, **matches}
        beside = _column_shares(latin, shares, likely, matches, unit)
        costs = np.full((len(latin), 3 * len(nko) + len(latin)), _NEVER)
        for (i, j), told in shares.items():
            relation = relations[i, j]
            weights = [told[language] * beside[i][language] ** _COLUMN for language in PLACES]
            for place, language in enumerate(PLACES):
                cost = relation.cost + usual[relation.kind]
                cost -= math.log(weights[place] / sum(weights))
                if announced[i]:
                    cost += 0.0 if language == announced[i] else _ALONE
                costs[i, 3 * j + place] = cost
        costs[np.arange(len(latin)), 3 * len(nko) + np.arange(len(latin))] = _ALONE
        found = _least_cost(costs, len(nko))
        solved = {
            i: Match(column // 3, PLACES[column % 3], relations[i, column // 3].kind)
            for i, column in found
        }
        if solved == matches:
            break
        matches = solved
    return matches


def _least_cost(costs: np.ndarray, blocks: int) -> Iterator[tuple[int, int]]:
    from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]

    for row, column in zip(*linear_sum_assignment(costs), strict=True):
        if column < 3 * blocks:
            yield int(row), int(column)


def _relation(
    latin: Block, nko: Block, all_nko: Sequence[Block], all_latin: Sequence[Block], unit: float
) -> Relation:
    """How `latin` lies to `nko`, with the cost of what stands between them."""
    number = _NUMBER if is_number(nko) else 0.0
    rise = abs(latin.middle[1] - nko.middle[1]) / ((latin.height + nko.height) / 2)
    apart = max(latin.box[0] - nko.box[2], nko.box[0] - latin.box[2])
    if rise < _SAME_ROW and apart > -0.5 * unit:
        between = sum(_between_in_row(latin, nko, other) for other in all_nko)
        cost = _BESIDE + rise + _PER_GAP_BESIDE * max(apart, 0) / unit + _PER_BLOCKER * between
        kind = "left" if latin.middle[0] < nko.middle[0] else "right"
        return Relation(kind, cost + number)
    under = latin.middle[1] > nko.middle[1]
    path = [
        block
        for block in (*all_nko, *all_latin)
        if block is not latin and block is not nko and _between_in_column(latin, nko, block)
    ]
    blockers = sum(block.is_nko and not is_number(block) for block in path)
    steps = sorted((nko, *path, latin), key=lambda block: block.middle[1])
    gap = max(max(lower.box[1] - upper.box[3], 0) for upper, lower in pairwise(steps))
    cost = (_UNDER if under else _OVER) + _PER_GAP * gap / unit + _PER_STEP * (len(path) - blockers)
    cost += _PER_BLOCKER * blockers + _misalignment(latin, nko, unit) + number
    return Relation("under" if under else "over", cost)


def _between_in_row(latin: Block, nko: Block, other: Block) -> bool:
    if other is nko or is_number(other):
        return False
    if abs(other.middle[1] - latin.middle[1]) > _SAME_ROW * other.height:
        return False
    low, high = sorted((latin.middle[0], nko.middle[0]))
    return low < other.middle[0] < high


def _between_in_column(latin: Block, nko: Block, other: Block) -> bool:
    low, high = sorted((latin.middle[1], nko.middle[1]))
    left, right = min(latin.box[0], nko.box[0]), max(latin.box[2], nko.box[2])
    overlap = min(other.box[2], right) - max(other.box[0], left)
    return low < other.middle[1] < high and overlap > 0


def _misalignment(latin: Block, nko: Block, unit: float) -> float:
    edges = (
        abs(latin.box[0] - nko.box[0]),
        abs(latin.box[2] - nko.box[2]),
        abs(latin.middle[0] - nko.middle[0]),
    )
    if min(edges) < _SAME_EDGE * unit:
        return 0.0
    overlap = min(latin.box[2], nko.box[2]) - max(latin.box[0], nko.box[0])
    return _SHIFTED if overlap > 0 else _APART


# --- what a solution teaches ----------------------------------------------------------------


def _usual_kinds(matches: Mapping[int, Match]) -> dict[str, float]:
    """What each kind of relation costs more than the most usual one; nothing before a solution."""
    counts = Counter(match.kind for match in matches.values())
    if not counts:
        return defaultdict(float)
    most = max(counts.values()) + 0.5
    kinds = ("left", "right", "under", "over")
    return {kind: _UNUSUAL * math.log(most / (counts[kind] + 0.5)) for kind in kinds}


def _column_shares(
    latin: Sequence[Block],
    shares: Mapping[tuple[int, int], Mapping[str, float]],
    likely: Mapping[int, Match],
    matches: Mapping[int, Match],
    unit: float,
) -> list[dict[str, float]]:
    """For each Latin block, the languages of the other blocks of its column; even when alone.

    Blocks beside their N'Ko form a column when they have an edge in common; blocks under or over
    it, when they are as far down the list of its translations.
    """
    ranks = _ranks(latin, likely)
    columns = []
    for i in range(len(latin)):
        scores = dict.fromkeys(PLACES, 0.0)
        learned = False
        for k, match in matches.items():
            if i == k or i not in likely or likely[i].kind != match.kind:
                continue
            if match.kind in {"left", "right"}:
                same = _common_edge(latin[i], latin[k], unit)
            else:
                same = ranks[i] == ranks[k]
            if same:
                learned = True
                for language in PLACES:
                    scores[language] += math.log(shares[k, match.nko][language])
        top = max(scores.values())
        weights = {
            language: math.exp(score - top) + _STRAY[language] for language, score in scores.items()
        }
        if not learned:
            weights = dict.fromkeys(PLACES, 1.0)
        total = sum(weights.values())
        columns.append({language: weight / total for language, weight in weights.items()})
    return columns


def _ranks(latin: Sequence[Block], matches: Mapping[int, Match]) -> dict[int, int]:
    groups: dict[tuple[int, str], list[int]] = defaultdict(list)
    for i, match in matches.items():
        groups[match.nko, match.kind].append(i)
    return {
        i: rank
        for group in groups.values()
        for rank, i in enumerate(sorted(group, key=lambda i: latin[i].middle[1]))
    }


def _common_edge(one: Block, two: Block, unit: float) -> bool:
    return (
        abs(one.box[0] - two.box[0]) < _SAME_EDGE * unit
        or abs(one.box[2] - two.box[2]) < _SAME_EDGE * unit
        or abs(one.middle[0] - two.middle[0]) < _SAME_EDGE * unit
    )


def _announced(block: Block, columns: Mapping[Box, str | None], unit: float) -> str | None:
    """The language that a label over the block's column announces."""
    for box, language in columns.items():
        edges = (abs(box[0] - block.box[0]), abs(box[2] - block.box[2]))
        centred = abs((box[0] + box[2]) / 2 - block.middle[0])
        if box[1] < block.box[1] and min(*edges, centred) < _SAME_EDGE * unit:
            return language
    return None


# --- the answer -----------------------------------------------------------------------------


def _tell_languages(
    lines: Sequence[Line], latin: Sequence[Block], matches: Mapping[int, Match]
) -> tuple[Line, ...]:
    told: dict[int, str] = {}
    for i, block in enumerate(latin):
        match = matches.get(i)
        language = match.place if match else lang.language_of(block.text)
        told |= dict.fromkeys(block.members, language)
    return tuple(
        replace(
            line,
            language="nqo"
            if line.script in {"nko", "mixed"}
            else told.get(position, lang.UNDETERMINED),
        )
        for position, line in enumerate(lines)
    )


def _entries(
    lines: Sequence[Line],
    nko: Sequence[Block],
    latin: Sequence[Block],
    matches: Mapping[int, Match],
) -> Iterator[Entry]:
    beside: dict[int, dict[str, Block]] = defaultdict(dict)
    for i, match in matches.items():
        beside[match.nko][match.place] = latin[i]
    speakers = sum(bool(_SPEAKER.match(latin[i].text)) for i in matches) > 1
    for j, block in enumerate(nko):
        if beside[j]:
            yield _entry(lines, block.members, beside[j], speakers)
        else:
            for member in block.members:
                yield _entry(lines, (member,), {}, speakers)


def _said(text: str, nko: str, speakers: bool) -> str:
    """`text` without the brackets around it, and without who says it where a dialogue names them."""
    if speakers and ":" not in nko:
        text = _SPEAKER.sub("", text)
    inner = text[1:-1]
    bracketed = text[:1] + text[-1:] in {"()", "[]"} and not set("()[]") & set(inner)
    return inner.strip() if bracketed and inner.strip() else text


def _two_languages(text: str) -> dict[str, str]:
    """The parts of "house / maison" by language; empty where it is not one in each."""
    parts = [part.strip() for part in _DIVIDED.split(text)]
    told = {lang.decided(lang.language_shares(part)): part for part in parts}
    return told if len(parts) == 2 and told.keys() == {lang.ENGLISH, lang.FRENCH} else {}


def _entry(
    lines: Sequence[Line], members: tuple[int, ...], beside: Mapping[str, Block], speakers: bool
) -> Entry:
    """One entry; it is as sure as the least sure of its N'Ko and its translations.

    A romanization is compared with the one by rule in review, so its own doubts do not count.
    """
    own = [lines[member] for member in members]
    others = [
        lines[member]
        for place, block in beside.items()
        if place != lang.ROMANIZED
        for member in block.members
    ]
    nko = " ".join(line.text for line in own)
    texts = {place: _said(block.text, nko, speakers) for place, block in beside.items()}
    if len(texts.keys() & {lang.ENGLISH, lang.FRENCH}) == 1:
        (only,) = texts.keys() & {lang.ENGLISH, lang.FRENCH}
        texts |= _two_languages(texts[only])
    return Entry(
        line=own[0].line,
        kind=entry_kind(nko),
        nko=nko,
        nko_raw=" ".join(line.raw for line in own),
        latin_shown=texts.get(lang.ROMANIZED),
        english=texts.get(lang.ENGLISH),
        french=texts.get(lang.FRENCH),
        pos=None,
        box=union([located(line) for line in own]),
        confidence=min(line.confidence for line in (*own, *others)),
        english_by="frame" if texts.get(lang.ENGLISH) is not None else None,
    )
