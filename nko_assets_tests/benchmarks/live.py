"""How soon a new turn is seen: `python -m nko_assets_tests.benchmarks.live`.

An insert is timed from before its statement until the event is read by a client over HTTP, one
after the other, with one client and with many. A load of many turns is timed until the last event.
The web server is a process of its own; inserts, Postgres and the measuring client share the machine.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median, quantiles

from nko_assets.memory.embeddings import load_embedder
from nko_assets.resources.lake import Lake
from nko_assets.resources.postgres_memory import PostgresMemory
from nko_assets.resources.review_desk import ReviewDesk
from nko_assets.resources.store import Store, open_store
from nko_assets.web.app import create_app
from nko_assets_tests.memory_rows import video
from nko_assets_tests.servers.web import WebServer
from nko_assets_tests.sse import followed, turns

INSERTS = 500
CLIENTS = 50
LOAD = 1_000
ROUNDS = 3

_TURN = """
    insert into memory_turns (id, conversation_id, frame_id, timestamp_ms, trajectory_depth,
                              trajectory_phase, content, salience_score)
    select gen_random_uuid(), id, video_id || ':' || %s, 0, %s, 'extraction',
           '{"nko_text": "ߒߞߏ", "latin": "nko", "translation": "N''Ko", "entries": []}', 0.5
    from memory_conversations where video_id = 'one'
"""


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds from an insert to its event, and how many of them the insert takes."""

    clients: int
    inserts: int
    p50_ms: float
    p95_ms: float
    worst_ms: float
    insert_p50_ms: float


@dataclass(frozen=True, slots=True)
class Load:
    """Seconds for a load of many turns, without anyone who follows and until the last event."""

    turns: int
    load_s: float
    last_event_s: float
    load_without_triggers_s: float


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured."""

    one: Latency
    many: Latency
    load: Load


def measure(inserts: int, clients: int, load: int) -> Figures:
    """Time `inserts` with one client and with `clients`, and one load of `load` turns."""
    with (
        tempfile.TemporaryDirectory(prefix="nko-live-", ignore_cleanup_errors=True) as folder,
        open_store(None, Path(folder)) as store,
        _served(Path(folder)) as url,
    ):
        PostgresMemory(lambda: store, "embedded Postgres").upsert_videos([video("one", 0)])
        one = _latency(store, url, 0, inserts, 1)
        many = _latency(store, url, inserts, inserts, clients)
        return Figures(one, many, _load(store, url, load))


def _latency(store: Store, url: str, first: int, inserts: int, clients: int) -> Latency:
    taken, inserted = [], []
    others = []
    with ExitStack() as stack:
        conn = stack.enter_context(store.connect())
        for _ in range(clients - 1):
            other = stack.enter_context(followed(url))
            next(other)
            others.append(threading.Thread(target=turns, args=[other, inserts]))
            others[-1].start()
        events = stack.enter_context(followed(url))
        next(events)
        for number in range(first, first + inserts):
            start = time.perf_counter()
            conn.execute(_TURN, [number, number])
            inserted.append(1_000 * (time.perf_counter() - start))
            turns(events, 1)
            taken.append(1_000 * (time.perf_counter() - start))
        for reader in others:
            reader.join()
    return Latency(
        clients,
        inserts,
        round(median(taken), 2),
        round(quantiles(taken, n=20)[-1], 2),
        round(max(taken), 2),
        round(median(inserted), 2),
    )


def _load(store: Store, url: str, count: int) -> Load:
    memory = PostgresMemory(lambda: store, "embedded Postgres")
    told, seen, quiet = [], [], []
    with store.connect() as conn, followed(url) as events:
        next(events)
        for number in range(ROUNDS):
            start = time.perf_counter()
            memory.upsert_videos([video(f"told {number}", count)])
            told.append(time.perf_counter() - start)
            turns(events, count)
            seen.append(time.perf_counter() - start)
            conn.execute("alter table memory_turns disable trigger user")
            start = time.perf_counter()
            memory.upsert_videos([video(f"quiet {number}", count)])
            quiet.append(time.perf_counter() - start)
            conn.execute("alter table memory_turns enable trigger user")
            # The next notification would bring these too.
            conn.execute("delete from memory_conversations where video_id <> 'one'")
    return Load(count, *(round(median(times), 2) for times in (told, seen, quiet)))


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    """The address of the stream, served by another process."""
    here, there = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=[folder, there])
    server.start()
    try:
        yield here.recv()
    finally:
        here.send("stop")
        server.join()


def _serve(folder: Path, orders: Connection) -> None:
    with open_store(None, folder) as store:
        memory = PostgresMemory(lambda: store, "embedded Postgres")
        app = create_app(
            memory, load_embedder, Lake(folder), lambda: store, ReviewDesk(lambda: store)
        )
        with WebServer(app) as server:
            orders.send(f"{server.url}/api/turns/live")
            orders.recv()


def report(figures: Figures) -> str:
    """The figures as plain text."""
    lines = ["From an insert to its event at a client, milliseconds", ""]
    lines.append(
        f"{'clients':>10}{'inserts':>10}{'p50':>10}{'p95':>10}{'worst':>10}{'insert p50':>12}"
    )
    lines += [
        f"{row.clients:10}{row.inserts:10}{row.p50_ms:10.2f}{row.p95_ms:10.2f}{row.worst_ms:10.2f}"
        f"{row.insert_p50_ms:12.2f}"
        for row in (figures.one, figures.many)
    ]
    load = figures.load
    lines += [
        "",
        (
            f"A load of {load.turns:,} turns takes {load.load_s:.2f} s, "
            f"{load.load_without_triggers_s:.2f} s with nobody told; "
            f"its last event is read after {load.last_event_s:.2f} s."
        ),
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure in a temporary folder and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inserts", type=int, default=INSERTS, help="how many, one by one")
    parser.add_argument("--clients", type=int, default=CLIENTS, help="how many follow at once")
    parser.add_argument("--load", type=int, default=LOAD, help="turns in the load")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    arguments = parser.parse_args()
    figures = measure(arguments.inserts, arguments.clients, arguments.load)
    print(json.dumps(asdict(figures), indent=2) if arguments.json else report(figures))


if __name__ == "__main__":
    main()
