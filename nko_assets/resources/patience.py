"""Asking a service of Google again, a bounded number of times, after failures that may heal at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt
from tenacity.wait import wait_random_exponential

from nko_assets.failures import TransientFailure
from nko_assets.resources.gemini_errors import Throttled

T = TypeVar("T")

LONGEST_WAIT_S: Final = 60.0
"""A wait grows up to this, in seconds; when more is asked for, the caller comes back another time."""


def patiently(call: Callable[[], T], attempts: int, sleep: Callable[[float], None]) -> T:
    """What `call` gives, asked at most `attempts` times; raises what remains.

    Between attempts it waits longer and longer, and at least as long as the service asks for.
    """
    growing = wait_random_exponential(multiplier=1, max=LONGEST_WAIT_S)

    def wait(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.wait_s if isinstance(error, Throttled) else None
        return max(growing(state), asked or 0.0)

    retrying = Retrying(
        retry=retry_if_exception(_may_heal),
        stop=stop_after_attempt(attempts),
        wait=wait,
        sleep=sleep,
        reraise=True,
    )
    return retrying(call)


def _may_heal(error: BaseException) -> bool:
    if isinstance(error, Throttled) and (error.wait_s or 0) > LONGEST_WAIT_S:
        return False
    return isinstance(error, TransientFailure)
