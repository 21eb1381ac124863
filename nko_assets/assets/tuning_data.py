"""The tuning group's data: what each tuner is given, published where it can be fetched."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from nko_assets.assets.operations import budget_of
from nko_assets.checks import CheckSpec, judge
from nko_assets.corpus.splits import TRAIN, VALIDATION
from nko_assets.files import sha256_of
from nko_assets.previews import table_preview
from nko_assets.reading.gemini.prices import price
from nko_assets.resources.bucket import JSON_LINES, Bucket, Publisher
from nko_assets.schemas.tuning import TuningExamples
from nko_assets.steps import Context, Outcome, Step
from nko_assets.tuning.dataset import (
    FILES,
    SIDES,
    Written,
    broken_rows,
    read_dataset,
    save_dataset,
    validated_with,
    write_dataset,
)
from nko_assets.tuning.evaluation.contamination import kept_out
from nko_assets.tuning.evaluation.frozen_test import (
    choose,
    frozen_test,
    known_text,
    read_frozen_test,
)
from nko_assets.tuning.examples import iter_examples
from nko_assets.tuning.options.candidates import CANDIDATES
from nko_assets.tuning.options.decision import GOAL, Options, decide
from nko_assets.tuning.options.measure import measure
from nko_assets.tuning.options.page import options_json, render_options
from nko_assets.tuning.prompts import prompts_digest
from nko_assets.tuning.shapes import SHAPES
from nko_assets.tuning.shapes.shape import MINIMUM
from nko_assets.tuning.tokens import read_tokenizers
from nko_assets.tuning.vertex_prices import EPOCHS

CONFORMS = CheckSpec(
    "rows_conform",
    "Every written line has the shape and keeps the limits that its tuner wants, read again.",
    "ERROR",
)
ENOUGH = CheckSpec(
    "enough_to_tune", f"Each shape has {MINIMUM} examples to train on, below which nothing tunes."
)
VALIDATED = CheckSpec("validation_is_there", "Each shape has examples to validate with.")

AFFORDABLE = CheckSpec(
    "tuning_is_affordable",
    "There is enough to tune with, and what is left of the budget allows a model.",
)

PICTURES = "images/"


def dataset_path(root: Path) -> Path:
    """The file that names the data set of a data root."""
    return root / "tuning" / "dataset.json"


def _dataset(context: Context) -> Outcome:
    splits, path = context.lake.root / "splits", dataset_path(context.lake.root)
    bucket = context.workshop.bucket
    test = frozen_test(path.parent / "frozen_test", iter_examples(splits / VALIDATION))
    reasons = kept_out(
        iter_examples(splits / TRAIN, pictures=False),
        iter_examples(splits / VALIDATION, pictures=False),
        test,
    )
    with Publisher(bucket, PICTURES) as publisher:
        written = write_dataset(
            splits,
            path.parent / "dataset",
            picture=publisher.picture,
            keep_out=lambda example: reasons.get(example.id, ""),
            tested=known_text(test),
        )
    broken = broken_rows(written)
    if not broken:
        context.say(f"publishing to {bucket.address}")
        _publish(written, bucket)
        save_dataset(written, path, lambda name: bucket.uri(_key(written, name)))
    dataset = None if broken else read_dataset(path)
    few = {
        name: count.rows
        for name, count in written.counts.items()
        if name.endswith("/train") and count.rows < MINIMUM
    }
    unvalidated = [
        name
        for name, count in written.counts.items()
        if name.endswith("/validation") and not count.rows
    ]
    tested = {example.id for example in test.examples}
    return Outcome(
        table=written.examples,
        in_place=[*(written.folder / name for name in FILES), *([path] if dataset else [])],
        checks=[
            judge(
                CONFORMS,
                not broken,
                "; ".join(broken) if broken else f"{written.examples.height} examples conform.",
            ),
            judge(
                ENOUGH,
                not few,
                "; ".join(
                    f"{name} has {rows} examples, and {MINIMUM} are needed: accept more readings "
                    "or add lessons"
                    for name, rows in few.items()
                )
                or f"Every shape has {MINIMUM} examples or more.",
            ),
            judge(
                VALIDATED,
                not unvalidated,
                f"Nothing to validate with in {', '.join(unvalidated)}."
                if unvalidated
                else "Every shape has examples to validate with.",
            ),
        ],
        facts={
            "rows": written.examples.height,
            "digest": written.digest,
            "frozen_test": test.digest,
            "validated with the frozen test": {
                shape.name: len(tested & validated_with(written.folder, shape.name))
                for shape in SHAPES
            },
            "bucket": bucket.address,
            "pictures sent": publisher.sent,
            "pictures there already": publisher.skipped,
            "files": {"markdown": _files_table(written)},
            "tasks": {"markdown": _tasks_table(written.examples)},
            "left out": _left_out(written.examples),
        },
    )


def _publish(written: Written, bucket: Bucket) -> None:
    for name in FILES:
        # The service refuses a file without rows; nothing names it then.
        if (written.folder / name).stat().st_size:
            bucket.put(_key(written, name), written.folder / name, JSON_LINES)


def _key(written: Written, name: str) -> str:
    return f"datasets/{written.digest}/{name}"


def _files_table(written: Written) -> str:
    table = pl.DataFrame(
        {
            "file": list(written.counts),
            "rows": [count.rows for count in written.counts.values()],
            "tokens": [count.tokens for count in written.counts.values()],
        }
    )
    return table_preview(table, table.columns, table.height)


def _tasks_table(examples: pl.DataFrame) -> str:
    table = (
        examples.group_by("task", "side").len().pivot("side", index="task", values="len")
    ).sort("task")
    return table_preview(table.fill_null(0), ["task", *(s for s in SIDES if s in table.columns)], 9)


def _left_out(examples: pl.DataFrame) -> dict[str, dict[str, int]]:
    return {
        shape.name: dict(
            examples[shape.name].drop_nulls().value_counts(sort=True, name="rows").iter_rows()
        )
        for shape in SHAPES
    }


def _identity(context: Context) -> Mapping[str, Any]:
    home = dataset_path(context.lake.root).parent
    test = read_frozen_test(home / "frozen_test")
    if not test.digest:
        test = choose(iter_examples(context.lake.root / "splits" / VALIDATION))
    return {
        "prompts": prompts_digest(),
        "bucket": context.workshop.bucket.address,
        "frozen_test": test.digest,
    }


def _options(context: Context) -> Outcome:
    splits, reports = context.lake.root / "splits", context.lake.root / "reports"
    measured = measure(
        iter_examples(splits / TRAIN),
        iter_examples(splits / VALIDATION),
        read_tokenizers(context.settings.tokenizers),
    )
    left = budget_of(context.workshop).left_usd
    options = decide(measured, left, datetime.now(UTC).date())
    page = reports / "tuning_options.html"
    recommended = options.recommendation
    return Outcome(
        files={
            page: render_options(options).encode(),
            reports / "tuning_options.json": options_json(options).encode(),
        },
        checks=[
            judge(
                AFFORDABLE,
                bool(recommended.first),
                f"{recommended.first} can be tuned with the ${left:,.2f} that are left of the budget."
                if recommended.first
                else recommended.reasons[0],
            )
        ],
        facts={
            "examples": measured.examples,
            "tokens for Gemini": measured.gemini,
            "first": recommended.first,
            "beside": recommended.beside,
            "reasons": {"markdown": "\n".join(f"- {reason}" for reason in recommended.reasons)},
            "candidates": {"markdown": _candidates_table(options)},
            "page": {"path": str(page)},
        },
    )


def _candidates_table(options: Options) -> str:
    table = pl.DataFrame(
        {
            "model": [option.candidate.name for option in options.options],
            "tokens": [option.tokens for option in options.options],
            f"USD, {EPOCHS} epochs": [option.usd for option in options.options],
            f"USD, {GOAL:,} examples": [option.goal_usd for option in options.options],
            "licence": [option.candidate.licence for option in options.options],
        }
    )
    return table_preview(table, table.columns, table.height)


def _options_identity(context: Context) -> Mapping[str, Any]:
    today = datetime.now(UTC).date()
    folder = context.settings.tokenizers
    return {
        "prompts": prompts_digest(),
        "left_usd": round(budget_of(context.workshop).left_usd, 2),
        "prices": [
            [each.input_usd, each.output_usd]
            for each in (
                price(candidate.name, today, batch=False)
                for candidate in CANDIDATES
                if candidate.where == "vertex"
            )
        ],
        "tokenizers": sorted(
            f"{path.parent.name} {sha256_of(path)}" for path in folder.glob("*/tokenizer.json")
        )
        if folder
        else [],
    }


STEPS = (
    Step(
        name="tuning_options",
        group="tuning",
        description="Which model to tune: tokens, cost, hardware and licence of each candidate.",
        work=_options,
        per_video=False,
        inputs=("splits",),
        identity=_options_identity,
        checks=(AFFORDABLE,),
        kinds=("html", "json"),
    ),
    Step(
        name="tuning_dataset",
        group="tuning",
        description="The examples in the shapes that tuners want, published to the bucket.",
        work=_dataset,
        per_video=False,
        inputs=("splits",),
        identity=_identity,
        code_version="4",
        model=TuningExamples,
        checks=(CONFORMS, ENOUGH, VALIDATED),
        kinds=("json", "gcs"),
    ),
)
