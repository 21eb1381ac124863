"""Files of videos in parts, and pictures of frames, small and whole."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from nko_assets.resources.lake import Lake
from nko_assets.resources.postgres_memory import PostgresMemory
from nko_assets.resources.store import Store
from nko_assets_tests.pages import client
from nko_assets_tests.review_rows import write_slides
from nko_assets_tests.slides import LINES

FILM = bytes(range(256)) * 40


@pytest.fixture
def visitor(database: Store, tmp_path: Path) -> TestClient:
    lake = Lake(tmp_path / "data")
    folder = lake.root / "video_files"
    folder.mkdir(parents=True)
    (folder / "-a.mp4").write_bytes(FILM)
    (folder / "archive.txt").write_text("secret")
    (tmp_path / "outside.mp4").write_bytes(b"outside")
    write_slides(lake, "a", [LINES])
    return client(PostgresMemory(lambda: database, "embedded Postgres"), lake)


def test_a_player_gets_the_part_that_it_asks_for(visitor: TestClient) -> None:
    whole = visitor.get("/api/videos/-a")
    assert whole.content == FILM
    assert (whole.headers["content-type"], whole.headers["accept-ranges"]) == ("video/mp4", "bytes")
    part = visitor.get("/api/videos/-a", headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, FILM[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(FILM)}"
    assert visitor.get("/api/videos/-a", headers={"Range": "bytes=-5"}).content == FILM[-5:]
    beyond = visitor.get("/api/videos/-a", headers={"Range": f"bytes={len(FILM)}-"})
    assert beyond.status_code == 416


@pytest.mark.parametrize(
    "video_id",
    ["nope", "archive", "..", "..%2Foutside", "%2E%2E%2Foutside", "-A", "a%5Cb", "-a.mp4"],
)
def test_what_is_no_video_of_the_lake_is_not_served(visitor: TestClient, video_id: str) -> None:
    assert visitor.get(f"/api/videos/{video_id}").status_code in (404, 422)


def test_a_small_picture_is_small(visitor: TestClient) -> None:
    whole, small = (visitor.get(f"/api/frames/a:0{query}") for query in ("", "?small=true"))
    assert (whole.headers["content-type"], small.headers["content-type"]) == (
        "image/jpeg",
        "image/webp",
    )
    with Image.open(io.BytesIO(small.content)) as picture:
        assert max(picture.size) == 400
    assert len(small.content) < 20_000
    assert "private" in small.headers["cache-control"]


def test_static_files_are_kept_for_as_long_as_their_address_says(visitor: TestClient) -> None:
    assert "immutable" in visitor.get("/static/app.css?v=1").headers["cache-control"]
    assert (
        "immutable" in visitor.get("/static/fonts/NotoSansNKo-5.3.0.woff2").headers["cache-control"]
    )
    assert visitor.get("/static/app.css").headers["cache-control"] == "no-cache"
    assert visitor.get("/static/../app.py").status_code == 404
    assert visitor.get("/static/%2e%2e/app.py").status_code == 404
