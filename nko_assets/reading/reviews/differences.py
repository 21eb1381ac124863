"""Where two readings of one line differ, by what a reader sees as one sign: a letter with its marks.

A tone mark is drawn over its letter, so a reading that has another one differs in the whole sign:
marked by itself it could not be seen.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from rapidfuzz.distance import Levenshtein

Kind = Literal["marks", "letters", "spaces"]


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of one reading; `kind` says how it differs from the other, None that it does not."""

    text: str
    kind: Kind | None


@dataclass(frozen=True, slots=True)
class Difference:
    """What stands here and what stands there instead; either is empty where the other has more."""

    here: str
    there: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Compared:
    """Two readings in pieces, which together are the whole texts, and their differences in order."""

    here: tuple[Piece, ...]
    there: tuple[Piece, ...]
    differences: tuple[Difference, ...]


def compare(here: str, there: str) -> Compared:
    """Align two texts by signs with as few differences as possible.

    `marks` are signs with the same letter and other marks, `spaces` what differs in nothing but
    white space, `letters` all else. What one text lacks is marked in the other alone.
    """
    steps = list(_aligned(signs(here), signs(there)))
    return Compared(
        _pieces((step.here, kind) for step, kind in steps),
        _pieces((step.there, kind) for step, kind in steps),
        tuple(_differences(steps)),
    )


def signs(text: str) -> list[str]:
    """The signs of `text` in order: each a character with the combining marks that follow it."""
    found: list[str] = []
    for character in text:
        if found and unicodedata.category(character).startswith("M"):
            found[-1] += character
        else:
            found.append(character)
    return found


@dataclass(frozen=True, slots=True)
class _Step:
    here: str
    there: str


def _aligned(here: list[str], there: list[str]) -> Iterator[tuple[_Step, Kind | None]]:
    for part in Levenshtein.opcodes(here, there):
        ours = here[part.src_start : part.src_end]
        theirs = there[part.dest_start : part.dest_end]
        for place in range(max(len(ours), len(theirs))):
            step = _Step("".join(ours[place : place + 1]), "".join(theirs[place : place + 1]))
            yield step, None if part.tag == "equal" else _kind(step)


def _kind(step: _Step) -> Kind:
    if not (step.here.strip() or step.there.strip()):
        return "spaces"
    return "marks" if step.here[:1] == step.there[:1] else "letters"


def _pieces(parts: Iterable[tuple[str, Kind | None]]) -> tuple[Piece, ...]:
    written = ((text, kind) for text, kind in parts if text)
    return tuple(
        Piece("".join(text for text, _ in run), kind)
        for kind, run in groupby(written, key=lambda part: part[1])
    )


def _differences(steps: list[tuple[_Step, Kind | None]]) -> Iterator[Difference]:
    for kind, run in groupby(steps, key=lambda step: step[1]):
        together = list(run)
        if kind is not None:
            yield Difference(
                "".join(step.here for step, _ in together),
                "".join(step.there for step, _ in together),
                kind,
            )
