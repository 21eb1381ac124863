"""Lines that are one text: sentences that run over several lines, and labels above columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nko_assets.nko import key, words
from nko_assets.reading.answers import Box, Line, union
from nko_assets.reading.language import ENGLISH, FRENCH, ROMANIZED, decided, language_shares

# What the head of a column says, and what it announces.
_NKO, _MEANING = "nqo", "meaning"
_LABELS: dict[str, str] = {
    "english": ENGLISH,
    "anglais": ENGLISH,
    "french": FRENCH,
    "français": FRENCH,
    "francais": FRENCH,
    "romanization": ROMANIZED,
    "transcription": ROMANIZED,
    "translittération": ROMANIZED,
    "transliteration": ROMANIZED,
    "latin": ROMANIZED,
    "translation": _MEANING,
    "traduction": _MEANING,
    "meaning": _MEANING,
    "sens": _MEANING,
    "n'ko": _NKO,
    "nko": _NKO,
    "ߒߞߏ": _NKO,
    "ߊ߲߬ߜߌ߬ߟߋ߬ߞߊ߲": ENGLISH,
    "ߝߊ߬ߙߊ߲߬ߛߌ߬ߞߊ߲": FRENCH,
}
_SENTENCE_ENDS = (".", "!", "?", "؟", "߹", ":", "…")
# A line that breaks fills its page: vocabulary lists do not come near this share of the widest.
_PROSE_WORDS = 4
_PROSE_WIDTH = 12.0  # in heights of a line
_LINE_SPACING = 1.1  # least blank space between paragraphs, in heights of a line
_SAME_EDGE = 0.6


@dataclass(frozen=True, slots=True)
class Block:
    """One text on a frame: the numbers of its lines in the given sequence, from top to bottom."""

    members: tuple[int, ...]
    box: Box
    is_nko: bool
    text: str
    height: float

    @property
    def middle(self) -> tuple[float, float]:
        """The centre of the box."""
        x0, y0, x1, y1 = self.box
        return (x0 + x1) / 2, (y0 + y1) / 2


def located(line: Line) -> Box:
    """The box of a line that has one; ValueError for a line without."""
    if len(line.box) != 4:
        raise ValueError(f"line {line.line} has no box")
    x0, y0, x1, y1 = line.box
    return x0, y0, x1, y1


def blocks_of(lines: Sequence[Line]) -> list[Block]:
    """The lines as blocks, broken sentences joined; lines of other scripts belong to none."""
    blocks: list[Block] = []
    for is_nko in (True, False):
        scripts = ("nko", "mixed") if is_nko else ("latin",)
        chosen = [i for i, line in enumerate(lines) if line.script in scripts]
        chosen.sort(key=lambda i: lines[i].box[1])
        singles = [_block(lines, (i,), is_nko) for i in chosen]
        blocks += _join_broken(lines, singles)
    return sorted(blocks, key=lambda block: block.members)


def _block(lines: Sequence[Line], members: tuple[int, ...], is_nko: bool) -> Block:
    boxes = [located(lines[i]) for i in members]
    heights = sorted(box[3] - box[1] for box in boxes)
    return Block(
        members=members,
        box=union(boxes),
        is_nko=is_nko,
        text=" ".join(lines[i].text for i in members),
        height=heights[len(heights) // 2],
    )


def _join_broken(lines: Sequence[Line], singles: Sequence[Block]) -> list[Block]:
    """Join each line that broke for want of room with the one it goes on in."""
    follows: dict[int, int] = {}
    for position, upper in enumerate(singles):
        below = [
            other
            for other in range(position + 1, len(singles))
            if _overlaps(upper.box, singles[other].box) and singles[other].box[1] > upper.middle[1]
        ]
        if below and _goes_on(upper, singles[below[0]], singles):
            follows[position] = below[0]
    joined: list[Block] = []
    continued = set(follows.values())
    for position, block in enumerate(singles):
        if position in continued:
            continue
        members = list(block.members)
        while position in follows:
            position = follows[position]  # noqa: PLW2901
            members += singles[position].members
        joined.append(_block(lines, tuple(members), block.is_nko))
    return joined


def _overlaps(one: Box, two: Box) -> bool:
    return min(one[2], two[2]) > max(one[0], two[0])


def _goes_on(upper: Block, lower: Block, all_blocks: Sequence[Block]) -> bool:
    """Whether `upper` broke because the first word of `lower` had no room in it."""
    height = (upper.height + lower.height) / 2
    width = upper.box[2] - upper.box[0]
    start, end = (2, 0) if upper.is_nko else (0, 2)
    flush = abs(upper.box[start] - lower.box[start]) < _SAME_EDGE * height
    centred = abs(upper.middle[0] - lower.middle[0]) < _SAME_EDGE * height
    may_go_on = (
        (flush or centred)
        and lower.box[1] - upper.box[3] < _LINE_SPACING * height
        and 0.7 < upper.height / lower.height < 1.4
        and width > _PROSE_WIDTH * height
        and len(upper.text.split()) >= _PROSE_WORDS
        and not upper.text.rstrip().endswith(_SENTENCE_ENDS)
        and (upper.is_nko or _same_sentence(upper.text, lower.text))
    )
    if not may_go_on:
        return False
    peers = [b for b in all_blocks if abs(b.box[start] - upper.box[start]) < _SAME_EDGE * height]
    page = max(abs(b.box[end] - b.box[start]) for b in [*peers, upper])
    first_word = lower.text.split()[0]
    first_width = (lower.box[2] - lower.box[0]) * len(first_word) / len(lower.text)
    return width + first_width > page


def _same_sentence(upper: str, lower: str) -> bool:
    """Whether `lower` may go on where `upper` stopped: in lower case, in the same language."""
    if lower[:1].isupper():
        return False
    languages = {decided(language_shares(upper)), decided(language_shares(lower))}
    return languages != {ENGLISH, FRENCH}


def column_labels(blocks: Sequence[Block]) -> dict[int, str | None]:
    """The blocks (by position) that label columns, and the language that each announces, if any.

    A row is a row of labels when each of its texts is one and no two announce the same: a lesson
    on the names of languages has "French" beside "français", and "N'Ko" beside ߒߞߏ.
    """
    labels: dict[int, str | None] = {}
    for position, block in enumerate(blocks):
        if position in labels or _label(block) not in _LABELS:
            continue
        row = [
            other
            for other, candidate in enumerate(blocks)
            if abs(candidate.middle[1] - block.middle[1]) < _SAME_EDGE * block.height
        ]
        announced = [_LABELS.get(_label(blocks[other])) for other in row]
        distinct = None not in announced and len(set(announced)) == len(row)
        if distinct and (len(row) > 1 or _heads_column(block, blocks)):
            labels |= {
                other: name if name in (ENGLISH, FRENCH, ROMANIZED) else None
                for other, name in zip(row, announced, strict=True)
            }
    return labels


def _heads_column(block: Block, blocks: Sequence[Block]) -> bool:
    """Whether `block` is the first of at least three of its script with an edge in common."""
    column = [
        other
        for other in blocks
        if other.is_nko == block.is_nko
        and min(abs(other.box[0] - block.box[0]), abs(other.box[2] - block.box[2]))
        < _SAME_EDGE * block.height
    ]
    return len(column) > 2 and min(column, key=lambda other: other.box[1]) is block


def _label(block: Block) -> str:
    if block.is_nko:
        return key(block.text)
    return block.text.strip(" :.").casefold().replace("’", "'")


def is_number(block: Block) -> bool:
    """Whether an N'Ko block has digits and no word."""
    return block.is_nko and not words(block.text)
