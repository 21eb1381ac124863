"""Who may ask, from where, how much, and what a browser may do with the answer.

On this machine alone the page needs no token. Whoever reaches it from elsewhere gives one: in the
form of `/login`, which sets a cookie, or as `Authorization: Bearer`.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
import socket
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, quote, urlsplit

from pydantic import SecretStr
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request, cookie_parser
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nko_assets.failures import ConfigurationError
from nko_assets.web.pages import language_of, page

LEAST_TOKEN: Final = 16  # characters
SIGNED_IN_S: Final = 7 * 24 * 3600
LARGEST_BODY: Final = 1 << 20  # bytes

SESSION_COOKIE: Final = "nko_session"
CSRF_COOKIE: Final = "nko_csrf"
CSRF_HEADER: Final = "x-csrf-token"
CSRF_FIELD: Final = "csrf"

_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_OPEN_PATHS: Final = ("/login", "/static/")
_HEADERS: Final = {
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            *(f"{kind}-src 'self'" for kind in ("script", "style", "img", "font", "media")),
            "connect-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


@dataclass(frozen=True, slots=True)
class Access:
    """What is asked of those who come: the `token`, when there is one, and a known host name.

    `names` are host names under which browsers reach the server; addresses and names of this
    machine need not be among them.
    """

    token: SecretStr | None = None
    names: frozenset[str] = frozenset()

    @classmethod
    def to(cls, host: str, token: SecretStr | None, names: Iterable[str] = ()) -> Access:
        """The access to a server that listens on `host`.

        Raises ConfigurationError when others than this machine could come without a token, or
        when the token could be guessed.
        """
        if token is None and not is_loopback(host):
            raise ConfigurationError(
                f"Listening on {host}, everybody who reaches this machine could read and review.",
                "Set NKO_EXPLORER_TOKEN, or give --token-file a file with a long random word.",
            )
        if token is not None and len(token.get_secret_value()) < LEAST_TOKEN:
            raise ConfigurationError(
                f"The token has fewer than {LEAST_TOKEN} characters, so it could be guessed.",
                f"Take a random one, such as {secrets.token_urlsafe(24)}.",
            )
        known = {name.lower() for name in (*names, host)} if token else {"localhost"}
        return cls(token, frozenset(known | {"localhost", socket.gethostname().lower()}))

    def knows(self, host: str) -> bool:
        """Whether the header Host names this server: a page elsewhere cannot give it an address."""
        try:
            name = urlsplit(f"//{host}").hostname
        except ValueError:
            return False
        if not name:
            return False
        return name in self.names or (
            _address(name) is not None if self.token else is_loopback(name)
        )

    def admits(self, given: str) -> bool:
        """Whether `given` is the token."""
        return self.token is not None and _same(given, self.token.get_secret_value())

    def session(self) -> str:
        """What the cookie of someone who has given the token holds."""
        until = str(int(time.time()) + SIGNED_IN_S)
        return f"{until}.{self._signature(until)}"

    def knows_session(self, cookie: str) -> bool:
        """Whether `cookie` is what `session` made, and not too long ago."""
        until, _, signature = cookie.partition(".")
        if not (until.isascii() and until.isdecimal()):
            return False
        return _same(signature, self._signature(until)) and int(until) > time.time()

    def _signature(self, until: str) -> str:
        key = self.token.get_secret_value() if self.token else ""
        return hmac.new(key.encode(), f"session until {until}".encode(), hashlib.sha256).hexdigest()


def is_loopback(host: str) -> bool:
    """Whether only this machine can come to `host`."""
    address = _address(host)
    return host.lower() == "localhost" if address is None else address.is_loopback


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None


def _same(one: str, other: str) -> bool:
    """Compared in a time that says nothing of where they differ."""
    return hmac.compare_digest(one.encode(), other.encode())


class Guard:
    """Stands before the application: refuses what `access` does not allow, and adds headers."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI calls an application."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        cookies = cookie_parser(headers.get("cookie", ""))
        csrf = cookies.get(CSRF_COOKIE) or secrets.token_urlsafe(24)
        state = scope.setdefault("state", {})
        state["csrf"] = csrf
        state["signed_in"] = self._access.token is not None and self._signed_in(headers, cookies)
        answer: ASGIApp = self._refusal(scope, headers) or self._app
        if answer is self._app and scope["method"] not in _SAFE_METHODS:
            body = await _body(receive)
            answer = _refused_body(body, Request(scope), cookies) or self._app
            receive = _again(body or b"", receive)
        fresh = None if CSRF_COOKIE in cookies else csrf
        await answer(scope, receive, _with_headers(send, fresh, secure=scope["scheme"] == "https"))

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        """What is said to a request that `access` or another site's page makes unwelcome."""
        request = Request(scope)
        # There is no page under a name or an address that is none of this server.
        if not self._access.knows(headers.get("host", "")):
            return _json(request, 400, "name")
        if "\0" in scope["path"] or b"%00" in scope["query_string"]:
            return _json(request, 400, "nul")
        if scope["method"] not in _SAFE_METHODS and not _same_origin(headers):
            return _refused(request, 403, "site")
        return self._stranger(request, headers)

    def _stranger(self, request: Request, headers: Headers) -> Response | None:
        """What is said to who has not given the token, where there is one."""
        if self._access.token is None or request.state.signed_in:
            return None
        path = request.scope["path"]
        if path.startswith(_OPEN_PATHS):
            return None
        if request.method == "GET" and _reads_pages(headers):
            query = request.scope["query_string"].decode("latin-1")
            asked = quote(path) + (f"?{query}" if query else "")
            return RedirectResponse(f"/login?next={quote(asked, safe='')}", 303)
        refused = _refused(request, 401, "token")
        refused.headers["WWW-Authenticate"] = "Bearer"
        return refused

    def _signed_in(self, headers: Headers, cookies: Mapping[str, str]) -> bool:
        bearer = _bearer(headers)
        if bearer is not None:
            return self._access.admits(bearer)
        return self._access.knows_session(cookies.get(SESSION_COOKIE, ""))


def _bearer(headers: Headers) -> str | None:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _same_origin(headers: Headers) -> bool:
    """Whether a browser, if it is one, says that a page of this server sends the request."""
    site = headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host")


async def _body(receive: Receive) -> bytes | None:
    """The whole body of a request; None when it is too large."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return bytes(body)
        body += message.get("body", b"")
        if len(body) > LARGEST_BODY:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def _again(body: bytes, receive: Receive) -> Receive:
    """Gives `body`, then what comes after it."""
    given = False

    async def receive_again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again


def _refused_body(
    body: bytes | None, request: Request, cookies: Mapping[str, str]
) -> Response | None:
    headers = request.headers
    if body is None:
        return _refused(request, 413, "large", n=LARGEST_BODY)
    # Browsers send this header only when a script of this server, not of another, says so.
    if _bearer(headers) is not None:
        return None
    sent = headers.get(CSRF_HEADER)
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if sent is None and kind == "application/x-www-form-urlencoded":
        sent = parse_qs(body.decode("utf-8", "replace")).get(CSRF_FIELD, [""])[0]
    expected = cookies.get(CSRF_COOKIE, "")
    if not expected or not _same(sent or "", expected):
        return _refused(request, 403, "form")
    return None


def _refused(request: Request, status: int, why: str, **values: Any) -> Response:
    """A page to who reads pages, JSON to programs; the message of `why`, and what to do."""
    if not _reads_pages(request.headers):
        return _json(request, status, why, **values)
    t = language_of(request)
    return page(
        request,
        "error.html",
        status=status,
        heading=t("error.wrong"),
        message=t(f"refused.{why}", **values),
        next_step=t(f"refused.next_{why}"),
    )


def _json(request: Request, status: int, why: str, **values: Any) -> Response:
    t = language_of(request)
    return JSONResponse(
        {"message": t(f"refused.{why}", **values), "next_step": t(f"refused.next_{why}")}, status
    )


def _reads_pages(headers: Headers) -> bool:
    return "text/html" in headers.get("accept", "")


def _with_headers(send: Send, csrf: str | None, *, secure: bool) -> Send:
    """Adds the headers, and to a page the cookie that its forms are compared with."""

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            if csrf and headers.get("content-type", "").startswith("text/html"):
                cookie = f"{CSRF_COOKIE}={csrf}; Path=/; HttpOnly; SameSite=Strict"
                headers.append("Set-Cookie", cookie + ("; Secure" if secure else ""))
        await send(message)

    return send_with_headers
