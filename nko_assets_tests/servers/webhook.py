"""A webhook on the loopback: keeps what is posted to it, and answers as it is told to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler
from typing import Any

from pydantic import SecretStr

from nko_assets_tests.servers.loopback import LoopbackServer


class WebhookServer(LoopbackServer):
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

        super().__init__(Handler)

    @property
    def hook(self) -> SecretStr:
        """The address to post to, with the kind of secret that such addresses hold."""
        return SecretStr(f"{self.url}/hooks/S3CR3T")
