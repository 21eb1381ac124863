"""A headless Chromium for tests, what it may do, and what a page in it must not do."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser")
QUIET: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# A busy machine takes a minute for what takes seconds on an idle one.
PATIENCE_MS: Final = 60_000
DESKTOP: Final = {"viewport": {"width": 1280, "height": 860}}
PHONE: Final = {
    "viewport": {"width": 390, "height": 844},
    "is_mobile": True,
    "has_touch": True,
    "device_scale_factor": 2,
}


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser of playwright; skips the test where there is none."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="the browser tests need the package playwright"
    )
    if CHROMIUM is None:
        pytest.skip("the browser tests need chromium on the PATH")
    with playwright.sync_playwright() as library:
        browser = library.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


class Window:
    """A page of its own browser profile, which notes what goes wrong and what leaves the server.

    `taken` counts the bytes that came over the network, `requests` in how many answers.
    """

    def __init__(self, browser: Any, url: str, screen: str = "", **options: Any) -> None:
        self.screen = screen
        self.context = browser.new_context(base_url=url, **options)
        self.context.set_default_timeout(PATIENCE_MS)
        self.page = self.context.new_page()
        self.errors: list[str] = []
        self.elsewhere: list[str] = []
        self.taken, self.requests = 0, 0
        self._host = urlsplit(url).netloc
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._told)
        self.page.on("request", self._asked)
        self.page.on("dialog", self._opened)
        self._network = self.context.new_cdp_session(self.page)
        self._network.send("Network.enable")
        self._network.on("Network.loadingFinished", self._took)

    def start_counting(self) -> None:
        """From now on, as if nothing had been loaded before."""
        self._network.send("Network.clearBrowserCache")
        self.taken, self.requests = 0, 0

    def _took(self, event: Any) -> None:
        self.taken += int(event["encodedDataLength"])
        self.requests += 1

    def _told(self, message: Any) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def _opened(self, dialog: Any) -> None:
        self.errors.append(f"a dialog: {dialog.message}")
        dialog.dismiss()

    def _asked(self, request: Any) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.netloc != self._host:
            self.elsewhere.append(request.url)

    def open(self, path: str) -> Any:
        """Go to `path` and wait until all of it is there."""
        self.page.goto(path, wait_until="load")
        return self.page

    def name(self, reviewer: str) -> None:
        """Say who reviews."""
        self.open("/review")
        self.page.fill("#name", reviewer)
        self.page.keyboard.press("Enter")
        self.page.locator("#review").wait_for()

    def reviews(self) -> None:
        """Wait until the script of the page of review hears the keys, and they count."""
        self.page.locator("#review[data-ready]").wait_for()
        self.page.wait_for_timeout(300)

    def picture(self, name: str) -> None:
        """Save what the window shows, where NKO_SCREENSHOTS names a folder."""
        if folder := os.environ.get("NKO_SCREENSHOTS"):
            path = Path(folder) / f"explorer-{re.sub('[^a-z0-9]+', '-', name)}.png"
            self.page.screenshot(path=path, animations="disabled")

    def close(self) -> None:
        """Close it; nothing may have gone wrong or left the server."""
        self.context.close()
        assert self.elsewhere == []
        assert self.errors == []
