"""A value that takes long to work out, kept for a while and worked out anew behind the readers' backs."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final, Generic, TypeVar

T = TypeVar("T")

FRESH_S: Final = 1.0
# So that working it out takes no more than a twentieth of the time, however often it is asked for.
SHARE: Final = 20
# What nobody has asked for in so long is worked out before it is told.
OLDEST_S: Final = 30.0

_log = logging.getLogger(__name__)


class Kept(Generic[T]):
    """Call it for the value: only who comes first, or after a pause, waits for it.

    Who asks later may get one that is older than `FRESH_S`, or than twenty times what working it
    out takes, but none that is older than `OLDEST_S` besides.
    """

    def __init__(self, make: Callable[[], T], clock: Callable[[], float] = time.monotonic) -> None:
        """`make` is called when the value is first asked for, by one thread at a time.

        `clock` gives seconds.
        """
        self._make = make
        self._clock = clock
        self._making = threading.Lock()
        self._value: T | None = None
        self._begun = self._until = float("-inf")

    def __call__(self) -> T:
        """The value; raises what `make` raises when there is none."""
        value, now = self._value, self._clock()
        if value is None or now > self._until + OLDEST_S:
            return self._since(self._until)
        if now > self._until and self._making.acquire(blocking=False):
            threading.Thread(target=self._renew, daemon=True).start()
        return value

    def anew(self) -> T:
        """The value as it is after what was done before this call; raises what `make` raises."""
        return self._since(self._clock())

    def _since(self, moment: float) -> T:
        """The value, of which the making began after `moment`."""
        with self._making:
            if self._value is not None and self._begun > moment:
                return self._value
            return self._made()

    def _made(self) -> T:
        begun = self._clock()
        value = self._make()
        ended = self._clock()
        self._begun, self._until = begun, ended + max(FRESH_S, SHARE * (ended - begun))
        self._value = value
        return value

    def _renew(self) -> None:
        try:
            self._made()
        except Exception:
            # The next caller works it out, and meets the failure.
            self._value = None
            _log.warning("What is shown could not be worked out anew.", exc_info=True)
        finally:
            self._making.release()
