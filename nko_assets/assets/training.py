"""The training group but for its report: pairs, conversations, OCR samples, words, derived examples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl

from nko_assets.checks import SCHEMA, CheckResult, CheckSpec, judge, schema_check
from nko_assets.corpus import conversations as build_conversations
from nko_assets.corpus import ocr_samples as build_ocr_samples
from nko_assets.corpus import pairs as build_pairs
from nko_assets.corpus import synthetic as build_synthetic
from nko_assets.corpus import vocabulary as build_vocabulary
from nko_assets.corpus.deduplicate import deduplicate
from nko_assets.corpus.exports import (
    ACCOUNTS,
    CONVERSATIONS,
    EXPORTS,
    NKO_ENGLISH,
    OCR_SAMPLES,
    SYNTHETIC,
    VOCABULARY,
)
from nko_assets.corpus.json_schema import json_schema, validate_file
from nko_assets.corpus.jsonl import iter_jsonl, read_jsonl, write_jsonl
from nko_assets.corpus.readings import rejected_readings
from nko_assets.corpus.report_data import TARGETS
from nko_assets.failures import PermanentFailure
from nko_assets.previews import table_preview
from nko_assets.schemas.training import Conversations, OcrSamples, TranslationPairs, Vocabulary
from nko_assets.steps import Context, Outcome, Step

JSON_SCHEMA = CheckSpec(
    "json_schema",
    "Every line of the file, read back, conforms to the shipped JSON Schema.",
    "ERROR",
)
NOT_EMPTY = CheckSpec("not_empty", "The accepted readings gave at least one row.")
PHRASES = CheckSpec(
    "5000_phrases", "At least 5,000 unique texts of more than one word, the target of the channel."
)
WORDS = CheckSpec("2000_words", "At least 2,000 words, the target of the channel.")


def reviewed_of(context: Context) -> pl.DataFrame:
    """The decided readings of the videos that the corpus is made from, in one table."""
    return pl.concat(
        context.lake.read_table("reviewed_readings", video_id) for video_id in context.video_ids
    )


def _accepted_or_explain(reviewed: pl.DataFrame) -> pl.DataFrame:
    """`reviewed`, when anything in it was accepted; raises `PermanentFailure` with the way out."""
    counts = dict(reviewed.group_by("decision").len().iter_rows())
    if counts.get("accepted", 0) == 0:
        raise PermanentFailure(
            f"No reading is accepted: {counts.get('needs_review', 0)} need review, "
            f"{counts.get('rejected', 0)} are rejected.",
            "Look at the reasons in reviewed_readings; lower NKO_ACCEPT_CONFIDENCE if the readings "
            "are good.",
        )
    return reviewed


def training_file(context: Context, name: str) -> Path:
    """Where the training file `name` lies."""
    return context.lake.training / f"{name}.jsonl"


def rejected_file(context: Context, name: str) -> Path:
    """Where the rows left out of the training file `name` lie."""
    return context.lake.training / "rejected" / f"{name}.jsonl"


def _write(path: Path, table: pl.DataFrame) -> Path:
    write_jsonl(path, table.iter_rows(named=True))
    return path


def _json_schema_check(name: str, path: Path) -> CheckResult:
    violations = validate_file(path, json_schema({**EXPORTS, **ACCOUNTS}[name]), limit=20)
    told = [f"line {v.line}, {v.where}: {v.message}" for v in violations[:5]]
    return judge(
        JSON_SCHEMA,
        not violations,
        f"{path.name} breaks its schema, first on {told[0]}."
        if violations
        else f"{path.name} conforms.",
        {"violations": told},
    )


def _not_empty(rows: int, why: str) -> CheckResult:
    return judge(NOT_EMPTY, rows > 0, f"{rows} rows." if rows else why)


def _left_out(table: pl.DataFrame) -> dict[str, int]:
    return dict(table.group_by("status").len().sort("status").iter_rows())


def _pairs(context: Context) -> Outcome:
    reviewed = _accepted_or_explain(reviewed_of(context))
    titles = {entry.video_id: entry.display_title for entry in context.lake.videos()}
    built = build_pairs.translation_pairs(reviewed, titles)
    unique = deduplicate(built.rows)
    rejected = pl.concat([built.rejected, unique.dropped]).sort("id")
    path = _write(training_file(context, NKO_ENGLISH), unique.kept)
    phrases = unique.kept.filter(pl.col("kind") != "word")["nko"].n_unique()
    tones = unique.tone_variants
    return Outcome(
        table=unique.kept,
        in_place=[
            path,
            _write(rejected_file(context, NKO_ENGLISH), rejected),
            _write(rejected_file(context, "readings"), rejected_readings(reviewed)),
            _write(context.lake.training / "tone_variants.jsonl", tones),
        ],
        checks=[
            _json_schema_check(NKO_ENGLISH, path),
            _not_empty(unique.kept.height, "No accepted reading has a translation beside it."),
            judge(
                PHRASES,
                phrases >= TARGETS.phrases,
                f"{phrases:,} unique phrases of {TARGETS.phrases:,}.",
                {"phrases": phrases},
            ),
        ],
        facts={
            "rows": unique.kept.height,
            "unique phrases": phrases,
            "left out": _left_out(rejected),
            "tone variants": tones.height,
            "with English": unique.kept["english"].drop_nulls().len(),
            "with French": unique.kept["french"].drop_nulls().len(),
            "preview": {
                "markdown": table_preview(
                    unique.kept, ["nko", "latin", "english", "french", "confidence"], 10
                )
            },
            "differ by tone alone": {
                "markdown": table_preview(
                    tones.select(
                        "verdict",
                        spellings=pl.col("forms")
                        .list.eval(pl.element().struct.field("nko"))
                        .list.join(" · "),
                        meanings=pl.col("forms")
                        .list.eval(
                            pl.element()
                            .struct.field("english")
                            .fill_null(pl.element().struct.field("french"))
                            .fill_null("?")
                        )
                        .list.join(" · "),
                    ),
                    ["spellings", "meanings", "verdict"],
                    10,
                )
            },
        },
    )


def read_pairs(context: Context) -> pl.DataFrame:
    """The translation pairs as they were written."""
    return read_jsonl(training_file(context, NKO_ENGLISH), TranslationPairs)


def _conversations(context: Context) -> Outcome:
    table = build_conversations.conversations(read_pairs(context))
    path = _write(training_file(context, CONVERSATIONS), table)
    return Outcome(
        table=table,
        in_place=[path],
        checks=[
            _json_schema_check(CONVERSATIONS, path),
            _not_empty(table.height, "There are no translation pairs to talk about."),
        ],
        facts={
            "rows": table.height,
            "templates": dict(table.group_by("template").len().sort("template").iter_rows()),
            "languages": dict(table.group_by("language").len().sort("language").iter_rows()),
            "preview": {"markdown": _conversation_preview(table)},
        },
    )


def _conversation_preview(table: pl.DataFrame) -> str:
    turns = table.head(3).select("template", "messages").explode("messages")
    if turns.is_empty():
        return "No conversations."
    return table_preview(turns.unnest("messages"), ["template", "role", "content"], 12)


def _ocr_samples(context: Context) -> Outcome:
    rejected: list[pl.DataFrame] = []
    conforms: list[CheckResult] = []

    def rows() -> Iterator[dict[str, Any]]:
        for video_id in context.video_ids:
            reviewed = context.lake.read_table("reviewed_readings", video_id)
            kept = context.lake.read_table(
                "unique_frames", video_id, ["frame_id", "status", "jpeg"]
            ).filter(status="kept")
            pictures = dict(kept.select("frame_id", "jpeg").iter_rows())
            built = build_ocr_samples.ocr_samples(reviewed, pictures.__getitem__)
            rejected.append(built.rejected)
            conforms.append(schema_check(OcrSamples, built.rows, minimum_rows=0))
            context.say(f"{video_id}: {built.rows.height} samples")
            yield from built.rows.iter_rows(named=True)

    path = training_file(context, OCR_SAMPLES)
    written = write_jsonl(path, rows())
    left_out = pl.concat(rejected).sort("id")
    broken = [result for result in conforms if not result.passed]
    return Outcome(
        in_place=[path, _write(rejected_file(context, OCR_SAMPLES), left_out)],
        checks=[
            broken[0] if broken else judge(SCHEMA, True, f"{written} rows conform."),
            _json_schema_check(OCR_SAMPLES, path),
            _not_empty(written, "No accepted line could be cut out of its frame."),
        ],
        facts={
            "rows": written,
            "left out": _left_out(left_out),
            "megabytes": round(path.stat().st_size / 1e6, 2),
            "preview": {"markdown": _pictures_preview(path)},
        },
    )


def _pictures_preview(path: Path) -> str:
    small = (row for _, row in iter_jsonl(path) if len(row["image"]) < 12_000)
    lines = ["| picture | text | latin | translation |", "|---|---|---|---|"]
    for row in islice(small, 5):
        text = table_preview(pl.DataFrame([row]), ["text", "latin", "translation"], 1)
        cells = text.splitlines()[-1]
        lines.append(f"| ![line](data:image/jpeg;base64,{row['image']}) {cells}")
    return "\n".join(lines)


def _vocabulary(context: Context) -> Outcome:
    built = build_vocabulary.vocabulary(reviewed_of(context))
    path = _write(training_file(context, VOCABULARY), built.rows)
    words = built.rows.height
    return Outcome(
        table=built.rows,
        in_place=[path, _write(rejected_file(context, VOCABULARY), built.rejected)],
        checks=[
            _json_schema_check(VOCABULARY, path),
            _not_empty(words, "No accepted reading holds a word."),
            judge(
                WORDS,
                words >= TARGETS.words,
                f"{words:,} words of {TARGETS.words:,}.",
                {"words": words},
            ),
        ],
        facts={
            "rows": words,
            "with a meaning": built.rows.filter(
                pl.col("meaning").is_not_null() | pl.col("meaning_french").is_not_null()
            ).height,
            "preview": {
                "markdown": table_preview(
                    built.rows.sort("frequency", "word", descending=[True, False]),
                    ["word", "latin", "meaning", "meaning_french", "frequency"],
                    10,
                )
            },
        },
    )


def _synthetic(context: Context) -> Outcome:
    table = build_synthetic.synthetic_examples(read_pairs(context))
    path = _write(training_file(context, SYNTHETIC), table)
    return Outcome(
        table=table,
        in_place=[path],
        checks=[
            _json_schema_check(SYNTHETIC, path),
            _not_empty(table.height, "There are no translation pairs to derive from."),
        ],
        facts={
            "rows": table.height,
            "templates": dict(table.group_by("template").len().sort("template").iter_rows()),
            "preview": {"markdown": _conversation_preview(table)},
        },
    )


def _titles(context: Context) -> Mapping[str, Any]:
    chosen = set(context.video_ids)
    return {
        "titles": {
            entry.video_id: entry.display_title
            for entry in context.lake.videos()
            if entry.video_id in chosen
        }
    }


STEPS = (
    Step(
        name="translation_pairs",
        group="training",
        description="Format A: N'Ko with its meaning, each text and translation once.",
        work=_pairs,
        per_video=False,
        inputs=("reviewed_readings",),
        identity=_titles,
        model=TranslationPairs,
        minimum_rows=0,
        checks=(JSON_SCHEMA, NOT_EMPTY, PHRASES),
        kinds=("json", "polars"),
    ),
    Step(
        name="conversations",
        group="training",
        description="Format B: a learner and a tutor talk about accepted text, in English or French.",
        work=_conversations,
        per_video=False,
        inputs=("translation_pairs",),
        model=Conversations,
        minimum_rows=0,
        checks=(JSON_SCHEMA, NOT_EMPTY),
        kinds=("json", "polars"),
    ),
    Step(
        name="ocr_samples",
        group="training",
        description="Format C: the picture of a line and what it says.",
        work=_ocr_samples,
        per_video=False,
        inputs=("reviewed_readings", "unique_frames"),
        # Checked video by video: with their pictures, the rows of a channel do not fit in memory.
        checks=(SCHEMA, JSON_SCHEMA, NOT_EMPTY),
        kinds=("json", "jpeg"),
    ),
    Step(
        name="vocabulary",
        group="training",
        description="Format D: each word, its meaning, how often and where it was seen.",
        work=_vocabulary,
        per_video=False,
        inputs=("reviewed_readings",),
        model=Vocabulary,
        minimum_rows=0,
        checks=(JSON_SCHEMA, NOT_EMPTY, WORDS),
        kinds=("json", "polars"),
    ),
    Step(
        name="synthetic_examples",
        group="training",
        description="Examples derived by rule from accepted pairs, marked, never in validation.",
        work=_synthetic,
        per_video=False,
        inputs=("translation_pairs",),
        model=Conversations,
        minimum_rows=0,
        checks=(JSON_SCHEMA, NOT_EMPTY),
        kinds=("json", "polars"),
    ),
)
