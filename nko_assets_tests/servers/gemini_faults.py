"""The troubles that a test asks of the Gemini server, taken one by one."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Literal

Method = Literal[
    "files.start", "files.upload", "files.get", "files.list", "files.delete", "files.download",
    "batches.create", "batches.get", "batches.list", "batches.cancel",
]  # fmt: skip

# drop_before: hang up before anything is done; drop_after: hang up once it is done.
# 503_after_commit: do it and say 503. slow: wait, then do it, whoever still listens;
# slow_after: do it, then wait. half: take or give half of the bytes and hang up.
# garbage: do it and answer with what is no JSON. A number: refuse with that status.
How = Literal[
    "drop_before", "drop_after", "503_after_commit", "slow", "slow_after", "half", "garbage"
]


@dataclass
class Fault:
    """One kind of trouble with one method, for some calls."""

    method: Method
    how: How | int
    times: int
    skip: int
    seconds: float
    retry_after: str | None


class Faults:
    """The troubles that are still to come."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Let a trouble come, after those of its method that wait already."""
        with self._lock:
            self._waiting.append(fault)

    def clear(self) -> None:
        """Let none of them come."""
        with self._lock:
            self._waiting.clear()

    @property
    def all_came(self) -> bool:
        """Whether every trouble that was asked for has come."""
        with self._lock:
            return not self._waiting

    def take(self, method: str) -> Fault | None:
        """The trouble for a call of `method` that has come, if there is any."""
        with self._lock:
            fault = next((one for one in self._waiting if one.method == method), None)
            if fault is None:
                return None
            if fault.skip:
                fault.skip -= 1
                return None
            fault.times -= 1
            if not fault.times:
                self._waiting.remove(fault)
            return fault
