"""The wire of the Gemini server of the tests: paths, headers, bodies, and hanging up."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from nko_assets_tests.servers.gemini_checks import BadRequest
from nko_assets_tests.servers.gemini_faults import Fault, Method
from nko_assets_tests.servers.gemini_service import Refused, Service

if TYPE_CHECKING:
    from nko_assets_tests.servers.gemini import GeminiServer

_STATUS = {
    400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
    408: "DEADLINE_EXCEEDED", 429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 502: "UNAVAILABLE",
    503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED",
}  # fmt: skip
_PIECE = 64 * 1024
# Chunks that are not the last one come in multiples of this.
_GRANULARITY = 256 * 1024


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


def handler_of(server: GeminiServer) -> type[BaseHTTPRequestHandler]:
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
        # A fault has come when the whole request has: a caller may be killed before it sent all.
        self._content = b"" if method == "files.upload" else self._read_all()
        fault = self.gemini.faults.take(method)
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

    def _read_all(self) -> bytes:
        content = self.rfile.read(self._unread)
        if len(content) < self._unread:
            raise ConnectionResetError
        self._unread = 0
        return content

    def _body(self) -> dict[str, Any]:
        try:
            body = json.loads(self._content or b"{}")
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
