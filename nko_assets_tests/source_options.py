"""How tests ask a source: without pauses, and otherwise as a test changes it."""

from __future__ import annotations

from typing import Any

from nko_assets.resources.source import SourceOptions


def source_options(**changes: Any) -> SourceOptions:
    """Options for a source of lessons of 480 to 720 rows, with `changes`."""
    given: dict[str, Any] = {
        "licence": "ask the author",
        "sleep_s": (0, 0),
        "min_height": 480,
        "max_height": 720,
    }
    return SourceOptions(**(given | changes))
