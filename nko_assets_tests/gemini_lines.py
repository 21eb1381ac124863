"""Result lines of the Batch API, made by hand."""

from __future__ import annotations

import json
from typing import Any

FRAME_ID = "a-lesson_1:125000"
USAGE = {"promptTokenCount": 2218, "candidatesTokenCount": 214, "thoughtsTokenCount": 61}


def row(nko: str = "", **fields: Any) -> dict[str, Any]:
    """One row of an answer, every field there."""
    empty = dict.fromkeys(("latin", "english", "french", "gloss"), "")
    return {"nko": nko, **empty, "pos": "none", "legibility": "clear", **fields}


def content(*rows: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """What the model answers for a frame."""
    return {
        "frame_id": FRAME_ID,
        "frame_type": "vocabulary",
        "rows": list(rows),
        "unread": "",
        "confidence": 0.95,
        **fields,
    }


def as_text(answer: Any) -> str:
    """The answer as the model writes it."""
    return answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)


def response(*parts: dict[str, Any], finish: str = "STOP", **fields: Any) -> dict[str, Any]:
    """A response with one candidate made of `parts`."""
    candidate = {"content": {"role": "model", "parts": list(parts)}, "finishReason": finish}
    return {"candidates": [candidate], "usageMetadata": USAGE, **fields}


def line(answer: Any, finish: str = "STOP") -> str:
    """The result line of an answer."""
    return result(response({"text": as_text(answer)}, finish=finish))


def result(response: Any) -> str:
    """The result line of a response."""
    return json.dumps({"key": "f" * 64 + "-1", "response": response}, ensure_ascii=False)
