"""The rows of a training: chat messages from a file, and the tokens of them that are learnt.

Only what the assistant says is learnt, and that its turn ends; what the user and the system say is
given. Rows that cannot be used are returned with the reason, never cut and never dropped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nko_assets.corpus.jsonl import iter_jsonl
from nko_assets.failures import ConfigurationError, PermanentFailure

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

NOT_LEARNT: Final = -100  # what torch's cross entropy leaves out
_ROLES: Final = ("system", "user", "assistant")
_REMAKE: Final = "Materialize tuning_dataset again."


@dataclass(frozen=True, slots=True)
class Row:
    """One conversation, and where it stands in its file (`train.jsonl:3`)."""

    place: str
    messages: list[dict[str, Any]]

    @property
    def texts(self) -> Iterator[str]:
        """What is said, turn by turn."""
        return (message["content"] for message in self.messages)


@dataclass(frozen=True, slots=True)
class Encoded:
    """Tokens of one row, and for each the token to learn or `NOT_LEARNT`."""

    input_ids: list[int]
    labels: list[int]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that is not trained on, and why."""

    place: str
    reason: str


def read_rows(path: Path) -> tuple[list[Row], list[Rejected]]:
    """The conversations of a JSONL file of `messages`; rows with a picture are rejected.

    Raises `ConfigurationError` when there is no such file or no row that can be used, and
    `PermanentFailure` for a row that is no conversation which the assistant ends.
    """
    if not path.is_file():
        raise ConfigurationError(
            f"There is no file {path}.", "Materialize tuning_dataset, or name another file."
        )
    rows: list[Row] = []
    rejected: list[Rejected] = []
    for number, row in iter_jsonl(path):
        place = f"{path.name}:{number}"
        messages = row.get("messages") if isinstance(row, dict) else None
        if (
            not isinstance(messages, list)
            or not messages
            or not all(_is_turn(message) for message in messages)
            or messages[-1]["role"] != "assistant"
        ):
            raise PermanentFailure(
                f"Line {number} of {path} holds no messages that end with the assistant's.", _REMAKE
            )
        if row.get("images") or not all(isinstance(turn["content"], str) for turn in messages):
            rejected.append(
                Rejected(place, "it holds a picture, and this trainer reads text alone")
            )
        else:
            rows.append(
                Row(place, [{key: turn[key] for key in ("role", "content")} for turn in messages])
            )
    if not rows:
        raise ConfigurationError(
            f"{path} holds no row to train on"
            + (f": all {len(rejected)} hold a picture." if rejected else "."),
            "Accept more readings, then materialize tuning_dataset again.",
        )
    return rows, rejected


def encode(
    rows: Sequence[Row], tokenizer: PreTrainedTokenizerFast, max_tokens: int
) -> tuple[list[Encoded], list[Rejected]]:
    """Tokens and labels of each row that is short enough, and the rows that are not.

    Raises `ConfigurationError` when none is left, or when the chat template does not give the
    assistant's turns as they are.
    """
    encoded: list[Encoded] = []
    rejected: list[Rejected] = []
    for row in rows:
        text, spans = _spans(row, tokenizer)
        tokens = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        ids = tokens["input_ids"]
        if len(ids) > max_tokens:
            rejected.append(
                Rejected(row.place, f"it has {len(ids)} tokens, and the limit is {max_tokens}")
            )
            continue
        labels = [
            token if any(start <= at < end for start, end in spans) else NOT_LEARNT
            for token, (at, _) in zip(ids, tokens["offset_mapping"], strict=True)
        ]
        encoded.append(Encoded(ids, labels))
    if not encoded:
        raise ConfigurationError(
            f"Every one of the {len(rows)} rows is longer than {max_tokens} tokens.",
            "Raise max_tokens in the training configuration, or shorten the examples.",
        )
    return encoded, rejected


def _is_turn(message: Any) -> bool:
    return (
        isinstance(message, dict)
        and message.get("role") in _ROLES
        and isinstance(message.get("content"), (str, list))
    )


def _spans(row: Row, tokenizer: PreTrainedTokenizerFast) -> tuple[str, list[tuple[int, int]]]:
    """The row as the model sees it, and from where to where the assistant speaks.

    A turn starts where the prompt ends that asks for it, as it will when the model is used, and
    ends with what the template puts after it.
    """
    text: str = tokenizer.apply_chat_template(row.messages, tokenize=False)
    spans = []
    for number, message in enumerate(row.messages):
        if message["role"] != "assistant":
            continue
        prompt: str = tokenizer.apply_chat_template(
            row.messages[:number], tokenize=False, add_generation_prompt=True
        )
        said: str = tokenizer.apply_chat_template(row.messages[: number + 1], tokenize=False)
        said = said.rstrip()  # a line end after the mark of the end is never asked for
        answer = said.removeprefix(prompt).lstrip()
        if not (
            text.startswith(said)
            and said.startswith(prompt)
            and answer.startswith(message["content"].strip())
        ):
            raise ConfigurationError(
                "The chat template of the base model changes what the assistant said before, or "
                "how it is asked, so a model trained with it would be asked otherwise.",
                "Choose a base model whose template gives every turn as it is.",
            )
        spans.append((len(prompt), len(said)))
    return text, spans
