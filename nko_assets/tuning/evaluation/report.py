"""An evaluation as a whole: every figure, the decision, the best and the worst, published figures."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from nko_assets.tuning.evaluation.benchmarks import Benchmark, BenchmarkName
from nko_assets.tuning.evaluation.correctness import ACCURACY
from nko_assets.tuning.evaluation.harness import Role, Run
from nko_assets.tuning.evaluation.scores import (
    Accuracy,
    Judged,
    TaskScore,
    accuracy,
    judged,
    task_scores,
)
from nko_assets.tuning.evaluation.transcription import TranscriptionScore
from nko_assets.tuning.prompts import Task
from nko_assets.tuning.registry import Decision, Model

_SHOWN: Final = 3  # of the best and of the worst answers of a task
_ORDER: Final[tuple[Role, ...]] = ("tuned", "champion", "base", "baseline", "reader")
# Lines of every kind are compared with the reader that costs nothing; all else with the base.
_COMPARED_WITH: Final[tuple[Role, ...]] = ("base", "reader", "baseline")


@dataclass(frozen=True, slots=True)
class Published:
    """A figure of somebody else's, what it was measured on, and where it stands."""

    what: str
    metric: str
    value: float
    unit: str
    of: str
    source: str
    note: str


PUBLISHED: Final = (
    Published(
        "English to N'Ko, FLORES devtest",
        "chrF++",
        30.83,
        "",
        "the baseline of Doumbouya et al. 2023",
        "arXiv 2310.15612",
        "beside ours only where all 1,012 sentences of devtest were asked",
    ),
    Published(
        "Reading lines of N'Ko",
        "CER",
        6.26,
        "%",
        "koussedia/nko-ocr",
        "huggingface.co/koussedia/nko-ocr",
        "on the lines of its own author, which nobody else has: an order of magnitude",
    ),
)


@dataclass(frozen=True, slots=True)
class LessonLines:
    """How the reader of the pipeline read whole frames of the sample, whose text is known."""

    reader: str
    lines: int
    missed: int
    score: TranscriptionScore


@dataclass(frozen=True, slots=True)
class Shown:
    """Answers of one model to one task, as a page shows them."""

    model: str
    benchmark: str
    task: Task
    best: tuple[Judged, ...]
    worst: tuple[Judged, ...]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Everything that the report says. `tuned` is None where no model was tuned yet.

    `accuracy` is of the tuned model on validation. `absent` names models that could not be asked,
    with the reason.
    """

    tuned: Model | None
    champion: Model | None
    dataset: str
    frozen_test: str
    benchmarks: tuple[Benchmark, ...]
    tasks: tuple[TaskScore, ...]
    accuracies: tuple[Accuracy, ...]
    decision: Decision | None
    decisions: tuple[Decision, ...]
    lesson_lines: LessonLines | None
    absent: Mapping[str, str]
    shown: tuple[Shown, ...]
    signatures: Mapping[str, str]
    published: tuple[Published, ...] = PUBLISHED
    definition: str = ACCURACY

    @property
    def accuracy(self) -> Accuracy | None:
        """The accuracy of the tuned model on validation; None where it was not measured."""
        found = (
            one
            for one in self.accuracies
            if one.role == "tuned" and one.benchmark == "validation" and one.accuracy is not None
        )
        return next(found, None)

    def of(self, name: BenchmarkName) -> list[TaskScore]:
        """The scores on one benchmark, task by task, the tuned model first."""
        return [score for score in self.tasks if score.benchmark == name]


@dataclass(frozen=True, slots=True)
class Scored:
    """The scores of all runs, and the judged answers of each."""

    tasks: tuple[TaskScore, ...]
    accuracies: tuple[Accuracy, ...]
    shown: tuple[Shown, ...]
    answers: tuple[tuple[Run, tuple[Judged, ...]], ...]


def score_runs(runs: Sequence[Run]) -> Scored:
    """Score `runs`, each beside the run on the same benchmark that others are compared with."""
    answers = [(run, tuple(judged(run))) for run in runs if run.results]
    tasks: list[TaskScore] = []
    for run, mine in answers:
        done: set[Task] = set()
        for other, theirs in _rivals(run, answers):
            common = {one.example.task for one in other.results} - done
            part = replace(
                run, results=tuple(one for one in run.results if one.example.task in common)
            )
            tasks += task_scores(
                part, [one for one in mine if one.result.example.task in common], other, theirs
            )
            done |= {one.example.task for one in part.results}
        alone = replace(
            run, results=tuple(one for one in run.results if one.example.task not in done)
        )
        tasks += task_scores(
            alone, [one for one in mine if one.result.example.task not in done], None, ()
        )
    tasks.sort(key=lambda one: (one.benchmark, one.task, _ORDER.index(one.role), one.model))
    return Scored(
        tuple(tasks),
        tuple(accuracy(run, mine) for run, mine in answers),
        tuple(_shown(answers)),
        tuple(answers),
    )


def _rivals(
    run: Run, answers: Iterable[tuple[Run, tuple[Judged, ...]]]
) -> list[tuple[Run, tuple[Judged, ...]]]:
    """The runs that `run` is compared with, the foremost first."""
    place = _COMPARED_WITH.index(run.role) if run.role in _COMPARED_WITH else -1
    before = _COMPARED_WITH if place < 0 else _COMPARED_WITH[:place]
    others = [
        (other, theirs)
        for other, theirs in answers
        if other.benchmark.name == run.benchmark.name and other.role in before
    ]
    return sorted(others, key=lambda pair: _COMPARED_WITH.index(pair[0].role))


def _shown(answers: Sequence[tuple[Run, tuple[Judged, ...]]]) -> Iterable[Shown]:
    """The best and the worst answers to each task of the foremost model that was asked it.

    Those to the frozen test are left out: they are shown as a part of validation.
    """
    foremost = sorted(answers, key=lambda pair: _ORDER.index(pair[0].role))
    seen: set[tuple[str, Task]] = set()
    for run, mine in foremost:
        for task in sorted({one.result.example.task for one in mine}):
            if run.benchmark.name == "frozen_test" or (run.benchmark.name, task) in seen:
                continue
            seen.add((run.benchmark.name, task))
            ranked = sorted(
                (one for one in mine if one.result.example.task == task),
                key=lambda one: (-one.score, one.result.example.id),
            )
            best = ranked[:_SHOWN]
            worst = [one for one in ranked[::-1][:_SHOWN] if one not in best]
            yield Shown(run.model, run.benchmark.name, task, tuple(best), tuple(worst))


def answer_rows(scored: Scored) -> Iterable[dict[str, Any]]:
    """Each question that was asked, with what came back and what it was worth, for reading."""
    for run, mine in scored.answers:
        by_id = {one.result.example.id: one for one in mine}
        for result in run.results:
            example = result.example
            known = by_id.get(example.id)
            yield {
                "model": run.model,
                "role": run.role,
                "benchmark": run.benchmark.name,
                "task": example.task,
                "example": example.id,
                "video_id": example.video_id,
                "question": "" if example.task == "read_line" else example.question[-1].content,
                "references": example.references,
                "answer": result.answer.text,
                "failure": result.answer.failure,
                "score": known.score if known else None,
                "right": known.right if known else None,
                "fault": known.fault if known else None,
            }


def evaluation_json(evaluation: Evaluation) -> str:
    """`evaluation` for programs: no pictures, no examples; those are in the file of answers."""
    whole = asdict(replace(evaluation, benchmarks=(), shown=()))
    whole.pop("shown")
    whole["benchmarks"] = [
        {
            "name": one.name,
            "title": one.title,
            "note": one.note,
            "digest": one.digest,
            "asked": len(one.examples),
            "whole": one.whole,
        }
        for one in evaluation.benchmarks
    ]
    measured = evaluation.accuracy
    whole["accuracy"] = asdict(measured) if measured else None
    return json.dumps(whole, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
