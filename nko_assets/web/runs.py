"""What is at work, as the pages show it, whoever does the work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class RunNow:
    """A run that is at work or waits to be: its job, its status, since when, and for which videos.

    `videos` are the first and the last of a range, which may be one, and empty for a run of the
    whole corpus.
    """

    run_id: str
    job: str
    status: str
    since: datetime | None
    videos: tuple[str, ...] = ()


Runs = Callable[[], Sequence[RunNow]]
