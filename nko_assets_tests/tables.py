"""One good row of every table model, and what each rule of a model forbids."""

from __future__ import annotations

import importlib
import math
import pkgutil
from collections.abc import Iterator
from typing import Any

import polars as pl

from nko_assets import schemas
from nko_assets.memory.rows import DIMENSIONS
from nko_assets.schemas.base import TableModel
from nko_assets.schemas.channel import Videos
from nko_assets.schemas.corpus import RejectedRows, SplitAssignments, ToneVariants
from nko_assets.schemas.frames import Frames, UniqueFrames
from nko_assets.schemas.memory import (
    MemoryConversations,
    MemoryMotifs,
    MemoryTurnEdges,
    MemoryTurns,
)
from nko_assets.schemas.readings import Readings, ReviewedReadings, SecondReadings
from nko_assets.schemas.training import (
    Conversations,
    ExportRow,
    OcrSamples,
    TranslationPairs,
    Vocabulary,
)
from nko_assets.schemas.translations import Translations
from nko_assets.schemas.tuning import TuningExamples
from nko_assets.schemas.tuning_metrics import TuningMetrics
from nko_assets_tests.builders import reading

_ID = "3d813cbb-47fb-5a91-a8a0-0d1d2b4f8f7e"
_OTHER_ID = "e2f5b6a0-9c0a-5b1e-9b5f-3a1c2d4e5f60"
_FRAME = {"frame_id": "v1:5000", "video_id": "v1", "timestamp_ms": 5000}
_EXPORT = {
    "id": _ID,
    **_FRAME,
    "origin": "extracted",
    "reader": "offline",
    "model": "nko-lines-1",
    "confidence": 0.9,
    "english_by": "frame",
    "licence": "CC-BY-SA-4.0",
}

_VECTORS = {
    "embedding": [0.0] * DIMENSIONS,
    "nko_embedding": None,
    "embedding_model": "tests-1",
}

GOOD: dict[type[TableModel], dict[str, Any]] = {
    Videos: {
        "video_id": "v1",
        "title": "Lesson",
        "url": "v1.mp4",
        "duration_s": 60.0,
        "uploaded": "2026-11-24",
        "source": "folder",
        "licence": "CC-BY-SA-4.0",
        "listed": True,
    },
    Frames: {
        **_FRAME,
        "frame": 1,
        "width": 640,
        "height": 360,
        "sharpness": 12.5,
        "phash": "0123456789abcdef",
        "jpeg": b"\xff\xd8",
    },
    UniqueFrames: {
        **_FRAME,
        "frame": 1,
        "status": "kept",
        "reason": "new text",
        "represented_by": "v1:5000",
        "similarity": 0.4,
        "first_seen_ms": 0,
        "last_seen_ms": 5000,
        "jpeg": b"\xff\xd8",
    },
    Readings: {
        **_FRAME,
        "status": "ok",
        "reason": "",
        "lines": [
            {
                "line": 0,
                "box": [0, 0, 9, 9],
                "script": "nko",
                "language": "nqo",
                "text": "ߒߞߏ",
                "raw": "ߒߞߏ",
                "confidence": 0.9,
            }
        ],
        "entries": [],
        "confidence": 0.9,
        "reader": "offline",
        "model": "nko-lines-1",
        "request_hash": "a" * 64,
        "attempt": 1,
        "input_tokens": 0,
        "output_tokens": 0,
        "cost_usd": 0.0,
        "raw_answer": "",
    },
    ReviewedReadings: reading("ߒߞߏ", "N'Ko") | {"reading_id": _ID},
    TranslationPairs: {
        **_EXPORT,
        "nko": "ߒߞߏ",
        "latin": "nko",
        "english": "N'Ko",
        "french": None,
        "kind": "word",
        "context": "Lesson",
    },
    Conversations: {
        **_EXPORT,
        "messages": [{"role": "user", "content": "ߒߞߏ?"}],
        "language": "en",
        "template": "meaning",
        "nko": "ߒߞߏ",
    },
    OcrSamples: {
        **_EXPORT,
        "image": "/9j/4AAQ",
        "text": "ߒߞߏ",
        "latin": "nko",
        "translation": "N'Ko",
        "width": 120,
        "height": 40,
    },
    Vocabulary: {
        **_EXPORT,
        "word": "ߒߞߏ",
        "latin": "nko",
        "meaning": "N'Ko",
        "meaning_french": None,
        "pos": None,
        "examples": [],
        "frequency": 1,
        "sources": [_FRAME],
    },
    RejectedRows: {
        "id": _ID,
        "status": "duplicate",
        "reason": "the same text",
        "kept_id": _OTHER_ID,
        **_FRAME,
        "nko": "ߒߞߏ",
        "latin": "nko",
        "english": None,
        "french": None,
        "confidence": 0.9,
        "reader": "offline",
        "model": "nko-lines-1",
        "licence": "CC-BY-SA-4.0",
    },
    ToneVariants: {"id": _ID, "toneless": "ߞߐ", "verdict": "minimal_pair", "forms": []},
    SplitAssignments: {
        "file": "nko_english",
        "id": _ID,
        "video_id": "v1",
        "nko": "ߒߞߏ",
        "side": "train",
        "reason": "the side of its video",
    },
    MemoryConversations: {
        "id": _ID,
        "video_id": "v1",
        "title": "Lesson",
        "url": "v1.mp4",
        "duration_ms": 60_000,
        "licence": "CC-BY-SA-4.0",
    },
    MemoryTurns: {
        "id": _ID,
        "conversation_id": _OTHER_ID,
        "frame_id": "v1:5000",
        "timestamp_ms": 5000,
        "trajectory_depth": 1,
        "trajectory_phase": "extraction",
        "content": "{}",
        "salience_score": 0.5,
        "outcome_mean": 0.9,
        "outcome_m2": 0.0,
        "outcome_count": 1,
        **_VECTORS,
    },
    MemoryTurnEdges: {
        "id": _ID,
        "conversation_id": _OTHER_ID,
        "from_turn": _ID,
        "to_turn": _OTHER_ID,
        "edge_type": "next",
        "weight": 1.0,
    },
    MemoryMotifs: {
        "id": _ID,
        "motif_type": "vocabulary",
        "source": "lessons",
        "licence": "CC-BY-SA-4.0",
        "nko_key": "ߒߞߏ",
        "content": "{}",
        "frequency": 1,
        "salience_score": 0.5,
        **_FRAME,
        **_VECTORS,
    },
}


GOOD[TuningExamples] = {
    "id": _ID,
    "side": "train",
    "task": "nko_to_english",
    "row_id": _OTHER_ID,
    "video_id": "v1",
    "origin": "extracted",
    "licence": "CC-BY-SA-4.0",
    "tokens": 12,
    "gemini": None,
    "chat": "chat messages hold no picture",
}
GOOD[TuningMetrics] = {
    "step": 10,
    "split": "train",
    "loss": 2.5,
    "epoch": 0.5,
    "token_accuracy": 0.4,
    "learning_rate": 1e-4,
    "seconds": 3.0,
}
GOOD[Translations] = {
    "reading_id": _ID,
    "frame_id": "v1:5000",
    "video_id": "v1",
    "nko": "ߒߞߏ",
    "english": "N'Ko",
    "english_by": "translator",
    "status": "translated",
    "reason": "",
    "translator": "tests",
}
GOOD[SecondReadings] = GOOD[Readings]


def made(model: type[TableModel], *rows: dict[str, Any]) -> pl.DataFrame:
    """A table of `model`; columns that a row does not name are those of the good row."""
    return pl.DataFrame(
        [GOOD[model] | row for row in rows], schema=model.polars_schema(), orient="row"
    )


def every_model() -> set[type[TableModel]]:
    """The models of all tables, found in the package; `ExportRow` is what four of them share."""
    for module in pkgutil.iter_modules(schemas.__path__):
        importlib.import_module(f"{schemas.__name__}.{module.name}")
    found: set[type[TableModel]] = set()
    waiting = [TableModel]
    while waiting:
        subclasses = [
            one
            for one in waiting.pop().__subclasses__()
            if one.__module__.startswith(schemas.__name__)
        ]
        found.update(subclasses)
        waiting += subclasses
    return found - {ExportRow}


def forbidden(model: type[TableModel]) -> Iterator[tuple[str, str, Any]]:
    """Each column of `model` with a rule and a value that breaks it."""
    for name, column in model.to_schema().columns.items():
        if not column.nullable:
            yield name, "null", None
        if column.dtype.type == pl.Float64:
            yield name, "nan", math.nan
        for check in column.checks:
            limits = check.statistics
            match check.name:
                case "str_matches":
                    yield name, check.name, "not / that\nshape"
                case "isin":
                    yield name, check.name, "nonsense"
                case "str_length":
                    yield name, check.name, ""
                case "less_than":
                    yield name, check.name, limits["max_value"]
                case "greater_than" | "greater_than_or_equal_to":
                    yield name, check.name, column.dtype.type.to_python()(limits["min_value"] - 1)
                case "less_than_or_equal_to":
                    yield name, check.name, column.dtype.type.to_python()(limits["max_value"] + 1)
                case other:
                    raise AssertionError(f"nobody knows how to break {other}")
