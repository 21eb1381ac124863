"""What Vertex AI wants to tune Gemini: `systemInstruction` and `contents`, pictures by their URI.

Limits from "About supervised fine-tuning for Gemini models" (docs.cloud.google.com, as of November
2026): 131,072 tokens a row, a million rows of train or 300,000 with pictures, 1 GB of JSON Lines,
5,000 rows of validation, and beyond 1,000 of them no more than 30 % of the rows of train.
"""

from __future__ import annotations

import io
import math
from typing import Any, Final

from PIL import Image

from nko_assets.tuning.examples import Example
from nko_assets.tuning.shapes.shape import Shape
from nko_assets.tuning.tokens import text_tokens

ROW_TOKENS: Final = 131_072
VALIDATION_ROWS: Final = 5_000
VALIDATION_FREE: Final = 1_000  # rows that are allowed whatever the size of train
VALIDATION_SHARE: Final = 0.3  # of the rows of train, beyond those

# ai.google.dev/gemini-api/docs/tokens: one tile when both sides are small, else tiles as large as
# the shorter side divided by 1.5, within bounds.
_TILE_TOKENS: Final = 258
_ONE_TILE: Final = 384  # pixels
_SMALLEST_TILE, _LARGEST_TILE = 256, 768
_TURN_TOKENS: Final = 4  # around a turn


def gemini_tokens(example: Example) -> int:
    """About how many tokens the service counts for the example, its picture among them."""
    turns = sum(_TURN_TOKENS + text_tokens(turn.content) for turn in example.messages)
    return turns + (0 if example.image is None else picture_tokens(example.image))


def picture_tokens(jpeg: bytes) -> int:
    """The tokens of a picture by the published rule; from Gemini 3 on it may take fewer."""
    width, height = _size(jpeg) or (0, 0)
    if max(width, height) <= _ONE_TILE:
        return _TILE_TOKENS
    tile = min(max(math.floor(min(width, height) / 1.5), _SMALLEST_TILE), _LARGEST_TILE)
    return _TILE_TOKENS * math.ceil(width / tile) * math.ceil(height / tile)


def _size(jpeg: bytes) -> tuple[int, int] | None:
    """Width and height in pixels; None when this is no picture."""
    try:
        with Image.open(io.BytesIO(jpeg)) as picture:
            return picture.size
    except OSError:
        return None


def most_validation(train_rows: int) -> int:
    """The most rows of validation that the service takes beside so many rows of train."""
    return min(VALIDATION_ROWS, max(VALIDATION_FREE, int(VALIDATION_SHARE * train_rows)))


def _row(example: Example, picture: str) -> dict[str, Any]:
    system, *turns = example.messages
    contents: list[dict[str, Any]] = [
        {"role": "user" if turn.role == "user" else "model", "parts": [{"text": turn.content}]}
        for turn in turns
    ]
    if picture:
        shown = {"fileData": {"mimeType": "image/jpeg", "fileUri": picture}}
        contents[-2]["parts"] = [shown, *contents[-2]["parts"]]
    return {
        "systemInstruction": {"role": "system", "parts": [{"text": system.content}]},
        "contents": contents,
    }


def _refuses(example: Example) -> str:
    if example.image is not None and _size(example.image) is None:
        return "its picture cannot be read"
    # No tokenizer makes more tokens of a text than it has bytes, so this never lets one through.
    bytes_ = sum(len(turn.content.encode()) + _TURN_TOKENS for turn in example.messages)
    tokens = bytes_ + (0 if example.image is None else picture_tokens(example.image))
    if tokens <= ROW_TOKENS:
        return ""
    return f"it may take {tokens:,} tokens, and the service takes {ROW_TOKENS:,} a row"


def _parts(*kinds: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "minItems": 1, "items": {"anyOf": list(kinds)}}


def _object(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


_TEXT: Final = _object(text={"type": "string", "minLength": 1})
_PICTURE: Final = _object(
    fileData=_object(
        mimeType={"const": "image/jpeg"},
        fileUri={"type": "string", "pattern": r"^(gs://|images/).+"},
    )
)
_USER: Final = _object(role={"const": "user"}, parts=_parts(_TEXT, _PICTURE))
_MODEL: Final = _object(role={"const": "model"}, parts=_parts(_TEXT))

GEMINI: Final = Shape(
    name="gemini",
    row=_row,
    refuses=_refuses,
    pictures=True,
    train_rows=1_000_000,
    picture_rows=300_000,
    train_bytes=10**9,
    validation_rows=most_validation,
    schema={
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **_object(
            systemInstruction=_object(role={"const": "system"}, parts=_parts(_TEXT)),
            contents={
                "type": "array",
                "minItems": 2,
                "prefixItems": [_USER, _MODEL],
                "items": {"anyOf": [_USER, _MODEL]},
            },
        ),
    },
)
"""Rows for Vertex AI."""
