"""What the Gemini API refuses, as failures that say what to do; the key is never in them."""

from __future__ import annotations

import re
from collections.abc import Mapping

import httpx2
from google.genai.errors import APIError, UnknownApiResponseError

from nko_assets.failures import ConfigurationError, NkoError, PermanentFailure, TransientFailure


class Ambiguous(TransientFailure):
    """The service may have done it or not: look before asking again."""


class NotFound(PermanentFailure):
    """The service has no such job or file, or has it no more."""


class Throttled(TransientFailure):
    """The service asks to slow down, and did nothing of what was asked."""

    def __init__(self, message: str, next_step: str, wait_s: float | None) -> None:
        super().__init__(message, next_step)
        self.wait_s = wait_s
        """How long the service asks to wait, in seconds, if it says."""


# What the client, or what it is made of, raises when a call does not end well.
WIRE_ERRORS = (
    APIError,
    UnknownApiResponseError,
    httpx2.HTTPError,
    httpx2.InvalidURL,
    ValueError,
    KeyError,
)

# Before these nothing has reached the service.
_NEVER_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)

_KEY_LOOKS_WRONG = ("API_KEY_INVALID", "API_KEY_EXPIRED", "API_KEY_SERVICE_BLOCKED")


def failure_of(error: Exception, what: str, secret: str, *, committing: bool = False) -> NkoError:
    """The failure for what the client raised on `what` ("creating the job nko-…").

    `committing`: asking twice would pay twice, so that what may have been done is `Ambiguous`.
    `secret` is taken out of what the service says.
    """
    if isinstance(error, APIError):
        return _refusal(error, what, secret, committing=committing)
    said = _cleaned(f"{type(error).__name__}: {error}", secret)
    if isinstance(error, (httpx2.UnsupportedProtocol, httpx2.InvalidURL)):
        return ConfigurationError(
            f"The address of Gemini is none ({said}).",
            "Correct GOOGLE_GEMINI_BASE_URL, or unset it: then the service itself is asked.",
        )
    if committing and not isinstance(error, _NEVER_SENT):
        return Ambiguous(
            f"Gemini's answer to {what} did not arrive ({said}).",
            "The service is asked what it did before anything is sent again.",
        )
    return TransientFailure(
        f"Gemini could not be asked about {what} ({said}).",
        "Check the network connection, and GOOGLE_GEMINI_BASE_URL if it is set, then run again.",
    )


def _refusal(error: APIError, what: str, secret: str, *, committing: bool) -> NkoError:
    code = int(error.code or 0)
    said = _cleaned(str(error.message or "no reason given"), secret)
    text = f"Gemini refused {what} with {code} {error.status or 'and no status'}: {said}"
    if code == 429:
        return Throttled(
            text,
            "Nothing was paid; it is tried again later. If it lasts, lower NKO_MAX_OPEN_TOKENS "
            "to the limit of your tier.",
            retry_after(error),
        )
    if _says_missing(error):
        return NotFound(text, "Files and results are kept for 48 hours; ask for the videos again.")
    if code in (408, 409) or not 400 <= code < 500:
        if committing:
            return Ambiguous(
                text, "The service is asked what it did before anything is sent again."
            )
        return TransientFailure(text, "Run again later; what is done is kept.")
    return ConfigurationError(text, _what_to_set(error))


def _what_to_set(error: APIError) -> str:
    """Say what to change after a 400, 401, 403, or a 404 for the model."""
    reasons = {str(detail.get("reason", "")) for detail in _details(error)}
    if error.code == 401 or reasons & set(_KEY_LOOKS_WRONG):
        return "Set GEMINI_API_KEY to a key that is valid (https://aistudio.google.com/apikey)."
    if error.code == 404:
        return "Set NKO_MODEL to a model that answers in batches; `nko run --dry-run` lists them."
    if error.code == 403:
        return (
            "Let the project of GEMINI_API_KEY use the Gemini API, and see that its billing is on."
        )
    return "Check NKO_MODEL and the region and billing of the key's project; nothing was paid."


def _says_missing(error: APIError) -> bool:
    """Whether a file or a job is not there, which for files comes as a 403; a model is not meant."""
    if error.code == 403:
        return "may not exist" in str(error.message)
    return error.code == 404 and not str(error.message).startswith("models/")


def retry_after(error: APIError) -> float | None:
    """How many seconds the service asks to wait: its header, or `retryDelay` in the details."""
    headers = getattr(error.response, "headers", None) or {}
    asked = str(headers.get("retry-after", ""))
    if asked.isdigit():
        return float(asked)
    for detail in _details(error):
        delay = re.fullmatch(r"(\d+(?:\.\d+)?)s", str(detail.get("retryDelay", "")))
        if delay:
            return float(delay[1])
    return None


def _details(error: APIError) -> list[Mapping[str, object]]:
    body = error.details if isinstance(error.details, dict) else {}
    inner = body.get("error", body)
    details = inner.get("details", []) if isinstance(inner, dict) else []
    return [detail for detail in details if isinstance(detail, dict)]


def _cleaned(text: str, secret: str) -> str:
    """Return one short line of `text` without the key."""
    without = text.replace(secret, "[key]") if secret else text
    return " ".join(without.split())[:500]
