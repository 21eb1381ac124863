"""Who is measured beside models, for nothing: the nearest training text, and the offline reader."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import extractOne

from nko_assets.nko import tone_key
from nko_assets.tuning.chat_model import Answer, Conversation
from nko_assets.tuning.examples import Example
from nko_assets.tuning.prompts import TASKS, Message, Task, ask

if TYPE_CHECKING:
    from nko_assets.reading.recognizer import NkoRecognizer

_LONGEST: Final = 400  # characters of a question that are compared


class NearestTraining:
    """Answers with what training answers to the question most like the one asked.

    A model that is not better than looking it up has learned nothing that the files do not say.
    """

    name = "nearest training text"
    tasks: frozenset[Task] = frozenset(TASKS) - {"read_line"}

    def __init__(self, train: Iterable[Example]) -> None:
        """Keep the questions and answers of `train`, pictures aside."""
        self._answers: defaultdict[Task, dict[str, str]] = defaultdict(dict)
        self._task_of: dict[Message, Task] = {
            ask(task, "?")[0]: task for task in TASKS if task not in ("read_line", "conversation")
        }
        for example in train:
            if example.task in self.tasks:
                question = _question(example.question)
                self._answers[example.task].setdefault(question, example.answer)

    def answer(self, conversations: Sequence[Conversation]) -> list[Answer]:
        """The nearest answers; a task that training has not is a failure of each."""
        return [self._answer(one) for one in conversations]

    def _answer(self, conversation: Conversation) -> Answer:
        task = self._task_of.get(conversation.messages[0], "conversation")
        known = self._answers[task]
        if not known:
            return Answer(None, f"training has no example of {task}")
        found = extractOne(
            _question(conversation.messages),
            known.keys(),
            scorer=Levenshtein.normalized_similarity,
        )
        return Answer(known[found[0]])


class LineReader:
    """The offline recognizer as a model that reads lines and can be asked nothing else."""

    tasks: frozenset[Task] = frozenset({"read_line"})

    def __init__(self, weights: Path, name: str = "offline reader") -> None:
        """Read with these weights, which are loaded at the first line."""
        self.name = name
        self._weights = weights
        self._recognizer: NkoRecognizer | None = None

    def answer(self, conversations: Sequence[Conversation]) -> list[Answer]:
        """What each picture says; a conversation without one is a failure."""
        from nko_assets.reading.recognizer import NkoRecognizer
        from nko_assets.video.encode import decode_jpeg

        if self._recognizer is None:
            self._recognizer = NkoRecognizer(self._weights)
        pictures = [one.image for one in conversations if one.image is not None]
        read = iter(self._recognizer.read([decode_jpeg(picture) for picture in pictures]))
        return [
            Answer(None, "no picture was given") if one.image is None else Answer(next(read).text)
            for one in conversations
        ]


def _question(messages: Sequence[Message]) -> str:
    said = messages[-1].content
    return (tone_key(said) or said.casefold())[:_LONGEST]
