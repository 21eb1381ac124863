"""The explorer as tests visit it: an application over a lesson, and a visitor with cookies."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import httpx
from fastapi import FastAPI

from nko_assets.memory.embedded import embedded
from nko_assets.memory.embeddings import Embedder
from nko_assets.memory.imports import imported_motifs, read_parallel
from nko_assets.memory.rows import Motif, Turn
from nko_assets.resources.lake import Lake
from nko_assets.resources.memory_store import MemoryStore
from nko_assets.resources.review_desk import ReviewDesk
from nko_assets.resources.store import Store
from nko_assets.web.app import create_app
from nko_assets_tests.memory_rows import turn, video
from nko_assets_tests.review_rows import lesson_items, write_slides
from nko_assets_tests.slides import LINES

LESSON = "lesson-1"
Row = TypeVar("Row", Turn, Motif)
DICTIONARY = "nko\tenglish\tfrench\nߖߌ\twater\teau\nߛߓߍ\tto write\técrire\nߓߟߏ\thand\tmain\n"


def furnish(lake: Lake, desk: ReviewDesk) -> None:
    """One lesson: two slides of greetings, six of whose readings wait for a person."""
    write_slides(lake, LESSON, [LINES, LINES])
    desk.put_items(LESSON, lesson_items(LESSON))


def remember(memory: MemoryStore, embedder: Callable[[], Embedder]) -> None:
    """The two frames of that lesson and three words of a dictionary, for search."""
    rows = read_parallel(DICTIONARY.encode(), source="a dictionary", licence="CC0").rows
    memory.upsert_motifs("a dictionary", embedded(imported_motifs(rows), embedder()))
    frames = [
        whole(turn(LESSON, 0, text="\n".join(LINES))),
        whole(turn(LESSON, 1, text=LINES[0], phase="validation")),
    ]
    memory.upsert_videos([video(LESSON, embedded(frames, embedder()), title="ߞߊ߬ߟߊ߲ ߁")])
    memory.call("memory_count_words", {})


def whole(row: Row) -> Row:
    """A row of the memory with everything in its content that pages show."""
    return replace(row, content={**row.content, "english": "I say", "french": None})


def explorer(
    memory: MemoryStore,
    embedder: Callable[[], Embedder],
    lake: Lake,
    database: Store,
    desk: ReviewDesk,
) -> FastAPI:
    """The application over all of it."""
    return create_app(memory, embedder, lake, lambda: database, desk)


class Visitor:
    """Someone with a browser that runs no scripts, at the explorer at `url`."""

    def __init__(self, url: str, name: str | None = None) -> None:
        self.http = httpx.Client(base_url=url, timeout=60, headers={"Accept": "text/html"})
        if name is not None:
            self.http.cookies.set("nko_reviewer", quote(name))

    def see(self, path: str, **query: Any) -> httpx.Response:
        """Follow a link."""
        return self.http.get(path, params=query or None, follow_redirects=True)

    def part(self, path: str) -> httpx.Response:
        """What a script fetches in place of a page."""
        return self.http.get(path, headers={"HX-Request": "true"})

    def send(self, path: str, form: Mapping[str, Any], *, script: bool = False) -> httpx.Response:
        """Send a form as the page does, with what it holds against forgery."""
        if "nko_csrf" not in self.http.cookies:
            self.http.get("/search")
        csrf = self.http.cookies["nko_csrf"]
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if script:
            headers["Accept"] = "application/json"
        body = urlencode({"csrf": csrf, **form}, doseq=True)
        return self.http.post(path, content=body, headers=headers)


def reading_on(page: httpx.Response) -> str:
    """The id of the reading that a page of review shows."""
    (found,) = re.findall(r'data-reading="([0-9a-f-]{36})"', page.text)
    return str(found)
