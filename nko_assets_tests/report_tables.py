"""Small tables of a made-up channel, true to their schemas, for the tests of the report."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import polars as pl
from PIL import Image, ImageDraw

from nko_assets.corpus.report_data import ReportInputs
from nko_assets.corpus.report_lessons import LessonFacts, lesson_facts
from nko_assets.nko import romanize
from nko_assets.schemas.base import TableModel, schema_failures
from nko_assets.schemas.channel import Videos
from nko_assets.schemas.frames import UniqueFrames
from nko_assets.schemas.readings import Readings, ReviewedReadings
from nko_assets.schemas.training import Conversations, OcrSamples, TranslationPairs, Vocabulary
from nko_assets.typeset import TYPEFACES, draw_line, measure_line
from nko_assets_tests.tables import GOOD, made

WORDS = (
    ("ߌ ߣߌ߫ ߛߐ߰ߡߊ߬", "good morning", "bonjour"),
    ("ߌ ߣߌ߫ ߕߟߋ߬", "good afternoon", "bon après-midi"),
    ("ߌ ߣߌ߫ ߥߎߙߊ߫", "good evening", "bonsoir"),
    ("ߌ ߣߌ߫ ߛߣߍ߫", "welcome", "bienvenue"),
    ("ߌ ߣߌ߫ ߗߋ߫", "thank you", "merci"),
    ("ߒߞߏ", "N’Ko", "n’ko"),
)
BOX = [300, 40, 620, 90]
STOPPED = "the answer stopped after 8192 tokens"


def row_id(*parts: object) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, "/".join(map(str, parts))))


def frame_jpeg(text: str) -> bytes:
    """A slide of 640 × 180 pixels with `text` set inside BOX."""
    picture = Image.new("RGB", (640, 180), (250, 248, 240))
    face = TYPEFACES["noto"]
    width, ascent, _ = measure_line(text, face, 34)
    draw_line(ImageDraw.Draw(picture), BOX[2] - width - 10, BOX[1] + ascent + 8, text, face, 34, 0)
    out = BytesIO()
    picture.save(out, "JPEG", quality=80)
    return out.getvalue()


def table(model: type[TableModel], rows: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """Rows as the table of `model`, which they have to conform to."""
    rows_made = made(model, *rows)
    assert schema_failures(model, rows_made, minimum_rows=0) == []
    return rows_made


def _frame(video_id: str, number: int) -> dict[str, Any]:
    """What every row of the frame with this number carries."""
    return {
        "frame_id": f"{video_id}:{number * 5000}",
        "video_id": video_id,
        "timestamp_ms": number * 5000,
    }


def videos(*ids: str, title: str = "ߒߞߏ ߞߊ߬ߙߊ߲ lesson") -> pl.DataFrame:
    return table(
        Videos,
        [
            {"video_id": video_id, "title": f"{title} {number}", "source": "a channel"}
            for number, video_id in enumerate(ids)
        ],
    )


def unique_frames(video_id: str) -> pl.DataFrame:
    """A kept frame for each of WORDS, and a repeat, a build-up and a blank one."""
    rows = []
    for number, status in enumerate(["kept"] * len(WORDS) + ["repeat", "superseded", "blank"]):
        frame = _frame(video_id, number)
        kept = status == "kept"
        rows.append(
            {
                **frame,
                "frame": number,
                "status": status,
                "represented_by": frame["frame_id"] if kept else None,
                "jpeg": frame_jpeg(WORDS[number][0]) if kept else None,
            }
        )
    return table(UniqueFrames, rows)


def readings(video_id: str) -> pl.DataFrame:
    """One reading a kept frame: all ok, but the last one, which ran out of tokens."""
    rows = []
    for number, (nko, english, _) in enumerate(WORDS):
        line = GOOD[Readings]["lines"][0] | {"box": BOX, "text": nko, "raw": nko}
        latin = line | {"line": 1, "script": "latin", "language": "en", "text": english}
        rows.append({**_frame(video_id, number), "lines": [line, latin], "cost_usd": 0.01})
    rows[-1] |= {"status": "max_tokens", "reason": STOPPED, "lines": [], "confidence": None}
    return table(Readings, rows)


DECISIONS = (
    ("accepted", "confidence 0.97, no signals", 0.97),
    ("accepted", "confidence 1.00, no signals", 1.0),
    ("accepted", "confidence 0.91, no signals", 0.91),
    ("needs_review", "confidence 0.62 is below 0.85", 0.62),
    ("rejected", "not N'Ko text as people write it: see signals", 0.4),
)


def reviewed(video_id: str, words: tuple[tuple[str, str, str], ...] = WORDS) -> pl.DataFrame:
    """An entry for each of WORDS but the last, decided as DECISIONS say; the last frame failed."""
    rows: list[dict[str, Any]] = []
    for number, (decision, reason, confidence) in enumerate(DECISIONS):
        nko, english, french = words[number]
        rows.append(
            {
                **_frame(video_id, number),
                "reading_id": row_id(video_id, number),
                "kind": "phrase",
                "nko": nko,
                "nko_raw": nko,
                "latin": romanize(nko) or "-",
                "english": english,
                "english_by": "frame",
                "french": french,
                "box": BOX,
                "confidence": confidence,
                "signals": ["too_short"] if decision == "rejected" else [],
                "decision": decision,
                "reason": reason,
            }
        )
    rows.append(
        {
            **_frame(video_id, len(DECISIONS)),
            "reading_id": row_id(video_id, len(DECISIONS)),
            "entry": -1,
            "kind": "frame",
            "nko": "",
            "nko_raw": "",
            "latin": "",
            "english": None,
            "english_by": None,
            "box": [],
            "confidence": None,
            "decision": "rejected",
            "reason": f"max_tokens: {STOPPED}",
        }
    )
    return table(ReviewedReadings, rows)


def facts(video_id: str, **tables: pl.DataFrame) -> LessonFacts:
    """What the lesson contributes, with the `tables` that a test is about in place of its own."""
    own = {
        "unique_frames": unique_frames(video_id),
        "readings": readings(video_id),
        "reviewed": reviewed(video_id),
    }
    return lesson_facts(video_id, frames=len(WORDS) + 3, **(own | tables))


def _exported(
    video_id: str, number: int, kind: str, origin: str = "extracted"
) -> dict[str, object]:
    return {
        **_frame(video_id, number),
        "id": row_id(video_id, number, kind, origin),
        "origin": origin,
    }


def pairs(video_id: str) -> pl.DataFrame:
    """Three phrases, a word, and a synthetic phrase."""
    kinds = ("phrase", "phrase", "phrase", "word", "phrase")
    return table(
        TranslationPairs,
        [
            {
                **_exported(video_id, number, "pair", "synthetic" if number == 4 else "extracted"),
                "nko": WORDS[-1 if kind == "word" else number][0],
                "english": WORDS[-1 if kind == "word" else number][1],
                "kind": kind,
            }
            for number, kind in enumerate(kinds)
        ],
    )


def conversations(video_id: str) -> pl.DataFrame:
    return table(Conversations, [_exported(video_id, 0, "conversation")])


def ocr_samples(video_id: str) -> pl.DataFrame:
    return table(OcrSamples, [_exported(video_id, 0, "ocr")])


def vocabulary(video_id: str, words: tuple[str, ...] = ("ߒߞߏ", "ߣߌ߫")) -> pl.DataFrame:
    return table(
        Vocabulary,
        [
            {**_exported(video_id, number, f"word {word}"), "word": word, "meaning": None}
            for number, word in enumerate(words)
        ],
    )


def inputs(**changes: object) -> ReportInputs:
    """One lesson done, one listed and not begun, one failed."""
    values: dict[str, object] = {
        "videos": videos("a", "b", "c"),
        "lessons": [facts("a")],
        "pairs": pairs("a"),
        "conversations": conversations("a"),
        "ocr_samples": ocr_samples("a"),
        "vocabulary": vocabulary("a"),
        "gate": 0.85,
        "failures": {"c": "the file is not a video"},
        **changes,
    }
    return ReportInputs(**values)  # type: ignore[arg-type]


def nothing(**changes: object) -> ReportInputs:
    """What a project has before anything ran."""
    return inputs(
        **{
            "videos": videos(),
            "lessons": [],
            "pairs": made(TranslationPairs),
            "conversations": made(Conversations),
            "ocr_samples": made(OcrSamples),
            "vocabulary": made(Vocabulary),
            "failures": {},
            **changes,
        }
    )
