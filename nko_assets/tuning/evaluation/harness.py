"""Asking a model the questions of a benchmark, and keeping every answer with what was wanted."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from nko_assets.failures import TransientFailure
from nko_assets.tuning.chat_model import Answer, ChatModel, Conversation
from nko_assets.tuning.evaluation.benchmarks import Benchmark
from nko_assets.tuning.evaluation.intervals import MOST_FAILED
from nko_assets.tuning.examples import Example

Role = Literal["tuned", "base", "champion", "baseline", "reader"]
"""What a model is here for; every other one is compared with the base, or else the baseline."""

_AT_ONCE: Final = 32

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Result:
    """One example, and what a model answered to it."""

    example: Example
    answer: Answer


@dataclass(frozen=True, slots=True)
class Run:
    """Everything that one model answered to one benchmark."""

    model: str
    role: Role
    benchmark: Benchmark
    results: tuple[Result, ...]


def ask_all(
    model: ChatModel,
    role: Role,
    test: Benchmark,
    say: Say,
    *,
    known: MutableMapping[Conversation, Answer] | None = None,
    go_on: Callable[[], None] = lambda: None,
) -> Run:
    """The answers of `model` to what it can be asked of `test`.

    `known` holds answers that it gave before, and takes those it gives now: benchmarks overlap.
    `go_on` is called before each batch, and may raise to end the run. Raises what fails every
    question alike, and `ValueError` when the model does not give one answer for each question.
    """
    asked = [example for example in test.examples if example.task in model.tasks]
    before = {} if known is None else known
    results: list[Result] = []
    for start in range(0, len(asked), _AT_ONCE):
        go_on()
        some = asked[start : start + _AT_ONCE]
        questions = [Conversation(one.question, one.image) for one in some]
        new = [question for question in questions if question not in before]
        given = dict(zip(new, model.answer(new) if new else [], strict=True))
        # What may heal is asked again where it comes again; a refusal was paid, and would be again.
        before.update({asked: said for asked, said in given.items() if not said.passing})
        results += [
            Result(example, given[question] if question in given else before[question])
            for example, question in zip(some, questions, strict=True)
        ]
        done, failed = len(results), sum(one.answer.failure is not None for one in results)
        if done == len(asked) or done % (8 * _AT_ONCE) == 0:
            lost = f", {failed} failed" if failed else ""
            say(f"{model.name}: {done} of {len(asked)} answers to {test.title}{lost}")
    return Run(model.name, role, test, tuple(results))


def require_answers(run: Run) -> None:
    """Raise `TransientFailure` when more than `MOST_FAILED` of a run failed and may yet heal.

    What is measured while a service is away would stand for good.
    """
    lost = [one.answer.failure for one in run.results if one.answer.passing]
    if len(lost) > MOST_FAILED * len(run.results):
        raise TransientFailure(
            f"{run.model} did not answer {len(lost)} of {len(run.results)} questions of "
            f"{run.benchmark.title}: {lost[0]}",
            "Run it again later: what a service has answered is kept.",
        )


def answered(results: Sequence[Result]) -> list[tuple[Example, str]]:
    """The examples to which an answer came, with its text."""
    return [(one.example, one.answer.text) for one in results if one.answer.text is not None]
