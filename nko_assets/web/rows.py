"""Rows of the memory as pages show them: what a row need not say is there, and says nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

_CONTENT: Final[Mapping[str, Any]] = {
    "latin": "",
    "english": None,
    "french": None,
    "entries": (),
    # Of some types of motifs alone.
    "pos": None,
    "examples": (),
    "fillers": (),
}
_ENTRY: Final[Mapping[str, Any]] = {
    "reading_id": None,
    "nko": "",
    "latin": None,
    "english": None,
    "french": None,
    "confidence": None,
    "decision": "accepted",
    "confirmed_by": (),
}
_EXAMPLE: Final[Mapping[str, Any]] = {"english": None, "french": None}


def shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """A turn or a motif whose content, entries and examples have all that pages look for."""
    content = {**_CONTENT, **row["content"]}
    content["entries"] = [{**_ENTRY, **entry} for entry in content["entries"]]
    content["examples"] = [
        {**_EXAMPLE, **(example if isinstance(example, Mapping) else {"nko": str(example)})}
        for example in content["examples"] or ()
    ]
    return {**row, "content": content}


def all_shown(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The same for several rows."""
    return [shown(row) for row in rows]
