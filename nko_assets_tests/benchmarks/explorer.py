"""How fast the explorer's pages are, and how heavy: `python -m nko_assets_tests.benchmarks.explorer`.

Needs the reference data (NKO_SHARED). Each page is asked for over HTTP, one request after the
other, each time for something else, with 100,000 turns, 54,000 words and phrases and 100,000
readings that wait for review. The server is a process of its own; the client, Postgres and whatever
else the machine does share its cores. So beside the milliseconds on the clock stand the milliseconds
of CPU that server and Postgres spend, which do not depend on that.

Weight is what a browser without a cache takes over the network for a page with everything it loads;
it is measured where there is a Chromium, with one lesson of the sample's size.
"""

from __future__ import annotations

import itertools
import multiprocessing
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import quantiles
from typing import Any

import httpx
import psutil

from nko_assets.memory.embeddings import load_embedder
from nko_assets.reading.reviews import NewItem
from nko_assets.resources.lake import Lake
from nko_assets.resources.postgres_memory import PostgresMemory
from nko_assets.resources.review_desk import ReviewDesk
from nko_assets.resources.store import Store, open_store
from nko_assets.web.app import create_app
from nko_assets_tests.benchmarks import command, reviews, search
from nko_assets_tests.browser import CHROMIUM, DESKTOP, Window, chromium
from nko_assets_tests.explorer import Visitor
from nko_assets_tests.review_rows import write_slides
from nko_assets_tests.servers.web import WebServer
from nko_assets_tests.slides import LINES

TURNS = 100_000
VIDEOS = 532
REQUESTS = 100
WARMING = 5
PICTURED = "video-000"
"""The video whose frames have pictures; the review of its readings opens them."""


@dataclass(frozen=True, slots=True)
class Page:
    """Milliseconds of a page on the clock, and of CPU for one request; kB as it comes, zipped."""

    p50_ms: float
    p95_ms: float
    cpu_ms: float
    kb: float


@dataclass(frozen=True, slots=True)
class Weight:
    """What a browser takes for a page with all it loads: kB, requests, and requests elsewhere."""

    kb: float
    requests: int
    elsewhere: int


def measure(folder: Path) -> dict[str, Any]:
    """Fill a store once, kept in `folder`; then time and weigh every page."""
    lake = Lake(folder / "lake")
    write_slides(lake, PICTURED, [LINES] * 40)
    with open_store(None, folder / "store") as store:
        asked = _filled(store, folder)
        with _served(folder) as (url, server):
            pages = {
                name: asdict(_timed(url, address, [server, *_postgres(store)]))
                for name, address in _addresses(store, asked).items()
            }
            weights = _weights(url) if CHROMIUM else {}
    return {"turns": TURNS, "requests": REQUESTS, "pages": pages, "weights": weights}


def _filled(store: Store, folder: Path) -> list[str]:
    """Put everything into an empty store; the queries to search it with."""
    with store.connect() as conn:
        held_out = search.read_texts([search.HELD_OUT], folder)
        others = search.read_texts(search.OTHERS, folder)
        (turns,) = conn.execute("select count(*) from memory_turns").fetchone() or (0,)
        if turns != TURNS:
            conn.execute("truncate memory_motifs, memory_conversations cascade")
            with search.IndexesAfterwards(conn):
                search.insert_motifs(conn, [*held_out, *others])
                search.insert_turns(conn, others, TURNS)
            desk = ReviewDesk(lambda: store)
            for video_id, items in _items():
                desk.put_items(video_id, items)
        ids = [
            row[0] for row in conn.execute("select id from memory_motifs order by id limit 1000")
        ]
    asked = search.queries(held_out, (ids * (len(held_out) // len(ids) + 1))[: len(held_out)])
    return [query.text for query in asked]


def _items() -> Iterator[tuple[str, list[NewItem]]]:
    rng = random.Random(0)
    words = ["".join(rng.choices(reviews.LETTERS, k=rng.randint(2, 9))) for _ in range(40_000)]
    for number in range(VIDEOS):
        video_id = f"video-{number:03}"
        yield video_id, list(reviews.items_of(video_id, words, rng))


def _addresses(
    store: Store, asked: Sequence[str]
) -> dict[str, Callable[[Visitor], httpx.Response]]:
    """For each page a function that asks for it, each time for something else."""
    rng = random.Random(1)
    with store.connect() as conn:
        motifs = [str(row[0]) for row in conn.execute("select id from memory_motifs limit 5000")]
        pictured = [
            row[0]
            for row in conn.execute(
                "select reading_id from reviews.items where video_id = %s order by timestamp_ms limit 40",
                [PICTURED],
            )
        ]
    people = (f"reviewer {number}" for number in itertools.count())

    def video() -> str:
        return f"video{rng.randrange(TURNS // 100)}"

    def fresh(visitor: Visitor) -> Visitor:
        visitor.http.cookies.set("nko_reviewer", next(people).replace(" ", "%20"))
        return visitor

    def decided(visitor: Visitor) -> httpx.Response:
        found = visitor.send("/review/next", {}, script=True)
        reading = found.text.split('data-reading="')[1][:36]
        return visitor.send(f"/review/{reading}", {"verdict": "reject"}, script=True)

    return {
        "/": lambda visitor: visitor.see("/"),
        "/lessons": lambda visitor: visitor.see("/lessons", after=video()),
        "/lessons/…": lambda visitor: visitor.see(f"/lessons/{video()}"),
        "/search?q=…": lambda visitor: visitor.see("/search", q=rng.choice(asked)),
        "/search, results alone": lambda visitor: visitor.part(
            str(httpx.URL("/search", params={"q": rng.choice(asked)}))
        ),
        "/words": lambda visitor: visitor.see("/words"),
        "/words/…": lambda visitor: visitor.see(f"/words/{rng.choice(motifs)}"),
        "/live": lambda visitor: visitor.see("/live"),
        "/review": lambda visitor: fresh(visitor).see("/review"),
        "/review/…, with its frame": lambda visitor: visitor.see(f"/review/{rng.choice(pictured)}"),
        "/review/preview": lambda visitor: visitor.see(
            "/review/preview", nko=rng.choice(asked)[:200]
        ),
        "/review/next and a decision": decided,
    }


def _timed(
    url: str, ask: Callable[[Visitor], httpx.Response], workers: Sequence[psutil.Process]
) -> Page:
    visitor = Visitor(url, "Awa")
    visitor.see("/search")
    clock, size, cpu = [], 0, 0.0
    for number in range(WARMING + REQUESTS):
        if number == WARMING:
            cpu = _cpu_s(workers)
        start = time.perf_counter()
        answer = ask(visitor)
        clock.append(1e3 * (time.perf_counter() - start))
        assert answer.status_code == 200, f"{answer.request.url}: {answer.status_code}"
        size = max(size, answer.num_bytes_downloaded)
    cpu = _cpu_s(workers) - cpu
    cuts = quantiles(clock[WARMING:], n=100)
    return Page(
        *(round(value, 1) for value in (cuts[49], cuts[94], 1e3 * cpu / REQUESTS, size / 1e3))
    )


def _cpu_s(workers: Sequence[psutil.Process]) -> float:
    """CPU seconds of the processes and of what they started, ended children of Postgres included."""
    total = 0.0
    for worker in workers:
        for one in (worker, *worker.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                times = one.cpu_times()
                total += times.user + times.system
        with suppress(psutil.NoSuchProcess):
            times = worker.cpu_times()
            total += times.children_user + times.children_system
    return total


def _postgres(store: Store) -> list[psutil.Process]:
    with store.connect() as conn:
        (backend,) = conn.execute("select pg_backend_pid()").fetchone() or (0,)
        parent = psutil.Process(backend).parent()
    return [parent] if parent else []


def _serve(folder: Path, told: Connection) -> None:
    with open_store(None, folder / "store") as store:
        app = create_app(
            PostgresMemory(lambda: store, "embedded Postgres"),
            cache(load_embedder),
            Lake(folder / "lake"),
            lambda: store,
            ReviewDesk(lambda: store),
        )
        with WebServer(app) as server:
            told.send(server.url)
            told.recv()


@contextmanager
def _served(folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=[folder, there])
    process.start()
    try:
        yield here.recv(), psutil.Process(process.pid)
    finally:
        here.send(None)
        process.join()


def _weights(url: str) -> dict[str, dict[str, Any]]:
    """Each page in a browser that has seen none before."""
    found = {}
    with chromium() as browser:
        for path in (
            "/",
            "/lessons",
            "/lessons/video1",
            "/search?q=bolo",
            "/review",
            "/words",
            "/live",
        ):
            window = Window(browser, url, **DESKTOP)
            if path == "/review":
                window.name("Awa")
                window.start_counting()
            window.open(path)
            window.page.wait_for_timeout(1_000)
            found[path] = asdict(
                Weight(round(window.taken / 1e3, 1), window.requests, len(window.elsewhere))
            )
            window.context.close()
    return found


def report(figures: dict[str, Any]) -> str:
    """The figures as plain text."""
    lines = [
        f"{figures['turns']:,} turns, {figures['requests']} requests a page",
        "",
        f"{'':32}{'p50 ms':>8}{'p95 ms':>8}{'CPU ms':>8}{'kB':>8}",
    ]
    lines += [
        f"{name:32}{page['p50_ms']:8.1f}{page['p95_ms']:8.1f}{page['cpu_ms']:8.1f}{page['kb']:8.1f}"
        for name, page in figures["pages"].items()
    ]
    lines += ["", f"{'with all that it loads':32}{'kB':>8}{'requests':>10}{'elsewhere':>11}"]
    lines += [
        f"{path:32}{weight['kb']:8.1f}{weight['requests']:10}{weight['elsewhere']:11}"
        for path, weight in figures["weights"].items()
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    command.run("explorer", __doc__, measure, report)
