"""What an evaluation shows and how it is judged: its checks, and the facts beside the asset."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from nko_assets.checks import CheckResult, CheckSpec, judge
from nko_assets.corpus.report_data import TARGETS
from nko_assets.previews import table_preview
from nko_assets.tuning.evaluation.contamination import Contaminated
from nko_assets.tuning.evaluation.frozen_test import FrozenTest
from nko_assets.tuning.evaluation.intervals import MOST_FAILED
from nko_assets.tuning.evaluation.page import TASK_NAMES
from nko_assets.tuning.evaluation.report import Evaluation

NO_CONTAMINATION = CheckSpec(
    "no_contamination",
    "No text of a benchmark, or nearly one, is in what was trained on.",
    "ERROR",
)
ANSWERED = CheckSpec("answered", "At most 5 % of the tuned model's questions have no answer.")
SOUND = CheckSpec("sound_answers", "At most 5 % of the tuned model's answers are broken.")
ACCURACY = CheckSpec("accuracy_85", "The tuned model answers 85 % of validation right.")
BETTER = CheckSpec("better_than_base", "The tuned model beats the base, or the nearest text.")
WIDE = CheckSpec(
    "frozen_test_is_wide", "The frozen test was chosen from at least a quarter of validation."
)
_MOST_BROKEN = 0.05
# A pilot's few lessons should not decide for the whole channel.
_OUTGROWN = 4

CHECKS = (NO_CONTAMINATION, ANSWERED, SOUND, ACCURACY, BETTER, WIDE)


def checks_of_nothing(found: Sequence[Contaminated]) -> list[CheckResult]:
    """The checks of an evaluation that would mean nothing."""
    sample = [f"{one.benchmark}: {one.text} ({one.kind}, {one.place})" for one in found[:5]]
    ours = any(one.benchmark in ("validation", "frozen_test") for one in found)
    way_out = (
        "Run `nko tune`: it tunes anew, without them."
        if ours
        else "Reject what shows them in the review and tune again, or leave NKO_FLORES out."
    )
    return [
        judge(
            NO_CONTAMINATION,
            False,
            f"{len(found)} examples of the benchmarks were trained on, such as "
            f"“{found[0].text}” ({found[0].benchmark}, {found[0].kind} in {found[0].place}). "
            f"{way_out}",
            {"sample": sample},
        ),
        *(
            judge(spec, False, "Nothing was measured.")
            for spec in (ANSWERED, SOUND, ACCURACY, BETTER, WIDE)
        ),
    ]


def checks(evaluation: Evaluation, frozen: FrozenTest, validation: int) -> list[CheckResult]:
    """Every check of an evaluation that was made; `validation` is how many examples that has."""
    mine = [score for score in evaluation.tasks if score.role == "tuned"]
    asked, failed = sum(one.asked for one in mine), sum(one.failed for one in mine)
    broken = sum(sum(one.faults.values()) for one in mine)
    measured = evaluation.accuracy
    accuracy = measured.accuracy if measured else None
    compared = [one for one in mine if one.against and one.benchmark == "validation"]
    beaten = [one for one in compared if one.against and one.against.better]
    nobody = "No tuned model was measured."
    return [
        judge(NO_CONTAMINATION, True, "Nothing of a benchmark was trained on."),
        judge(
            ANSWERED,
            failed <= MOST_FAILED * asked,
            f"{failed} of {asked} questions have no answer." if mine else nobody,
        ),
        judge(
            SOUND,
            broken <= _MOST_BROKEN * (asked - failed),
            f"{broken} of {asked - failed} answers are broken." if mine else nobody,
        ),
        judge(
            ACCURACY,
            accuracy is not None and accuracy.value >= TARGETS.accuracy,
            f"{accuracy.value:.1%} ({accuracy.low:.1%} to {accuracy.high:.1%}) of "
            f"{accuracy.count} answers, weighed by task."
            if accuracy
            else "Too many questions of validation have no answer."
            if mine
            else nobody,
        ),
        judge(
            BETTER,
            bool(compared) and len(beaten) == len(compared),
            f"It is better for sure in {len(beaten)} of {len(compared)} tasks of validation."
            if compared
            else nobody,
        ),
        judge(
            WIDE,
            validation < _OUTGROWN * max(frozen.chosen_from, 1),
            f"Validation has {validation:,} examples; the frozen test was chosen from "
            f"{frozen.chosen_from:,}. Move tuning/frozen_test away to choose it anew: models then "
            "have to win again.",
        ),
    ]


def facts(evaluation: Evaluation, frozen: FrozenTest, page: Path) -> dict[str, Any]:
    """What the asset shows of an evaluation whose page is at `page`."""
    rows = [
        {
            "benchmark": one.benchmark,
            "task": TASK_NAMES[one.task],
            "model": one.model,
            "answers": one.asked - one.failed,
            "failed": one.failed,
            "score": None if one.score is None else round(100 * one.score.value, 1),
            "right": None if one.right is None else round(100 * one.right.value, 1),
            "chrF++": round(one.translation.chrf.value, 2) if one.translation else None,
            "CER %": round(100 * one.transcription.cer.value, 2) if one.transcription else None,
            "broken": sum(one.faults.values()),
        }
        for one in evaluation.tasks
    ]
    table = pl.DataFrame(rows, infer_schema_length=None)
    measured = evaluation.accuracy
    lines = evaluation.lesson_lines
    return {
        "page": {"path": str(page)},
        "scores": {"markdown": table_preview(table, table.columns, max(len(rows), 1))},
        "accuracy": round(measured.accuracy.value, 4) if measured and measured.accuracy else None,
        "frozen test": {"digest": frozen.digest, **frozen.tasks},
        "decision": f"{evaluation.decision.verdict}: {evaluation.decision.reason}"
        if evaluation.decision
        else "nothing to decide",
        "model in use": evaluation.champion.name if evaluation.champion else "none",
        "CER of whole frames": round(lines.score.cer.value, 5) if lines else None,
    }
