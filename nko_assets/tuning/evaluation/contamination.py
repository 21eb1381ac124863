"""Whether a benchmark's answers were in the training data: then its figures mean nothing.

A second opinion on splits and frozen test, taken from the very file that a model trains on. A text
of a benchmark was seen when training has it, nearly has it, or has half of its runs of words, be
they in one place or in several. `kept_out` keeps from training what would be found.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from nko_assets.corpus.similar import NearDuplicates, fold
from nko_assets.failures import PermanentFailure
from nko_assets.nko import key
from nko_assets.nko.characters import BLOCK_END, BLOCK_START
from nko_assets.tuning.evaluation.benchmarks import Benchmark
from nko_assets.tuning.evaluation.frozen_test import FrozenTest, guard
from nko_assets.tuning.examples import Example

RUN: Final = 8
"""Words in a row that hardly ever recur by chance: of 6,193 sentences of NLLB seed, none shares
half of its runs of 8 with FLORES."""

_HALF: Final = 0.5
_LEAST_WORDS: Final = 4  # a shorter text in Latin letters is common property: "good morning"
_NKO_SIGN: Final = f"{BLOCK_START}-{BLOCK_END}"
_NKO = re.compile(f"[{_NKO_SIGN}]")
# From the first N'Ko sign to the last on a line, across other signs but not across Latin letters.
_NKO_RUN = re.compile(rf"[{_NKO_SIGN}](?:(?:[^{_NKO_SIGN}\n\w]|[0-9])*[{_NKO_SIGN}])*")
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Contaminated:
    """A text of a benchmark that training has seen, how, and where (a line of the file)."""

    benchmark: str
    example: str
    kind: Literal["same", "nearly the same", "overlaps"]
    text: str
    place: str


class Seen:
    """What training shows, indexed."""

    def __init__(self, texts: Iterable[tuple[str, str]]) -> None:
        """`texts` gives each text, in any language, with the place where it stands."""
        self._same: dict[str, str] = {}
        self._runs: dict[int, str] = {}
        self._near = NearDuplicates()
        for place, text in texts:
            for piece in _pieces(text):
                identity = _identity(piece)
                self._same.setdefault(identity, place)
                if _NKO.search(piece):
                    self._near.add(identity)
                for run in _runs(piece):
                    self._runs.setdefault(run, place)

    def look_for(
        self, text: str
    ) -> tuple[Literal["same", "nearly the same", "overlaps"], str] | None:
        """How training has seen `text`, and where; None when it has not."""
        in_nko = bool(_NKO.search(text))
        identity = _identity(text)
        if identity in self._same and (in_nko or len(_WORD.findall(text)) >= _LEAST_WORDS):
            return "same", self._same[identity]
        if in_nko and (like := self._near.like(identity)):
            return "nearly the same", self._same[like[0][1]]
        runs = _runs(text)
        found = [self._runs[run] for run in runs if run in self._runs]
        return ("overlaps", min(found)) if found and len(found) >= _HALF * len(runs) else None


def contamination(seen: Seen, benchmarks: Sequence[Benchmark]) -> list[Contaminated]:
    """Every example of `benchmarks` one of whose texts training has seen, once."""
    found = []
    for test in benchmarks:
        for example in test.examples:
            for text in test.texts(example):
                if how := seen.look_for(text):
                    found.append(Contaminated(test.name, example.id, how[0], text, how[1]))
                    break
    return found


def kept_out(
    train: Iterable[Example], validation: Iterable[Example], test: FrozenTest
) -> dict[str, str]:
    """Why examples of `train` may not train, by the id of each.

    Some belong to the frozen test (`guard`), others show texts of `validation` or of the test.
    """
    of_the_test = guard(test)
    reasons: dict[str, str] = {}

    def others() -> Iterator[Example]:
        for example in train:
            if reason := of_the_test(example):
                reasons[example.id] = reason
            else:
                yield example

    texts = [text for example in (*validation, *test.examples) for text in example.nko]
    return held_out_shown(texts, others()) | reasons


def held_out_shown(held_out: Iterable[str], train: Iterable[Example]) -> dict[str, str]:
    """Why examples of `train` may not train beside the N'Ko texts `held_out`, by the id of each.

    They would be contamination: they show such a text, nearly so, or runs of words of a text half of
    whose runs `train` shows. A lesson that builds a text up step by step has them in several rows.
    """
    texts = list(dict.fromkeys(held_out))
    near = NearDuplicates(map(_identity, texts))
    runs = [some for some in map(_runs, texts) if some]
    known = frozenset[int]().union(*runs)
    reasons: dict[str, str] = {}
    shared: dict[str, set[int]] = {}
    for example in train:
        said = [turn.content for turn in example.messages if turn.role != "system"]
        pieces = [piece for text in said for piece in _pieces(text)]
        if any(_NKO.search(piece) and near.like(_identity(piece)) for piece in pieces):
            reasons[example.id] = "it shows a text that is held out, or nearly such a text"
        elif found := {run for piece in pieces for run in _runs(piece) if run in known}:
            shared[example.id] = found
    shown = set[int]().union(*shared.values())
    much = set[int]().union(*(some for some in runs if len(some & shown) >= _HALF * len(some)))
    for identity, found in shared.items():
        if found & much:
            reasons[identity] = "it shows much of a text that is held out, alone or with others"
    return reasons


def training_texts(path: Path) -> Iterator[tuple[str, str]]:
    """What the turns say in a file that a tuner takes, each with its line.

    The file holds chat `messages` or Gemini's `contents`. System turns are the same everywhere and
    are left out. Raises `PermanentFailure` when the file is missing or is no such file.
    """
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                row = json.loads(line)
                for turn in row["messages"] if "messages" in row else row["contents"]:
                    if turn["role"] != "system":
                        yield f"{path.name}:{number}", _said(turn)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PermanentFailure(
            f"What the model was trained on cannot be read from {path} ({error}).",
            "Materialize tuning_dataset and tune again: without it nothing can be measured.",
        ) from error


def _said(turn: Mapping[str, Any]) -> str:
    if "content" in turn:
        return str(turn["content"])
    return "\n".join(part["text"] for part in turn["parts"] if "text" in part)


def _pieces(text: str) -> Iterator[str]:
    """A text line by line, and each stretch of N'Ko that stands among something else."""
    for line in text.splitlines():
        yield line
        if _NKO.search(line):
            yield from (run for run in _NKO_RUN.findall(line) if run != line.strip())


def _identity(text: str) -> str:
    if _NKO.search(text):
        return fold(text)
    return " ".join(_WORD.findall(unicodedata.normalize("NFC", text).casefold()))


def _runs(text: str) -> frozenset[int]:
    """The hashes of the different runs of `RUN` words in a row; none of a shorter text."""
    plain = key(text) if _NKO.search(text) else text.casefold()
    words = plain.split() if _NKO.search(text) else _WORD.findall(plain)
    starts = range(len(words) - RUN + 1)
    return frozenset(hash(tuple(words[place : place + RUN])) for place in starts)
