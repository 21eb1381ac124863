"""A webhook: one URL that is told of what happened by an HTTP POST of JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import httpx
from pydantic import SecretStr
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)

from nko_assets.failures import ConfigurationError, TransientFailure

TIMEOUT_S = 10.0
ATTEMPTS = 3
PAUSE = wait_random_exponential(multiplier=1, max=5)
# What passes by itself: no answer, too many requests, a server in trouble.
_LATER = frozenset({408, 425, 429})


def post(
    url: SecretStr,
    message: Mapping[str, Any],
    *,
    wait_s: Callable[[RetryCallState], float] = PAUSE,
) -> None:
    """Send `message` as JSON; tried three times where another try may help.

    `wait_s` gives the seconds between two tries. Raises `ConfigurationError` when the server
    refuses or `url` is none, `TransientFailure` when it does not answer; neither repeats the URL,
    which is often itself the secret.
    """
    body = json.dumps(message, ensure_ascii=False).encode()
    retrying = Retrying(
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_s,
        retry=retry_if_exception_type(TransientFailure),
        reraise=True,
    )
    retrying(_post_once, url, body)


def _post_once(url: SecretStr, body: bytes) -> None:
    try:
        answer = httpx.post(
            url.get_secret_value(),
            content=body,
            headers={"Content-Type": "application/json; charset=utf-8"},
            timeout=TIMEOUT_S,
        )
    except httpx.InvalidURL:
        raise ConfigurationError(
            "The webhook's address is no URL.", "Correct NKO_FAILURE_WEBHOOK."
        ) from None
    except httpx.HTTPError as error:
        raise TransientFailure(
            f"The webhook does not answer ({type(error).__name__}).",
            "See that the address in NKO_FAILURE_WEBHOOK can be reached from here.",
        ) from None
    if answer.status_code in _LATER or answer.status_code >= 500:
        raise TransientFailure(f"The webhook answered {answer.status_code}.")
    if not answer.is_success:
        raise ConfigurationError(
            f"The webhook answered {answer.status_code} and will not take the message.",
            "Correct NKO_FAILURE_WEBHOOK.",
        )
