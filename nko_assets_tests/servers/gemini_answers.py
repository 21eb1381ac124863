"""What the Gemini server of the tests can answer to one request, and how it is written down."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class LineError:
    """The request failed by itself: its line holds an error instead of a response."""

    code: int = 13
    message: str = "Internal error encountered."


@dataclass(frozen=True)
class RawLine:
    """The line is this text, whatever it is."""

    text: str


@dataclass(frozen=True)
class Missing:
    """The request has no line among the results."""


@dataclass(frozen=True)
class Twice:
    """The request has two lines: one with each answer."""

    first: Answer
    second: Answer


Answer = str | Mapping[str, Any] | LineError | RawLine | Missing | Twice
"""The text of a good response, a whole response, or one of the failures above."""

AnswerFrame = Callable[[str, bytes, dict[str, Any]], Answer]
"""Reads a frame: its id, its JPEG and the whole request as it was sent."""

Usage = tuple[int, int, int]
"""Tokens of the input, the output and the thinking."""

_FRAME_ID = re.compile(r"^frame_id: (\S+)", re.MULTILINE)


def response(
    text: str, finish: str = "STOP", model: str = "gemini-2.5-flash", thoughts: int = 0
) -> dict[str, Any]:
    """A response of the model in one text part, as the API writes it."""
    said = max(1, len(text.encode()) // 4)
    return {
        "candidates": [
            {
                "content": {"parts": [{"text": text}], "role": "model"},
                "finishReason": finish,
                "index": 0,
            }
        ],
        "usageMetadata": {
            "promptTokenCount": 1820,
            "candidatesTokenCount": said,
            **({"thoughtsTokenCount": thoughts} if thoughts else {}),
            "totalTokenCount": 1820 + said + thoughts,
            "promptTokensDetails": [
                {"modality": "TEXT", "tokenCount": 700},
                {"modality": "IMAGE", "tokenCount": 1120},
            ],
        },
        "modelVersion": model,
        "responseId": "c2hvd24taW4tdGVzdHM",
    }


def blocked_prompt(reason: str = "PROHIBITED_CONTENT") -> dict[str, Any]:
    """The response to a prompt that was refused: it has no candidates at all."""
    return {
        "promptFeedback": {"blockReason": reason},
        "usageMetadata": {"promptTokenCount": 1820, "totalTokenCount": 1820},
        "modelVersion": "gemini-2.5-flash",
    }


def result_lines(key: str, answer: Answer, model: str) -> Iterator[str]:
    """The lines of the results file for one request, without their ends."""
    if isinstance(answer, Twice):
        yield from result_lines(key, answer.first, model)
        yield from result_lines(key, answer.second, model)
    elif isinstance(answer, RawLine):
        yield answer.text
    elif isinstance(answer, LineError):
        yield _line({"key": key, "error": {"code": answer.code, "message": answer.message}})
    elif isinstance(answer, str):
        yield _line({"key": key, "response": whole(answer, model)})
    elif not isinstance(answer, Missing):
        yield _line({"key": key, "response": answer})


def whole(answer: Answer, model: str) -> Answer:
    """The answer with the response around it, where it is a text alone."""
    return response(answer, model=model) if isinstance(answer, str) else answer


def usage_of(answer: Answer) -> Usage:
    """The tokens that an answer says it took: none where it says nothing."""
    said = answer.get("usageMetadata", {}) if isinstance(answer, dict) else {}
    counts = ("promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount")
    prompt, candidates, thoughts = (int(said.get(count, 0)) for count in counts)
    return prompt, candidates, thoughts


def failed(answer: Answer) -> bool:
    """Whether the service counts the request among those that failed."""
    return isinstance(answer, LineError)


def frame_of(request: Mapping[str, Any]) -> tuple[str, bytes]:
    """The frame id that a request names in its text, and the JPEG it carries."""
    frame_id, jpeg = "", b""
    for content in request["contents"]:
        for part in content["parts"]:
            named = _FRAME_ID.search(part.get("text", ""))
            if named:
                frame_id = named[1]
            data = part.get("inlineData", {}).get("data")
            if data:
                jpeg = decoded(data)
    return frame_id, jpeg


def decoded(data: str) -> bytes:
    """Bytes from base64; raises `ValueError` when it is none."""
    try:
        return base64.b64decode(data, validate=True)
    except binascii.Error as error:
        raise ValueError("Base64 decoding failed.") from error


def truth(
    frame_id: str,
    rows: Sequence[tuple[str, str, str]],
    *,
    frame_type: str = "vocabulary",
    confidence: float = 0.97,
) -> str:
    """A good answer in the form of schema v1 for a frame that shows `rows`: N'Ko, Latin, English."""
    answer = {
        "frame_id": frame_id,
        "frame_type": frame_type if rows else "no_text",
        "rows": [
            {
                "nko": nko,
                "latin": latin,
                "english": english,
                "french": "",
                "gloss": "",
                "pos": "none",
                "legibility": "clear",
            }
            for nko, latin, english in rows
        ],
        "unread": "",
        "confidence": confidence,
    }
    return json.dumps(answer, ensure_ascii=False)


def _line(value: Mapping[str, Any]) -> str:
    # Not ASCII only: a line separator within a text stays one, as the service sends it.
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
