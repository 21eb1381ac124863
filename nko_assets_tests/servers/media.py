"""A web server with videos: pages, feeds, lists of segments, files, and every kind of trouble.

    with MediaServer() as server:
        server.add("/lessons/one.mp4", content)
        server.add("/feed.xml", feed(...), "application/rss+xml")
        server.trouble("/lessons/one.mp4", Status(503), Truncated(0.5))
        url = server.url("/lessons/one.mp4")

Each request for a path takes the next trouble of that path, if any is left; after the last one
the path answers as it should. Files honour `Range`, as a resumed download needs.
"""

from __future__ import annotations

import socket
import time
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from urllib.parse import unquote, urlsplit
from xml.sax.saxutils import escape, quoteattr

from nko_assets_tests.servers.loopback import LoopbackServer


@dataclass(frozen=True)
class Status:
    """Answer with a status instead of the content."""

    code: int
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Truncated:
    """Announce the whole length, send a part of it, and hang up."""

    share: float = 0.5


@dataclass(frozen=True)
class Reset:
    """Reset the connection without an answer."""


@dataclass(frozen=True)
class Slow:
    """Send the content in pieces, with a pause before each."""

    seconds: float
    pieces: int = 2


Trouble = Status | Truncated | Reset | Slow


@dataclass(frozen=True)
class Request:
    """One request that the server got."""

    path: str
    query: str
    headers: dict[str, str]


class MediaServer(LoopbackServer):
    """The server; it runs in a thread from `with` until the block ends."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self._content: dict[str, tuple[bytes, str]] = {}
        self._troubles: dict[str, deque[Trouble]] = defaultdict(deque)
        super().__init__(self._handler())

    def at(self, path: str) -> str:
        """The address of a path."""
        return f"{self.url}{path}"

    def add(self, path: str, content: bytes | str, kind: str = "video/mp4") -> str:
        """Serve some content at a path; returns its address."""
        data = content.encode() if isinstance(content, str) else content
        self._content[path] = (data, kind)
        return self.at(path)

    def remove(self, path: str) -> None:
        """Serve nothing at a path any more."""
        del self._content[path]

    def trouble(self, path: str, *troubles: Trouble) -> None:
        """Make the next requests for a path fail, one trouble each."""
        self._troubles[path].extend(troubles)

    def asked(self, path: str) -> list[Request]:
        """The requests for a path so far."""
        return [request for request in self.requests if request.path == path]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_HEAD(self) -> None:
                self._answer(send_body=False)

            def do_GET(self) -> None:
                self._answer(send_body=True)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Keep quiet."""

            def _answer(self, *, send_body: bool) -> None:
                parts = urlsplit(self.path)
                path = unquote(parts.path)
                server.requests.append(Request(path, parts.query, dict(self.headers.items())))
                waiting = server._troubles[path]
                trouble = waiting.popleft() if waiting else None
                if isinstance(trouble, Reset):
                    # A linger time of zero turns the close into a reset.
                    linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    self.close_connection = True
                    self.connection.close()
                    return
                if isinstance(trouble, Status):
                    self._send_status(trouble)
                    return
                if path not in server._content:
                    self._send_status(Status(404))
                    return
                content, kind = server._content[path]
                start = self._start(len(content))
                if start is None:
                    self._send_status(Status(416, {"Content-Range": f"bytes */{len(content)}"}))
                    return
                body = content[start:]
                self.send_response(206 if self.headers["Range"] else 200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Accept-Ranges", "bytes")
                if self.headers["Range"]:
                    span = f"bytes {start}-{len(content) - 1}/{len(content)}"
                    self.send_header("Content-Range", span)
                self.end_headers()
                if send_body:
                    self._send(body, trouble)

            def _start(self, length: int) -> int | None:
                wanted = self.headers["Range"]
                if not wanted:
                    return 0
                start = int(wanted.removeprefix("bytes=").split("-")[0] or 0)
                return start if start < length else None

            def _send_status(self, status: Status) -> None:
                body = f"<html><body>{status.code}</body></html>".encode()
                self.send_response(status.code)
                for name, value in status.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def _send(self, body: bytes, trouble: Trouble | None) -> None:
                try:
                    if isinstance(trouble, Truncated):
                        self.wfile.write(body[: int(len(body) * trouble.share)])
                        self.close_connection = True
                    elif isinstance(trouble, Slow):
                        size = -(-len(body) // trouble.pieces)
                        for piece in range(trouble.pieces):
                            time.sleep(trouble.seconds)
                            self.wfile.write(body[piece * size : (piece + 1) * size])
                            self.wfile.flush()
                    else:
                        self.wfile.write(body)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

        return Handler


def page(title: str, videos: Sequence[str]) -> str:
    """An HTML page that shows videos."""
    shown = "\n".join(f"<video src={quoteattr(url)} controls></video>" for url in videos)
    return f"<!doctype html><html><head><title>{escape(title)}</title></head><body>{shown}</body></html>"


def feed(title: str, items: Sequence[tuple[str, str, str | None]]) -> str:
    """An RSS feed; an item is a title, the address of a file, and a guid or None."""
    shown = "\n".join(
        f"<item><title>{escape(name)}</title>"
        f'<enclosure url={quoteattr(url)} type="video/mp4" length="1"/>'
        + (f"<guid>{escape(guid)}</guid>" if guid else "")
        + "<pubDate>Thu, 24 Apr 2025 10:00:00 GMT</pubDate>"
        + "<itunes:duration>56:00</itunes:duration></item>"
        for name, url, guid in items
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<rss version="2.0" xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd">'
        f"<channel><title>{escape(title)}</title>{shown}</channel></rss>"
    )


def master_playlist(variants: Sequence[tuple[int, int, str]]) -> str:
    """An HLS master playlist; a variant is a height, bits a second, and an address."""
    lines = ["#EXTM3U"]
    for height, bandwidth, url in variants:
        size = f"{height * 16 // 9}x{height}"
        codecs = "avc1.64001f,mp4a.40.2"
        info = f'BANDWIDTH={bandwidth},RESOLUTION={size},CODECS="{codecs}"'
        lines += [f"#EXT-X-STREAM-INF:{info}", url]
    return "\n".join(lines) + "\n"


def media_playlist(segments: Sequence[str]) -> str:
    """An HLS playlist of a recorded video."""
    lines = ["#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-TARGETDURATION:6", "#EXT-X-MEDIA-SEQUENCE:0"]
    for segment in segments:
        lines += ["#EXTINF:6.0,", segment]
    return "\n".join([*lines, "#EXT-X-ENDLIST"]) + "\n"
