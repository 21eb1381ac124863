"""Whether a benchmark's answers were in the training data: then its figures mean nothing.

A second opinion on splits and frozen test, taken from the very file that a model trains on. A text
of a benchmark was seen when training has it, nearly has it, or has half of its runs of words.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from nko_assets.corpus.similar import NearDuplicates, fold
from nko_assets.failures import PermanentFailure
from nko_assets.nko import key
from nko_assets.nko.characters import BLOCK_END, BLOCK_START
from nko_assets.tuning.evaluation.benchmarks import Benchmark
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
        return ("overlaps", found[0]) if found and len(found) >= _HALF * len(runs) else None


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


def shows(held_out: Iterable[str]) -> Callable[[Example], str]:
    """A function that says that an example shows a N'Ko text of `held_out`, and '' otherwise.

    What it finds would be contamination in training: the text alone on a line or among another
    script, nearly so, or half of its runs of words within a longer text.
    """
    texts = list(dict.fromkeys(held_out))
    near = NearDuplicates(map(_identity, texts))
    runs = [frozenset(_runs(text)) for text in texts]
    of_run: defaultdict[int, list[int]] = defaultdict(list)
    for place, some in enumerate(runs):
        for run in some:
            of_run[run].append(place)

    def why(example: Example) -> str:
        said = [turn.content for turn in example.messages if turn.role != "system"]
        for piece in (piece for text in said for piece in _pieces(text)):
            if _NKO.search(piece) and near.like(_identity(piece)):
                return "it shows a text that is held out, or nearly such a text"
            shared = Counter(place for run in set(_runs(piece)) for place in of_run.get(run, ()))
            if any(count >= _HALF * len(runs[place]) for place, count in shared.items()):
                return "it shows much of a text that is held out"
        return ""

    return why


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


def _runs(text: str) -> list[int]:
    """The hash of each `RUN` words in a row; none of a shorter text."""
    plain = key(text) if _NKO.search(text) else text.casefold()
    words = plain.split() if _NKO.search(text) else _WORD.findall(plain)
    return [hash(tuple(words[place : place + RUN])) for place in range(len(words) - RUN + 1)]
