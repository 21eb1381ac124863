"""Models that answer as a test says, and keep account of what they were asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from nko_assets.tuning.chat_model import Answer, Conversation
from nko_assets.tuning.prompts import TASKS, Task

Said = str | Answer | None


class ScriptedModel:
    """Answers by the text of the question, from a mapping or a function.

    A text is what the model says, an `Answer` is given as it is, None fails and may heal.
    """

    def __init__(
        self,
        answers: Mapping[str, Said] | Callable[[Conversation], Said],
        name: str = "scripted",
        tasks: Sequence[Task] = TASKS,
    ) -> None:
        self.name = name
        self.tasks = frozenset(tasks)
        self.asked: list[str] = []
        self._answers = answers

    def answer(self, conversations: Sequence[Conversation]) -> list[Answer]:
        return [self._answer(one) for one in conversations]

    def _answer(self, conversation: Conversation) -> Answer:
        question = conversation.messages[-1].content
        self.asked.append(question)
        if isinstance(self._answers, Mapping):
            said = self._answers.get(question)
        else:
            said = self._answers(conversation)
        if said is None:
            return Answer(None, "the service answered 503 UNAVAILABLE: overloaded", passing=True)
        return said if isinstance(said, Answer) else Answer(said, None, 10, 5)
