"""A client of server-sent events: what a browser's EventSource reads, over httpx."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

PATIENCE_S = 60.0


@dataclass(frozen=True)
class Event:
    """One block of the stream: an event, or with an empty name a comment or a bare id."""

    name: str
    last_id: str
    data: Any
    comment: str


@contextmanager
def followed(url: str, last_id: str | None = None) -> Iterator[Iterator[Event]]:
    """The blocks of the stream at `url`, as they come, after the one that says that it began."""
    headers = {"Last-Event-ID": last_id} if last_id else {}
    with (
        httpx.Client(timeout=PATIENCE_S) as client,
        client.stream("GET", url, headers=headers) as response,
    ):
        response.raise_for_status()
        assert response.headers["content-type"].startswith("text/event-stream")
        yield _blocks(response.iter_lines())


def turns(events: Iterator[Event], count: int) -> list[Event]:
    """The next `count` turns; anything else on the way fails, but comments and `following`."""
    found: list[Event] = []
    while len(found) < count:
        event = next(events)
        if event.name and event.name != "following":
            assert event.name == "turn"
            found.append(event)
    return found


def _blocks(lines: Iterator[str]) -> Iterator[Event]:
    last_id = ""
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
            continue
        last_id = fields.get("id", last_id)
        data = json.loads(fields["data"]) if "data" in fields else None
        yield Event(fields.get("event", ""), last_id, data, fields.get("", ""))
        fields = {}
