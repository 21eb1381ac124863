"""What was paid, for readings and all else: by model, day and video, against the budgets, as data and as tables."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from nko_assets.reading.ledger import BatchJob, Expense, Money, Spend

NOTHING_PAID = "Nothing was paid: nothing was ever handed to a paid service."
_SUMMED = ("requests", "answered", "failed", "input_tokens", "output_tokens", "thinking_tokens")
# The videos that a table for people shows; all of them are in the files.
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class CostReport:
    """Money and what it bought: readings in `spend`, all else in `expenses`.

    `estimate_ratio` is the real cost of the reading jobs that are done over what they were
    estimated to cost, None when none is.
    """

    money: Money
    budget_usd: float
    daily_budget_usd: float | None
    queued_usd: float
    estimate_ratio: float | None
    spend: tuple[Spend, ...]
    expenses: tuple[Expense, ...] = ()

    @classmethod
    def of(
        cls,
        money: Money,
        spend: Sequence[Spend],
        jobs: Sequence[BatchJob],
        expenses: Sequence[Expense] = (),
        *,
        budget_usd: float,
        daily_budget_usd: float | None,
    ) -> CostReport:
        """The report on what the ledger says."""
        done = [job for job in jobs if job.finished_at and job.answered and job.estimated_usd]
        expected = sum(job.estimated_usd for job in done)
        return cls(
            money=money,
            budget_usd=budget_usd,
            daily_budget_usd=daily_budget_usd,
            queued_usd=sum(row.estimated_usd for row in spend if row.day is None),
            estimate_ratio=sum(job.actual_usd for job in done) / expected if expected else None,
            spend=tuple(spend),
            expenses=tuple(expenses),
        )

    @property
    def within_budget(self) -> bool:
        """Whether what is paid and on its way keeps to the budgets."""
        return self.money.committed_usd <= self.budget_usd and (
            self.daily_budget_usd is None or self.money.today_usd <= self.daily_budget_usd
        )

    @property
    def sentence(self) -> str:
        """The money in one sentence."""
        daily = (
            f", ${self.money.today_usd:,.2f} of ${self.daily_budget_usd:,.2f} today"
            if self.daily_budget_usd is not None
            else ""
        )
        queued = f", ${self.queued_usd:,.2f} more are queued" if self.queued_usd else ""
        return (
            f"${self.money.spent_usd:,.2f} paid and ${self.money.open_usd:,.2f} on its way, of "
            f"${self.budget_usd:,.2f}{daily}{queued}."
        )

    def by(self, key: Callable[[Spend], str]) -> list[dict[str, Any]]:
        """Sums of requests, tokens and dollars for each value of `key`, in the order they come."""
        groups: dict[str, dict[str, Any]] = {}
        for row in self.spend:
            name = key(row)
            sums = groups.setdefault(
                name,
                {"name": name, **dict.fromkeys(_SUMMED, 0), "paid_usd": 0.0, "expected_usd": 0.0},
            )
            for field in _SUMMED:
                sums[field] += getattr(row, field)
            sums["paid_usd"] += row.actual_usd
            sums["expected_usd"] += row.estimated_usd
        return list(groups.values())

    @property
    def by_model(self) -> list[dict[str, Any]]:
        """Sums of each model."""
        return self.by(lambda row: row.model)

    @property
    def by_day(self) -> list[dict[str, Any]]:
        """Sums of each UTC day on which jobs were made; "queued" is in no job yet."""
        return self.by(lambda row: str(row.day or "queued"))

    @property
    def by_video(self) -> list[dict[str, Any]]:
        """Sums of each video."""
        return sorted(self.by(lambda row: row.video_id), key=lambda sums: sums["name"])

    def to_json(self) -> str:
        """Everything, for programs."""
        document = {
            "money": asdict(self.money),
            "budget_usd": self.budget_usd,
            "daily_budget_usd": self.daily_budget_usd,
            "queued_usd": self.queued_usd,
            "estimate_ratio": self.estimate_ratio,
            "within_budget": self.within_budget,
            "by_model": self.by_model,
            "by_day": self.by_day,
            "by_video": self.by_video,
            "expenses": [asdict(expense) for expense in self.expenses],
        }
        return json.dumps(document, ensure_ascii=False, indent=1, default=str) + "\n"

    def to_csv(self) -> str:
        """One row for each video, model and day, for spreadsheets."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(Spend.__dataclass_fields__)
        writer.writerows(asdict(row).values() for row in self.spend)
        return text.getvalue()

    def to_markdown(self) -> str:
        """The page for people: the sentence, then models, days and the dearest videos."""
        dearest = sorted(self.by_video, key=lambda sums: (-sums["paid_usd"], sums["name"]))
        more = len(dearest) - _SHOWN
        parts = [
            "# What it has cost",
            "",
            self.sentence if self.spend or self.expenses else NOTHING_PAID,
            "",
            *_expenses(self.expenses),
            *_table("model", self.by_model),
            *_table("day", self.by_day),
            *_table("video", dearest[:_SHOWN]),
        ]
        if more > 0:
            parts.append(f"{more} more videos are in cost.csv.")
        return "\n".join(parts).rstrip() + "\n"


def _expenses(expenses: Sequence[Expense]) -> list[str]:
    if not expenses:
        return []
    return [
        "| what else | model | day | times | paid | to come |",
        "|---|---|---|--:|--:|--:|",
        *(
            f"| {row.purpose} | {row.model} | {row.day} | {row.booked:,} | "
            f"${row.actual_usd:,.4f} | ${row.expected_usd:,.4f} |"
            for row in expenses
        ),
        "",
    ]


def _table(name: str, rows: Sequence[dict[str, Any]]) -> list[str]:
    if not rows:
        return []
    return [
        f"| {name} | requests | answered | failed | tokens in | out | thinking | paid | to come |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
        *(
            f"| {row['name']} | "
            + " | ".join(f"{row[field]:,}" for field in _SUMMED)
            + f" | ${row['paid_usd']:,.4f} | ${row['expected_usd']:,.4f} |"
            for row in rows
        ),
        "",
    ]
