"""Frames with known text and what was really read on them, as the model is fitted on them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from nko_assets.reading.trust.evidence import Claim, SeenLine


@dataclass(frozen=True, slots=True)
class KnownPage:
    """One frame: what it shows, and what the offline reader read on it."""

    video: int
    real: bool
    typeface: str
    rows: int
    crf: int
    truth: tuple[Claim, ...]
    seen: tuple[SeenLine, ...]


def write_pages(pages: Iterable[KnownPage], path: Path) -> int:
    """Write the pages as JSONL, one after the other; returns how many."""
    path.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for page in pages:
            file.write(json.dumps(asdict(page), ensure_ascii=False) + "\n")
            file.flush()
            count += 1
    return count


def read_pages(path: Path) -> list[KnownPage]:
    """The pages of a file that `write_pages` wrote."""
    pages = []
    for line in path.read_text(encoding="utf-8").split("\n"):
        if line:
            data = json.loads(line)
            truth = tuple(Claim(**one) for one in data.pop("truth"))
            seen = tuple(SeenLine(one["text"], one["confidence"]) for one in data.pop("seen"))
            pages.append(KnownPage(**data, truth=truth, seen=seen))
    return pages
