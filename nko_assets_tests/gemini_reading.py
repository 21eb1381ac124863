"""A Gemini reader for tests: the real client and ledger, small frames, and a clock that is set."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image
from pydantic import SecretStr

from nko_assets.reading.answers import FrameRequest
from nko_assets.reading.ledger import Limits
from nko_assets.resources.gemini_batches import GeminiBatches
from nko_assets.resources.gemini_reader import GeminiReader
from nko_assets.resources.store import Store
from nko_assets_tests.servers.gemini import truth

MODEL = "gemini-2.5-flash"
KEY = "AIza-a-key-for-tests"
ROWS = [("ߛߎ", "su", "night")]


class SetClock:
    """A clock that stands still until it is moved; it begins now, as the server's does."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


@cache
def picture(frame_id: str, version: int = 0) -> bytes:
    """A JPEG unlike that of any other frame or version."""
    digest = hashlib.sha256(f"{frame_id} {version}".encode()).digest()
    image = BytesIO()
    Image.frombytes("RGB", (4, 2), digest[:24]).save(image, "JPEG")
    return image.getvalue()


def frames(videos: Iterable[int], each: int = 2) -> list[FrameRequest]:
    """`each` frames of each of these videos."""
    ids = [(f"video-{video}", 5000 * number) for video in videos for number in range(each)]
    return [FrameRequest(f"{name}:{ms}", name, ms, picture(f"{name}:{ms}")) for name, ms in ids]


def pictures(video_id: str, frame_ids: Sequence[str]) -> Mapping[str, bytes]:
    """What the lake has for these frames."""
    return {frame_id: picture(frame_id) for frame_id in frame_ids}


def read_well(frame_id: str, jpeg: bytes, request: dict[str, Any]) -> str:
    """The right answer for every frame."""
    return truth(frame_id, ROWS)


def gemini_reader(url: str, store: Store, folder: Path, **over: Any) -> GeminiReader:
    """A reader of the server at `url` that asks about a job at each poll."""
    service = GeminiBatches(
        SecretStr(over.pop("key", KEY)),
        base_url=url,
        timeout_s=over.pop("timeout_s", 10.0),
        attempts=3,
        sleep=lambda _: None,
    )
    values: dict[str, Any] = {
        "frames": pictures,
        "model": MODEL,
        "resolution": "medium",
        "limits": Limits(),
        "poll_every": timedelta(0),
        "clock": SetClock(),
    }
    return GeminiReader(service, lambda: store, folder=folder, **{**values, **over})
