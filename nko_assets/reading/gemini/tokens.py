"""How many tokens a frame costs: the picture by its rule, the prompt, and what is expected back.

Estimates to decide by before money is spent; what was used stands in each answer's `usageMetadata`.
Picture rules from ai.google.dev/gemini-api/docs/media-resolution and /tokens, as of November 2026.
"""

from __future__ import annotations

import json
import math
from functools import cache

from nko_assets.nko.characters import BLOCK_END, BLOCK_START
from nko_assets.reading.gemini.models import model_named
from nko_assets.reading.gemini.request import LOOP_HINT, OUTPUT_TOKENS, AskSettings
from nko_assets.reading.gemini.versions import answer_schema, hint_text, prompt_text

# Gemini 3 and 4: the most tokens a picture gets at a resolution, whatever its size.
_BUDGET = {"low": 280, "medium": 560, "high": 1120, "ultra_high": 2240}
# Gemini 2.5: one view at low and medium; at high the picture is cut into tiles.
_ONE_VIEW = {"low": 64, "medium": 256}
_TILE = 258
_SMALL = 384  # pixels: a picture that is no larger is a single tile
_CUT = 1.5  # a tile is as large as the shorter side divided by this

_CHARACTERS_A_TOKEN = 4.0  # of English, and of the JSON of the schema
_TOKENS_A_NKO_CHARACTER = 1.8  # measured on FLORES in the tokenizers of Gemma, Llama and GPT
# A frame of a lesson, as an answer: six rows of four words, half of them with a translation.
_ROWS = 6
_NKO_CHARACTERS = 25
_OTHER_TOKENS = 12
_FIELDS = 40  # names, quotes and empty fields of a row
_FRAME_FIELDS = 60  # frame_id, frame_type, unread and confidence with their names


def image_tokens(model: str, resolution: str, width: int, height: int) -> int:
    """The tokens of one picture of `width` × `height` pixels; raises for an unknown model.

    From Gemini 3 on this is the most it can be: a picture may take a little less.
    """
    if model_named(model).family == "3":
        return _BUDGET[resolution]
    if resolution in _ONE_VIEW:
        return _ONE_VIEW[resolution]
    if max(width, height) <= _SMALL:
        return _TILE
    side = max(math.floor(min(width, height) / _CUT), 1)
    return _TILE * math.ceil(width / side) * math.ceil(height / side)


def prompt_tokens(settings: AskSettings) -> int:
    """The tokens of everything but the picture: prompt, hint, answer schema and frame id."""
    return _prompt_tokens(settings.prompt, settings.hint)


def expected_tokens(
    model: str, settings: AskSettings, width: int, height: int
) -> tuple[int, int, int]:
    """Input, output and thinking tokens to expect for one frame of `width` × `height` pixels.

    A frame that is asked again because its answer was cut or went round in a loop is expected to
    take as much as it did then: all that it was allowed.
    """
    picture = image_tokens(model, settings.resolution, width, height)
    row = _NKO_CHARACTERS * _TOKENS_A_NKO_CHARACTER + _OTHER_TOKENS + _FIELDS
    output = round(_FRAME_FIELDS + _ROWS * row)
    thinking = model_named(model).thinking_tokens
    output = max(output, _used_up_before(settings) - thinking)
    return picture + prompt_tokens(settings), output, thinking


def _used_up_before(settings: AskSettings) -> int:
    """The output limit that an earlier answer ran into, by what was changed since; 0 for none."""
    if settings.hint == LOOP_HINT:
        return settings.max_output_tokens
    return settings.max_output_tokens // 2 if settings.max_output_tokens > OUTPUT_TOKENS else 0


@cache
def _prompt_tokens(version: str, hint: str) -> int:
    schema = json.dumps(answer_schema(version), separators=(",", ":"))
    text = prompt_text(version) + hint_text(hint, version) + schema
    nko = sum(BLOCK_START <= character <= BLOCK_END for character in text)
    others = (len(text) - nko) / _CHARACTERS_A_TOKEN
    return round(others + nko * _TOKENS_A_NKO_CHARACTER) + 20  # the frame id
