"""The envelope of an answer: a result line of the service, its candidate, finish reason and usage.

Nothing here looks at what was read. `open_envelope` gives the text of the answer, or the status and
reason that say why there is none: only finish reason STOP gives a text to be judged.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_BLOCKED = frozenset(
    {
        "SAFETY",
        "PROHIBITED_CONTENT",
        "BLOCKLIST",
        "SPII",
        "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT",
        "ESCALATION",
        "MODEL_ARMOR",
        "JAILBREAK",
    }
)
_STATUS_OF_FINISH: Mapping[str, str] = {
    **dict.fromkeys(_BLOCKED, "safety"),
    "MAX_TOKENS": "max_tokens",
    "CONTINUATION": "max_tokens",
    "RECITATION": "recitation",
    "IMAGE_RECITATION": "recitation",
    "MALFORMED_FUNCTION_CALL": "malformed",
    "MALFORMED_RESPONSE": "malformed",
    "UNEXPECTED_TOOL_CALL": "malformed",
    "TOO_MANY_TOOL_CALLS": "malformed",
}
# An account that is limited gets the same answer for every frame.
_FINAL_FINISH = frozenset({"PUP_LIMITED_DISABLED"})

# Codes of HTTP, and those of google.rpc that lines carry as well. The rest is about the request
# itself and comes back for it every time.
_HTTP_PASSING = frozenset({408, 429})
_RPC_PASSING = frozenset({1, 2, 4, 8, 10, 13, 14})  # cancelled … unavailable
_RPC_EXPIRED = 4
_NAMES_PASSING = frozenset(
    {
        "CANCELLED",
        "UNKNOWN",
        "DEADLINE_EXCEEDED",
        "RESOURCE_EXHAUSTED",
        "ABORTED",
        "INTERNAL",
        "UNAVAILABLE",
    }
)
# In a line that was cut off the key is still whole: it comes first.
_KEY = re.compile(r'"key"\s*:\s*"((?:[^"\\]|\\.)+)"')
_LONGEST_REASON = 300


@dataclass(frozen=True, slots=True)
class ResultLine:
    """One line of a result file: the key that was sent, and a response or an error.

    `error` is whatever the line says instead of a response. All three are None for a line that is
    no JSON object and shows no key. `raw` is the line as it came.
    """

    key: str | None
    response: Mapping[str, Any] | None
    error: Mapping[str, Any] | None
    raw: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the service counted them, 0 where it does not say."""

    input_tokens: int = 0
    output_tokens: int = 0
    thinking_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Envelope:
    """What is in a result line: its text when it finished, otherwise the status that it has.

    `status` is empty for an answer that finished; `text` may be there beside a status, as what came
    before it stopped. `can_heal` says whether asking again can help at all. `finished` is true when the
    model came to its own end, also when it had said nothing until then.
    """

    status: str
    reason: str
    text: str
    usage: Usage
    can_heal: bool = True
    finished: bool = False


def parse_result(line: str) -> ResultLine:
    """The parts of one line of a result file; never raises."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        row = None
    if not isinstance(row, dict):
        found = _KEY.search(line)
        return ResultLine(found[1] if found else None, None, None, line)
    key, response = row.get("key"), row.get("response")
    error = next((row[name] for name in ("error", "status") if row.get(name)), None)
    if error is not None and not isinstance(error, dict):
        error = {"message": str(error)}
    return ResultLine(
        key=key if isinstance(key, str) else None,
        response=response if isinstance(response, dict) else None,
        error=error,
        raw=line,
    )


def open_envelope(result: ResultLine) -> Envelope:
    """The text of a result, or why there is none to judge."""
    if result.response is None:
        return _without_response(result)
    usage = _usage(result.response.get("usageMetadata"))
    candidates = result.response.get("candidates")
    if not candidates:
        return _without_candidates(result.response, usage)
    if not isinstance(candidates, list) or not all(isinstance(each, dict) for each in candidates):
        return Envelope("malformed", "the candidates are no objects", "", usage)
    texts = [_text_of(candidate) for candidate in candidates]
    if len(set(texts)) > 1:
        return Envelope("duplicate", f"{len(texts)} candidates that differ", texts[0], usage)
    return _of_candidate(candidates[0], texts[0], usage)


def _of_candidate(candidate: Mapping[str, Any], text: str, usage: Usage) -> Envelope:
    finish = str(candidate.get("finishReason") or "")
    if finish != "STOP":
        return _unfinished(finish, str(candidate.get("finishMessage") or ""), text, usage)
    if not text.strip():
        return Envelope("missing", "the answer finished without any text", "", usage, finished=True)
    return Envelope("", "", text, usage, finished=True)


def _without_response(result: ResultLine) -> Envelope:
    if result.error is not None:
        return _failed(result.error)
    if not result.raw.strip():
        return Envelope("missing", "no answer came", "", Usage())
    return Envelope("malformed", "the line of the result file holds no answer", "", Usage())


def _failed(error: Mapping[str, Any]) -> Envelope:
    code, name = _integer(error.get("code")), str(error.get("status") or "")
    said = str(error.get("message") or "no message")
    label = " ".join(part for part in (str(code) if code else "", name) if part)
    passing = (
        (code in _HTTP_PASSING or code >= 500 or code in _RPC_PASSING or name in _NAMES_PASSING)
        if code or name
        else True  # nothing is known of it, so it may pass
    )
    expired = code == _RPC_EXPIRED or name == "DEADLINE_EXCEEDED"
    return Envelope(
        status="expired" if expired else "error",
        reason=_short(f"the service answered {label}: {said}" if label else said),
        text="",
        usage=Usage(),
        can_heal=passing or expired,
    )


def _without_candidates(response: Mapping[str, Any], usage: Usage) -> Envelope:
    feedback = response.get("promptFeedback")
    block = feedback.get("blockReason") if isinstance(feedback, dict) else None
    if block:
        return Envelope("safety", f"the request was blocked: {block}", "", usage)
    return Envelope("missing", "the answer has no candidate", "", usage)


def _unfinished(finish: str, message: str, text: str, usage: Usage) -> Envelope:
    status = _STATUS_OF_FINISH.get(finish, "error")
    reason = f"finish reason {finish}" if finish else "no finish reason: the answer is not complete"
    if message:
        reason += f": {message}"
    if status == "max_tokens":
        reason += (
            f" after {usage.output_tokens} tokens of text and {usage.thinking_tokens} of thinking"
        )
    return Envelope(status, _short(reason), text, usage, can_heal=finish not in _FINAL_FINISH)


def _text_of(candidate: Mapping[str, Any]) -> str:
    """The text parts that are no thoughts, joined."""
    content = candidate.get("content")
    parts = content.get("parts") if isinstance(content, dict) else None
    if not isinstance(parts, list):
        return ""
    return "".join(
        part["text"]
        for part in parts
        if isinstance(part, dict) and isinstance(part.get("text"), str) and not part.get("thought")
    )


def _usage(metadata: object) -> Usage:
    if not isinstance(metadata, dict):
        return Usage()
    given, answer, thoughts, total = (
        _integer(metadata.get(name))
        for name in (
            "promptTokenCount",
            "candidatesTokenCount",
            "thoughtsTokenCount",
            "totalTokenCount",
        )
    )
    # Some answers count the whole and leave out the part that is charged.
    return Usage(given, answer or max(total - given - thoughts, 0), thoughts)


def _integer(value: object) -> int:
    """A count or code that may come as text; 0 for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return 0
    try:
        return max(int(value), 0)
    except ValueError:
        return 0


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST_REASON else text[: _LONGEST_REASON - 1] + "…"
