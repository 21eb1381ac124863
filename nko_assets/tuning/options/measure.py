"""What the examples of a data set amount to in every tokenizer, in one pass over them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from tokenizers import Tokenizer

from nko_assets.nko import words
from nko_assets.tuning.examples import Example
from nko_assets.tuning.shapes.gemini import gemini_tokens
from nko_assets.tuning.tokens import RATES, Rates, count_tokens, nko_and_other
from nko_assets.tuning.trainer.vocabulary import byte_bpe, extend

PIECES: Final = 4_096
"""N'Ko pieces that the open trainer would add to a vocabulary."""

_BASE_PIECES: Final = 512  # of the little tokenizer to which pieces are added to try them
_TURNS: Final = 20_000  # from which they are learnt at most, one in so many of a large data set


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of the text of train in one tokenizer.

    `counted` says that the tokenizer itself counted; else its rates did. `extended` are the tokens
    with N'Ko pieces of one's own added, by the rate that those reach on validation, None when
    there is too little N'Ko to learn pieces from.
    """

    text: int
    counted: bool
    extended: int | None


@dataclass(frozen=True, slots=True)
class OwnPieces:
    """Pieces learnt from the N'Ko of train, and what they make of the N'Ko of validation."""

    pieces: int
    words: int  # of validation
    tokens_a_word: float
    tokens_a_character: float


@dataclass(frozen=True, slots=True)
class Measured:
    """What there is to train on: counts by task, characters and tokens of the text, pictures.

    `gemini` are about the tokens that Gemini counts in all of it, pictures among them; the rest is
    of the examples without a picture, which are what open models are given. `question` and `answer` are the mean (N'Ko, other) characters of an example with text alone.
    """

    examples: int
    validation: int
    tasks: Mapping[str, int]
    nko: int
    other: int
    pictures: int
    gemini: int
    question: tuple[float, float]
    answer: tuple[float, float]
    tokens: Mapping[str, Tokens]
    own: OwnPieces | None


@dataclass
class _Sums:
    tasks: Counter[str] = field(default_factory=Counter)
    text: Counter[str] = field(default_factory=Counter)  # nko, other: of examples without picture
    gemini: int = 0
    asked: Counter[str] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)


def measure(
    train: Iterable[Example],
    validation: Iterable[Example],
    tokenizers: Mapping[str, Tokenizer],
) -> Measured:
    """Count what training on `train` takes; `tokenizers` are those at hand, by name in `RATES`."""
    sums = _Sums()
    turns: list[str] = []
    for example in train:
        sums.tasks[example.task] += 1
        sums.gemini += gemini_tokens(example)
        if example.image is not None:
            continue
        for turn in example.messages:
            _add(sums.text, turn.content)
            turns.append(turn.content)
        for turn in example.question:
            _add(sums.asked, turn.content)
        _add(sums.answered, example.answer)
    held_out: list[str] = []
    validated = 0
    for example in validation:
        validated += 1
        held_out += [turn.content for turn in example.messages]
    own = _own_pieces(turns, held_out)
    texts = max(sums.tasks.total() - sums.tasks["read_line"], 1)
    return Measured(
        examples=sums.tasks.total(),
        validation=validated,
        tasks=dict(sorted(sums.tasks.items())),
        nko=sums.text["nko"],
        other=sums.text["other"],
        pictures=sums.tasks["read_line"],
        gemini=sums.gemini,
        question=(sums.asked["nko"] / texts, sums.asked["other"] / texts),
        answer=(sums.answered["nko"] / texts, sums.answered["other"] / texts),
        tokens={
            name: _tokens(rates, sums.text, tokenizers.get(name), turns, own)
            for name, rates in RATES.items()
        },
        own=own,
    )


def _add(sums: Counter[str], text: str) -> None:
    nko, other = nko_and_other(text)
    sums["nko"] += nko
    sums["other"] += other


def _tokens(
    rates: Rates,
    text: Counter[str],
    tokenizer: Tokenizer | None,
    turns: list[str],
    own: OwnPieces | None,
) -> Tokens:
    nko, other = text["nko"], text["other"]
    estimated = round(nko * rates.nko + other * rates.other)
    total = estimated if tokenizer is None else count_tokens(tokenizer, turns)
    extended = None
    if own is not None:
        # What the other text takes stays; the N'Ko takes what it does with pieces of its own.
        extended = round(total - nko * (rates.nko - own.tokens_a_character))
    return Tokens(total, tokenizer is not None, extended)


def _own_pieces(train: list[str], held_out: list[str]) -> OwnPieces | None:
    runs = [run for text in held_out for run in words(text)]
    if not runs or not any(words(text) for text in train):
        return None
    learnt_from = train[:: 1 + len(train) // _TURNS]
    extension = extend(byte_bpe(learnt_from, _BASE_PIECES, ()), learnt_from, PIECES)
    tokens = count_tokens(extension.tokenizer, [f" {run}" for run in runs])
    characters = sum(len(run) + 1 for run in runs)
    return OwnPieces(
        pieces=len(extension.spelled),
        words=len(runs),
        tokens_a_word=tokens / len(runs),
        tokens_a_character=tokens / characters,
    )
