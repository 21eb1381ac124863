"""The examples of one side of the splits: each row as the turns that a model sees.

A pair gives an example in each direction of each language it has, a word with a meaning a
definition, a crop its reading, an exchange itself. This is the one shape from which the files of
every tuner, and the questions of the evaluation, are made.
"""

from __future__ import annotations

import base64
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

from nko_assets.corpus.exports import (
    CONVERSATIONS,
    NKO_ENGLISH,
    OCR_SAMPLES,
    SYNTHETIC,
    TEXT_COLUMNS,
    VOCABULARY,
)
from nko_assets.corpus.jsonl import iter_jsonl
from nko_assets.corpus.rows import row_id
from nko_assets.failures import PermanentFailure
from nko_assets.tuning.prompts import Message, Task, ask

_TEXTS: Final = frozenset(TEXT_COLUMNS.values())
MEANINGS: Final = "; "  # between the meanings of a word, as the vocabulary joins them

_Directions = tuple[tuple[Task, str, str], ...]
_DIRECTIONS: Final[_Directions] = (
    ("nko_to_english", "nko", "english"),
    ("english_to_nko", "english", "nko"),
    ("nko_to_french", "nko", "french"),
    ("french_to_nko", "french", "nko"),
)


@dataclass(frozen=True, slots=True)
class Example:
    """Turns that end with the assistant's, which is what is to be learned or to be compared with.

    `references` are all answers that the same side gives to the same question, the example's own
    first. `image` is a JPEG that belongs to the last user turn. `row_id` is the row of the splits
    that the example was made of, and `nko` the texts by which the splits know it.
    """

    id: str
    task: Task
    messages: tuple[Message, ...]
    image: bytes | None
    video_id: str
    licence: str
    references: tuple[str, ...]
    row_id: str
    nko: tuple[str, ...]
    origin: Literal["extracted", "synthetic"]

    @property
    def question(self) -> tuple[Message, ...]:
        """The turns before the answer."""
        return self.messages[:-1]

    @property
    def answer(self) -> str:
        """What the assistant says last."""
        return self.messages[-1].content


def examples(folder: Path, *, pictures: bool = True) -> list[Example]:
    """Every example of the rows in `folder` (`splits/train` or `splits/validation`), by id.

    The order of ids mixes tasks and videos, and is the same wherever it is made. Without `pictures`
    every `image` is None, for whoever looks at texts alone: the pictures of a channel take
    gigabytes. Raises `PermanentFailure` when a file is missing or a row cannot be learned from; a
    side without rows gives none.
    """
    return sorted(iter_examples(folder, pictures=pictures), key=_by_id)


def iter_examples(folder: Path, *, pictures: bool = True) -> Iterator[Example]:
    """The same examples one at a time, file by file: pictures need not all be held."""
    makers: dict[str, Callable[[Path], Iterator[Example]]] = {
        NKO_ENGLISH: _translations,
        CONVERSATIONS: _conversations,
        SYNTHETIC: _conversations,
        OCR_SAMPLES: partial(_readings, pictures=pictures),
        VOCABULARY: _definitions,
    }
    for name in TEXT_COLUMNS:
        path = folder / f"{name}.jsonl"
        if name == SYNTHETIC and not path.exists():
            continue  # validation has none
        if not path.is_file():
            raise PermanentFailure(f"There is no file {path}.", "Materialize splits first.")
        yield from makers[name](path)


def first_by_task(given: Iterable[Example], limit: int) -> tuple[list[Example], Counter[Task]]:
    """The first `limit` examples of each task by id, in the order of ids, and how many it has.

    Ids are hashes: their order is a lot that is drawn the same way everywhere. At most twice as many
    examples are held at a time.
    """
    count: Counter[Task] = Counter()
    held: defaultdict[Task, list[Example]] = defaultdict(list)
    for example in given:
        count[example.task] += 1
        some = held[example.task]
        some.append(example)
        if len(some) > 2 * limit:
            some[:] = sorted(some, key=_by_id)[:limit]
    first = (example for some in held.values() for example in sorted(some, key=_by_id)[:limit])
    return sorted(first, key=_by_id), count


def rows_without_example(folder: Path) -> dict[str, int]:
    """How many words of `folder` give no example, for want of an English meaning, by reason."""
    words = (row for _, row in iter_jsonl(folder / f"{VOCABULARY}.jsonl"))
    missing = sum(row["meaning"] is None for row in words)
    return {"a word without an English meaning": missing} if missing else {}


def _by_id(example: Example) -> str:
    return example.id


def _translations(path: Path) -> Iterator[Example]:
    answers: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for _, row in iter_jsonl(path):
        for task, asked, wanted in _DIRECTIONS:
            if row[asked] and row[wanted]:
                answers[task, row[asked]].append(row[wanted])
    for _, row in iter_jsonl(path):
        for task, asked, wanted in _DIRECTIONS:
            if row[asked] and row[wanted]:
                others = answers[task, row[asked]]
                yield _example(row, task, row[asked], row[wanted], others=others)


def _definitions(path: Path) -> Iterator[Example]:
    for _, row in iter_jsonl(path):
        if row["meaning"] is not None:
            others = row["meaning"].split(MEANINGS)
            yield _example(row, "define_word", row["word"], row["meaning"], others=others)


def _readings(path: Path, *, pictures: bool) -> Iterator[Example]:
    for _, row in iter_jsonl(path):
        image = base64.b64decode(row["image"], validate=True) if pictures else None
        yield _example(row, "read_line", "", row["text"], image=image)


def _conversations(path: Path) -> Iterator[Example]:
    for number, row in iter_jsonl(path):
        turns = tuple(Message(turn["role"], turn["content"]) for turn in row["messages"])
        wanted = ["system", *("user", "assistant") * (len(turns) // 2)]
        if [turn.role for turn in turns] != wanted or len(turns) < 3:
            raise PermanentFailure(
                f"Line {number} of {path} is no exchange of user and assistant in turn after a "
                "system message.",
                "Materialize conversations, synthetic_examples and splits again.",
            )
        yield _made(row, "conversation", turns, None, ())


def _example(
    row: Mapping[str, Any],
    task: Task,
    text: str,
    answer: str,
    *,
    others: list[str] | None = None,
    image: bytes | None = None,
) -> Example:
    messages = (*ask(task, text), Message("assistant", answer))
    return _made(row, task, messages, image, tuple(others or ()))


def _made(
    row: Mapping[str, Any],
    task: Task,
    messages: tuple[Message, ...],
    image: bytes | None,
    others: tuple[str, ...],
) -> Example:
    column = next(name for name in _TEXTS if name in row)
    return Example(
        id=row_id("example", task, row["id"]),
        task=task,
        messages=messages,
        image=image,
        video_id=row["video_id"],
        licence=row["licence"],
        references=tuple(dict.fromkeys((messages[-1].content, *others))),
        row_id=row["id"],
        nko=tuple(row[column].split("\n") if task == "conversation" else [row[column]]),
        origin=row["origin"],
    )
