"""What goes wrong on the way to the memory, each as one clear sentence without a secret in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import httpx
import psycopg

from nko_assets.failures import ConfigurationError, NkoError, PermanentFailure, TransientFailure

# Over the API a load is several requests, and what the earlier ones wrote stays.
AGAIN = "Each lesson and each word is written whole or not at all: run it again for the rest."
_TIMEOUT = "57014"
_DENIED = "42501"
_NOT_THERE: Final = (
    "42P01",  # no such table
    "42883",  # no such function
    "3F000",  # no such schema
    "PGRST202",  # no such function, says PostgREST
    "PGRST205",  # no such table, says PostgREST
)


@contextmanager
def database_errors() -> Iterator[None]:
    """Turn what Postgres says in this block into our failures; an open transaction is undone."""
    try:
        yield
    except psycopg.Error as error:
        raise _failure(error.sqlstate, _said(error)) from None


@contextmanager
def request_errors() -> Iterator[None]:
    """Turn what becomes of a request, before any answer, into our failures."""
    try:
        yield
    except httpx.TimeoutException:
        raise TransientFailure("Supabase gave no answer in time.", AGAIN) from None
    except httpx.InvalidURL:
        raise ConfigurationError(
            "SUPABASE_URL is no address.", "It looks like https://<project>.supabase.co."
        ) from None
    except httpx.TransportError as error:
        # Some have no text, and that of a request which cannot be sent repeats its headers.
        has_text = str(error) and not isinstance(error, httpx.LocalProtocolError)
        said = str(error) if has_text else type(error).__name__
        raise TransientFailure(
            f"The connection to Supabase failed: {said}.",
            f"See that SUPABASE_URL is right and the network is there. {AGAIN}",
        ) from None


def refuse(response: httpx.Response) -> None:
    """Raise our failure for an answer of the REST API that is none; a hook of its HTTP client."""
    if response.is_success:
        return
    response.read()
    status = response.status_code
    if response.has_redirect_location:
        # Not followed: the key is for the host that is configured.
        there = response.url.join(response.headers["location"])
        raise ConfigurationError(
            f"SUPABASE_URL is redirected to {there.scheme}://{there.host}.",
            "Set it to the address of the project itself: https://<project>.supabase.co.",
        )
    try:
        body = response.json()
    except ValueError:
        body = {}
    code, message = _code_and_message(body)
    if status == 540:
        raise ConfigurationError(
            "The Supabase project is paused.",
            "Restore it at supabase.com/dashboard, wait until it is up, and run again.",
        )
    if code == _DENIED:
        raise _failure(code, message)
    if status in (401, 403):
        raise ConfigurationError(
            f"Supabase does not accept the key ({message or f'HTTP {status}'}).",
            "Copy the service_role key, or a secret key, of the project of SUPABASE_URL, "
            "to SUPABASE_SERVICE_KEY.",
        )
    if status == 404 and not code:
        raise ConfigurationError(
            "There is no Supabase REST API at SUPABASE_URL (HTTP 404).",
            "It looks like https://<project>.supabase.co.",
        )
    if code in (_TIMEOUT, *_NOT_THERE) or (code and not code.startswith("PGRST")):
        raise _failure(code, message)
    if status == 429 or status >= 500:
        # 521 to 523 also come while a project is being paused or restored.
        raise TransientFailure(
            f"Supabase does not answer just now (HTTP {status}{f', {message}' if message else ''}).",
            f"Look at the state of the project at supabase.com/dashboard. {AGAIN}",
        )
    raise PermanentFailure(
        f"Supabase refused a request (HTTP {status}): {message or 'no reason given'}."
    )


def _failure(sqlstate: str | None, message: str) -> NkoError:
    """The failure for what Postgres said, heard directly or over the REST API."""
    if sqlstate == _TIMEOUT:
        return TransientFailure(
            "The database stopped a statement that took longer than its statement_timeout allows.",
            f"Raise it, or run when the database has less to do. {AGAIN}",
        )
    if sqlstate in _NOT_THERE:
        return ConfigurationError(
            f"The memory's tables or functions are missing ({message}).",
            "Set SUPABASE_DB_URL once so that they are made, or paste the output of `nko schema` "
            "into the SQL editor of the project.",
        )
    if sqlstate == _DENIED:
        return ConfigurationError(
            f"The memory may not be used with this key or user ({message}).",
            "It takes the service_role key of the project, or the owner of the database.",
        )
    # Classes of connection, resources, operator intervention, system, deadlock; none: broken off.
    if sqlstate is None or sqlstate[:2] in ("08", "53", "57", "58", "40"):
        return TransientFailure(f"The database broke off: {message}.", AGAIN)
    return PermanentFailure(f"The database refused what was sent ({sqlstate}): {message}.")


def _code_and_message(body: Any) -> tuple[str | None, str]:
    if not isinstance(body, Mapping):
        return None, ""
    code = body.get("code")
    message = str(body.get("message") or body.get("msg") or body.get("error") or "")
    return (code if isinstance(code, str) else None), " ".join(message.split()).rstrip(".")


def _said(error: psycopg.Error) -> str:
    """The first line of what Postgres says; its details repeat the row."""
    said = error.diag.message_primary or str(error).partition("\n")[0] or type(error).__name__
    return " ".join(said.split()).rstrip(".")
