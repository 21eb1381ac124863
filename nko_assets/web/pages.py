"""Pages: a template in the language of the reader, with what every page needs to know."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from fastapi import Request
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from starlette.responses import Response
from starlette.types import Scope

from nko_assets.clock import clock
from nko_assets.web import nko_text
from nko_assets.web.i18n import LANGUAGES, Language, wanted

LANGUAGE_COOKIE: Final = "nko_language"
YEAR_S: Final = 365 * 24 * 3600


def rendered(request: Request, name: str, **context: Any) -> str:
    """The template `name` with `context`, as HTML in the language of the reader.

    Every template knows `t` (messages), `language`, `path`, `csrf`, `signed_in` and `static`.
    """
    language = language_of(request)
    return (
        environment()
        .get_template(name)
        .render(
            t=language,
            language=language.code,
            path=request.url.path,
            # What a form sends back to show that it came from a page of this server.
            csrf=getattr(request.state, "csrf", ""),
            signed_in=getattr(request.state, "signed_in", False),
            other_languages=[
                (code, _with_language(request, code)) for code in LANGUAGES if code != language.code
            ],
            **context,
        )
    )


def page(request: Request, name: str, *, status: int = 200, **context: Any) -> HTMLResponse:
    """The template `name` with `context`; `?lang=` chooses the language from now on."""
    asked = request.query_params.get("lang")
    language = language_of(request)
    response = HTMLResponse(rendered(request, name, **context), status)
    response.headers["Content-Language"] = language.code
    response.headers["Vary"] = "Accept-Language, Cookie"
    response.headers["Cache-Control"] = "private, no-cache"
    if asked == language.code:
        response.set_cookie(LANGUAGE_COOKIE, asked, max_age=YEAR_S, httponly=True, samesite="lax")
    return response


def language_of(request: Request) -> Language:
    """What `?lang=` says, else the cookie of an earlier choice, else the browser."""
    asked = request.query_params.get("lang")
    chosen = asked if asked in LANGUAGES else request.cookies.get(LANGUAGE_COOKIE)
    return wanted(chosen, request.headers.get("accept-language"))


def _with_language(request: Request, code: str) -> str:
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "lang"]
    return f"{quote(request.url.path)}?{urlencode([*kept, ('lang', code)])}"


@cache
def environment() -> Environment:
    """The templates of this package; everything in them is escaped."""
    made = Environment(
        loader=PackageLoader("nko_assets.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["static"] = static_url
    made.filters |= {
        "nko": nko_text.nko,
        "text": nko_text.text,
        "lines": nko_text.lines,
        "direction": nko_text.direction,
        "nko_number": nko_text.nko_number,
        "clock": clock,
        "page_url": page_url,
        "segment": lambda value: quote(str(value), safe=""),
        "number": _in_language(Language.number),
        "percent": _in_language(Language.percent),
        "usd": _in_language(Language.usd),
    }
    return made


def _in_language(write: Callable[..., str]) -> Callable[..., str]:
    @pass_context
    def written(context: Context, *values: Any) -> str:
        return write(context["t"], *values)

    return written


def page_url(url: str | None, second: float | None = None) -> str | None:
    """`url` if a browser may follow it, at `second` where its site takes one; None for a file's path."""
    parts = urlsplit(url or "")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    if second is None or parts.hostname.removeprefix("www.") not in _TAKE_SECONDS:
        return parts.geturl()
    asked = f"{parts.query}&t={int(second)}s" if parts.query else f"t={int(second)}s"
    return parts._replace(query=asked).geturl()


_TAKE_SECONDS: Final = frozenset({"youtube.com", "m.youtube.com", "youtu.be"})


class _Static(StaticFiles):
    """Files with a version in their address never change."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        # Fonts carry their version in their names.
        unchanging = b"v=" in scope["query_string"] or path.startswith("fonts/")
        response.headers["Cache-Control"] = (
            f"public, max-age={YEAR_S}, immutable" if unchanging else "no-cache"
        )
        return response


def static_files() -> StaticFiles:
    """Style sheets, scripts and fonts."""
    return _Static(directory=_static_folder())


@cache
def static_url(name: str) -> str:
    """The address of a file in `static`, which changes with its content."""
    digest = hashlib.sha256((_static_folder() / name).read_bytes()).hexdigest()[:10]
    return f"/static/{name}?v={digest}"


@cache
def _static_folder() -> Path:
    with as_file(files("nko_assets.web").joinpath("static")) as folder:
        return folder
