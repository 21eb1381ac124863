"""`/`: the scorecard, the funnel, the cost, what runs now, and what came last."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from nko_assets.channel import VideoEntry
from nko_assets.resources.lake import Lake
from nko_assets.resources.memory_store import MemoryStore
from nko_assets.web.i18n import messages
from nko_assets.web.lessons import run_command
from nko_assets.web.pages import page
from nko_assets.web.rows import all_shown
from nko_assets.web.runs import Runs
from nko_assets.web.standing import Standing

LATEST: Final = 6
# The criteria of the report by what they are called in the messages.
CRITERIA: Final = {
    "Videos done": "videos",
    "Unique phrases": "phrases",
    "Words": "words",
    "Training examples": "examples",
    "Accuracy on validation": "accuracy",
    "Reader’s character errors": "errors",
    "Cost of reading": "cost",
}


def overview_page(
    memory: MemoryStore,
    lake: Lake,
    listed: Callable[[], list[VideoEntry]],
    standing: Callable[[], Standing],
    runs: Runs | None,
    *,
    follows: bool,
) -> APIRouter:
    """The first page; `runs` is None where nobody can tell what runs."""
    router = APIRouter(include_in_schema=False)
    report = _JsonFile(lake.training / "report.json")
    cost = _JsonFile(lake.root / "reports" / "cost.json")

    @router.get("/")
    def overview(request: Request) -> Response:
        found = report()
        return page(
            request,
            "overview.html",
            nav="overview",
            listed=len(listed()),
            summary=found and found["summary"],
            criteria=[_named(row) for row in found["criteria"]] if found else [],
            funnel=_funnel(found["funnel"]) if found else [],
            cost=cost(),
            runs=None if runs is None else runs(),
            standing=standing(),
            turns=all_shown(memory.call("memory_recent_turns", {"max_turns": LATEST})),
            follows=follows,
            command=run_command(lake),
        )

    return router


def _named(criterion: Mapping[str, Any]) -> dict[str, Any]:
    """A criterion with the key of its messages; None for one that they do not know."""
    return {**criterion, "key": CRITERIA.get(criterion["name"])}


def _funnel(stages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Stages with how full their bars are, 0 to 100: those of one unit share a scale."""
    largest: dict[str, int] = {}
    for stage in stages:
        largest[stage["unit"]] = max(largest.get(stage["unit"], 0), stage["count"])
    known = messages("en")
    return [
        {
            **stage,
            "known": f"funnel.{stage['key']}" in known,
            "width": round(100 * stage["count"] / max(1, largest[stage["unit"]]), 2),
        }
        for stage in stages
    ]


class _JsonFile:
    """A document of the lake, read again when it changes; None while there is none."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read: tuple[int, dict[str, Any]] | None = None

    def __call__(self) -> dict[str, Any] | None:
        try:
            changed = self._path.stat().st_mtime_ns
            if self._read is None or self._read[0] != changed:
                self._read = (changed, json.loads(self._path.read_bytes()))
        except FileNotFoundError:
            return None
        return self._read[1]
