"""The versions of what Gemini is asked: the prompt, its hints, the answer schema, and their hash.

They are files of this package (`prompts/`, `schema/`), never changed once they were used: a new
wording is a new version, because its hash is part of every request's hash.

The schema is one list of rows, each row a flat object of strings. Deeper schemas make batch jobs
fail (googleapis/python-genai#1307), and `responseJsonSchema` gives empty or shifted fields in batch
where `responseSchema` gives right ones (crmne/ruby_llm#894). Parallel lists of strings would be
flatter still, but one missing string shifts every translation below it to another word, unseen.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from nko_assets.failures import ConfigurationError

PROMPT_VERSION = "v1"


def prompt_text(version: str = PROMPT_VERSION) -> str:
    """The instruction that goes with every frame; raises ConfigurationError for no such version."""
    return _file("prompts", f"{version}.md").strip()


def hint_text(hint: str, version: str = PROMPT_VERSION) -> str:
    """The sentence added when a frame is asked again; "" for no hint."""
    return _hints(version)[hint] if hint else ""


def answer_schema(version: str = PROMPT_VERSION) -> dict[str, Any]:
    """The `responseSchema`, as REST writes it."""
    schema: dict[str, Any] = json.loads(_file("schema", f"{version}.json"))
    return schema


def prompt_digest(version: str = PROMPT_VERSION) -> str:
    """SHA-256 in hex of the prompt, its hints and the schema."""
    texts = (
        prompt_text(version),
        json.dumps(_hints(version), sort_keys=True, ensure_ascii=False),
        json.dumps(answer_schema(version), sort_keys=True),
    )
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


@cache
def _hints(version: str) -> Mapping[str, str]:
    hints: Mapping[str, str] = json.loads(_file("prompts", f"{version}.hints.json"))
    return hints


@cache
def _file(folder: str, name: str) -> str:
    try:
        return (files(__package__) / folder / name).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"There is no {folder}/{name} in this package.",
            f"Use version {PROMPT_VERSION}, or install the release that has it.",
        ) from error
