"""What the answers of a model are worth: the figures of each task, with intervals and counts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nko_assets.tuning.evaluation import correctness
from nko_assets.tuning.evaluation.correctness import answer_script
from nko_assets.tuning.evaluation.degenerate import FAULTS, LEAST_NKO, Fault, fault, nko_share
from nko_assets.tuning.evaluation.harness import Result, Role, Run
from nko_assets.tuning.evaluation.intervals import (
    MOST_FAILED,
    Comparison,
    Estimate,
    compare,
    mean_of_groups,
    share,
    units_of,
)
from nko_assets.tuning.evaluation.transcription import TranscriptionScore, score_lines
from nko_assets.tuning.evaluation.translation import (
    Script,
    TranslationScore,
    score_translations,
)
from nko_assets.tuning.prompts import Task


@dataclass(frozen=True, slots=True)
class Judged:
    """One answer: how good it is from 0 to 1, whether it is right, and what is broken about it."""

    result: Result
    text: str
    score: float
    right: bool
    fault: Fault | None
    script: Script


@dataclass(frozen=True, slots=True)
class TaskScore:
    """One task of one benchmark by one model, over the answers that came.

    `asked` = answered + `failed`; `failures` says why, and how often. `whole` is how many examples
    the benchmark has of the task. `score` is 0 to 1 (see `correctness.score`). `translation` is
    None for lines and words, `transcription` for all but lines. `purity` is the share of answers
    in N'Ko that are N'Ko, None where none was wanted. `against` is the difference in `score` to
    the model that others are compared with, on what both answered.
    """

    model: str
    role: Role
    benchmark: str
    task: Task
    asked: int
    whole: int
    failed: int
    failures: Mapping[str, int]
    score: Estimate | None
    right: Estimate | None
    translation: TranslationScore | None
    transcription: TranscriptionScore | None
    purity: Estimate | None
    faults: Mapping[Fault, int]
    tokens_in: int
    tokens_out: int
    against: Comparison | None
    against_model: str | None


@dataclass(frozen=True, slots=True)
class Accuracy:
    """The accuracy of a model on a benchmark as `correctness.ACCURACY` says it, and over how many.

    `accuracy` is None where a task has no answer at all, or more than `MOST_FAILED` of all
    questions have none: what is missing may be what is hard.
    """

    model: str
    role: Role
    benchmark: str
    accuracy: Estimate | None
    failed: int
    by_task: Mapping[str, float]


def judge(result: Result) -> Judged | None:
    """An answer judged; None of a failure."""
    example, text = result.example, result.answer.text
    if text is None:
        return None
    script = answer_script(example.task, example.references)
    question = "" if example.task == "read_line" else example.question[-1].content
    return Judged(
        result,
        text,
        correctness.score(example.task, text, example.references),
        correctness.right(example.task, text, example.references),
        fault(text, question, example.answer, script, cut=result.answer.cut),
        script,
    )


def judged(run: Run) -> list[Judged]:
    """Every answer of `run` that came, judged."""
    return [one for one in map(judge, run.results) if one is not None]


def task_scores(
    run: Run, answers: Sequence[Judged], other: Run | None, others: Sequence[Judged]
) -> list[TaskScore]:
    """A score for each task of `run`, compared with `other` where there is one.

    `answers` and `others` are the judged answers of the two.
    """
    asked: defaultdict[Task, list[Result]] = defaultdict(list)
    for result in run.results:
        asked[result.example.task].append(result)
    by_task: defaultdict[Task, list[Judged]] = defaultdict(list)
    for one in answers:
        by_task[one.result.example.task].append(one)
    their_tasks = {result.example.task for result in other.results} if other else set()
    return [
        _task_score(
            run,
            task,
            results,
            by_task[task],
            difference(by_task[task], others) if task in their_tasks else None,
            other.model if other and task in their_tasks else None,
        )
        for task, results in sorted(asked.items())
    ]


def accuracy(run: Run, answers: Sequence[Judged]) -> Accuracy:
    """The accuracy of `run`, from its judged answers."""
    right: defaultdict[str, list[float]] = defaultdict(list)
    for one in answers:
        right[one.result.example.task].append(float(one.right))
    failed = len(run.results) - len(answers)
    whole = failed <= MOST_FAILED * len(run.results) and right.keys() == {
        one.example.task for one in run.results
    }
    return Accuracy(
        run.model,
        run.role,
        run.benchmark.name,
        mean_of_groups(right) if whole else None,
        failed,
        {task: sum(values) / len(values) for task, values in sorted(right.items())},
    )


def difference(ours: Sequence[Judged], theirs: Sequence[Judged]) -> Comparison | None:
    """How much better our answers are than theirs to the same questions; None of too few."""
    by_id = {one.result.example.id: one.score for one in theirs}
    both = [one for one in ours if one.result.example.id in by_id]
    examples = [one.result.example for one in both]
    return compare(
        [one.score for one in both],
        [by_id[example.id] for example in examples],
        units_of([one.video_id for one in examples], [one.row_id for one in examples]),
    )


def _task_score(
    run: Run,
    task: Task,
    results: Sequence[Result],
    answers: Sequence[Judged],
    against: Comparison | None,
    against_model: str | None,
) -> TaskScore:
    failures = Counter(one.answer.failure for one in results if one.answer.failure is not None)
    texts = [one.text for one in answers]
    examples = [one.result.example for one in answers]
    in_nko = [one for one in answers if one.script == "nko"]
    translated = task not in ("read_line", "define_word") and bool(answers)
    return TaskScore(
        model=run.model,
        role=run.role,
        benchmark=run.benchmark.name,
        task=task,
        asked=len(results),
        whole=run.benchmark.whole[task],
        failed=sum(failures.values()),
        failures=dict(failures.most_common()),
        score=mean_of_groups({task: [one.score for one in answers]}),
        right=share([one.right for one in answers]),
        translation=score_translations(
            texts,
            [one.references for one in examples],
            "nko" if 2 * len(in_nko) > len(answers) else "latin",
        )
        if translated
        else None,
        transcription=score_lines(texts, [one.answer for one in examples])
        if task == "read_line"
        else None,
        purity=share([nko_share(one.text) >= LEAST_NKO for one in in_nko]),
        faults={
            name: count for name in FAULTS if (count := sum(one.fault == name for one in answers))
        },
        tokens_in=sum(one.answer.tokens_in for one in results),
        tokens_out=sum(one.answer.tokens_out for one in results),
        against=against,
        against_model=against_model,
    )
