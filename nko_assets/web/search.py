"""`GET /api/search`: what the lessons and the imported dictionaries say about a word or a sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Query
from pydantic import AfterValidator, BaseModel, Field

from nko_assets.memory.embeddings import Embedder
from nko_assets.memory.search import LONGEST_QUERY, MOST_RESULTS, TOLD, Hit, search, trouble_with
from nko_assets.resources.memory_store import MemoryStore

Type = Literal["turn", "vocabulary", "phrase", "pattern"]


class Found(BaseModel):
    """A turn of a lesson, or a word, a phrase or a pattern."""

    type: Type
    id: str
    nko: str = Field(description="N'Ko, in logical order")
    latin: str = Field(description="romanized by rule")
    english: str | None
    french: str | None
    video_id: str | None = Field(description="where it is shown; null for what was imported")
    title: str | None
    url: str | None
    second: float | None = Field(description="when it is shown, from the start of the video")
    picture: str | None = Field(description="path of the frame's picture on this server")
    phase: str | None = Field(description="of a turn: extraction or validation")
    source: str = Field(description="lessons, or the name of the import")
    licence: str
    score: float
    why: str = Field(description="why it was found")


class Results(BaseModel):
    """What was found, the best first."""

    results: list[Found]


def _asks_something(text: str) -> str:
    trouble = trouble_with(text)
    if trouble is not None:
        raise ValueError(TOLD[trouble][0])
    return text


def search_endpoint(memory: MemoryStore, embedder: Callable[[], Embedder]) -> APIRouter:
    """The endpoint over `memory`; `embedder` is loaded by the first search."""
    router = APIRouter(tags=["search"])

    @router.get("/search")
    def find(
        q: Annotated[
            str,
            Query(
                description="N'Ko with or without tone marks, Latin with or without accents, English, French",
                max_length=LONGEST_QUERY,
            ),
            AfterValidator(_asks_something),
        ],
        video: Annotated[str | None, Query(description="id of the video to look in")] = None,
        type: Annotated[  # noqa: A002  the name of the parameter
            list[Type] | None, Query(description="what to look for; everything by default")
        ] = None,
        phase: Annotated[
            Literal["extraction", "validation"] | None, Query(description="of turns")
        ] = None,
        limit: Annotated[int, Query(ge=1, le=MOST_RESULTS)] = 20,
    ) -> Results:
        """Turns and motifs by their words and by their meaning, the best first."""
        hits = search(memory, embedder(), q, video=video, types=type, phase=phase, limit=limit)
        return Results(results=[_found(hit) for hit in hits])

    return router


def _found(hit: Hit) -> Found:
    return Found.model_validate(
        {
            **{name: getattr(hit, name) for name in Found.model_fields if hasattr(hit, name)},
            "second": None if hit.timestamp_ms is None else hit.timestamp_ms / 1000,
            "picture": hit.frame_id and f"/api/frames/{quote(hit.frame_id, safe=':')}",
        }
    )
