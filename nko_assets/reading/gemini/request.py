"""What one frame is asked: the settings, the change that can heal a failure, and the job file.

A job file holds one JSON object a line, `{"key", "request"}`, the request as REST writes it
(camelCase, settings under `generationConfig`): the client converts nothing inside a file.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from nko_assets.failures import ConfigurationError
from nko_assets.files import atomic_path
from nko_assets.reading.gemini.models import Model, model_named
from nko_assets.reading.gemini.versions import (
    PROMPT_VERSION,
    answer_schema,
    hint_text,
    prompt_digest,
    prompt_text,
)

RESOLUTIONS = ("low", "medium", "high", "ultra_high")
"""From the coarsest to the finest. The last exists from Gemini 3 on, for single pictures."""

OUTPUT_TOKENS = 8192
"""The output limit to begin with. Thinking counts against it: less was eaten up before a letter."""
LOOP_HINT = "loop"
"""The hint that is given after an answer went round in a loop."""

_MOST_OUTPUT_TOKENS = 65_536
_ANOTHER_TEMPERATURE = 0.4  # for a second, independent reading, and each time a loop is asked again
_NUDGE = 0.2  # enough for another answer where the same request would give the same one
_HOTTEST = 1.0
_LONGEST_KEY = "f" * 64 + "-999999"


@dataclass(frozen=True, slots=True)
class AskSettings:
    """How a frame is asked. JSON through `as_dict`, so that a ledger can keep it.

    `resolution` is one of `RESOLUTIONS`; `thinking` is a level ("LOW") or a budget in tokens
    ("128"), whichever the model takes; `reading` tells repeated readings of one frame apart;
    `prompt` is the version of prompt and schema; `hint` names the sentence added when asking again.
    """

    resolution: str
    temperature: float
    max_output_tokens: int
    thinking: str
    reading: int = 1
    prompt: str = PROMPT_VERSION
    hint: str = ""

    def as_dict(self) -> dict[str, object]:
        """The settings as JSON values."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> AskSettings:
        """The settings of `as_dict`; other keys are left alone. Raises TypeError when one lacks."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})


def first_settings(model: str, resolution: str = "high", reading: int = 1) -> AskSettings:
    """How `model` is asked about a frame for the first time.

    Tone marks are a few pixels, so "high" is the resolution to begin with. A second `reading` of a
    model that was asked at temperature 0 is taken at a higher one, or it would be no other reading.
    Raises ConfigurationError for an unknown model or resolution.
    """
    known = model_named(model)
    if resolution not in _resolutions(known):
        raise ConfigurationError(
            f"{model} has no resolution {resolution!r}.",
            f"Set NKO_RESOLUTION to one of {', '.join(_resolutions(known))}.",
        )
    again = reading > 1 and known.steerable
    return AskSettings(
        resolution=resolution,
        temperature=_ANOTHER_TEMPERATURE if again else known.temperature,
        max_output_tokens=OUTPUT_TOKENS,
        thinking=known.thinking,
        reading=reading,
    )


def retry_settings(status: str, model: str, settings: AskSettings) -> AskSettings | None:
    """How to ask again after `status`, with the change that can heal it; None when none can.

    What the service did (error, expired) is asked again unchanged. Whether an error is one that can
    pass says `Judged.can_heal`.
    """
    change = _HEALING.get(status)
    return change(model_named(model), settings) if change else None


@lru_cache(maxsize=64)
def identity(settings: AskSettings) -> Mapping[str, object]:
    """What of the asking belongs to the request's hash: the settings and what they refer to."""
    return {**settings.as_dict(), "digest": prompt_digest(settings.prompt)}


def request_line(key: str, frame_id: str, jpeg: bytes, settings: AskSettings) -> bytes:
    """One line of a job file, its line end included."""
    before, after = _around(settings)
    picture = base64.b64encode(jpeg)
    return b"".join((_head(key), picture, before, _frame_text(frame_id), after))


def request_size(frame_id: str, jpeg_bytes: int, settings: AskSettings) -> int:
    """The length of the `request_line` for a JPEG of that many bytes, with the longest key."""
    before, after = _around(settings)
    picture = 4 * -(-jpeg_bytes // 3)
    return sum(map(len, (_head(_LONGEST_KEY), before, _frame_text(frame_id), after))) + picture


def write_job_file(path: Path, lines: Iterable[bytes]) -> tuple[int, str]:
    """Stream `lines` to `path`, complete or not at all; returns its bytes and their SHA-256.

    One line is in memory at a time. Raises ValueError when there is none.
    """
    size, digest = 0, hashlib.sha256()
    with atomic_path(path) as temporary, temporary.open("wb") as out:
        for line in lines:
            out.write(line)
            digest.update(line)
            size += len(line)
        if not size:
            raise ValueError("A job file without requests is never written")
    return size, digest.hexdigest()


def _head(key: str) -> bytes:
    return (
        b'{"key":'
        + _quoted(key)
        + b',"request":{"contents":[{"role":"user","parts":[{"inlineData":'
        + b'{"mimeType":"image/jpeg","data":"'
    )


@lru_cache(maxsize=64)
def _around(settings: AskSettings) -> tuple[bytes, bytes]:
    """What stands between picture and frame id, and after it, in every line with these settings."""
    thinking: dict[str, object] = (
        {"thinkingBudget": int(settings.thinking)}
        if settings.thinking.isdecimal()
        else {"thinkingLevel": settings.thinking}
    )
    config: dict[str, object] = {
        "temperature": settings.temperature,
        "maxOutputTokens": settings.max_output_tokens,
        "thinkingConfig": thinking,
        "responseMimeType": "application/json",
        "responseSchema": answer_schema(settings.prompt),
    }
    level = f"MEDIA_RESOLUTION_{settings.resolution.upper()}"
    of_picture = ""
    if settings.resolution == "ultra_high":
        of_picture = f',"mediaResolution":{{"level":"{level}"}}'
    else:
        config["mediaResolution"] = level
    hint = hint_text(settings.hint, settings.prompt)
    parts = [{"text": text} for text in (prompt_text(settings.prompt), hint) if text]
    rest = {"systemInstruction": {"parts": parts}, "generationConfig": config}
    # The picture comes first: Google advises so for a single one.
    before = f'"}}{of_picture}}},{{"text":'
    after = f"}}]}}],{json.dumps(rest, ensure_ascii=False, separators=(',', ':'))[1:]}}}\n"
    return before.encode(), after.encode()


def _frame_text(frame_id: str) -> bytes:
    return _quoted(f"frame_id: {frame_id}")


def _quoted(text: str) -> bytes:
    return json.dumps(text, ensure_ascii=False).encode()


def _resolutions(model: Model) -> tuple[str, ...]:
    return RESOLUTIONS[:3] if model.family == "2.5" else RESOLUTIONS


def _warmer(model: Model, settings: AskSettings, by: float) -> AskSettings:
    """Settings at a higher temperature, where the model heeds it; otherwise the same ones."""
    if not model.steerable:
        return settings
    return replace(settings, temperature=round(min(settings.temperature + by, _HOTTEST), 2))


def _nudged(model: Model, settings: AskSettings) -> AskSettings:
    """Settings under which the model need not give the same answer again."""
    return _warmer(model, settings, _NUDGE)


def _sharper(model: Model, settings: AskSettings) -> AskSettings | None:
    """Settings at the next finer resolution, or None at the finest."""
    order = _resolutions(model)
    place = order.index(settings.resolution) + 1
    return replace(settings, resolution=order[place]) if place < len(order) else None


def _hinted(model: Model, settings: AskSettings, hint: str) -> AskSettings | None:
    """Settings with `hint` and another temperature, or None when it was already given."""
    if settings.hint == hint:
        return None
    return replace(_warmer(model, settings, _ANOTHER_TEMPERATURE), hint=hint)


def _other_picture(model: Model, settings: AskSettings) -> AskSettings:
    """Settings that show the frame otherwise: one step finer, or one coarser from the finest."""
    order = _resolutions(model)
    finer = _sharper(model, settings)
    return finer or replace(settings, resolution=order[order.index(settings.resolution) - 1])


def _longer(_: Model, settings: AskSettings) -> AskSettings | None:
    """Settings with room for twice the output, or None when there is no more."""
    most = min(2 * settings.max_output_tokens, _MOST_OUTPUT_TOKENS)
    return None if most == settings.max_output_tokens else replace(settings, max_output_tokens=most)


_HEALING: Mapping[str, Callable[[Model, AskSettings], AskSettings | None]] = {
    "error": lambda _, settings: settings,
    "expired": lambda _, settings: settings,
    "malformed": _nudged,
    "leaked_thought": _nudged,
    "wrong_frame": _nudged,
    "duplicate": _nudged,
    "missing": lambda model, settings: _sharper(model, settings) or _nudged(model, settings),
    "max_tokens": _longer,
    "wrong_script": lambda model, settings: (
        _sharper(model, settings) or _hinted(model, settings, "script")
    ),
    "loop": lambda model, settings: (
        _hinted(model, settings, LOOP_HINT) or _other_picture(model, settings)
    ),
    "recitation": lambda model, settings: _hinted(model, settings, "recitation"),
    "safety": lambda model, settings: _hinted(model, settings, "safety"),
}
"""What changes after each status. ok and no_text need nothing, so they are not here."""
