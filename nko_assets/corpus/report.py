"""The training report: success criteria, funnel, samples and checks over the whole corpus.

`report_lessons` reduces one lesson, this module adds the lessons up, `report_page` draws the page.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl

from nko_assets.corpus.exports import (
    CONVERSATIONS,
    NKO_ENGLISH,
    OCR_SAMPLES,
    SYNTHETIC,
    VOCABULARY,
)
from nko_assets.corpus.report_criteria import criteria
from nko_assets.corpus.report_data import (
    Calibration,
    DroppedRows,
    LicenceRow,
    Report,
    ReportInputs,
    SplitRow,
    Stage,
    ToneFamily,
    VideoRow,
)
from nko_assets.corpus.report_lessons import (
    BINS,
    ROWS_PER_REASON,
    SAMPLED_DECISIONS,
    LessonFacts,
    ReasonCount,
    RowSample,
    StatusCount,
)
from nko_assets.reading.trust.reliability import calibration_error, reliability

FILES = (NKO_ENGLISH, CONVERSATIONS, OCR_SAMPLES, VOCABULARY)

_DUPLICATES = ("duplicate", "near_duplicate")

_SAMPLES = {"accepted": 9, "needs_review": 6, "rejected": 6}
_REASONS = 20
_TONE_VARIANTS = 40


def build_report(inputs: ReportInputs) -> Report:
    """Add up `inputs`; the same inputs give the same report."""
    lessons = sorted(inputs.lessons, key=lambda lesson: lesson.video_id)
    inputs = dataclasses.replace(inputs, lessons=lessons)
    rows = _video_rows(inputs)
    summary = _summary(inputs, rows)
    return Report(
        summary=summary,
        criteria=criteria(summary, _cost(inputs), inputs),
        funnel=_funnel(inputs, summary),
        videos=rows,
        reading_statuses=_reading_statuses(inputs.lessons),
        models=tuple(sorted({model for lesson in inputs.lessons for model in lesson.models})),
        gate=inputs.gate,
        confidence=_confidence(inputs.lessons),
        calibration=_calibration(inputs),
        reasons=_reasons(inputs.lessons),
        samples=_samples(inputs.lessons),
        dropped=tuple(
            DroppedRows(file, reason, count)
            for file, reasons in sorted(inputs.dropped.items(), key=_by_file)
            for reason, count in sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
        ),
        tone_variants=_tone_variants(inputs),
        tone_variants_total=len(inputs.tone_variants),
        splits=_splits(inputs),
        leaks=inputs.splits.leaks if inputs.splits else None,
        licences=_licences(inputs),
    )


def report_json(report: Report) -> str:
    """`report` as JSON, UTF-8 text without escapes; the pictures of samples are left out."""
    facts = _without_pictures(dataclasses.asdict(report))
    return json.dumps(facts, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def _without_pictures(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_pictures(item) for key, item in value.items() if key != "picture"}
    if isinstance(value, list | tuple):
        return [_without_pictures(item) for item in value]
    return round(value, 6) if isinstance(value, float) else value


def _cost(inputs: ReportInputs) -> float:
    return math.fsum(lesson.cost_usd for lesson in inputs.lessons)


def _by_file(item: tuple[str, object]) -> tuple[int, str]:
    """Training files in their usual order, then anything else by name."""
    known = (*FILES, SYNTHETIC)
    return (known.index(item[0]) if item[0] in known else len(known), item[0])


def _tables(inputs: ReportInputs) -> dict[str, pl.DataFrame]:
    tables = (inputs.pairs, inputs.conversations, inputs.ocr_samples, inputs.vocabulary)
    return dict(zip(FILES, tables, strict=True))


def _extracted(table: pl.DataFrame) -> pl.DataFrame:
    return table.filter(pl.col("origin") == "extracted")


def _summary(inputs: ReportInputs, rows: Sequence[VideoRow]) -> dict[str, int]:
    """Every count of the report by name, in the order in which the work is done."""
    statuses = Counter(row.status for row in rows)
    tables = _tables(inputs)
    pairs = _extracted(inputs.pairs)
    phrases = pairs.filter(pl.col("kind").is_in(["phrase", "sentence"]))
    dropped_pairs = inputs.dropped.get(NKO_ENGLISH, {})
    summary = {
        "videos_listed": inputs.videos.filter("listed").height,
        "videos_done": statuses["done"],
        "videos_failed": statuses["failed"],
        "videos_waiting": statuses["waiting"],
    }
    for name in (
        *("frames", "kept", "repeats", "superseded", "blank", "readings", "read"),
        *("lines", "nko_lines", "entries", "accepted", "needs_review", "rejected"),
    ):
        summary[name] = sum(getattr(lesson, name) for lesson in inputs.lessons)
    summary |= {
        "pair_candidates": pairs.height + sum(dropped_pairs.get(why, 0) for why in _DUPLICATES),
        **{file: table.height for file, table in tables.items()},
        "synthetic": sum(table.height - _extracted(table).height for table in tables.values()),
        "examples": sum(table.height for table in tables.values()),
        "phrases": phrases["nko"].n_unique(),
        "words": _extracted(inputs.vocabulary)["word"].n_unique(),
        "dropped": sum(count for counts in inputs.dropped.values() for count in counts.values()),
    }
    return summary


def _video_rows(inputs: ReportInputs) -> tuple[VideoRow, ...]:
    """The listed videos in their order, then any that was worked on but is not listed."""
    lessons = {lesson.video_id: lesson for lesson in inputs.lessons}
    listed = {row["video_id"]: row for row in inputs.videos.iter_rows(named=True)}
    unlisted = sorted((lessons.keys() | inputs.failures.keys()) - listed.keys())
    counted = _extracted(inputs.pairs).group_by("video_id").len()
    pairs = dict(zip(counted["video_id"], counted["len"], strict=True))
    return tuple(
        _video_row(
            video_id,
            listed.get(video_id),
            lessons.get(video_id),
            inputs.failures.get(video_id),
            pairs.get(video_id, 0),
        )
        for video_id in (*listed, *unlisted)
    )


def _video_row(
    video_id: str,
    listed: Mapping[str, Any] | None,
    lesson: LessonFacts | None,
    failure: str | None,
    pairs: int,
) -> VideoRow:
    facts = lesson or LessonFacts(video_id)
    duration = listed["duration_s"] if listed else None
    return VideoRow(
        video_id=video_id,
        title=listed["title"] if listed else "",
        status="failed" if failure is not None else "done" if lesson else "waiting",
        reason=failure or ("" if listed and listed["listed"] else "not listed any more"),
        minutes=duration / 60 if duration is not None else None,
        frames=facts.frames,
        kept=facts.kept,
        entries=facts.entries,
        accepted=facts.accepted,
        needs_review=facts.needs_review,
        rejected=facts.rejected,
        pairs=pairs,
    )


def _funnel(inputs: ReportInputs, summary: Mapping[str, int]) -> tuple[Stage, ...]:
    def stage(key: str, label: str, unit: str, note: str) -> Stage:
        return Stage(key, label, unit, summary[key], note)

    stages = [
        stage("frames", "Frames sampled", "frames", "one at each interval"),
        stage("kept", "Frames kept", "frames", "repeats, build-ups and blanks dropped"),
        stage("read", "Frames read", "frames", "text found, or none to find"),
        stage("lines", "Lines read", "text", f"{summary['nko_lines']:,} of them N’Ko"),
        stage("entries", "Entries", "text", "N’Ko with what stands beside it"),
        stage("accepted", "Entries accepted", "text", "valid and above the gate"),
        stage("pair_candidates", "Pairs found", "pairs", "accepted, with a translation"),
    ]
    kept = _extracted(inputs.pairs).height
    stages.append(Stage("pairs", "Pairs kept", "pairs", kept, "duplicates dropped"))
    if inputs.splits is not None:
        train = inputs.splits.train.get(NKO_ENGLISH, 0)
        held = inputs.splits.validation.get(NKO_ENGLISH, 0)
        stages.append(Stage("train", "Train", "pairs", train, "to learn from"))
        stages.append(Stage("validation", "Validation", "pairs", held, "to measure with"))
    return tuple(stages)


def _reading_statuses(lessons: Iterable[LessonFacts]) -> tuple[StatusCount, ...]:
    counts: Counter[str] = Counter()
    reasons: dict[str, str] = {}
    for lesson in lessons:
        for status in lesson.statuses:
            counts[status.status] += status.count
            reasons.setdefault(status.status, status.reason)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple(StatusCount(status, count, reasons[status]) for status, count in ranked)


def _confidence(lessons: Iterable[LessonFacts]) -> dict[str, tuple[int, ...]]:
    totals: dict[str, list[int]] = {decision: [0] * BINS for decision in SAMPLED_DECISIONS}
    for lesson in lessons:
        for decision, bins in lesson.confidence.items():
            total = totals.setdefault(decision, [0] * BINS)
            for number, count in enumerate(bins):
                total[number] += count
    return {decision: tuple(bins) for decision, bins in totals.items()}


def _calibration(inputs: ReportInputs) -> Calibration:
    known = [pair for lesson in inputs.lessons for pair in lesson.known]
    sure = [right for confidence, right in known if confidence >= inputs.gate]
    bins = reliability(known)
    return Calibration(
        held_out=inputs.held_out,
        known=len(known),
        sure=len(sure),
        wrong=sum(not right for right in sure),
        error=calibration_error(bins),
        bins=bins,
    )


def _reasons(lessons: Iterable[LessonFacts]) -> tuple[ReasonCount, ...]:
    counts: Counter[tuple[str, str]] = Counter()
    rows: dict[tuple[str, str], list[RowSample]] = {}
    for lesson in lessons:
        for found in lesson.reasons:
            group = (found.decision, found.reason)
            counts[group] += found.count
            rows.setdefault(group, []).extend(found.rows)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:_REASONS]
    return tuple(
        ReasonCount(*group, count, tuple(_spread(rows[group], ROWS_PER_REASON)))
        for group, count in ranked
    )


def _samples(lessons: Iterable[LessonFacts]) -> tuple[RowSample, ...]:
    offered = [sample for lesson in lessons for sample in lesson.samples]
    return tuple(
        sample
        for decision, number in _SAMPLES.items()
        for sample in _spread([row for row in offered if row.decision == decision], number)
    )


def _spread(rows: Iterable[RowSample], number: int) -> list[RowSample]:
    """The first `number` rows by id, taking one of each video before a second of any."""
    seen: Counter[str] = Counter()
    ranked = []
    for row in sorted(rows, key=lambda row: row.reading_id):
        ranked.append((seen[row.video_id], row.reading_id, row))
        seen[row.video_id] += 1
    return [row for _, _, row in sorted(ranked, key=lambda item: item[:2])[:number]]


def _tone_variants(inputs: ReportInputs) -> tuple[ToneFamily, ...]:
    ranked = sorted(inputs.tone_variants.items(), key=lambda item: (-len(item[1]), item[0]))
    shown = ranked[:_TONE_VARIANTS]
    wanted = {form for _, forms in shown for form in forms}
    meanings: dict[str, str] = {}
    for table, nko, english, french in (
        (inputs.pairs, "nko", "english", "french"),
        (inputs.vocabulary, "word", "meaning", "meaning_french"),
    ):
        found = table.filter(pl.col(nko).is_in(list(wanted))).sort("id")
        for form, *glosses in found.select(nko, english, french).iter_rows():
            gloss = next((gloss for gloss in glosses if gloss), "")
            if gloss:
                meanings.setdefault(form, gloss)
    return tuple(
        ToneFamily(base, tuple((form, meanings.get(form, "")) for form in sorted(forms)))
        for base, forms in shown
    )


def _splits(inputs: ReportInputs) -> tuple[SplitRow, ...]:
    """Rows by side; a row on neither side was excluded, since it has a text of the other one."""
    splits = inputs.splits
    if splits is None:
        return ()
    tables = _tables(inputs)
    totals = {file: _extracted(table).height for file, table in tables.items()}
    totals[SYNTHETIC] = sum(table.height for table in tables.values()) - sum(totals.values())
    found = dict.fromkeys((*splits.train, *splits.validation))
    return tuple(
        SplitRow(
            file,
            train := splits.train.get(file, 0),
            held_out := splits.validation.get(file, 0),
            max(totals.get(file, 0) - train - held_out, 0),
        )
        for file, _ in sorted(found.items(), key=_by_file)
    )


def _licences(inputs: ReportInputs) -> tuple[LicenceRow, ...]:
    sources = dict(inputs.videos.select("video_id", "source").iter_rows())
    rows: dict[tuple[str, str], Counter[str]] = {}
    videos: dict[tuple[str, str], set[str]] = {}
    for file, table in _tables(inputs).items():
        counted = table.group_by("video_id", "licence").len()
        for video_id, licence, count in counted.iter_rows():
            key = (sources.get(video_id, "not listed"), licence)
            rows.setdefault(key, Counter())[file] += count
            videos.setdefault(key, set()).add(video_id)
    return tuple(
        LicenceRow(*key, len(videos[key]), {file: counts[file] for file in FILES})
        for key, counts in sorted(rows.items())
    )
