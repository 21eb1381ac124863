"""The failures a person can meet: what will not heal, what may heal later, and what to configure."""

from __future__ import annotations


class NkoError(Exception):
    """A failure with one clear sentence and a next step; shown without a stack trace."""

    def __init__(self, message: str, next_step: str = "") -> None:
        super().__init__(f"{message} {next_step}".strip())
        self.message = message
        self.next_step = next_step


class PermanentFailure(NkoError):
    """Asking again gives the same answer: a private video, a file that is not a video."""


class TransientFailure(NkoError):
    """Asking again later may succeed: throttling, a timeout, a server error."""


class HeldBack(TransientFailure):
    """Nothing more is sent until a budget is raised or its day is over."""


class NotReady(NkoError):
    """What was asked for is on its way: neither made nor failed, so ask later."""


class ConfigurationError(NkoError):
    """Something the user set, or did not set, has to change first."""
