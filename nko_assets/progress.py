"""Telling whoever watches what is being done: the protocol, silence, and the console's lines and bars."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars


class Progress(Protocol):
    """Hears about steps: when one begins, what it is doing, when one of its videos is done."""

    def begin(self, step: str, total: int) -> None:
        """`total` videos are to be done by `step` (1 for a step on the corpus)."""

    def say(self, step: str, key: str, message: str) -> None:
        """Something worth telling while `key` is worked on."""

    def done(self, step: str, key: str, note: str, *, failed: bool = False) -> None:
        """`key` is finished: made, unchanged, or failed with a reason."""


class Silent:
    """Progress for whoever does not watch, such as the Dagster UI, which has its own log."""

    def begin(self, step: str, total: int) -> None:
        """Nothing."""

    def say(self, step: str, key: str, message: str) -> None:
        """Nothing."""

    def done(self, step: str, key: str, note: str, *, failed: bool = False) -> None:
        """Nothing."""


# Seconds of silence after which a line without a terminal tells that work still goes on.
SILENCE_S = 60.0


class ConsoleProgress:
    """A bar for each step on a terminal; plain lines where there is none. Use as a context manager.

    `clock` gives seconds, and decides only how often lines come.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._told_at = clock()
        self._lock = threading.Lock()
        self._tasks: dict[str, TaskID] = {}
        self._counts: dict[str, list[int]] = {}
        self._bars = Bars(
            TextColumn("{task.description:<20}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            # Notes hold file names, in which brackets are common and no markup.
            TextColumn("{task.fields[note]}", style="dim", markup=False),
            console=console,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def begin(self, step: str, total: int) -> None:
        """A new bar, or more to do on the bar that is there."""
        with self._lock:
            counts = self._counts.setdefault(step, [0, 0])
            counts[1] += total
            if step not in self._tasks:
                self._tasks[step] = self._bars.add_task(step, total=0, note="")
            self._bars.update(self._tasks[step], total=counts[1])

    def say(self, step: str, key: str, message: str) -> None:
        """Shown beside the bar; where there are no bars, what is said of no one video gets a line.

        Of each video the end is enough, unless nothing else was told for a minute: answers of a
        service may take hours.
        """
        with self._lock:
            if step not in self._tasks:
                return
            self._bars.update(self._tasks[step], note=f"{key} {message}".strip()[:60])
            silent = self._clock() - self._told_at >= SILENCE_S
            if not self._console.is_terminal and (silent or not key):
                self._line(f"{step:<20} {escape(f'{key} {message}'.strip())}")

    def done(self, step: str, key: str, note: str, *, failed: bool = False) -> None:
        """One more on the bar; a failure also gets a line that stays."""
        with self._lock:
            if step not in self._tasks:
                return
            counts = self._counts[step]
            counts[0] += 1
            self._bars.update(self._tasks[step], advance=1, note=f"{key} {note}"[:60])
            if failed or not self._console.is_terminal:
                mark = "[red]failed[/]" if failed else "·"
                self._line(
                    f"{step:<20} {counts[0]}/{counts[1]} {mark} {escape(f'{key} {note}'.strip())}"
                )

    def _line(self, text: str) -> None:
        self._told_at = self._clock()
        self._console.print(text, highlight=False, soft_wrap=True)
