"""Chat `messages`, as TRL's SFTTrainer and most trainers of open models read them.

The id and the task stand beside the messages, where trainers leave them alone. Pictures have no
place here: reading lines stays with Gemini and with the offline reader.
"""

from __future__ import annotations

from typing import Any, Final

from nko_assets.tuning.examples import Example
from nko_assets.tuning.prompts import TASKS
from nko_assets.tuning.shapes.shape import Shape

_TEXT: Final = {"type": "string", "minLength": 1}


def _row(example: Example, _picture: str) -> dict[str, Any]:
    return {
        "id": example.id,
        "task": example.task,
        "messages": [{"role": turn.role, "content": turn.content} for turn in example.messages],
    }


def _refuses(example: Example) -> str:
    return "chat messages hold no picture" if example.image is not None else ""


def _turn(role: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"role": {"const": role}, "content": _TEXT},
        "required": ["role", "content"],
        "additionalProperties": False,
    }


CHAT: Final = Shape(
    name="chat",
    row=_row,
    refuses=_refuses,
    pictures=False,
    schema={
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {
            "id": _TEXT,
            "task": {"enum": list(TASKS)},
            "messages": {
                "type": "array",
                "minItems": 3,
                "prefixItems": [_turn("system"), _turn("user"), _turn("assistant")],
                "items": {"anyOf": [_turn("user"), _turn("assistant")]},
            },
        },
        "required": ["id", "task", "messages"],
        "additionalProperties": False,
    },
)
"""Rows for trainers of open models."""
