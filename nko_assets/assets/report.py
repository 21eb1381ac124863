"""The training report: the success criteria and what became of every frame, as data and as a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from nko_assets.assets.lessons import LESSON_ASSETS
from nko_assets.assets.reviews import all_decisions
from nko_assets.assets.training import training_file
from nko_assets.channel import VideoEntry
from nko_assets.checks import CheckSpec, judge
from nko_assets.corpus.exports import (
    CONVERSATIONS,
    EXPORTS,
    NKO_ENGLISH,
    OCR_SAMPLES,
    SYNTHETIC,
    VOCABULARY,
)
from nko_assets.corpus.json_schema import write_schemas
from nko_assets.corpus.jsonl import iter_jsonl, read_jsonl
from nko_assets.corpus.report import build_report, report_json
from nko_assets.corpus.report_data import (
    TARGETS,
    ReaderScore,
    Report,
    ReportInputs,
    SplitFacts,
)
from nko_assets.corpus.report_lessons import LessonFacts, lesson_facts
from nko_assets.corpus.report_page import render_page
from nko_assets.failures import PermanentFailure
from nko_assets.reading.review import GATE
from nko_assets.reading.trust.model import HeldOut, load
from nko_assets.sample.score import right_entries, score_readings
from nko_assets.schemas.channel import Videos
from nko_assets.steps import Context, Outcome, Step

VIDEOS_DONE = CheckSpec("all_videos_done", "Every listed video is read and decided.")
EXAMPLES = CheckSpec("10000_examples", "At least 10,000 training examples, the channel's target.")
ERROR_RATE = CheckSpec(
    "reader_error_rate", "The reader errs on at most 1.5 % of the sample's known characters."
)


def _failures(context: Context) -> dict[str, str]:
    """Each listed video whose last attempt failed, with the step and the reason."""
    found = {}
    for entry in _listed(context):
        for step in LESSON_ASSETS:
            failure = context.lake.failure(step, entry.video_id)
            if failure is not None:
                found[entry.video_id] = f"{step}: {failure.reason}"
                break
    return found


def _listed(context: Context) -> list[VideoEntry]:
    """The videos that the source has now; one that it dropped can neither fail nor be missing."""
    return [entry for entry in context.lake.videos() if entry.listed]


def _report_identity(context: Context) -> Mapping[str, Any]:
    manifest = context.lake.record("video_manifest")
    evaluation = context.lake.record("evaluation")
    return {
        "evaluation": evaluation.content if evaluation else "",
        "failures": _failures(context),
        "gate": context.settings.accept_confidence,
        "manifest": manifest.content if manifest else "",
    }


def _lesson(context: Context, video_id: str, decided: Mapping[str, bool]) -> LessonFacts:
    frames = context.lake.record("frames", video_id)
    reviewed = context.lake.read_table("reviewed_readings", video_id)
    return lesson_facts(
        video_id,
        frames=int(frames.facts["rows"]) if frames else 0,
        unique_frames=context.lake.read_table("unique_frames", video_id),
        readings=context.lake.read_table("gemini_results", video_id),
        reviewed=reviewed,
        known=_known(reviewed, decided),
    )


def _known(reviewed: pl.DataFrame, decided: Mapping[str, bool]) -> dict[str, bool]:
    """Of each entry whose N'Ko is known, from the sample or from a person, whether it is right."""
    by_person = reviewed.filter(pl.col("decided_by") != GATE)["reading_id"]
    return right_entries(reviewed) | {one: decided[one] for one in by_person if one in decided}


def _sample_score(context: Context) -> ReaderScore | None:
    """The reader against the sample's known text; None for every other source."""
    if not any(entry.source == "sample" for entry in context.lake.videos()):
        return None
    readings = pl.concat(
        context.lake.read_table("gemini_results", video_id) for video_id in context.video_ids
    )
    try:
        score = score_readings(readings)
    except PermanentFailure:
        # Of one or two lessons alone, none may show N'Ko with a translation.
        return None
    return ReaderScore(
        error_rate=score.cer,
        characters=score.characters,
        lines=score.lines_expected,
        pairing=score.pairing,
    )


def _dropped(context: Context) -> dict[str, dict[str, int]]:
    folder = context.lake.training / "rejected"
    return {
        path.stem: dict(Counter(row["status"] for _, row in iter_jsonl(path)))
        for path in sorted(folder.glob("*.jsonl"))
    }


def _tone_variants(context: Context) -> dict[str, list[str]]:
    path = context.lake.training / "tone_variants.jsonl"
    return {row["toneless"]: [form["nko"] for form in row["forms"]] for _, row in iter_jsonl(path)}


def _inputs(context: Context) -> ReportInputs:
    videos = pl.read_parquet(context.lake.manifest_path.with_suffix(".parquet"))
    splits = context.lake.record("splits")
    facts = splits.facts if splits else {}
    files = {
        name: read_jsonl(training_file(context, name), model, without={"image"})
        for name, model in EXPORTS.items()
    }
    decided = {one.reading_id: one.read_right for one in all_decisions(context)}
    return ReportInputs(
        videos=videos.select(Videos.polars_schema().names()),
        lessons=[_lesson(context, video_id, decided) for video_id in context.video_ids],
        pairs=files[NKO_ENGLISH],
        conversations=pl.concat([files[CONVERSATIONS], files[SYNTHETIC]]),
        ocr_samples=files[OCR_SAMPLES],
        vocabulary=files[VOCABULARY],
        gate=context.settings.accept_confidence,
        failures=_failures(context),
        dropped=_dropped(context),
        tone_variants=_tone_variants(context),
        splits=SplitFacts(
            facts.get("train", {}),
            facts.get("validation", {}),
            facts.get("leaks"),
        ),
        sample_score=_sample_score(context),
        held_out=_held_out(context),
        accuracy=_accuracy(context),
    )


def _accuracy(context: Context) -> float | None:
    """The accuracy of the tuned model on validation, as the evaluation last measured it."""
    record = context.lake.record("evaluation")
    measured = record.facts.get("accuracy") if record else None
    return None if measured is None else float(measured)


def _held_out(context: Context) -> HeldOut | None:
    """How the trust model in use did on held-out frames; None where confidence is the reader's."""
    if context.workshop.second_reader is None:
        return None
    fitted = load()
    known_words = context.settings.dictionary is not None
    return (fitted.with_dictionary if known_words else fitted.without_dictionary).held_out


def _make_report(context: Context) -> Outcome:
    inputs = _inputs(context)
    report = build_report(inputs)
    folder = context.lake.training
    listed = {entry.video_id for entry in _listed(context)}
    done = listed & set(context.video_ids)
    examples = report.summary["examples"]
    score = inputs.sample_score
    return Outcome(
        files={
            folder / "report.json": report_json(report).encode(),
            folder / "report.html": render_page(report).encode(),
        },
        in_place=write_schemas(folder / "schemas"),
        checks=[
            judge(
                VIDEOS_DONE,
                done == listed and not inputs.failures,
                f"{len(done)} of {len(listed)} listed videos are done, "
                f"{len(inputs.failures)} failed.",
                {"failed": inputs.failures},
            ),
            judge(
                EXAMPLES,
                examples >= TARGETS.examples,
                f"{examples:,} examples of {TARGETS.examples:,}.",
            ),
            judge(
                ERROR_RATE,
                score is None or score.error_rate <= TARGETS.reader_error_rate,
                f"{score.error_rate:.2%} of {score.characters} known characters."
                if score
                else "Not measured: no text is known of what was read.",
            ),
        ],
        facts=_report_facts(report, inputs, examples, folder),
    )


def _report_facts(
    report: Report, inputs: ReportInputs, examples: int, folder: Path
) -> dict[str, Any]:
    score = inputs.sample_score
    measured = (
        {
            "character error rate": round(score.error_rate, 5),
            "pairs right": round(score.pairing, 4),
        }
        if score
        else {}
    )
    lines = ["| criterion | target | value | |", "|---|--:|--:|---|"]
    lines += [
        f"| {c.name} | {c.target:g} | {'unknown' if c.value is None else f'{c.value:.4g}'} | {c.status} |"
        for c in report.criteria
    ]
    return {
        "page": {"path": str(folder / "report.html")},
        "examples": examples,
        "scorecard": {"markdown": "\n".join(lines)},
        **measured,
    }


STEPS = (
    Step(
        name="training_report",
        group="training",
        description="The success criteria, the way from frames to examples, samples with pictures.",
        work=_make_report,
        per_video=False,
        inputs=(
            "unique_frames",
            "gemini_results",
            "reviewed_readings",
            "translation_pairs",
            "conversations",
            "ocr_samples",
            "vocabulary",
            "synthetic_examples",
            "splits",
        ),
        identity=_report_identity,
        checks=(VIDEOS_DONE, EXAMPLES, ERROR_RATE),
        kinds=("html", "json"),
    ),
)
