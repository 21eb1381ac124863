"""The endpoints over a memory with rows in it: search, pictures, health, and their description."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import httpx
import polars as pl
import pytest

from nko_assets.failures import TransientFailure
from nko_assets.memory.embedded import embedded
from nko_assets.memory.embeddings import load_embedder
from nko_assets.memory.imports import imported_motifs, read_parallel
from nko_assets.resources.lake import Lake
from nko_assets.resources.memory_store import MemoryStore
from nko_assets.resources.postgres_memory import PostgresMemory
from nko_assets.resources.review_desk import ReviewDesk
from nko_assets.resources.store import Store
from nko_assets.web.app import create_app
from nko_assets_tests.memory_rows import turn, video
from nko_assets_tests.servers.web import WebServer

embedder = cache(load_embedder)

DICTIONARY = "nko\tenglish\tfrench\nߖߌ\twater\teau\nߛߓߍ\tto write\técrire\nߓߟߏ\thand\tmain\n"


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = Lake(tmp_path_factory.mktemp("lake"))
    frames = lake.path("unique_frames", "a%b")
    frames.parent.mkdir()
    kept = {"frame_id": ["a%b:0", "a%b:5000"], "jpeg": [None, b"a picture"]}
    pl.DataFrame(kept).write_parquet(frames)
    return lake


@pytest.fixture
def client(memory: MemoryStore, database: Store, lake: Lake) -> Iterator[httpx.Client]:
    """The application over a memory with a few rows, reached in each way."""
    rows = read_parallel(DICTIONARY.encode(), source="a dictionary", licence="CC0").rows
    memory.upsert_motifs("a dictionary", embedded(imported_motifs(rows), embedder()))
    lesson = embedded([turn("a%b", 1, text="ߌ ߣߌ߫ ߛߐ߰ߡߊ߬", phase="validation")], embedder())
    memory.upsert_videos([video("a%b", lesson, title="ߞߊ߬ߟߊ߲")])
    memory.call("memory_count_words", {})
    yield from served(memory, lake, database)


@pytest.fixture(scope="module")
def any_client(database: Store, lake: Lake) -> Iterator[httpx.Client]:
    """The application, for what has nothing to do with what is in the memory."""
    yield from served(PostgresMemory(lambda: database, "embedded Postgres"), lake, database)


def served(memory: MemoryStore, lake: Lake, database: Store) -> Iterator[httpx.Client]:
    with (
        WebServer(
            create_app(memory, embedder, lake, lambda: database, ReviewDesk(lambda: database))
        ) as server,
        httpx.Client(base_url=server.url, timeout=60) as opened,
    ):
        yield opened


@pytest.mark.parametrize("query", ["ߖߌ", "ߖߌ߬", "ji", "water", "eau"])
def test_a_word_is_found_in_every_language_and_spelling(client: httpx.Client, query: str) -> None:
    results = client.get("/api/search", params={"q": query}).json()["results"]
    best = results[0]
    assert (best["nko"], best["latin"], best["english"]) == ("ߖߌ", "ji", "water")
    assert (best["type"], best["source"], best["licence"]) == ("vocabulary", "a dictionary", "CC0")
    assert best["why"]
    assert best["picture"] is None


def test_a_turn_tells_where_it_is_and_its_picture_can_be_fetched(client: httpx.Client) -> None:
    asked = {"q": "ߛߐ߰ߡߊ߬", "type": "turn", "phase": "validation", "video": "a%b"}
    (found,) = client.get("/api/search", params=asked).json()["results"]
    assert (found["video_id"], found["second"], found["title"]) == ("a%b", 5.0, "ߞߊ߬ߟߊ߲")
    assert found["url"] == "https://video.example/a%b"
    picture = client.get(found["picture"])
    assert picture.headers["content-type"] == "image/jpeg"
    assert picture.content == b"a picture"


def test_filters_and_limit_are_kept(client: httpx.Client) -> None:
    def types(**asked: object) -> list[str]:
        results = client.get("/api/search", params={"q": "water hand", **asked}).json()["results"]
        return [found["type"] for found in results]

    assert set(types(type="vocabulary")) == {"vocabulary"}
    assert types(limit=1) == ["vocabulary"]
    assert types(video="another") == []


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"q": ""},
        {"q": "؟ ."},
        {"q": "\u0640"},
        {"q": "\u0958" * 1000},
        {"q": "x" * 1001},
        {"q": "water", "limit": 0},
        {"q": "water", "limit": 101},
        {"q": "water", "type": "frame"},
        {"q": "water", "phase": "later"},
    ],
)
def test_what_cannot_be_asked_is_refused_by_name(
    any_client: httpx.Client, asked: dict[str, str | int]
) -> None:
    answer = any_client.get("/api/search", params=asked)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][0] == "query"


@pytest.mark.parametrize("frame", ["a%25b:0", "a%25b:7", "c:0", "..:0"])
def test_a_frame_without_a_picture_is_not_found(any_client: httpx.Client, frame: str) -> None:
    assert any_client.get(f"/api/frames/{frame}").status_code == 404


@pytest.mark.parametrize("frame", ["a b:0", "a/b:0", "%2e%2e%2fsecret:0", r"a\b:0"])
def test_what_is_no_frame_is_refused(any_client: httpx.Client, frame: str) -> None:
    assert any_client.get(f"/api/frames/{frame}").status_code in (404, 422)


def test_health_says_that_everything_works(any_client: httpx.Client) -> None:
    while (answer := any_client.get("/api/health")).status_code == 503:
        assert answer.json() == {"memory": "answers", "live": "trying again"}
    assert answer.json() == {"memory": "answers", "live": "listening"}


def test_every_endpoint_is_described(any_client: httpx.Client) -> None:
    described = any_client.get("/openapi.json").json()
    assert sorted(described["paths"]) == [
        "/api/frames/{frame_id}",
        "/api/health",
        "/api/search",
        "/api/turns/live",
        "/api/videos/{video_id}",
    ]
    assert "text/event-stream" in str(described["paths"]["/api/turns/live"])
    names = {one["name"] for one in described["paths"]["/api/search"]["get"]["parameters"]}
    assert names == {"q", "video", "type", "phase", "limit"}


def test_without_a_database_new_turns_are_not_told_and_it_says_so(
    database: Store, lake: Lake
) -> None:
    memory = PostgresMemory(lambda: database, "embedded Postgres")
    with WebServer(
        create_app(memory, embedder, lake, None, ReviewDesk(lambda: database))
    ) as server:
        answer = httpx.get(f"{server.url}/api/turns/live")
        assert answer.status_code == 500
        assert "SUPABASE_DB_URL" in answer.json()["next_step"]
        healthy = httpx.get(f"{server.url}/api/health")
        assert healthy.json() == {"memory": "answers", "live": "not configured"}


def test_a_memory_that_does_not_answer_is_a_sentence_with_a_next_step(
    database: Store, lake: Lake
) -> None:
    class Away:
        """A memory behind a network that is down."""

        name = "away"

        def call(self, *_: object) -> list[dict[str, object]]:
            raise TransientFailure("The database does not answer.", "See that it runs.")

        identity = call

    desk = ReviewDesk(lambda: database)
    app = create_app(Away(), embedder, lake, None, desk)  # type: ignore[arg-type]
    with WebServer(app) as server:
        answer = httpx.get(f"{server.url}/api/search", params={"q": "water"}, timeout=60)
        assert answer.status_code == 503
        assert answer.json() == {
            "message": "The database does not answer.",
            "next_step": "See that it runs.",
        }
        assert httpx.get(f"{server.url}/api/health").json()["memory"] == "does not answer"
