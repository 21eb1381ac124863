"""What Vertex AI refuses, as failures that say what to do."""

from __future__ import annotations

from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError, RefreshError
from google.genai.errors import APIError

from nko_assets.failures import ConfigurationError, NkoError, TransientFailure
from nko_assets.resources.gemini_errors import (
    WIRE_ERRORS as GEMINI_WIRE_ERRORS,
)
from nko_assets.resources.gemini_errors import (
    Ambiguous,
    NotFound,
    Throttled,
    retry_after,
)
from nko_assets.resources.google_login import LOG_IN, told

WIRE_ERRORS = (*GEMINI_WIRE_ERRORS, GoogleAuthError)
"""What the clients, or what they are made of, raise when a call does not end well."""


def failure_of(error: Exception, what: str, *, committing: bool = False) -> NkoError:
    """The failure for what a client raised on `what` ("the job nko-tune-…").

    `committing`: asking twice would pay twice, so that what may have been done is `Ambiguous`.
    """
    if isinstance(error, APIError):
        return _refusal(error, what, committing=committing)
    said = (
        told(error)
        if isinstance(error, GoogleAuthError)
        else _short(f"{type(error).__name__}: {error}")
    )
    if isinstance(error, DefaultCredentialsError | RefreshError) and not _may_heal(error):
        # Before a token there was no request.
        return ConfigurationError(f"Google does not know who asks for {what} ({said}).", LOG_IN)
    if committing and not isinstance(error, (_never_sent(), GoogleAuthError)):
        return Ambiguous(
            f"Vertex AI's answer to {what} did not arrive ({said}).",
            "The service is asked what it did before anything is sent again.",
        )
    return TransientFailure(
        f"Vertex AI could not be asked about {what} ({said}).",
        "Check the network connection, and GOOGLE_VERTEX_BASE_URL if it is set, then run again.",
    )


def _never_sent() -> type[Exception]:
    import httpx2

    return httpx2.ConnectError


def _may_heal(error: GoogleAuthError) -> bool:
    return bool(getattr(error, "retryable", False))


def _refusal(error: APIError, what: str, *, committing: bool) -> NkoError:
    code = int(error.code or 0)
    said = _short(str(error.message or "no reason given"))
    text = f"Vertex AI refused {what} with {code} {error.status or 'and no status'}: {said}"
    if code == 429:
        return Throttled(
            text,
            "Nothing was paid. Wait until other tuning jobs of the project have ended, or ask for "
            "more quota, and run again.",
            retry_after(error),
        )
    if code in (408, 409, 499) or not 400 <= code < 500:
        if committing:
            return Ambiguous(
                text, "The service is asked what it did before anything is sent again."
            )
        return TransientFailure(text, "Run again later; what is done is kept.")
    if code == 404 and not committing:
        return NotFound(text, "See that GOOGLE_CLOUD_PROJECT and NKO_GCP_LOCATION are right.")
    return ConfigurationError(text, _what_to_set(code, said))


def _what_to_set(code: int, said: str) -> str:
    if code == 401:
        return LOG_IN
    if code == 403 and ("disabled" in said or "has not been used" in said):
        return "Enable the Vertex AI API (aiplatform.googleapis.com) in GOOGLE_CLOUD_PROJECT."
    if code == 403:
        return (
            "Give whoever is logged in the role Vertex AI User (roles/aiplatform.user) in "
            "GOOGLE_CLOUD_PROJECT, and Vertex's service agent read access to NKO_BUCKET."
        )
    return (
        "Check NKO_TUNING_MODEL, NKO_GCP_LOCATION, and that the files of tuning_dataset are in "
        "NKO_BUCKET; nothing was paid."
    )


def _short(text: str) -> str:
    return " ".join(text.split())[:500]
