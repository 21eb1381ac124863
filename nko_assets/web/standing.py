"""How far things are: turns by phase, the running accuracy, motifs, lessons by step."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from nko_assets.channel import VideoEntry
from nko_assets.memory.welford import Outcomes
from nko_assets.resources.lake import Lake
from nko_assets.resources.memory_store import MemoryStore
from nko_assets.web.kept import Kept

POINTS: Final = 60
STEPS: Final = (
    "video_files",
    "unique_frames",
    "gemini_results",
    "reviewed_readings",
    "memory_turns",
)
"""Steps of a lesson whose ends people ask for, in order."""

# 95 % of a normal distribution.
_Z: Final = 1.96


@dataclass(frozen=True, slots=True)
class Point:
    """The mean of all outcomes of the first `turns` turns, and the bounds of its 95 % interval."""

    turns: int
    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class StepCount:
    """In how many lessons a step is done, and in how many its last attempt failed."""

    step: str
    done: int
    failed: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the memory is. `outcomes` are those of all turns; `points` say how they came to be."""

    turns: int
    validated: int
    outcomes: Outcomes
    points: tuple[Point, ...]
    motifs: Mapping[str, int]
    sources: Mapping[str, int]


def standing_of(memory: MemoryStore) -> Callable[[], Standing]:
    """What tells how far `memory` is, some seconds ago at most when it is large."""
    return Kept(lambda: _standing(memory))


def _standing(memory: MemoryStore) -> Standing:
    total, turns, validated = Outcomes(), 0, 0
    points: list[Point] = []
    for row in memory.call("memory_running", {"points": POINTS}):
        total = total.merge(_outcomes(row))
        turns += row["turns"]
        validated += row["validated"]
        if total.count:
            points.append(_point(turns, total))
    motifs: dict[str, int] = {}
    sources: dict[str, int] = {}
    for row in memory.call("memory_motif_counts", {}):
        motifs[row["motif_type"]] = motifs.get(row["motif_type"], 0) + row["motifs"]
        sources[row["source"]] = sources.get(row["source"], 0) + row["motifs"]
    return Standing(turns, validated, total, tuple(points), motifs, sources)


def _outcomes(row: Mapping[str, Any]) -> Outcomes:
    count = row["outcome_count"]
    if not count:
        return Outcomes()
    mean = row["outcome_sum"] / count
    return Outcomes(mean, max(0.0, row["outcome_squares"] - count * mean**2), count)


def _point(turns: int, outcomes: Outcomes) -> Point:
    """The interval is that of a mean: it narrows as outcomes come in."""
    mean = min(1.0, max(0.0, outcomes.mean))
    if outcomes.count < 2:
        return Point(turns, mean, 0.0, 1.0)
    half = _Z * math.sqrt(outcomes.m2 / (outcomes.count - 1) / outcomes.count)
    return Point(turns, mean, max(0.0, mean - half), min(1.0, mean + half))


def steps_of(lake: Lake) -> Callable[[], tuple[StepCount, ...]]:
    """What tells in how many lessons of `lake` each of `STEPS` is done."""
    return Kept(lambda: tuple(_count(lake, step) for step in STEPS))


def _count(lake: Lake, step: str) -> StepCount:
    made = lake.keys(step)
    return StepCount(step, len(made.done), len(made.failed))


class Listing:
    """The videos of the manifest, read again when its file changes."""

    def __init__(self, lake: Lake) -> None:
        """Reads nothing yet."""
        self._lake = lake
        self._read: tuple[int, list[VideoEntry]] | None = None

    def __call__(self) -> list[VideoEntry]:
        """Those that the source lists, in its order."""
        try:
            changed = self._lake.manifest_path.stat().st_mtime_ns
        except FileNotFoundError:
            return []
        if self._read is None or self._read[0] != changed:
            self._read = (changed, [video for video in self._lake.videos() if video.listed])
        return self._read[1]
