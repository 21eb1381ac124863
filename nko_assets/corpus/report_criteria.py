"""The success criteria: what was wanted, what is there, and whether that is enough."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from nko_assets.corpus.report_data import Criterion, ReportInputs, Status


def criteria(
    summary: Mapping[str, int], cost_usd: float, inputs: ReportInputs
) -> tuple[Criterion, ...]:
    """The scorecard from the counts of `summary` (by the names of `Report.summary`)."""
    targets = inputs.targets
    score = inputs.sample_score
    return (
        _count(
            "Videos done",
            targets.videos,
            summary["videos_done"],
            "Videos whose readings are reviewed and that did not fail, of those the channel has.",
            f"{summary['videos_failed']:,} failed, {summary['videos_waiting']:,} not read yet",
        ),
        _count(
            "Unique phrases",
            targets.phrases,
            summary["phrases"],
            "Distinct N’Ko texts of more than one word among the extracted translation pairs, "
            "after deduplication.",
        ),
        _count(
            "Words",
            targets.words,
            summary["words"],
            "Distinct N’Ko words in the extracted vocabulary.",
        ),
        _count(
            "Training examples",
            targets.examples,
            summary["examples"],
            "Rows of the four training files together.",
            f"pairs {summary['nko_english']:,}, conversations {summary['conversations']:,}, "
            f"OCR samples {summary['ocr_samples']:,}, words {summary['vocabulary']:,}; "
            f"of these synthetic {summary['synthetic']:,}",
        ),
        _measure(
            "Accuracy on validation",
            targets.accuracy,
            inputs.accuracy,
            "share",
            at_least=True,
            how="Mean over the tasks of the share of validation that the tuned model answers right; "
            "reports/evaluation.html says what right is.",
            unknown="unknown until evaluation: no tuned model has been measured",
        ),
        _measure(
            "Reader’s character errors",
            targets.reader_error_rate,
            score.error_rate if score else None,
            "share",
            at_least=False,
            how="Wrong, missing and added N’Ko characters ÷ characters known, on the sample "
            "lessons, whose text is known.",
            note=_score_note(inputs),
            unknown="unknown until evaluation: only sample lessons come with their known text",
        ),
        _measure(
            "Cost of reading",
            targets.cost_usd,
            cost_usd if summary["readings"] else None,
            "usd",
            at_least=False,
            how="What the reader charged for every reading, added up.",
            note=f"readings: {summary['readings']:,}",
            unknown="unknown: nothing has been read yet",
        ),
    )


def _score_note(inputs: ReportInputs) -> str:
    score = inputs.sample_score
    if score is None:
        return ""
    return (
        f"{score.characters:,} characters on {score.lines:,} lines; "
        f"{score.pairing:.1%} of known pairs found"
    )


def _count(name: str, target: int, value: int, how: str, note: str = "") -> Criterion:
    return Criterion(name, target, value, "count", True, _status(value, target, True), how, note)


def _measure(
    name: str,
    target: float,
    value: float | None,
    unit: Literal["share", "usd"],
    *,
    at_least: bool,
    how: str,
    unknown: str,
    note: str = "",
) -> Criterion:
    status = _status(value, target, at_least)
    return Criterion(
        name, target, value, unit, at_least, status, how, unknown if value is None else note
    )


def _status(value: float | None, target: float, at_least: bool) -> Status:
    if value is None:
        return "unknown"
    return "met" if (value >= target if at_least else value <= target) else "not met"
