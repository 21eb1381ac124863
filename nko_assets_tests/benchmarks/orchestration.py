"""What orchestration costs a video: `python -m nko_assets_tests.benchmarks.orchestration`.

The whole lineage over tiny videos, once by `run_lineage` on a persistent Dagster instance and once
by the same steps in a plain loop. Both work on one video at a time, read by a script, and write to
a fresh data root, so the difference is what Dagster and the driver around it add.
"""

from __future__ import annotations

import argparse
import json
import random
import struct
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from nko_assets.channel import read_manifest
from nko_assets.lineage import STEPS
from nko_assets.progress import Silent
from nko_assets.run import run_lineage
from nko_assets.steps import Context, Workshop, perform
from nko_assets.workshop import open_workshop
from nko_assets_tests.builders import made_up_word
from nko_assets_tests.channels import ScriptedReader, settings_for, write_lesson

VIDEOS = 532
BAR_S = 1.0
"""Seconds of wall time that orchestration may add to a video."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of wall and of CPU, all threads together, for the whole channel."""

    wall_s: float
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Figures:
    """The two ways, a second run that finds everything current, and what a video costs more."""

    videos: int
    lineage: Cost
    plain_loop: Cost
    second_run: Cost
    overhead_wall_s_a_video: float
    overhead_cpu_s_a_video: float
    bar_s: float = BAR_S


def measure(videos: int, folder: Path) -> Figures:
    """Write `videos` lessons to `folder` and take them through the lineage both ways."""
    channel = write_channel(folder / "lessons", videos)
    plain_loop = _cost(lambda: _loop(_workshop(folder / "plain", channel)))
    lineage = _cost(lambda: _run(_workshop(folder / "lineage", channel)))
    second = _cost(lambda: _run(_workshop(folder / "lineage", channel)))
    return Figures(
        videos,
        lineage,
        plain_loop,
        second,
        round((lineage.wall_s - plain_loop.wall_s) / videos, 4),
        round((lineage.cpu_s - plain_loop.cpu_s) / videos, 4),
    )


def write_channel(folder: Path, videos: int) -> Path:
    """`videos` files of one lesson of 12 s, 160 × 90, told apart by a number behind their end."""
    lesson = write_lesson(folder / "lesson.mp4", [["ߒߞߏ"], ["ߡߊߟߌ"]], 6.0, (160, 90))
    data = lesson.read_bytes()
    lesson.unlink()
    for number in range(videos):
        # A box of the type `free` holds nothing that a player looks at.
        mark = struct.pack(">I4sQ", 16, b"free", number)
        (folder / f"lesson {number:04}.mp4").write_bytes(data + mark)
    return folder


def _workshop(folder: Path, channel: Path) -> Workshop:
    dice = random.Random(1)
    texts = [
        (" ".join(made_up_word(dice) for _ in range(dice.randint(1, 4))), f"meaning {number}")
        for number in range(997)
    ]
    settings = settings_for(folder, channel).model_copy(update={"workers": 1})
    return open_workshop(settings, ScriptedReader(texts))


def _run(workshop: Workshop) -> None:
    result = run_lineage(workshop, Silent())
    if result.failed:
        raise RuntimeError(f"{len(result.failed)} videos failed: {result.failed}")


def _loop(workshop: Workshop) -> None:
    def quiet(_message: str) -> None:
        """Nobody watches."""

    corpus = [step for step in STEPS.values() if not step.per_video]
    perform(corpus[0], Context(workshop, quiet), STEPS)
    entries = read_manifest(workshop.lake.manifest_path) or []
    for entry in entries:
        for step in STEPS.values():
            if step.per_video:
                perform(step, Context(workshop, quiet, entry), STEPS)
    ids = tuple(entry.video_id for entry in entries)
    for step in corpus[1:]:
        perform(step, Context(workshop, quiet, video_ids=ids), STEPS)


def _cost(work: Callable[[], None]) -> Cost:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Cost(round(time.perf_counter() - wall, 3), round(time.process_time() - cpu, 3))


def report(figures: Figures) -> str:
    """The figures as plain text."""
    rows = {
        "nko run": figures.lineage,
        "plain loop": figures.plain_loop,
        "nko run again": figures.second_run,
    }
    lines = [f"The whole lineage over {figures.videos} videos, seconds", ""]
    lines.append(f"{'':16}{'wall':>10}{'CPU':>10}{'wall a video':>15}{'CPU a video':>15}")
    for name, cost in rows.items():
        lines.append(
            f"{name:16}{cost.wall_s:10.1f}{cost.cpu_s:10.1f}"
            f"{cost.wall_s / figures.videos:15.3f}{cost.cpu_s / figures.videos:15.3f}"
        )
    lines += [
        "",
        (
            f"Orchestration adds {figures.overhead_wall_s_a_video:.3f} s of wall time and "
            f"{figures.overhead_cpu_s_a_video:.3f} s of CPU a video; the bar is {figures.bar_s:g} s."
        ),
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure in a temporary folder and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--videos", type=int, default=VIDEOS, help="how many lessons")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nko-orchestration-") as folder:
        figures = measure(arguments.videos, Path(folder))
    print(
        json.dumps(asdict(figures), ensure_ascii=False, indent=2)
        if arguments.json
        else report(figures)
    )


if __name__ == "__main__":
    main()
