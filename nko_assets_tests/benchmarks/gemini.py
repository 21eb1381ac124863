"""The Gemini reader at full size: `python -m nko_assets_tests.benchmarks.gemini`.

532 videos with 43,000 small frames are queued, sent, polled and collected through the real client
and the embedded Postgres; the service is the protocol server of the tests, in a process of its own,
so that its memory and its time are not ours. As a run does it, the reader is flushed after every
range of 20 videos and once at the end; every receipt is polled, collected, and made a valid table.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import resource
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from io import BytesIO
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from zlib import crc32

from PIL import Image
from pydantic import SecretStr

from nko_assets.reading.answers import FrameRequest, Reading, readings_table
from nko_assets.reading.ledger import Limits
from nko_assets.reading.reader import Job, JobState
from nko_assets.resources.gemini_batches import GeminiBatches
from nko_assets.resources.gemini_reader import GeminiReader
from nko_assets.resources.store import open_store
from nko_assets.schemas.base import schema_failures
from nko_assets.schemas.readings import Readings
from nko_assets_tests.builders import made_up_word
from nko_assets_tests.servers.gemini import GeminiServer, truth

VIDEOS = 532
FRAMES = 43_000
RANGE = 20
MODEL = "gemini-2.5-flash"
RATE_BAR = 2_000
"""Answers that are to be settled and collected in a CPU second."""
MEMORY_BAR_MB = 500
_EVERY_MS = 5_000


@dataclass(frozen=True, slots=True)
class Phase:
    """What one phase took: wall time, CPU time of this process and of Postgres, the peak so far."""

    wall_s: float
    cpu_s: float
    postgres_cpu_s: float
    peak_mb: float

    def rounded(self) -> Phase:
        """As it is to be told."""
        return Phase(*(round(getattr(self, name), 2) for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything that was measured; megabytes are 10^6 bytes, but memory is in MiB."""

    videos: int
    frames: int
    jobs: int
    create_calls: int
    calls: int
    paid_twice: int
    uploaded_mb: float
    largest_job_mb: float
    results_mb: float
    files_left: int
    store_mb: float
    phases: dict[str, Phase]
    answers_a_second: float
    answers_a_second_with_tables: float
    peak_mb: float
    server_peak_mb: float


def measure(videos: int, frames: int, folder: Path) -> Figures:
    """Take `frames` frames of `videos` videos the whole way, in `folder`."""
    channel = Channel(videos, frames)
    with serving() as service, open_store(None, folder / "store") as store:
        url, key = service.ask("address")
        clock = PhaseClock(folder / "store")
        reader = GeminiReader(
            GeminiBatches(SecretStr(key), base_url=url),
            lambda: store,
            channel.pictures,
            model=MODEL,
            resolution="medium",
            limits=Limits(max_open_jobs=100),
            folder=folder / "jobs",
        )
        with clock.phase("submit"):
            receipts = [_submitted(reader, channel, number) for number in range(videos)]
        with clock.phase("flush the rest"):
            reader.flush(_quiet, force=True)
        with clock.phase("the service answers"):
            service.ask("finish")
        with clock.phase("poll and settle"):
            for receipt in receipts:
                if (status := reader.poll(receipt)).state is not JobState.DONE:
                    raise RuntimeError(f"A job is not done: {status.note}")
        collected = 0
        for number, receipt in enumerate(receipts):
            requests = channel.requests(number)
            with clock.phase("collect"):
                readings = list(reader.collect(receipt, requests, _quiet))
            with clock.phase("make valid tables"):
                collected += _rows_with_text(readings)
        if collected != frames:
            raise RuntimeError(f"{frames - collected} of {frames} answers are not there")
        told = service.ask("figures")
        store_mb = _size(folder / "store") / 1e6
    return Figures(
        videos=videos,
        frames=frames,
        **told,
        files_left=sum(path.is_file() for path in (folder / "jobs").rglob("*")),
        store_mb=round(store_mb, 1),
        phases={name: phase.rounded() for name, phase in clock.phases.items()},
        answers_a_second=clock.rate(frames, "poll and settle", "collect"),
        answers_a_second_with_tables=clock.rate(
            frames, "poll and settle", "collect", "make valid tables"
        ),
        peak_mb=_peak_mb(),
    )


class Channel:
    """Frames that differ in a few bytes: a small slide with a number behind its header."""

    def __init__(self, videos: int, frames: int) -> None:
        image = BytesIO()
        dice = random.Random(1)
        Image.frombytes("L", (32, 18), bytes(dice.choices((0, 255), k=32 * 18))).resize(
            (320, 180)
        ).save(image, "JPEG", quality=30)
        self._slide = image.getvalue()
        self._of = [frames // videos + (number < frames % videos) for number in range(videos)]

    def requests(self, number: int) -> list[FrameRequest]:
        """The frames of one video."""
        name = f"video{number:04}"
        moments = [frame * _EVERY_MS for frame in range(self._of[number])]
        return [
            FrameRequest(f"{name}:{ms}", name, ms, self._jpeg(f"{name}:{ms}")) for ms in moments
        ]

    def pictures(self, video_id: str, frame_ids: Sequence[str]) -> Mapping[str, bytes]:
        """The JPEGs of some frames, as the lake gives them."""
        return {frame_id: self._jpeg(frame_id) for frame_id in frame_ids}

    def _jpeg(self, frame_id: str) -> bytes:
        note = frame_id.encode()
        comment = b"\xff\xfe" + (len(note) + 2).to_bytes(2, "big") + note
        return self._slide[:2] + comment + self._slide[2:]


def _submitted(reader: GeminiReader, channel: Channel, number: int) -> Job:
    receipt = reader.submit(channel.requests(number))
    if number % RANGE == RANGE - 1:
        reader.flush(_quiet)
    return receipt


def _rows_with_text(readings: list[Reading]) -> int:
    """How many rows with text a video's answers make; raises when they make no valid table."""
    table = readings_table(readings)
    if failures := schema_failures(Readings, table):
        raise RuntimeError(f"The table is not valid: {failures}")
    return table.filter(table["status"] == "ok").height


class Answers:
    """Right answers of one to six rows, always the same ones for a frame."""

    def __init__(self) -> None:
        dice = random.Random(2)
        self._rows = [
            [
                (
                    " ".join(made_up_word(dice) for _ in range(dice.randint(1, 8))),
                    "",
                    f"meaning {dice.randint(1, 999)}" if dice.random() < 0.3 else "",
                )
                for _ in range(dice.randint(1, 6))
            ]
            for _ in range(997)
        ]

    def __call__(self, frame_id: str, jpeg: bytes, request: dict[str, Any]) -> str:
        """Read a frame."""
        return truth(frame_id, self._rows[crc32(frame_id.encode()) % len(self._rows)])


class Serving:
    """The protocol server in another process: one word asks, one value answers."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def ask(self, word: str) -> Any:
        """Ask, and wait for the answer."""
        self._pipe.send(word)
        return self._pipe.recv()


@contextmanager
def serving() -> Iterator[Serving]:
    """Start the server's process, and end it."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    try:
        yield Serving(ours)
        ours.send("end")
        process.join(30)
    finally:
        process.kill()


def _serve(pipe: Connection) -> None:
    with GeminiServer(Answers()) as server:
        while (word := pipe.recv()) != "end":
            if word == "address":
                pipe.send((server.url, server.key))
            elif word == "finish":
                server.finish()
                pipe.send(None)
            else:
                pipe.send(_figures_of(server))


def _figures_of(server: GeminiServer) -> dict[str, Any]:
    sizes = {
        generated: [
            file.path.stat().st_size for file in server.files if file.generated is generated
        ]
        for generated in (False, True)
    }
    return {
        "jobs": len(server.jobs),
        "create_calls": server.asked("batches.create"),
        "calls": len(server.calls),
        "paid_twice": sum(times > 1 for times in server.requests_paid.values()),
        "uploaded_mb": round(sum(sizes[False]) / 1e6, 1),
        "largest_job_mb": round(max(sizes[False]) / 1e6, 1),
        "results_mb": round(sum(sizes[True]) / 1e6, 1),
        "server_peak_mb": _peak_mb(),
    }


class PhaseClock:
    """Measures phases; one that comes again is added to."""

    def __init__(self, store: Path) -> None:
        self.phases: dict[str, Phase] = {}
        self._store = store

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Measure what happens in the block."""
        before = self.phases.get(name, Phase(0.0, 0.0, 0.0, 0.0))
        postgres = self._postgres()
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        self.phases[name] = Phase(
            before.wall_s + wall,
            before.cpu_s + cpu,
            before.postgres_cpu_s + self._postgres() - postgres,
            _peak_mb(),
        )

    def rate(self, count: int, *names: str) -> int:
        """How many of `count` in a CPU second of this process, all of these phases together."""
        return round(count / sum(self.phases[name].cpu_s for name in names))

    def _postgres(self) -> float:
        """CPU seconds of the server, its processes of now and those that have ended."""
        postmaster = (self._store / "cluster" / "postmaster.pid").read_text().split()[0]
        seconds = 0.0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            # Fields 14 to 17 of proc(5) are its own and its ended children's; field 4 is its parent.
            if postmaster in (stat.parent.name, fields[1]):
                seconds += sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
        return seconds


def _peak_mb() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _quiet(_: str) -> None:
    """Nobody watches."""


def report(figures: Figures) -> str:
    """The figures as plain text."""
    lines = [
        (
            f"{figures.videos} videos, {figures.frames:,} frames in {figures.jobs} jobs "
            f"({figures.create_calls} times created, {figures.paid_twice} requests paid twice, "
            f"{figures.calls:,} calls)"
        ),
        (
            f"{figures.uploaded_mb:,} MB up, the largest file {figures.largest_job_mb} MB; "
            f"{figures.results_mb} MB of results; {figures.store_mb} MB in the store; "
            f"{figures.files_left} files left"
        ),
        "",
        f"{'':22}{'wall s':>9}{'CPU s':>9}{'Postgres CPU s':>16}{'peak MiB':>10}",
    ]
    for name, phase in figures.phases.items():
        lines.append(
            f"{name:22}{phase.wall_s:9.1f}{phase.cpu_s:9.1f}"
            f"{phase.postgres_cpu_s:16.1f}{phase.peak_mb:10.0f}"
        )
    lines += [
        "",
        (
            f"Settled and collected: {figures.answers_a_second:,.0f} answers a CPU second, "
            f"{figures.answers_a_second_with_tables:,.0f} when their tables are made and checked "
            f"as well; the bar is {RATE_BAR:,}."
        ),
        (
            f"Peak memory {figures.peak_mb:.0f} MiB, the server's {figures.server_peak_mb:.0f} MiB; "
            f"the bar is {MEMORY_BAR_MB} MB."
        ),
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure in a temporary folder and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--videos", type=int, default=VIDEOS, help="how many videos")
    parser.add_argument("--frames", type=int, default=FRAMES, help="how many frames in all")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nko-gemini-") as folder:
        figures = measure(arguments.videos, arguments.frames, Path(folder))
    print(
        json.dumps(asdict(figures), ensure_ascii=False, indent=2)
        if arguments.json
        else report(figures)
    )


if __name__ == "__main__":
    main()
