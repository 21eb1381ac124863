"""Small tables of a made-up channel, true to their schemas, for the tests of the report."""

from __future__ import annotations

import uuid
from io import BytesIO

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

WORDS = (
    ("ߌ ߣߌ߫ ߛߐ߰ߡߊ߬", "good morning", "bonjour"),
    ("ߌ ߣߌ߫ ߕߟߋ߬", "good afternoon", "bon après-midi"),
    ("ߌ ߣߌ߫ ߥߎߙߊ߫", "good evening", "bonsoir"),
    ("ߌ ߣߌ߫ ߛߣߍ߫", "welcome", "bienvenue"),
    ("ߌ ߣߌ߫ ߗߋ߫", "thank you", "merci"),
    ("ߒߞߏ", "N’Ko", "n’ko"),
)
BOX = [300, 40, 620, 90]


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


def table(model: type[TableModel], rows: list[dict[str, object]]) -> pl.DataFrame:
    """Rows as the table of `model`, which they have to conform to."""
    made = pl.DataFrame(rows, schema=model.polars_schema())
    assert schema_failures(model, made, minimum_rows=0) == []
    return made


def videos(*ids: str, title: str = "ߒߞߏ ߞߊ߬ߙߊ߲ lesson") -> pl.DataFrame:
    return table(
        Videos,
        [
            {
                "video_id": video_id,
                "title": f"{title} {number}",
                "url": f"https://example.org/{video_id}",
                "duration_s": 60.0 + 30 * number,
                "uploaded": "2025-04-24",
                "source": "a channel",
                "licence": "CC-BY-4.0",
                "listed": True,
            }
            for number, video_id in enumerate(ids)
        ],
    )


def unique_frames(video_id: str) -> pl.DataFrame:
    """A kept frame for each of WORDS, and a repeat, a build-up and a blank one."""
    rows = []
    statuses = ["kept"] * len(WORDS) + ["repeat", "superseded", "blank"]
    for number, status in enumerate(statuses):
        frame_id = f"{video_id}:{number * 5000}"
        kept = status == "kept"
        rows.append(
            {
                "frame_id": frame_id,
                "video_id": video_id,
                "frame": number,
                "timestamp_ms": number * 5000,
                "status": status,
                "reason": "new ink" if kept else "nothing new",
                "represented_by": frame_id if kept else None,
                "similarity": None,
                "first_seen_ms": number * 5000,
                "last_seen_ms": number * 5000,
                "jpeg": frame_jpeg(WORDS[number][0]) if kept else None,
            }
        )
    return table(UniqueFrames, rows)


def readings(video_id: str, *, cost_usd: float = 0.01) -> pl.DataFrame:
    """One reading a kept frame: all ok, but the last one, which ran out of tokens."""
    rows: list[dict[str, object]] = []
    for number, (nko, english, french) in enumerate(WORDS):
        failed = number == len(WORDS) - 1
        entry = {
            "line": 0,
            "kind": "phrase",
            "nko": nko,
            "nko_raw": nko,
            "latin_shown": None,
            "english": english,
            "french": french,
            "pos": None,
            "box": BOX,
            "confidence": 0.9,
        }
        line = {
            "line": 0,
            "box": BOX,
            "script": "nko",
            "language": "nqo",
            "text": nko,
            "raw": nko,
            "confidence": 0.9,
        }
        latin = {**line, "line": 1, "script": "latin", "language": "en", "text": english}
        rows.append(
            {
                "frame_id": f"{video_id}:{number * 5000}",
                "video_id": video_id,
                "timestamp_ms": number * 5000,
                "status": "max_tokens" if failed else "ok",
                "reason": "the answer stopped after 8192 tokens" if failed else "",
                "lines": [] if failed else [line, latin],
                "entries": [] if failed else [entry],
                "confidence": None if failed else 0.9,
                "reader": "offline",
                "model": "nko-lines-1",
                "request_hash": "0" * 64,
                "attempt": 1,
                "input_tokens": 0,
                "output_tokens": 0,
                "cost_usd": cost_usd,
                "raw_answer": "",
            }
        )
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
    rows: list[dict[str, object]] = []
    for number, (decision, reason, confidence) in enumerate(DECISIONS):
        nko, english, french = words[number]
        rows.append(
            _reviewed_row(
                video_id,
                number,
                entry=0,
                kind="phrase",
                nko=nko,
                nko_raw=nko,
                latin=romanize(nko) or "-",
                english=english,
                french=french,
                box=BOX,
                confidence=confidence,
                signals=["too_short"] if decision == "rejected" else [],
                decision=decision,
                reason=reason,
            )
        )
    rows.append(
        _reviewed_row(
            video_id,
            len(DECISIONS),
            entry=-1,
            kind="frame",
            nko="",
            nko_raw="",
            latin="",
            english=None,
            french=None,
            box=[],
            confidence=None,
            signals=[],
            decision="rejected",
            reason="max_tokens: the answer stopped after 8192 tokens",
        )
    )
    return table(ReviewedReadings, rows)


def _reviewed_row(video_id: str, number: int, **values: object) -> dict[str, object]:
    return {
        "reading_id": row_id(video_id, number),
        "frame_id": f"{video_id}:{number * 5000}",
        "video_id": video_id,
        "timestamp_ms": number * 5000,
        "first_seen_ms": number * 5000,
        "latin_shown": None,
        "pos": None,
        "decided_by": "gate",
        "reader": "offline",
        "model": "nko-lines-1",
        "licence": "CC-BY-4.0",
        **values,
    }


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
        "id": row_id(video_id, number, kind, origin),
        "video_id": video_id,
        "frame_id": f"{video_id}:{number * 5000}",
        "timestamp_ms": number * 5000,
        "origin": origin,
        "reader": "offline",
        "model": "nko-lines-1",
        "confidence": 0.97,
        "licence": "CC-BY-4.0",
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
                "latin": romanize(WORDS[number][0]),
                "english": WORDS[-1 if kind == "word" else number][1],
                "french": None,
                "kind": kind,
                "context": "lesson",
            }
            for number, kind in enumerate(kinds)
        ],
    )


def conversations(video_id: str) -> pl.DataFrame:
    return table(
        Conversations,
        [
            {
                **_exported(video_id, 0, "conversation"),
                "messages": [{"role": "user", "content": "How do I say good morning?"}],
                "language": "en",
                "template": "how-to-say",
                "nko": WORDS[0][0],
            }
        ],
    )


def ocr_samples(video_id: str) -> pl.DataFrame:
    return table(
        OcrSamples,
        [
            {
                **_exported(video_id, 0, "ocr"),
                "image": "AAAA",
                "text": WORDS[0][0],
                "latin": romanize(WORDS[0][0]),
                "translation": None,
                "width": 10,
                "height": 10,
            }
        ],
    )


def vocabulary(video_id: str, words: tuple[str, ...] = ("ߒߞߏ", "ߣߌ߫")) -> pl.DataFrame:
    return table(
        Vocabulary,
        [
            {
                **_exported(video_id, number, f"word {word}"),
                "word": word,
                "latin": romanize(word),
                "meaning": None,
                "meaning_french": None,
                "pos": None,
                "examples": [],
                "frequency": 1,
                "sources": [],
            }
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
            "pairs": pl.DataFrame(schema=TranslationPairs.polars_schema()),
            "conversations": pl.DataFrame(schema=Conversations.polars_schema()),
            "ocr_samples": pl.DataFrame(schema=OcrSamples.polars_schema()),
            "vocabulary": pl.DataFrame(schema=Vocabulary.polars_schema()),
            "failures": {},
            **changes,
        }
    )
