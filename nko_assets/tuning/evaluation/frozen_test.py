"""The frozen test: examples of validation, chosen once, by which models are compared for good.

Splits are made anew as the corpus grows. What decides between two models must not move with them:
the test is written once under the digest of its content, and what is like it never trains.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from nko_assets.corpus.similar import NearDuplicates, fold
from nko_assets.failures import PermanentFailure
from nko_assets.files import write_atomically
from nko_assets.tuning.examples import Example, first_by_task
from nko_assets.tuning.prompts import Message, ask

PER_TASK: Final = 200
"""The most examples of a task: enough to tell five points apart, and cheap enough to ask often."""

_CHOSEN: Final = "chosen.json"
_AGAIN: Final = (
    "Put it back from a copy, or move the folder away: the test is then chosen anew, and models "
    "have to be compared again."
)


@dataclass(frozen=True, slots=True)
class FrozenTest:
    """The examples by id, the digest of their content, and of how many they were chosen.

    A test without examples has an empty digest and was not written.
    """

    digest: str
    examples: tuple[Example, ...]
    chosen_from: int

    @property
    def tasks(self) -> dict[str, int]:
        """How many examples each task has."""
        return dict(sorted(Counter(example.task for example in self.examples).items()))


def choose(validation: Iterable[Example]) -> FrozenTest:
    """The test that `validation` would give now; writes nothing."""
    chosen, given = first_by_task(validation, PER_TASK)
    if not chosen:
        return FrozenTest("", (), 0)
    digest = hashlib.sha256(_content(chosen)).hexdigest()
    return FrozenTest(digest, tuple(chosen), given.total())


def frozen_test(folder: Path, validation: Iterable[Example]) -> FrozenTest:
    """The test in `folder`; where there is none it is chosen from `validation`, and written.

    Raises `PermanentFailure` when what is there is not what was written.
    """
    if (folder / _CHOSEN).exists():
        return read_frozen_test(folder)
    test = choose(validation)
    if test.examples:
        write_atomically(folder / f"{test.digest}.jsonl", _content(test.examples))
        facts = {
            "digest": test.digest,
            "chosen_from": test.chosen_from,
            "examples": test.tasks,
        }
        write_atomically(folder / _CHOSEN, (json.dumps(facts, indent=1) + "\n").encode())
    return test


def read_frozen_test(folder: Path) -> FrozenTest:
    """The test in `folder`, and an empty one where none was chosen yet.

    Raises `PermanentFailure` when a file is missing or its content is not what its name says.
    """
    try:
        facts = json.loads((folder / _CHOSEN).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return FrozenTest("", (), 0)
    path = folder / f"{facts['digest']}.jsonl"
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise PermanentFailure(f"The frozen test {path} is missing.", _AGAIN) from None
    if hashlib.sha256(content).hexdigest() != facts["digest"]:
        raise PermanentFailure(f"The frozen test {path} was changed.", _AGAIN)
    lines = content.decode().split("\n")
    chosen = tuple(_example(json.loads(line)) for line in lines if line)
    return FrozenTest(facts["digest"], chosen, facts["chosen_from"])


def guard(test: FrozenTest) -> Callable[[Example], str]:
    """A function that says why an example must not train, and '' when it may.

    An example must not when it comes from a video of the test, or teaches a text that is, or
    nearly is, one of the test's (`corpus.similar`).
    """
    videos = {example.video_id for example in test.examples}
    known = known_text(test)

    def why(example: Example) -> str:
        if example.video_id in videos:
            return f"its video {example.video_id} is in the frozen test"
        return known(example)

    return why


def known_text(test: FrozenTest) -> Callable[[Example], str]:
    """A function that says that the test has the row or a text of an example, and '' otherwise.

    Nearly the same text counts as the same. Unlike `guard`, it lets the test's videos pass: all
    of validation is from them.
    """
    rows = {example.row_id for example in test.examples}
    texts = NearDuplicates(fold(text) for example in test.examples for text in example.nko)

    def why(example: Example) -> str:
        if example.row_id in rows or any(texts.like(fold(text)) for text in example.nko):
            return "the frozen test has this text, or nearly this text"
        return ""

    return why


def _content(examples: Iterable[Example]) -> bytes:
    return "".join(map(_line, examples)).encode()


def _line(example: Example) -> str:
    row = {
        "id": example.id,
        "task": example.task,
        "messages": [{"role": turn.role, "content": turn.content} for turn in example.messages],
        "image": None if example.image is None else base64.b64encode(example.image).decode(),
        "references": example.references,
        "video_id": example.video_id,
        "licence": example.licence,
        "row_id": example.row_id,
        "nko": example.nko,
        "origin": example.origin,
    }
    return json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n"


def _example(row: Mapping[str, Any]) -> Example:
    return Example(
        id=row["id"],
        task=row["task"],
        messages=_asked_today(row),
        image=None if row["image"] is None else base64.b64decode(row["image"]),
        video_id=row["video_id"],
        licence=row["licence"],
        references=tuple(row["references"]),
        row_id=row["row_id"],
        nko=tuple(row["nko"]),
        origin=row["origin"],
    )


def _asked_today(row: Mapping[str, Any]) -> tuple[Message, ...]:
    """The turns with the words of today: the test keeps texts, models are asked as they learned."""
    turns = tuple(Message(turn["role"], turn["content"]) for turn in row["messages"])
    if row["task"] == "conversation":
        return turns
    text = "" if row["task"] == "read_line" else turns[-2].content
    return (*ask(row["task"], text), turns[-1])
