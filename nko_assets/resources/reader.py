"""The reader that settings choose."""

from __future__ import annotations

from typing import Literal

from nko_assets.reading.reader import Reader


def open_reader(name: Literal["offline"]) -> Reader:
    """The reader called `name`; its models load when the first frame is read."""
    match name:
        case "offline":
            from nko_assets.reading.offline import OfflineReader

            return OfflineReader()
