"""Requests and answers for tests of the ledger."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from psycopg import Connection

from nko_assets.reading import ledger

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
MISSING = ledger.Absent("missing", "no answer came under its key")


def request(video: int, frame: int, **over: Any) -> ledger.NewRequest:
    """Frame number `frame` of video number `video`: 1,000 tokens, 100 bytes, a cent."""
    video_id = over.pop("video_id", f"video-{video:04}")
    frame_id = f"{video_id}:{frame * 5000}"
    values: dict[str, Any] = {
        "hash": hashlib.sha256(f"{frame_id} {over.get('model', 'flash')}".encode()).hexdigest(),
        "video_id": video_id,
        "frame_id": frame_id,
        "timestamp_ms": frame * 5000,
        "width": 1280,
        "height": 720,
        "model": "flash",
        "settings": {"temperature": 0.0},
        "size": 100,
        "tokens": 1000,
        "estimated_usd": 0.01,
    }
    return ledger.NewRequest(**{**values, **over})


def requests(videos: Iterable[int], frames: int, **over: Any) -> Iterator[ledger.NewRequest]:
    """`frames` requests for each of `videos`."""
    for video in videos:
        for frame in range(frames):
            yield request(video, frame, **over)


def answer(key: str, status: str = "ok", **over: Any) -> ledger.NewAnswer:
    """An answer under `key` that cost two cents."""
    values: dict[str, Any] = {
        "key": key,
        "raw": '{"lines": ["ߒߞߏ"]}',
        "status": status,
        "reason": "" if status == "ok" else f"it was {status}",
        "input_tokens": 1100,
        "output_tokens": 500,
        "thinking_tokens": 50,
        "cost_usd": 0.02,
    }
    return ledger.NewAnswer(**{**values, **over})


def submit(
    conn: Connection, limits: ledger.Limits | None = None, now: datetime = NOON
) -> ledger.JobPlan:
    """Claim the next job and bring it to the service."""
    plan = ledger.claim(conn, limits or ledger.Limits(), now, force=True)
    assert plan is not None
    ledger.mark_uploaded(conn, plan.name, f"files/{plan.name}", now)
    ledger.mark_submitted(conn, plan.name, f"batches/{plan.name}", now)
    return plan


def record(
    conn: Connection,
    plan: ledger.JobPlan,
    answers: Iterable[ledger.NewAnswer],
    state: ledger.BatchState = ledger.BatchState.SUCCEEDED,
    absent: ledger.Absent = MISSING,
    now: datetime = NOON,
) -> ledger.Recorded:
    """Record `answers` as what came of `plan`."""
    return ledger.record_answers(conn, plan.name, answers, state=state, absent=absent, now=now)
