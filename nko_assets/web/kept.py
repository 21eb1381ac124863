"""A value that takes long to work out, kept for a while and worked out anew behind the readers' backs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from nko_assets.failures import NkoError

T = TypeVar("T")

FRESH_S: Final = 1.0
# So that working it out takes no more than a twentieth of the time, however often it is asked for.
SHARE: Final = 20


class Kept(Generic[T]):
    """Call it for the value: only the first caller waits, later ones may get one that is older.

    It is never older than `FRESH_S`, or twenty times what working it out takes, when somebody
    asked in between.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        """`make` is called when the value is first asked for, by one thread at a time."""
        self._make = make
        self._making = threading.Lock()
        self._value: T | None = None
        self._until = 0.0

    def __call__(self) -> T:
        """The value; raises what `make` raises when there is none."""
        value = self._value
        if value is None:
            with self._making:
                return self._value if self._value is not None else self._made()
        if time.monotonic() > self._until and self._making.acquire(blocking=False):
            threading.Thread(target=self._renew, daemon=True).start()
        return value

    def _made(self) -> T:
        started = time.monotonic()
        value = self._make()
        ended = time.monotonic()
        self._until = ended + max(FRESH_S, SHARE * (ended - started))
        self._value = value
        return value

    def _renew(self) -> None:
        try:
            self._made()
        except NkoError:
            # The next caller works it out, and meets the failure.
            self._value = None
        finally:
            self._making.release()
