"""New turns as server-sent events: real HTTP, a real database, and what can go wrong between."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import fastapi.routing
import httpx
import pytest

from nko_assets.memory.embeddings import load_embedder
from nko_assets.resources.lake import Lake
from nko_assets.resources.postgres_memory import PostgresMemory
from nko_assets.resources.postgres_server import PostgresServer
from nko_assets.resources.review_desk import ReviewDesk
from nko_assets.resources.store import Store, open_store
from nko_assets.web.app import create_app
from nko_assets.web.turn_feed import KEPT, Position
from nko_assets_tests.memory_places import empty
from nko_assets_tests.memory_rows import turn, video
from nko_assets_tests.servers.web import WebServer
from nko_assets_tests.sse import followed, turns


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="nko-live-", ignore_cleanup_errors=True) as name:
        yield Path(name) / "store"


@pytest.fixture(scope="module")
def opened(folder: Path) -> Iterator[Store]:
    """A database of its own, because it is stopped and started here."""
    with open_store(None, folder) as store:
        yield store


@pytest.fixture
def store(opened: Store) -> Store:
    empty(opened)
    return opened


@pytest.fixture
def memory(store: Store) -> PostgresMemory:
    return PostgresMemory(lambda: store, "embedded Postgres")


@pytest.fixture
def url(store: Store, memory: PostgresMemory, tmp_path: Path) -> Iterator[str]:
    app = create_app(
        memory, load_embedder, Lake(tmp_path), lambda: store, ReviewDesk(lambda: store)
    )
    with WebServer(app) as server:
        yield f"{server.url}/api/turns/live"


def test_a_new_turn_reaches_who_follows(url: str, memory: PostgresMemory) -> None:
    with followed(url) as events:
        first = next(events)
        assert (first.name, first.data) == ("following", {})
        memory.upsert_videos([video("a", 2, title="ߞߊ߬ߟߊ߲")])
        one, two = turns(events, 2)
    assert Position.parse(first.last_id)
    assert (one.data["video_id"], one.data["frame_id"], one.data["title"]) == ("a", "a:0", "ߞߊ߬ߟߊ߲")
    assert one.data["content"] == {"nko_text": "ߒ ߞߊ߲", "latin": "n kan", "translation": "I say"}
    assert two.data["timestamp_ms"] == 5000
    assert one.data["seq"] < two.data["seq"]


def test_turns_that_were_there_before_are_not_new(url: str, memory: PostgresMemory) -> None:
    memory.upsert_videos([video("a", 2)])
    with followed(url) as events:
        next(events)
        memory.upsert_videos([video("a", 3)])
        (event,) = turns(events, 1)
    assert event.data["frame_id"] == "a:10000"


def test_loading_again_and_changing_a_turn_tell_nothing(url: str, memory: PostgresMemory) -> None:
    memory.upsert_videos([video("a", 2)])
    changed = [turn("a", 0), turn("a", 1, text="ߒߞߏ")]
    with followed(url) as events:
        next(events)
        memory.upsert_videos([video("a", 2)])
        memory.upsert_videos([video("a", changed)])
        memory.upsert_videos([video("b", 1)])
        (event,) = turns(events, 1)
    assert event.data["frame_id"] == "b:0"


def test_who_comes_back_gets_all_that_was_missed_and_nothing_twice(
    url: str, memory: PostgresMemory
) -> None:
    many = KEPT + 300
    with followed(url) as events:
        next(events)
        memory.upsert_videos([video("a", 3)])
        last_seen = turns(events, 2)[-1]
    memory.upsert_videos([video("b", many)])
    with followed(url, last_seen.last_id) as events:
        missed = turns(events, 1 + many)
        memory.upsert_videos([video("c", 1)])
        (new,) = turns(events, 1)
    frames = [event.data["frame_id"] for event in missed]
    assert frames == ["a:10000", *(f"b:{number * 5000}" for number in range(many))]
    assert new.data["frame_id"] == "c:0"


def test_who_was_cut_off_before_the_first_turn_can_come_back(
    url: str, memory: PostgresMemory
) -> None:
    with followed(url) as events:
        start = next(events).last_id
    memory.upsert_videos([video("a", 1)])
    with followed(url, start) as events:
        (event,) = turns(events, 1)
    assert event.data["frame_id"] == "a:0"


def test_turns_come_in_the_order_of_their_commits_and_none_is_passed_over(
    url: str, store: Store, memory: PostgresMemory
) -> None:
    """Whoever inserts second waits for the first to end, and draws higher numbers."""
    memory.upsert_videos([video("a", 0), video("b", 0), video("c", 0)])

    def insert(video_id: str) -> None:
        with store.connect() as conn:
            conn.execute(_INSERT, [f"{video_id}:0"])

    with followed(url) as events:
        next(events)
        with store.connect() as slow, store.connect() as broken:
            with slow.transaction():
                slow.execute(_INSERT, ["a:0"])
                second = threading.Thread(target=insert, args=["b"])
                second.start()
                while not _waiting(store):
                    assert second.is_alive()
                    time.sleep(0.01)
            second.join()
            with broken.transaction(force_rollback=True):
                broken.execute(_INSERT, ["c:0"])
        insert("c")
        seen = turns(events, 3)
    assert [event.data["frame_id"] for event in seen] == ["a:0", "b:0", "c:0"]
    numbers = [event.data["seq"] for event in seen]
    assert numbers == sorted(numbers)
    assert numbers[2] - numbers[1] == 2


def test_a_client_that_does_not_read_holds_nobody_up_and_loses_nothing(
    url: str, memory: PostgresMemory
) -> None:
    many = 3 * KEPT
    # More than the buffers of a connection take.
    long = [turn("a", number, text="ߒߞߏ " * 500, model=None) for number in range(many)]
    with followed(url) as slow, followed(url) as quick:
        next(slow)
        next(quick)
        memory.upsert_videos([video("a", long)])
        assert len(turns(quick, many)) == many
        frames = [event.data["timestamp_ms"] for event in turns(slow, many)]
    assert frames == [number * 5000 for number in range(many)]


def test_many_follow_over_one_listening_connection(
    url: str, store: Store, memory: PostgresMemory
) -> None:
    def connections() -> int:
        with store.connect() as conn:
            (count,) = conn.execute(
                "select count(*) from pg_stat_activity"
                " where application_name = 'nko' and pid <> pg_backend_pid()"
            ).fetchone()
        return count

    with ExitStack() as stack:
        streams = [stack.enter_context(followed(url))]
        next(streams[0])
        with_one = connections()
        streams += [stack.enter_context(followed(url)) for _ in range(19)]
        for stream in streams[1:]:
            next(stream)
        assert connections() == with_one
        memory.upsert_videos([video("a", 2)])
        for stream in streams:
            assert len(turns(stream, 2)) == 2


def test_a_lost_connection_is_made_again_and_what_was_missed_is_sent(
    url: str, store: Store, memory: PostgresMemory
) -> None:
    with followed(url) as events:
        next(events)
        with store.connect() as conn:
            conn.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where application_name = 'nko' and pid <> pg_backend_pid()"
            )
        memory.upsert_videos([video("a", 2)])
        assert len(turns(events, 2)) == 2


def test_a_restart_of_the_database_loses_no_turn_and_ends_no_stream(
    url: str, folder: Path, memory: PostgresMemory
) -> None:
    health = url.replace("/turns/live", "/health")
    with followed(url) as events:
        start = next(events).last_id
        memory.upsert_videos([video("a", 1)])
        turns(events, 1)
        assert httpx.get(health).json() == {"memory": "answers", "live": "listening"}
        _stop(folder)
        # Who listens meets the end a little later than who is asked.
        while (answer := httpx.get(health)).json()["live"] == "listening":
            time.sleep(0.01)
        assert answer.status_code == 503
        assert answer.json() == {"memory": "does not answer", "live": "trying again"}
        with followed(url, start) as arrived_meanwhile, _started(folder):
            memory.upsert_videos([video("b", 2)])
            assert [event.data["frame_id"] for event in turns(events, 2)] == ["b:0", "b:5000"]
            assert len(turns(arrived_meanwhile, 3)) == 3
            while httpx.get(health).status_code != 200:
                time.sleep(0.01)


def test_a_memory_that_was_set_back_is_told_and_followed_from_its_end(
    url: str, store: Store, memory: PostgresMemory
) -> None:
    with followed(url) as events:
        next(events)
        memory.upsert_videos([video("a", 3)])
        before = turns(events, 3)[-1]
        empty(store)
        memory.upsert_videos([video("b", 1)])
        anew = next(events)
        memory.upsert_videos([video("c", 1)])
        (event,) = turns(events, 1)
    assert anew.name == "anew"
    assert event.data["frame_id"] == "c:0"
    with followed(url, before.last_id) as events:
        next(events)
        assert next(events).name == "anew"


def test_a_position_in_another_memory_is_told_to_be_void(url: str, memory: PostgresMemory) -> None:
    memory.upsert_videos([video("a", 1)])
    elsewhere = Position("00000000-0000-4000-8000-000000000000", 1)
    with followed(url, str(elsewhere)) as events:
        next(events)
        assert next(events).name == "anew"


@pytest.mark.parametrize("last_id", ["12", "a:b", "x" * 36 + ":1", "1" * 36 + ":" + "9" * 30])
def test_an_id_that_is_none_of_the_stream_is_refused(url: str, last_id: str) -> None:
    answer = httpx.get(url, headers={"Last-Event-ID": last_id})
    assert answer.status_code == 400
    assert "Last-Event-ID" in answer.json()["detail"]


def test_a_quiet_stream_shows_that_it_lives(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fastapi.routing, "_PING_INTERVAL", 0.05)
    with followed(url) as events:
        next(events)
        assert next(events).comment == "ping"


# What an app that knows nothing of the loading functions would write.
_INSERT = """
    insert into memory_turns (id, conversation_id, frame_id, timestamp_ms, trajectory_depth,
                              trajectory_phase, content, salience_score)
    select gen_random_uuid(), id, frame, 0, 0, 'extraction',
           '{"nko_text": "", "latin": "", "translation": null, "entries": []}', 0
    from memory_conversations, cast(%s as text) as frame
    where video_id = split_part(frame, ':', 1)
"""


def _waiting(store: Store) -> bool:
    with store.connect() as conn:
        row = conn.execute(
            "select exists (select from pg_locks where locktype = 'advisory' and not granted)"
        ).fetchone()
    return row == (True,)


def _stop(folder: Path) -> None:
    """Stop the server as `pg_ctl stop` does, though it is in use."""
    lock = folder / "cluster" / "postmaster.pid"
    os.kill(int(lock.read_text().splitlines()[0]), signal.SIGINT)
    while lock.exists():
        time.sleep(0.01)


class _started:  # noqa: N801  reads as what it is: with _started(folder)
    """The server of `folder`, started again."""

    def __init__(self, folder: Path) -> None:
        self._server = PostgresServer(folder)

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None:
        self._server.close()
