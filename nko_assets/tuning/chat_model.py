"""The protocol of models that answer: a tuned one on disk, one behind an API, an endpoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from nko_assets.tuning.prompts import Message, Task

OUTPUT_TOKENS: Final = 2048
"""Room for an answer of any model: the longest sentence of FLORES takes 1,300 tokens in N'Ko."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """What a model is asked: the turns so far, the last one the user's, and perhaps a picture.

    `image` is a JPEG that belongs to the last turn.
    """

    messages: tuple[Message, ...]
    image: bytes | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: a text, or the failure that came instead of one, and the tokens it took.

    A model that was not reached, or whose service refused, has failed; its answer is no empty text,
    and nothing counts it as a wrong one. An empty `text` is an answer: the model said nothing. So is
    one that was `cut`, at the limit of its length or as it went round in circles: it is given as far
    as it went. `passing` failures may heal when the question is asked again later.
    """

    text: str | None
    failure: str | None = None
    tokens_in: int = 0
    tokens_out: int = 0
    passing: bool = False
    cut: bool = False

    def __post_init__(self) -> None:
        """Refuse an answer that is neither, or both, of text and failure."""
        if (self.text is None) == (self.failure is None):
            raise ValueError("an answer is either a text or a failure")


class ChatModel(Protocol):
    """A model that can be asked; the same question twice has the same answer where it can."""

    @property
    def name(self) -> str:
        """What people and reports call it; two models of one name are one model."""
        ...

    @property
    def tasks(self) -> frozenset[Task]:
        """What it can be asked: a model without eyes, for one, reads no line."""
        ...

    def answer(self, conversations: Sequence[Conversation]) -> list[Answer]:
        """One answer for each conversation, in their order, also when it is a failure.

        Raises `NkoError` only for what would fail every question alike: a key that is wrong, a
        budget that is used up, weights that cannot be loaded.
        """
        ...
