"""`/login` and `/logout`: the token in a form, a cookie in return."""

from __future__ import annotations

import asyncio
from typing import Annotated, Final

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from nko_assets.web.pages import page
from nko_assets.web.security import SESSION_COOKIE, SIGNED_IN_S, Access

# So that nobody tries many.
PAUSE_S: Final = 1.0


def login_pages(access: Access) -> APIRouter:
    """The pages that sign in and out; only where there is a token."""
    router = APIRouter(include_in_schema=False)

    @router.get("/login")
    def ask(request: Request, next: Annotated[str, Query()] = "/") -> Response:  # noqa: A002
        return page(request, "login.html", after=_here(next), wrong=False)

    @router.post("/login")
    async def check(
        request: Request,
        token: Annotated[str, Form(max_length=1_000)] = "",
        after: Annotated[str, Form()] = "/",
    ) -> Response:
        if not access.admits(token.strip()):
            await asyncio.sleep(PAUSE_S)
            return page(request, "login.html", status=401, after=_here(after), wrong=True)
        response = RedirectResponse(_here(after), 303)
        response.set_cookie(
            SESSION_COOKIE,
            access.session(),
            max_age=SIGNED_IN_S,
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )
        return response

    @router.post("/logout")
    def leave() -> Response:
        response = RedirectResponse("/login", 303)
        response.delete_cookie(SESSION_COOKIE, httponly=True, samesite="lax")
        return response

    return router


def _here(address: str) -> str:
    """`address` if it is a path of this server, else its first page."""
    inside = address.startswith("/") and not address.startswith(("//", "/\\"))
    return address if inside and address.isprintable() else "/"
