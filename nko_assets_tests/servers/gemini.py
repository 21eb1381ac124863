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

import json
import re
import socket
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

from nko_assets_tests.servers.gemini_answers import (
    AnswerFrame,
    LineError,
    Missing,
    RawLine,
    Twice,
    blocked_prompt,
    response,
    truth,
)
from nko_assets_tests.servers.gemini_checks import BadRequest
from nko_assets_tests.servers.gemini_service import (
    Ending,
    Refused,
    ServedJob,
    Service,
    StoredFile,
)

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

Method = Literal[
    "files.start", "files.upload", "files.get", "files.list", "files.delete", "files.download",
    "batches.create", "batches.get", "batches.list", "batches.cancel",
]  # fmt: skip

MODELS = (
    "gemini-2.5-flash-lite", "gemini-2.5-flash", "gemini-2.5-pro", "gemini-3-flash-preview",
    "gemini-3.1-flash-lite", "gemini-3.1-pro-preview", "gemini-3.5-flash", "gemini-3.5-flash-lite",
    "gemini-3.6-flash", "gemini-3.7-flash", "gemini-3.8-flash",
)  # fmt: skip

# drop_before: hang up before anything is done; drop_after: hang up once it is done.
# 503_after_commit: do it and say 503. slow: wait, then do it, whoever still listens;
# slow_after: do it, then wait. half: take or give half of the bytes and hang up.
# garbage: do it and answer with what is no JSON. A number: refuse with that status.
How = Literal[
    "drop_before", "drop_after", "503_after_commit", "slow", "slow_after", "half", "garbage"
]

_STATUS = {
    400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
    408: "DEADLINE_EXCEEDED", 429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 502: "UNAVAILABLE",
    503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED",
}  # fmt: skip
_PIECE = 64 * 1024
# Chunks that are not the last one come in multiples of this.
_GRANULARITY = 256 * 1024


@dataclass
class Fault:
    """One kind of trouble with one method, for some calls."""

    method: Method
    how: How | int
    times: int
    skip: int
    seconds: float
    retry_after: str | None


@dataclass(frozen=True)
class Call:
    """One request that the server got, and the status it answered with (0: it hung up)."""

    method: str
    path: str
    status: int


@dataclass
class _Answer:
    body: bytes | Path = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class _QuietServer(ThreadingHTTPServer):
    daemon_threads = True
    # Uploads from two processes and a poller at once.
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep quiet: clients hang up in the middle, and so do we."""


class GeminiServer:
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
        self._faults: list[Fault] = []
        self._closing = threading.Event()
        self._folder = tempfile.TemporaryDirectory(prefix="gemini-")
        self.service = Service(
            answer,
            Path(self._folder.name),
            models=models,
            shuffled=shuffled,
            seed=seed,
            polls_to_end=polls_to_end,
            max_open_jobs=max_open_jobs,
        )
        self._http = _QuietServer(("127.0.0.1", 0), _handler_of(self))
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> GeminiServer:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()
        self._folder.cleanup()

    @property
    def url(self) -> str:
        """The address, for GOOGLE_GEMINI_BASE_URL."""
        return f"http://127.0.0.1:{self._http.server_port}"

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
        self._faults.append(Fault(method, how, times, skip, seconds, retry_after))

    def end_next(
        self, state: str = "SUCCEEDED", *, message: str = "", share: float = 1.0, times: int = 1
    ) -> None:
        """Make the next jobs to end do so with this state; `share` of their requests get a line."""
        self.service.endings.extend([Ending(state, message, share)] * times)

    def finish(self, name: str | None = None) -> None:
        """Bring one job to its end, or all that are open."""
        for job in self.jobs:
            if name in (None, job.name):
                self.service.finish(job.name)

    def forget_files(self) -> None:
        """Let every file expire, as the service does after 48 hours."""
        with self.service.lock:
            self.service.files.clear()

    def fault_for(self, method: str) -> Fault | None:
        """Take the next trouble for a call of a method."""
        with self.service.lock:
            for fault in self._faults:
                if fault.method == method:
                    if fault.skip:
                        fault.skip -= 1
                        return None
                    fault.times -= 1
                    if not fault.times:
                        self._faults.remove(fault)
                    return fault
            return None

    def pause(self, seconds: float) -> None:
        """Wait, but not beyond the end of the server."""
        self._closing.wait(seconds)

    def page(self, items: list[dict[str, Any]], name: str, query: dict[str, str]) -> dict[str, Any]:
        """One page of a list, with the token of the next one."""
        size = min(int(query.get("pageSize", self._page_size)), self._page_size)
        start = int(query.get("pageToken", 0))
        page: dict[str, Any] = {name: items[start : start + size]} if items else {}
        if start + size < len(items):
            page["nextPageToken"] = str(start + size)
        return page


_NAME = r"([^/:]+)"
_ROUTES: tuple[tuple[str, str, Method], ...] = (
    ("POST", r"/upload/v1beta/files", "files.start"),
    ("GET", r"(?:/download)?/v1beta/files/" + _NAME + ":download", "files.download"),
    ("GET", r"/v1beta/files/" + _NAME, "files.get"),
    ("DELETE", r"/v1beta/files/" + _NAME, "files.delete"),
    ("GET", r"/v1beta/files", "files.list"),
    ("POST", r"/v1beta/models/" + _NAME + ":batchGenerateContent", "batches.create"),
    ("POST", r"/v1beta/batches/" + _NAME + ":cancel", "batches.cancel"),
    ("GET", r"/v1beta/batches/" + _NAME, "batches.get"),
    ("GET", r"/v1beta/batches", "batches.list"),
)


def _handler_of(server: GeminiServer) -> type[BaseHTTPRequestHandler]:
    """The handler of one server's requests."""
    return type("Handler", (_Handler,), {"gemini": server})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    gemini: GeminiServer

    def do_GET(self) -> None:
        self._take()

    def do_POST(self) -> None:
        self._take()

    def do_DELETE(self) -> None:
        self._take()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep quiet."""

    def _take(self) -> None:
        parts = urlsplit(self.path)
        self._query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self._unread = int(self.headers["Content-Length"] or 0)
        method, name = self._route(parts.path)
        fault = self.gemini.fault_for(method)
        answer = self._answer(method, name, fault)
        hung_up = answer is None or (fault is not None and fault.how == "drop_after")
        status = 0 if answer is None or hung_up else answer.status
        self.gemini.calls.append(Call(method, self.path, status))
        if answer is None or hung_up:
            self._hang_up()
        else:
            self._send(answer, halved=fault is not None and fault.how == "half")

    def _route(self, path: str) -> tuple[str, str]:
        if "upload_id" in self._query:
            return "files.upload", self._query["upload_id"]
        for verb, pattern, method in _ROUTES:
            match = re.fullmatch(pattern, path)
            if match and verb == self.command:
                return method, match[1] if match.groups() else ""
        return "unknown", path

    def _answer(self, method: str, name: str, fault: Fault | None) -> _Answer | None:
        """What to answer, or None to hang up."""
        how = fault.how if fault else None
        if how == "drop_before":
            return None
        if fault and isinstance(how, int):
            self._skip()
            return self._refusal(how, fault.retry_after)
        if fault and how == "slow":
            self.gemini.pause(fault.seconds)
        if how == "half" and method == "files.upload":
            self.rfile.read(self._unread // 2)
            return None
        try:
            if method != "files.upload":
                self._check_key()
            answer = self._routes()[method](name)
        except BadRequest as error:
            answer = _json(Refused(400, "INVALID_ARGUMENT", str(error)).body, 400)
        except Refused as error:
            answer = _json(error.body, error.code)
        self._skip()
        if fault and how == "slow_after":
            self.gemini.pause(fault.seconds)
        if how == "503_after_commit":
            return self._refusal(503, None)
        return _Answer(b"<html>") if how == "garbage" else answer

    def _routes(self) -> dict[str, Callable[[str], _Answer]]:
        return {
            "files.start": self._start_upload,
            "files.upload": self._take_chunk,
            "files.get": lambda name: _json(self._service.file(f"files/{name}").told(self._url)),
            "files.delete": self._delete_file,
            "files.list": self._list_files,
            "files.download": self._download,
            "batches.create": self._create,
            "batches.get": lambda name: _json(self._service.poll(f"batches/{name}").told()),
            "batches.list": self._list_jobs,
            "batches.cancel": self._cancel,
            "unknown": lambda _: _Answer(b"<html>404</html>", 404),
        }

    @property
    def _service(self) -> Service:
        return self.gemini.service

    @property
    def _url(self) -> str:
        return self.gemini.url

    def _check_key(self) -> None:
        key = self.headers["x-goog-api-key"] or self._query.get("key")
        if key is None:
            raise Refused(
                403,
                "PERMISSION_DENIED",
                "Method doesn't allow unregistered callers (callers without established identity). "
                "Please use API Key or other form of API consumer identity to call this API.",
            )
        if key != self.gemini.key:
            raise Refused(
                400,
                "INVALID_ARGUMENT",
                "API key not valid. Please pass a valid API key.",
                {
                    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                    "reason": "API_KEY_INVALID",
                    "domain": "googleapis.com",
                    "metadata": {"service": "generativelanguage.googleapis.com"},
                },
            )

    def _start_upload(self, _: str) -> _Answer:
        if (self.headers["X-Goog-Upload-Protocol"], self.headers["X-Goog-Upload-Command"]) != (
            "resumable",
            "start",
        ):
            raise BadRequest("Only resumable uploads are spoken here.")
        about = self._body().get("file", {})
        size = int(self.headers["X-Goog-Upload-Header-Content-Length"])
        kind = self.headers["X-Goog-Upload-Header-Content-Type"]
        upload_id = self._service.begin_upload(about, size, kind)
        place = f"{self._url}/upload/v1beta/files?upload_id={upload_id}&upload_protocol=resumable"
        return _Answer(
            headers={
                "X-Goog-Upload-URL": place,
                "X-Goog-Upload-Control-URL": place,
                "X-Goog-Upload-Chunk-Granularity": str(_GRANULARITY),
                "X-Goog-Upload-Status": "active",
            }
        )

    def _take_chunk(self, upload_id: str) -> _Answer:
        upload = self._service.uploads.get(upload_id)
        command = self.headers["X-Goog-Upload-Command"] or ""
        if upload is None:
            raise Refused(404, "NOT_FOUND", "The upload is not known, or has ended.")
        if command == "query":
            received = {"X-Goog-Upload-Size-Received": str(upload.received)}
            return _Answer(headers={"X-Goog-Upload-Status": "active"} | received)
        if int(self.headers["X-Goog-Upload-Offset"]) != upload.received:
            raise BadRequest(f"The upload goes on at {upload.received}.")
        final = "finalize" in command
        if not final and self._unread % _GRANULARITY:
            raise BadRequest(f"A chunk is a multiple of {_GRANULARITY} bytes.")
        with upload.path.open("ab") as out:
            while self._unread:
                piece = self.rfile.read(min(self._unread, _PIECE))
                if not piece:
                    raise ConnectionResetError
                self._unread -= len(piece)
                upload.received += len(piece)
                out.write(piece)
        if not final:
            return _Answer(headers={"X-Goog-Upload-Status": "active"})
        if upload.received != upload.size:
            raise BadRequest(f"{upload.received} bytes came and {upload.size} were announced.")
        file = self._service.finish_upload(upload_id)
        answer = _json({"file": file.told(self._url)})
        answer.headers["X-Goog-Upload-Status"] = "final"
        return answer

    def _delete_file(self, name: str) -> _Answer:
        self._service.delete_file(f"files/{name}")
        return _json({})

    def _list_files(self, _: str) -> _Answer:
        told = [file.told(self._url) for file in reversed(self.gemini.files)]
        return _json(self.gemini.page(told, "files", self._query))

    def _download(self, name: str) -> _Answer:
        file = self._service.file(f"files/{name}")
        if not file.generated or self._query.get("alt") != "media":
            raise BadRequest("Only generated files can be downloaded, with alt=media.")
        return _Answer(file.path, headers={"Content-Type": "application/octet-stream"})

    def _create(self, model: str) -> _Answer:
        return _json(self._service.create(model, self._body().get("batch", {})).told())

    def _list_jobs(self, _: str) -> _Answer:
        told = [job.told() for job in reversed(self.gemini.jobs)]
        return _json(self.gemini.page(told, "operations", self._query))

    def _cancel(self, name: str) -> _Answer:
        self._service.cancel(f"batches/{name}")
        return _json({})

    def _refusal(self, code: int, retry_after: str | None) -> _Answer:
        answer = _json(Refused(code, _STATUS[code], f"The test asked for {code}.").body, code)
        if retry_after is not None:
            answer.headers["Retry-After"] = retry_after
        # Without it the client sends the same chunk again, three times, before it complains.
        answer.headers["X-Goog-Upload-Status"] = "final"
        return answer

    def _body(self) -> dict[str, Any]:
        data = self.rfile.read(self._unread)
        self._unread = 0
        try:
            body = json.loads(data or b"{}")
        except ValueError as error:
            raise BadRequest(f"Invalid JSON payload received. {error}") from error
        if not isinstance(body, dict):
            raise BadRequest("Invalid JSON payload received.")
        return body

    def _skip(self) -> None:
        """Read what is left of the body, so that the connection can be used again."""
        while self._unread > 0:
            piece = self.rfile.read(min(self._unread, _PIECE))
            self._unread = self._unread - len(piece) if piece else 0

    def _send(self, answer: _Answer, *, halved: bool) -> None:
        body = answer.body
        size = body.stat().st_size if isinstance(body, Path) else len(body)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(size))
        self.end_headers()
        left = size // 2 if halved else size
        for piece in _pieces(body):
            self.wfile.write(piece[:left])
            left -= len(piece[:left])
            if not left:
                break
        if halved:
            self.close_connection = True

    def _hang_up(self) -> None:
        # A linger time of zero turns the close into a reset.
        linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close_connection = True
        self.connection.close()


def _pieces(body: bytes | Path) -> Iterator[bytes]:
    if isinstance(body, bytes):
        yield body
        return
    with body.open("rb") as handle:
        while piece := handle.read(_PIECE):
            yield piece


def _json(value: dict[str, Any], status: int = 200) -> _Answer:
    return _Answer(
        json.dumps(value, ensure_ascii=False).encode(),
        status,
        {"Content-Type": "application/json; charset=UTF-8"},
    )
