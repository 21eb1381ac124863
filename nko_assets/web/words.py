"""`/words` and `/words/{motif_id}`: words, phrases and patterns, with places, examples and neighbours."""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, HTTPException, Query, Request, Response

from nko_assets.memory.rows import MOTIF_TYPES
from nko_assets.resources.lake import Lake
from nko_assets.resources.memory_store import MemoryStore
from nko_assets.web.lessons import run_command
from nko_assets.web.pages import page
from nko_assets.web.rows import all_shown, shown
from nko_assets.web.standing import Standing

WORDS_A_PAGE: Final = 60
PLACES_A_PAGE: Final = 20

Type = Literal["vocabulary", "phrase", "pattern"]
Order = Literal["worth", "spelling"]


def word_pages(memory: MemoryStore, lake: Lake, standing: Callable[[], Standing]) -> APIRouter:
    """The pages over the motifs of `memory`."""
    router = APIRouter(include_in_schema=False)

    @router.get("/words")
    def words(
        request: Request,
        type: Type = "vocabulary",  # noqa: A002  the name of the parameter
        order: Order = "worth",
        after: Annotated[str, Query(max_length=1_000)] = "",
        id: uuid.UUID | None = None,  # noqa: A002  the name of the parameter
    ) -> Response:
        found = _listed(memory, type, order, after, id)
        motifs = found[:WORDS_A_PAGE]
        last = motifs[-1] if len(found) > WORDS_A_PAGE else None
        return page(
            request,
            "words.html",
            nav="words",
            motifs=all_shown(motifs),
            type=type,
            order=order,
            types=MOTIF_TYPES,
            standing=standing(),
            begun=bool(after),
            following=last
            and {
                "type": type,
                "order": order,
                "after": last["salience_score"] if order == "worth" else last["nko_key"],
                "id": last["id"],
            },
            command=run_command(lake),
        )

    @router.get("/words/{motif_id}")
    def word(
        request: Request,
        motif_id: uuid.UUID,
        after: Annotated[int, Query(ge=0, lt=2**63, description="seq of the last place")] = 0,
    ) -> Response:
        asked = {"motif": str(motif_id)}
        found = memory.call("memory_motif", asked)
        if not found:
            raise HTTPException(404)
        places = memory.call(
            "memory_motif_places", {**asked, "after_seq": after, "max_places": PLACES_A_PAGE + 1}
        )
        return page(
            request,
            "word.html",
            nav="words",
            motif=shown(found[0]),
            places=all_shown(places[:PLACES_A_PAGE]),
            begun=after > 0,
            following=places[PLACES_A_PAGE - 1]["seq"] if len(places) > PLACES_A_PAGE else None,
            neighbours=all_shown(memory.call("memory_motif_neighbours", asked)),
        )

    return router


def _listed(
    memory: MemoryStore, of_type: Type, order: Order, after: str, after_id: uuid.UUID | None
) -> Sequence[Mapping[str, Any]]:
    """The motifs after the one that is named, one more than a page shows."""
    asked: dict[str, Any] = {
        "of_type": of_type,
        "after_id": after_id and str(after_id),
        "max_motifs": WORDS_A_PAGE + 1,
    }
    if order == "spelling":
        return memory.call("memory_motifs_by_spelling", {**asked, "after_key": after})
    if after:
        asked["after_salience"] = _share(after)
    return memory.call("memory_motifs_by_salience", asked)


def _share(text: str) -> float:
    """The number from 0 to 1 that `text` says."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise HTTPException(422)
    return value
