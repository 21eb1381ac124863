"""A webhook on the loopback: keeps what is posted to it, and answers as it is told to."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from pydantic import SecretStr


class WebhookServer:
    """Answers each POST with the next of `answers`, the last of them for ever."""

    def __init__(self, answers: Sequence[int] = (204,)) -> None:
        self.received: list[dict[str, Any]] = []
        self.types: list[str] = []
        self.asked = 0
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = answers[min(server.asked, len(answers) - 1)]
                server.asked += 1
                if 200 <= status < 300:
                    server.received.append(json.loads(body))
                    server.types.append(self.headers["Content-Type"])
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_arguments: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> SecretStr:
        """The address, with the kind of secret that such addresses hold."""
        return SecretStr(f"http://127.0.0.1:{self._http.server_port}/hooks/S3CR3T")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()
