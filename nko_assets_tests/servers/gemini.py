"""The Gemini Batch API on the loopback, as google-genai speaks to it, with every kind of trouble.

    def read(frame_id, jpeg, request):
        return truth(frame_id, [("ߛߎ", "su", "night")])

    with GeminiServer(read, polls_to_end=2) as server:
        server.fail("batches.create", "drop_after")
        service = GeminiBatches(SecretStr(server.key), base_url=server.url)
        ...
        assert set(server.requests_paid.values()) == {1}

The answer is a text, a whole response, or one of the failures of `gemini_answers`. A job ends after
`polls_to_end` questions about it, or with `server.finish(name)`.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import Any

from nko_assets_tests.servers.gemini_answers import (
    AnswerFrame,
    LineError,
    Missing,
    RawLine,
    Twice,
    Usage,
    blocked_prompt,
    response,
    truth,
)
from nko_assets_tests.servers.gemini_faults import Fault, Faults, How, Method
from nko_assets_tests.servers.gemini_http import Call, handler_of
from nko_assets_tests.servers.gemini_service import Ending, ServedJob, Service, StoredFile
from nko_assets_tests.servers.loopback import LoopbackServer

__all__ = [
    "Call",
    "GeminiServer",
    "LineError",
    "Missing",
    "RawLine",
    "Twice",
    "blocked_prompt",
    "response",
    "truth",
]

MODELS = (
    "gemini-2.5-flash-lite", "gemini-2.5-flash", "gemini-2.5-pro", "gemini-3-flash-preview",
    "gemini-3.1-flash-lite", "gemini-3.1-pro-preview", "gemini-3.5-flash", "gemini-3.5-flash-lite",
    "gemini-3.6-flash", "gemini-3.7-flash", "gemini-3.8-flash",
)  # fmt: skip


class GeminiServer(LoopbackServer):
    """The server; it runs in threads from `with` until the block ends."""

    def __init__(
        self,
        answer: AnswerFrame,
        *,
        key: str = "AIza-a-key-for-tests",
        models: Collection[str] = MODELS,
        polls_to_end: int | None = None,
        shuffled: bool = True,
        seed: int = 0,
        page_size: int = 50,
        max_open_jobs: int = 100,
    ) -> None:
        self.key = key
        self.calls: list[Call] = []
        self._page_size = page_size
        self.faults = Faults()
        self._folder = tempfile.TemporaryDirectory(prefix="gemini-", ignore_cleanup_errors=True)
        self.service = Service(
            answer,
            Path(self._folder.name),
            models=models,
            shuffled=shuffled,
            seed=seed,
            polls_to_end=polls_to_end,
            max_open_jobs=max_open_jobs,
        )
        super().__init__(handler_of(self))

    def close(self) -> None:
        """Answer nobody any more, and throw away what was uploaded."""
        super().close()
        self._folder.cleanup()

    @property
    def jobs(self) -> list[ServedJob]:
        """Every job that was made, in that order."""
        with self.service.lock:
            return list(self.service.jobs.values())

    @property
    def files(self) -> list[StoredFile]:
        """Every file that is kept: uploads and results."""
        with self.service.lock:
            return list(self.service.files.values())

    @property
    def requests_paid(self) -> Counter[str]:
        """How often each key was in a job: once is right, twice is money lost."""
        with self.service.lock:
            return Counter(self.service.paid)

    @property
    def charged(self) -> Counter[str]:
        """How often each key was answered, whether or not the answer could be read: what is paid."""
        with self.service.lock:
            return Counter(self.service.charged)

    @property
    def usage(self) -> Counter[tuple[str, Usage]]:
        """The models and tokens (input, output, thinking) of what was answered."""
        with self.service.lock:
            return Counter(self.service.usage)

    def asked(self, method: Method) -> int:
        """How often a method was called, however that ended."""
        return sum(call.method == method for call in list(self.calls))

    def fail(
        self,
        method: Method,
        how: How | int,
        *,
        times: int = 1,
        skip: int = 0,
        seconds: float = 60.0,
        retry_after: str | None = None,
    ) -> None:
        """Make the next `times` calls of a method fail, after `skip` that do not."""
        self.faults.add(Fault(method, how, times, skip, seconds, retry_after))

    def forgive(self) -> None:
        """Let nothing fail any more."""
        self.faults.clear()

    def end_next(
        self,
        state: str = "SUCCEEDED",
        *,
        message: str = "",
        share: float | None = None,
        lost: bool = False,
        times: int = 1,
    ) -> None:
        """Make the next jobs to end do so with this state.

        `share` of their requests is done and gets a line in the results, unless these are `lost`:
        by default all of a job that ends well, none of another.
        """
        if share is None:
            share = float(state.endswith("SUCCEEDED"))
        self.service.endings.extend([Ending(state, message, share, lost)] * times)

    def finish(self, name: str | None = None) -> None:
        """Bring one job to its end, or all that are open."""
        for job in self.jobs:
            if name in (None, job.name):
                self.service.finish(job.name)

    def forget_files(self) -> None:
        """Let every file expire, as the service does after 48 hours."""
        with self.service.lock:
            self.service.files.clear()

    def page(self, items: list[dict[str, Any]], name: str, query: dict[str, str]) -> dict[str, Any]:
        """One page of a list, with the token of the next one."""
        size = min(int(query.get("pageSize", self._page_size)), self._page_size)
        start = int(query.get("pageToken", 0))
        page: dict[str, Any] = {name: items[start : start + size]} if items else {}
        if start + size < len(items):
            page["nextPageToken"] = str(start + size)
        return page
