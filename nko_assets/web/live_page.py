"""`/live`: turns as they are ingested, progress by phase, and the running accuracy as a picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response

from nko_assets.channel import VideoEntry
from nko_assets.resources.lake import Lake
from nko_assets.resources.memory_store import MemoryStore
from nko_assets.web.accuracy_chart import accuracy_chart
from nko_assets.web.lessons import run_command
from nko_assets.web.pages import language_of, page
from nko_assets.web.rows import all_shown
from nko_assets.web.standing import Standing, StepCount

SHOWN: Final = 30
# A load brings thousands at once; who watches sees the last of them.
MOST_NEW: Final = 20


def live_pages(
    memory: MemoryStore,
    lake: Lake,
    listed: Callable[[], list[VideoEntry]],
    standing: Callable[[], Standing],
    steps: Callable[[], tuple[StepCount, ...]],
    *,
    follows: bool,
) -> APIRouter:
    """The page over `memory`; where new turns are not told (`follows`) it says so."""
    router = APIRouter(include_in_schema=False)

    def figures(request: Request) -> dict[str, Any]:
        now = standing()
        return {
            "standing": now,
            "chart": accuracy_chart(now.points, language_of(request)) if now.points else None,
            "steps": steps(),
            "lessons": len(listed()),
        }

    @router.get("/live")
    def live(request: Request) -> Response:
        return page(
            request,
            "live.html",
            nav="live",
            turns=all_shown(memory.call("memory_recent_turns", {"max_turns": SHOWN})),
            follows=follows,
            command=run_command(lake),
            **figures(request),
        )

    @router.get("/live/turns")
    def turns(
        request: Request,
        after: Annotated[int, Query(ge=0, lt=2**63, description="seq of the last turn shown")],
        with_figures: Annotated[bool, Query(alias="figures")] = True,
    ) -> Response:
        """What came after a turn, and how far things are now, to be put into the page."""
        new = all_shown(
            memory.call("memory_recent_turns", {"max_turns": MOST_NEW, "after_seq": after})
        )
        return page(
            request, "_live_news.html", turns=new, **(figures(request) if with_figures else {})
        )

    return router
