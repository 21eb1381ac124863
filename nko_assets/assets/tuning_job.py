"""The tuning group's job: handed to the tuner that settings choose, followed, and what came of it."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from nko_assets.assets.tuning_data import dataset_path
from nko_assets.checks import CheckResult, CheckSpec, judge
from nko_assets.failures import NkoError, NotReady, PermanentFailure
from nko_assets.previews import table_preview
from nko_assets.resources.tuner import Work
from nko_assets.schemas.tuning_metrics import TuningMetrics
from nko_assets.steps import Context, Outcome, Step, parquet_bytes
from nko_assets.tuning.curves import curves, page, summary
from nko_assets.tuning.dataset import read_dataset
from nko_assets.tuning.jobs import (
    MetricPoint,
    Receipt,
    TuningState,
    TuningStatus,
    observed,
)
from nko_assets.tuning.tuned import Tuned

ENOUGH = CheckSpec("10000_examples", "It is trained on the 10,000 examples that are wanted.")
MEASURED = CheckSpec("measured", "Loss was measured on what is trained on and on what is not.")
LEARNED = CheckSpec("learned", "The loss on validation fell below where it began.")

ASK_EVERY_S = 30.0
_WANTED = 10_000
_ROWS_SHOWN = 20


def receipt_path(root: Path) -> Path:
    """Where the job of a data root is written down."""
    return root / "tuning" / "job.json"


def tuned_path(root: Path) -> Path:
    """Where the model that it made is written down."""
    return root / "tuning" / "tuned.json"


def read_receipt(root: Path) -> Receipt:
    """The job that was handed over last; raises `PermanentFailure` when there is none."""
    path = receipt_path(root)
    if not path.is_file():
        raise PermanentFailure("No model was handed to a tuner yet.", "Run `nko tune`.")
    return Receipt.from_json(path.read_text(encoding="utf-8"))


def _job_identity(context: Context) -> Mapping[str, Any]:
    dataset = read_dataset(dataset_path(context.lake.root))
    return {"request": context.workshop.tuner.request(dataset).digest}


def _hand_over(context: Context) -> Outcome:
    tuner = context.workshop.tuner
    dataset = read_dataset(dataset_path(context.lake.root))
    estimate = tuner.estimate(dataset)
    context.say(f"About ${estimate.usd:,.2f}. {estimate.basis}")
    receipt = tuner.submit(dataset, Work(context.say, context.observe, context.pause))
    return Outcome(
        files={receipt_path(context.lake.root): receipt.to_json().encode()},
        checks=[
            judge(
                ENOUGH,
                dataset.train_rows >= _WANTED,
                f"{dataset.train_rows:,} examples to train on, of {_WANTED:,} wanted.",
            )
        ],
        facts={
            "job": receipt.name,
            "tuner": receipt.tuner,
            "model": receipt.base,
            "dataset": receipt.dataset,
            "place": receipt.place,
            "estimated dollars": receipt.estimated_usd,
            "estimate": receipt.basis,
            "settings": dict(receipt.settings),
        },
    )


def _collect(context: Context) -> Outcome:
    root = context.lake.root
    receipt = read_receipt(root)
    if receipt.tuner != context.workshop.tuner.name:
        raise PermanentFailure(
            f"The job at hand is of the tuner {receipt.tuner}, and {context.workshop.tuner.name} "
            "is in use.",
            "Set NKO_TUNER back, or run `nko tune` to begin another job.",
        )
    status = _wait_for_the_end(context, receipt)
    if status.state is not TuningState.SUCCEEDED or status.model is None:
        raise PermanentFailure(
            f"{receipt.name}: {status.note}", "`nko tune` tries it again, at most three times."
        )
    points, trouble = _measured(context, receipt)
    tuned = Tuned(
        digest=receipt.name.removeprefix("nko-tune-"),
        tuner=receipt.tuner,
        model=status.model,
        base=context.workshop.tuner.tuned_from(receipt),
        dataset=receipt.dataset,
        usd=status.usd,
    )
    table = pl.DataFrame(
        [[getattr(point, name) for name in TuningMetrics.polars_schema()] for point in points],
        schema=TuningMetrics.polars_schema(),
        orient="row",
    )
    facts = [
        ("Job", receipt.name),
        ("Tuned", receipt.base),
        ("Model", tuned.model),
        ("Cost", "not known" if tuned.usd is None else f"${tuned.usd:,.2f}"),
    ]
    picture = base64.b64encode(curves(points).encode()).decode()
    return Outcome(
        table=table,
        files={
            root / "tuning" / "metrics.parquet": parquet_bytes(table),
            root / "reports" / "tuning.html": page(points, "How the tuning went", facts).encode(),
            tuned_path(root): tuned.to_json().encode(),
        },
        checks=[_measured_check(points, trouble), _learned_check(points)],
        facts={
            "rows": table.height,
            "curves": {"markdown": f"![{summary(points)}](data:image/svg+xml;base64,{picture})"},
            "summary": summary(points),
            "model": tuned.model,
            "dollars": tuned.usd if tuned.usd is not None else "not known",
            "estimated dollars": receipt.estimated_usd,
            "measurements": {
                "markdown": table_preview(table.tail(_ROWS_SHOWN), table.columns, _ROWS_SHOWN)
            },
            "page": {"path": str(root / "reports" / "tuning.html")},
        },
    )


def _wait_for_the_end(context: Context, receipt: Receipt) -> TuningStatus:
    """The status of the ended job; raises `NotReady` where nobody may wait for it.

    Measurements are told as they come.
    """
    tuner = context.workshop.tuner
    told: set[tuple[int, str]] = set()
    note = ""
    while not (status := tuner.status(receipt)).state.final:
        if not context.may_wait:
            raise NotReady(
                f"{receipt.name}: {status.note}", "The sensor `vertex_tuning` goes on when it ends."
            )
        if status.note != note:
            context.say(f"{receipt.name}: {status.note}")
            note = status.note
        for point in tuner.metrics(receipt):
            if (point.step, point.split) not in told:
                told.add((point.step, point.split))
                context.say(str(point))
                context.observe(observed(point))
        context.pause(ASK_EVERY_S)
    return status


def _measured(context: Context, receipt: Receipt) -> tuple[Sequence[MetricPoint], str]:
    """What was measured, and why it could not be had; the model is there either way."""
    try:
        return context.workshop.tuner.metrics(receipt), ""
    except NkoError as error:
        return (), str(error)


def _measured_check(points: Sequence[MetricPoint], trouble: str) -> CheckResult:
    sides = {point.split for point in points}
    missing = [side for side in ("train", "validation") if side not in sides]
    return judge(
        MEASURED,
        not missing,
        trouble
        or (f"Nothing was measured on {' and '.join(missing)}." if missing else summary(points)),
    )


def _learned_check(points: Sequence[MetricPoint]) -> CheckResult:
    losses = [point.loss for point in points if point.split == "validation"]
    if len(losses) < 2:
        return judge(LEARNED, False, "Too little was measured on validation to tell.")
    return judge(
        LEARNED,
        min(losses) < losses[0],
        f"From {losses[0]:.3f} to {min(losses):.3f} at best and {losses[-1]:.3f} at the end.",
    )


STEPS = (
    Step(
        name="tuning_job",
        group="tuning",
        description="A model handed to the tuner: trained here, or a job at Vertex AI, paid once.",
        work=_hand_over,
        per_video=False,
        inputs=("tuning_dataset",),
        always=True,
        on_request=True,
        identity=_job_identity,
        checks=(ENOUGH,),
        kinds=("json",),
        pool="tuning",
    ),
    Step(
        name="tuning_metrics",
        group="tuning",
        description="Loss and token accuracy as the tuning went, what it cost, and its model.",
        work=_collect,
        per_video=False,
        inputs=("tuning_job",),
        on_request=True,
        code_version="2",
        model=TuningMetrics,
        minimum_rows=0,
        checks=(MEASURED, LEARNED),
        kinds=("parquet",),
    ),
)
