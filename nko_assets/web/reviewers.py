"""Who reviews: a name that people give themselves, kept in a cookie. It is their word, no proof."""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import quote, unquote

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from nko_assets.schemas.base import UUID
from nko_assets.web.failures import Refused
from nko_assets.web.pages import YEAR_S, page

REVIEWER_COOKIE: Final = "nko_reviewer"
LONGEST_NAME: Final = 80


def reviewer_or_none(request: Request) -> str | None:
    """Who has said that they review here."""
    name = unquote(request.cookies.get(REVIEWER_COOKIE, "")).strip()
    return name if name.isprintable() and 0 < len(name) <= LONGEST_NAME else None


def _reviewer(name: Annotated[str | None, Depends(reviewer_or_none)]) -> str:
    if name is None:
        raise Refused(403, "review.say_who")
    return name


Reviewer = Annotated[str, Depends(_reviewer)]
ReviewerOrNone = Annotated[str | None, Depends(reviewer_or_none)]


def who(request: Request, reading_id: str = "") -> Response:
    """The page that asks for a name, and leads to a reading then."""
    return page(request, "review_name.html", reading=reading_id)


def reviewer_names() -> APIRouter:
    """The form of that page."""
    router = APIRouter(prefix="/review", include_in_schema=False)

    @router.post("/reviewer")
    def remember(
        request: Request,
        name: Annotated[str, Form(max_length=LONGEST_NAME)] = "",
        reading: Annotated[str, Form(pattern=f"^$|{UUID}")] = "",
    ) -> Response:
        """Who reviews here from now on; nobody when the name is empty."""
        given = " ".join(name.split())
        if not given.isprintable():
            raise Refused(422, "review.name_letters")
        response = RedirectResponse(f"/review/{reading}" if reading else "/review", 303)
        response.set_cookie(
            REVIEWER_COOKIE,
            quote(given),
            max_age=YEAR_S if given else 0,
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )
        return response

    return router
