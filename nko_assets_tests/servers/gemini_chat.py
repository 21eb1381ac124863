"""`generateContent` on the loopback, of the Gemini API and of Vertex AI, as google-genai speaks to it.

    with ChatServer(lambda question, request: "good morning") as server:
        client = genai.Client(api_key=server.key, http_options={"base_url": server.url})

What the function returns is a text, a whole response, or a `Trouble`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from itertools import pairwise
from typing import Any

from nko_assets_tests.servers.loopback import LoopbackServer


@dataclass(frozen=True)
class Trouble:
    """An error of the service, or a connection that ends: after the work was done, if `late`."""

    code: int = 0
    status: str = ""
    message: str = "something is wrong"
    retry_after: int | None = None
    late: bool = False


Answer = str | Mapping[str, Any] | Trouble
Said = Callable[[str, Mapping[str, Any]], Answer]

_MODEL = re.compile(r"/v1beta/models/([^/:]+):generateContent")
_VERTEX = re.compile(
    r"/v1beta1/(projects/[^/]+/locations/[^/]+/(?:endpoints/[^/:]+|publishers/google/models/[^/:]+))"
    r":generateContent"
)


def response(text: str, finish: str = "STOP", tokens: tuple[int, int, int] = (100, 20, 5)) -> dict:
    """A response in one text part; tokens of the input, of the text and of thinking."""
    given, said, thought = tokens
    return {
        "candidates": [
            {"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": finish}
        ],
        "usageMetadata": {
            "promptTokenCount": given,
            "candidatesTokenCount": said,
            "thoughtsTokenCount": thought,
            "totalTokenCount": given + said + thought,
        },
    }


class ChatServer(LoopbackServer):
    """The server; it runs from `with` until the block ends. `asked` are (model, request)."""

    def __init__(
        self,
        said: Said,
        key: str = "AIza-a-key-for-tests",
        token: str = "ya29.a-token-for-tests",
    ) -> None:
        self.said, self.key, self.token = said, key, token
        self.asked: list[tuple[str, Mapping[str, Any]]] = []
        super().__init__(type("Handler", (_Handler,), {"chat": self}))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    chat: ChatServer

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep quiet."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = self._answer(body)
        if isinstance(answer, Trouble):
            if not answer.code:
                self.close_connection = True
                self.connection.close()
                return
            error = {"code": answer.code, "status": answer.status, "message": answer.message}
            self._send(answer.code, {"error": error}, answer.retry_after)
            return
        self._send(200, response(answer) if isinstance(answer, str) else answer, None)

    def _answer(self, body: Mapping[str, Any]) -> Answer:
        if found := _MODEL.fullmatch(self.path):
            if self.headers["x-goog-api-key"] != self.chat.key:
                return Trouble(400, "INVALID_ARGUMENT", "API key not valid. " + self._secret())
        elif found := _VERTEX.fullmatch(self.path):
            if self.headers["Authorization"] != f"Bearer {self.chat.token}":
                return Trouble(401, "UNAUTHENTICATED", "no valid credentials")
        else:
            return Trouble(404, "NOT_FOUND", f"no such path: {self.path}")
        wrong = _wrong(body)
        if wrong:
            return Trouble(400, "INVALID_ARGUMENT", wrong)
        self.chat.asked.append((found[1], body))
        question = body["contents"][-1]["parts"][-1]["text"]
        return self.chat.said(question, body)

    def _secret(self) -> str:
        """What a service may say of the key that it was given."""
        return str(self.headers["x-goog-api-key"])

    def _send(self, status: int, document: Mapping[str, Any], retry_after: int | None) -> None:
        data = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        if retry_after is not None:
            self.send_header("Retry-After", str(retry_after))
        self.end_headers()
        self.wfile.write(data)


def _wrong(body: Mapping[str, Any]) -> str:
    """What the service would refuse about a request; empty when nothing."""
    roles = [turn.get("role") for turn in body.get("contents", [])]
    if not roles or roles[-1] != "user" or set(roles) - {"user", "model"}:
        return f"contents have the roles {roles}"
    if any(one == other for one, other in pairwise(roles)):
        return "turns have to alternate"
    if not all(turn["parts"] for turn in body["contents"]):
        return "a turn has no parts"
    config = body.get("generationConfig", {})
    if not 0 < config.get("maxOutputTokens", 0) <= 65_536:
        return "maxOutputTokens is missing"
    if "responseSchema" in config:
        return "a tuned model takes no schema"
    return ""
