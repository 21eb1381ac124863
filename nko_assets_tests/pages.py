"""The explorer's pages in tests: a client without a browser, and a parser of what it gets."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from html.parser import HTMLParser
from typing import Any

from fastapi.testclient import TestClient

from nko_assets.channel import Manifest, VideoEntry, manifest_bytes
from nko_assets.files import write_atomically
from nko_assets.memory.embeddings import load_embedder
from nko_assets.resources.lake import Lake
from nko_assets.resources.memory_store import MemoryStore
from nko_assets.resources.review_desk import ReviewDesk
from nko_assets.resources.store import Store
from nko_assets.web.app import create_app

HOST = "http://127.0.0.1:8000"

embedder = cache(load_embedder)


def client(
    memory: MemoryStore, lake: Lake, store: Callable[[], Store] | None = None, **more: Any
) -> TestClient:
    """A client of the application; nothing that runs beside requests is started."""

    def nowhere() -> Store:
        raise AssertionError("these pages need no desk")

    app = create_app(memory, embedder, lake, store, ReviewDesk(store or nowhere), **more)
    return TestClient(app, base_url=HOST, headers={"Accept": "text/html"}, follow_redirects=False)


def list_videos(lake: Lake, *ids: str, gone: str | None = None, **more: Any) -> None:
    """Write the manifest of videos with these ids; `gone` is one that is listed no more."""
    videos = [
        VideoEntry(
            **{
                "video_id": video_id,
                "title": f"ߞߊ߬ߟߊ߲ {video_id}",
                "url": f"https://www.youtube.com/watch?v={video_id}",
                "duration_s": 60.0,
                "uploaded": "2025-04-03",
                "source": "youtube",
                "licence": "CC BY 4.0",
                "listed": video_id != gone,
                **more,
            }
        )
        for video_id in (*ids, *([gone] if gone else []))
    ]
    write_atomically(lake.manifest_path, manifest_bytes(Manifest(tuple(videos))))


class Element:
    """An element with its attributes, and all text in it."""

    def __init__(self, tag: str, attributes: dict[str, str]) -> None:
        self.tag = tag
        self.attributes = attributes
        self.text = ""

    def __getitem__(self, name: str) -> str:
        return self.attributes[name]


_VOID = {"area", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"}


class Page(HTMLParser):
    """A page that was parsed; raises AssertionError when its elements are not nested well."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(html)
        self.close()
        assert not self._open, f"never closed: {[element.tag for element in self._open]}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag not in _VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> closes nothing"
        assert self._open[-1].tag == tag, f"</{tag}> closes <{self._open[-1].tag}>"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data

    def all(self, tag: str, **attributes: str) -> list[Element]:
        """The elements of that name with those attributes; `class_` looks for one of the classes."""
        wanted = attributes.pop("class_", None)
        return [
            element
            for element in self.elements
            if element.tag == tag
            and (wanted is None or wanted in element.attributes.get("class", "").split())
            and all(element.attributes.get(name) == value for name, value in attributes.items())
        ]

    def one(self, tag: str, **attributes: str) -> Element:
        """The one element that there has to be."""
        (found,) = self.all(tag, **attributes)
        return found

    @property
    def text(self) -> str:
        """What people read, on one line."""
        return " ".join(self.one("main").text.split())
