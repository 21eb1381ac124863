"""The operations group: what reading will cost, and what it has cost."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import polars as pl

from nko_assets.assets.lessons import SUBMISSION
from nko_assets.channel import VideoEntry
from nko_assets.checks import CheckSpec, judge
from nko_assets.previews import table_preview
from nko_assets.reading import ledger
from nko_assets.reading.batch_table import BatchLine, batch_markdown, batch_table
from nko_assets.reading.costs import NOTHING_PAID, CostReport
from nko_assets.reading.frame_counts import FrameCount, KnownVideo, count_frames
from nko_assets.reading.gemini.estimate import Budget, Estimate, ModelEstimate, estimate
from nko_assets.reading.gemini.models import known_models, model_named
from nko_assets.steps import Context, Outcome, Step, Workshop

WITHIN_BUDGET = CheckSpec(
    "within_budget", "What is paid and on its way keeps to the budgets of the project and the day."
)
ESTIMATE_CLOSE = CheckSpec(
    "estimate_close", "Finished jobs cost what they were estimated to, give or take a quarter."
)
AFFORDABLE = CheckSpec("affordable", "What is still to be read fits what is left of the budget.")
# The real cost over the estimate beyond which the estimate misleads.
CLOSE = (0.75, 1.25)


@dataclass(frozen=True, slots=True)
class DryRun:
    """What would be asked, and what that would cost with each model and with the `chosen` one.

    Both are None when nothing is left to be asked. `handed_over` is how many videos are with the configured model already; they are not counted.
    """

    frames: FrameCount
    handed_over: int
    costs: Estimate | None
    chosen: ModelEstimate | None

    @property
    def basis(self) -> str:
        """Where the number of frames comes from, and what it leaves out."""
        if self.costs is None:
            return "Nothing is left to be asked."
        if not self.handed_over:
            return self.frames.basis
        return f"{self.frames.basis} {self.handed_over} more videos were handed over already."


def dry_run(workshop: Workshop, entries: Iterable[VideoEntry]) -> DryRun:
    """What reading `entries` with Gemini would cost, from what is known of them; asks nobody."""
    settings = workshop.settings
    model = model_named(settings.model).name
    unasked = []
    handed_over = 0
    for entry in entries:
        receipt = workshop.lake.record(SUBMISSION, entry.video_id)
        if receipt is not None and receipt.facts.get("model") == model:
            handed_over += 1
        else:
            unasked.append(known_video(workshop, entry))
    frames = count_frames(unasked, settings.interval_s)
    sizes = {
        size: round(count * (1 + settings.second_reading)) for size, count in frames.sizes.items()
    }
    costs = chosen = None
    if frames.frames:
        today = datetime.now(UTC).date()
        costs = estimate(
            sizes,
            known_models(),
            today,
            resolution=settings.resolution,
            budget=budget_of(workshop),
        )
        (chosen,) = [each for each in costs.models if each.model == model]
    return DryRun(frames, handed_over, costs, chosen)


def known_video(workshop: Workshop, entry: VideoEntry) -> KnownVideo:
    """What the data root knows of a video, for counting its frames."""
    facts = {
        name: record.facts
        for name in ("video_files", "frames", "unique_frames")
        if (record := workshop.lake.record(name, entry.video_id)) is not None
    }
    file = facts.get("video_files", {})
    return KnownVideo(
        entry.video_id,
        duration_s=file.get("seconds", entry.duration_s),
        sampled=facts.get("frames", {}).get("rows"),
        kept=facts.get("unique_frames", {}).get("kept"),
        size=(file["width"], file["height"]) if "width" in file else None,
    )


def budget_of(workshop: Workshop) -> Budget:
    """The budgets, and what the ledger has paid or on its way; nothing where there is no ledger."""
    settings = workshop.settings
    paid = ledger.Money(0.0, 0.0, 0.0)
    if workshop.store.exists:
        with workshop.store().session() as conn:
            paid = ledger.money(conn, datetime.now(UTC))
    return Budget(
        settings.budget_usd, settings.daily_budget_usd, paid.committed_usd, paid.today_usd
    )


def batches(workshop: Workshop) -> list[BatchLine]:
    """The batch jobs, newest first, and what waits to be in one; none without a ledger."""
    if not workshop.store.exists:
        return []
    with workshop.store().session() as conn:
        return batch_table(ledger.job_table(conn), ledger.backlog(conn), datetime.now(UTC))


def _listed(context: Context) -> list[VideoEntry]:
    return [entry for entry in context.lake.videos() if entry.listed]


def _estimate_identity(context: Context) -> Mapping[str, Any]:
    run = dry_run(context.workshop, _listed(context))
    return {"basis": run.basis, "rows": run.costs.as_rows() if run.costs else []}


def _estimate(context: Context) -> Outcome:
    run = dry_run(context.workshop, _listed(context))
    context.say(run.basis)
    rows = run.costs.as_rows() if run.costs else []
    document = {"basis": run.basis, "model": context.settings.model, "models": rows}
    table = pl.DataFrame(rows)
    return Outcome(
        files={
            context.lake.root / "reports" / "estimate.json": (
                json.dumps(document, ensure_ascii=False, indent=1) + "\n"
            ).encode()
        },
        checks=[
            judge(
                AFFORDABLE,
                run.chosen is None or run.chosen.within_budget,
                f"{run.chosen.model}: ${run.chosen.usd:,.2f}, {run.chosen.verdict}."
                if run.chosen
                else run.basis,
            )
        ],
        facts={
            "frames": run.frames.frames,
            "basis": run.basis,
            "model": context.settings.model,
            "estimated dollars": round(run.chosen.usd, 4) if run.chosen else 0.0,
            "models": {"markdown": table_preview(table, table.columns, len(rows))},
        },
    )


def _report(workshop: Workshop) -> CostReport | None:
    """What the ledger says of money; None when there is no ledger."""
    if not workshop.store.exists:
        return None
    with workshop.store().session() as conn:
        return CostReport.of(
            ledger.money(conn, datetime.now(UTC)),
            ledger.spend(conn),
            ledger.job_table(conn),
            ledger.expenses(conn),
            budget_usd=workshop.settings.budget_usd,
            daily_budget_usd=workshop.settings.daily_budget_usd,
        )


def _cost_identity(context: Context) -> Mapping[str, Any]:
    report = _report(context.workshop)
    return {"report": report.to_json() if report else None}


def _report_costs(context: Context) -> Outcome:
    settings = context.settings
    report = _report(context.workshop) or CostReport.of(
        ledger.Money(0.0, 0.0, 0.0),
        [],
        [],
        budget_usd=settings.budget_usd,
        daily_budget_usd=settings.daily_budget_usd,
    )
    folder = context.lake.root / "reports"
    ratio = report.estimate_ratio
    sentence = report.sentence if report.spend or report.expenses else NOTHING_PAID
    return Outcome(
        files={
            folder / "cost.json": report.to_json().encode(),
            folder / "cost.csv": report.to_csv().encode(),
            folder / "cost.md": report.to_markdown().encode(),
        },
        checks=[
            judge(WITHIN_BUDGET, report.within_budget, sentence),
            judge(
                ESTIMATE_CLOSE,
                ratio is None or CLOSE[0] <= ratio <= CLOSE[1],
                f"Finished jobs cost {ratio:.0%} of their estimate."
                if ratio is not None
                else "Not measured: no job is done.",
            ),
        ],
        facts={
            "sentence": sentence,
            "paid dollars": round(report.money.spent_usd, 4),
            "dollars on their way": round(report.money.open_usd, 4),
            "dollars today": round(report.money.today_usd, 4),
            "dollars queued": round(report.queued_usd, 4),
            "report": {"markdown": report.to_markdown()},
            "batch jobs": {"markdown": batch_markdown(batches(context.workshop))},
        },
    )


STEPS = (
    Step(
        name="batch_estimate",
        group="operations",
        description="What reading the rest with Gemini would cost, by model, before it is paid.",
        work=_estimate,
        per_video=False,
        after=("unique_frames",),
        identity=_estimate_identity,
        covers="unique_frames",
        checks=(AFFORDABLE,),
        kinds=("json",),
    ),
    Step(
        name="cost_report",
        group="operations",
        description="What was paid, by video, model and day, and the jobs it was paid for.",
        work=_report_costs,
        per_video=False,
        after=("gemini_batches", "gemini_results"),
        identity=_cost_identity,
        covers="unique_frames",
        checks=(WITHIN_BUDGET, ESTIMATE_CLOSE),
        kinds=("json", "csv"),
    ),
)
