"""Rows made by hand: reviewed readings with everything filled in but what a test is about."""

from __future__ import annotations

import io
import random
import uuid
from functools import cache
from typing import Any

import polars as pl
from PIL import Image, ImageDraw

from nko_assets.nko import romanize
from nko_assets.schemas.readings import ReviewedReadings

FRAME_SIZE = (640, 360)
_LETTERS = "ߓߔߕߖߗߘߙߛߝߞߟߡߢߣߤߥߦ"
_VOWELS = "ߊߋߌߍߎߏߐ"
_MARKS = ("", "", "", "\u07eb", "\u07ec", "\u07f2")
_ENGLISH = ("house", "river", "market", "teacher", "book", "night", "road", "water", "friend")


def reading(nko: str, english: str | None = "something", **over: Any) -> dict[str, Any]:
    """One accepted entry; the frame follows from `video_id` and `timestamp_ms`."""
    video_id = over.get("video_id", "lesson-1")
    timestamp_ms = over.get("timestamp_ms", 5000)
    entry = over.get("entry", 0)
    frame_id = over.get("frame_id", f"{video_id}:{timestamp_ms}")
    return {
        "reading_id": str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{frame_id}#{entry}#{nko}")),
        "frame_id": frame_id,
        "video_id": video_id,
        "timestamp_ms": timestamp_ms,
        "first_seen_ms": timestamp_ms,
        "entry": entry,
        "kind": "phrase" if " " in nko else "word",
        "nko": nko,
        "nko_raw": nko,
        "latin": romanize(nko),
        "latin_shown": None,
        "english": english,
        "english_by": None if english is None else "frame",
        "french": None,
        "pos": None,
        "box": [100, 100, 400, 140],
        "confidence": 0.9,
        "signals": [],
        "decision": "accepted",
        "reason": "confidence 0.90, no signals",
        "decided_by": "gate",
        "reader": "offline",
        "model": "nko-lines-1",
        "licence": "CC-BY-SA-4.0",
        **over,
    }


def reviewed(*rows: dict[str, Any]) -> pl.DataFrame:
    """A `ReviewedReadings` table."""
    return pl.DataFrame(list(rows), schema=ReviewedReadings.polars_schema(), orient="row")


def made_up_word(dice: random.Random) -> str:
    """Letters that could be an N'Ko word."""
    return "".join(
        dice.choice(_LETTERS) + dice.choice(_VOWELS) + dice.choice(_MARKS)
        for _ in range(dice.randint(1, 4))
    )


def channel(videos: int, texts: int, *, seed: int = 1, greeting: bool = True) -> pl.DataFrame:
    """Lessons of made-up words and phrases, each with a greeting that all of them share."""
    dice = random.Random(seed)
    lexicon = [made_up_word(dice) for _ in range(40 * videos)]
    rows = []
    for video in range(videos):
        video_id = f"lesson-{video}"
        if greeting:
            rows.append(reading("ߌ ߣߌ߫ ߛߐ߰ߡߊ߬", "good morning", video_id=video_id, timestamp_ms=0))
        for text in range(1, texts + 1):
            length = 1 if text % 3 == 0 else dice.randint(3, 7)
            rows.append(
                reading(
                    " ".join(dice.choices(lexicon, k=length)),
                    " ".join(dice.choices(_ENGLISH, k=length + 1)),
                    video_id=video_id,
                    timestamp_ms=5000 * text,
                    french=None if text % 2 else f"phrase {video}-{text}",
                    box=[40, 20 + 10 * (text % 20), 600, 60 + 10 * (text % 20)],
                )
            )
    return reviewed(*rows)


def frame_jpeg(_frame_id: str = "") -> bytes:
    """A frame with a dark line of something on white."""
    return _frame_jpeg()


@cache
def _frame_jpeg() -> bytes:
    picture = Image.new("RGB", FRAME_SIZE, "white")
    ImageDraw.Draw(picture).rectangle((110, 110, 390, 130), fill="black")
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()
