"""The evaluation as one HTML page that needs no other file."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from jinja2 import ChoiceLoader, Environment, PackageLoader
from markupsafe import Markup

from nko_assets.corpus.report_page import page_environment
from nko_assets.tuning.evaluation.benchmarks import Benchmark
from nko_assets.tuning.evaluation.degenerate import FAULTS
from nko_assets.tuning.evaluation.intervals import LEAST_EXAMPLES, Comparison, Estimate
from nko_assets.tuning.evaluation.report import Evaluation, Published
from nko_assets.tuning.evaluation.scores import Judged, TaskScore
from nko_assets.tuning.prompts import Task
from nko_assets.typeset import TYPEFACES

TASK_NAMES: Final[dict[Task, str]] = {
    "nko_to_english": "N’Ko to English",
    "english_to_nko": "English to N’Ko",
    "nko_to_french": "N’Ko to French",
    "french_to_nko": "French to N’Ko",
    "read_line": "Reading a line",
    "define_word": "Meaning of a word",
    "conversation": "Turn of a tutor",
}


def render_evaluation(evaluation: Evaluation) -> str:
    """`evaluation` as a page; everything that a model or a video said is escaped."""
    return (
        _environment()
        .get_template("evaluation.html.j2")
        .render(
            evaluation=evaluation,
            tests=[one for one in evaluation.benchmarks if evaluation.of(one.name)],
            titles={one.name: one.title for one in evaluation.benchmarks},
            faults=FAULTS,
            task_names=TASK_NAMES,
            font=base64.b64encode(TYPEFACES["noto"].path.read_bytes()).decode(),
            ours=lambda figure: _ours(evaluation, figure),
            partial=lambda test: _partial(test, evaluation.of(test.name)),
            answers_broken=_answers_broken,
        )
    )


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = page_environment().overlay(
        loader=ChoiceLoader(
            [PackageLoader("nko_assets.tuning.evaluation"), PackageLoader("nko_assets.corpus")]
        )
    )
    environment.filters = environment.filters | {
        "points": lambda estimate: _estimate(estimate, 1.0, ""),
        "percents": lambda estimate: _estimate(estimate, 100.0, " %"),
        "difference": _difference,
        "picture": lambda data: f"data:image/jpeg;base64,{base64.b64encode(data).decode()}",
        "asked": _asked,
    }
    return environment


def _estimate(estimate: Estimate | None, scale: float, unit: str) -> Markup:
    if estimate is None:
        return Markup("–")
    low, high = scale * estimate.low, scale * estimate.high
    return Markup("<b>{:.1f}{}</b> <span class=interval>{:.1f}–{:.1f}</span>").format(
        scale * estimate.value, unit, low, high
    )


def _difference(found: Comparison | None) -> Markup:
    if found is None:
        return Markup("–")
    state = "met" if found.better else "not-met" if found.worse else ""
    p = "p < 0.005" if found.p < 0.005 else f"p {found.p:.2f}"
    if found.count < LEAST_EXAMPLES:
        p = f"of {found.count}: too few"
    return Markup(
        '<span class="difference {}">{:+.1f}</span> <span class=interval>{}</span>'
    ).format(state, 100 * found.difference, p)


def _asked(one: Judged) -> str:
    """The question that was asked, where it is text."""
    example = one.result.example
    return "" if example.task == "read_line" else example.question[-1].content


def _answers_broken(score: TaskScore) -> str:
    """The share of the answers that are none."""
    answered = score.asked - score.failed
    return f"{sum(score.faults.values()) / answered:.0%}" if answered else "–"


def _partial(test: Benchmark, scores: Sequence[TaskScore]) -> str:
    """How much of a benchmark was asked, where that is not all of it."""
    asked = {score.task: score.asked for score in scores}
    short = [
        f"{TASK_NAMES[task]} {count:,} of {test.whole[task]:,}"
        for task, count in sorted(asked.items())
        if count < test.whole[task]
    ]
    return "; ".join(short)


def _ours(evaluation: Evaluation, figure: Published) -> list[tuple[str, str, Markup]]:
    """What was measured here beside a published figure: model, on what, and the figure."""
    titles = {one.name: one.title for one in evaluation.benchmarks}
    found = []
    if figure.metric == "CER" and evaluation.lesson_lines:
        lines = evaluation.lesson_lines
        found.append(
            (
                lines.reader,
                "whole frames of the sample lessons",
                _estimate(lines.score.cer, 100, " %"),
            )
        )
    for score in evaluation.tasks:
        title = titles[score.benchmark]  # type: ignore[index]
        if figure.metric == "CER" and score.transcription:
            found.append((score.model, title, _estimate(score.transcription.cer, 100, " %")))
        elif (
            figure.metric == "chrF++"
            and score.translation
            and score.benchmark == "flores"
            and score.task == "english_to_nko"
        ):
            title += "" if score.asked == score.whole else f" ({score.asked:,} of {score.whole:,})"
            found.append((score.model, title, _estimate(score.translation.chrf, 1, "")))
    return found
