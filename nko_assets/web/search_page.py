"""`/search`: the search as a page, and its results alone for a page that searches while one types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from nko_assets.memory.embeddings import Embedder
from nko_assets.memory.search import LONGEST_QUERY, TYPES, Hit, search, trouble_with
from nko_assets.resources.memory_store import MemoryStore
from nko_assets.web.keyboard import ROWS
from nko_assets.web.pages import page

MOST: Final = 20
# One in each way of writing, for whoever does not know what to ask.
EXAMPLES: Final = ("ߌ ߣߌ߫ ߛߐ߰ߡߊ߬", "ߒߞߏ", "bolo", "good morning", "merci")


class Asked(BaseModel):
    """The form of a search; what cannot be searched for is told on the page."""

    q: str = ""
    type: Literal["", "turn", "vocabulary", "phrase", "pattern"] = ""
    phase: Literal["", "extraction", "validation"] = ""
    video: Annotated[str, Field(max_length=200)] = ""

    @property
    def trouble(self) -> str:
        """The key of what is wrong with the query, if anything is."""
        trouble = trouble_with(self.q) if self.q.strip() else None
        return f"search.{trouble}" if trouble else ""


def search_page(memory: MemoryStore, embedder: Callable[[], Embedder]) -> APIRouter:
    """The page over `memory`; `embedder` is loaded by the first search."""
    router = APIRouter(include_in_schema=False)

    def found(asked: Asked) -> list[Hit]:
        if asked.trouble or not asked.q.strip():
            return []
        return search(
            memory,
            embedder(),
            asked.q,
            video=asked.video or None,
            types=[asked.type] if asked.type else None,
            phase=asked.phase or None,
            limit=MOST,
        )

    @router.get("/search")
    def find(request: Request, asked: Annotated[Asked, Query()]) -> Response:
        """The whole page, or what changes of it for the script that sends HX-Request."""
        alone = request.headers.get("hx-request") == "true"
        answer = page(
            request,
            "_results.html" if alone else "search.html",
            asked=asked,
            hits=found(asked),
            trouble=asked.trouble,
            most=MOST,
            longest=LONGEST_QUERY,
            examples=EXAMPLES,
            types=TYPES,
            keyboard_rows=ROWS,
        )
        answer.headers.add_vary_header("HX-Request")
        return answer

    return router
