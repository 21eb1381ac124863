"""An HTTP server on the loopback, in threads: what the servers of the tests stand on."""

from __future__ import annotations

import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


class LoopbackServer:
    """Answers with `handler`, from `with` until the block ends."""

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        self._go_on = threading.Event()
        self._http = _QuietServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()

    def close(self) -> None:
        """Answer nobody any more."""
        self.go_on()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def url(self) -> str:
        """The address, without a slash at its end."""
        return f"http://127.0.0.1:{self._http.server_port}"

    def pause(self, seconds: float) -> None:
        """Let a request wait, until the test lets it go on or the server ends."""
        self._go_on.wait(seconds)

    def go_on(self) -> None:
        """Let those that wait go on, and nobody wait any more."""
        self._go_on.set()


class _QuietServer(ThreadingHTTPServer):
    daemon_threads = True
    # Several processes and a poller at once.
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that went away: a test killed them or cut them off."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)
