"""What is said when something fails: JSON to programs, a page to people."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exception_handlers import (
    http_exception_handler,
    request_validation_exception_handler,
)
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from nko_assets.failures import NkoError, TransientFailure
from nko_assets.web.pages import language_of, page


class Failure(BaseModel):
    """What went wrong, in a sentence, and what to do."""

    message: str
    next_step: str


class Refused(HTTPException):
    """What cannot be done; `key` is the message that says why, and what to do, to whoever asked."""

    def __init__(self, status: int, key: str, **values: Any) -> None:
        super().__init__(status)
        self.key = key
        self.values = values


def tell_failures(app: FastAPI) -> None:
    """Have `app` say what failed."""
    app.add_exception_handler(NkoError, _failed)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _misunderstood)


def _for_people(request: Request) -> bool:
    return not request.url.path.startswith("/api/") and "json" not in request.headers.get(
        "accept", ""
    )


async def _failed(request: Request, error: Exception) -> Response:
    assert isinstance(error, NkoError)  # noqa: S101  it is registered for nothing else
    later = isinstance(error, TransientFailure)
    status = HTTPStatus.SERVICE_UNAVAILABLE if later else HTTPStatus.INTERNAL_SERVER_ERROR
    if _for_people(request):
        heading = language_of(request)("error.later" if later else "error.failed")
        return _page(request, status, heading, error.message, error.next_step)
    failure = Failure(message=error.message, next_step=error.next_step)
    return JSONResponse(failure.model_dump(), status)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  it is registered for nothing else
    t = language_of(request)
    if isinstance(error, Refused):
        error.detail = t(error.key, **error.values)
    if not _for_people(request):
        return await http_exception_handler(request, error)
    if error.status_code == HTTPStatus.NOT_FOUND:
        message = error.detail if isinstance(error, Refused) else t("error.not_found_message")
        return _page(request, 404, t("error.not_found"), message)
    return _page(request, error.status_code, t("error.wrong"), str(error.detail))


async def _misunderstood(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101  it is registered for nothing else
    if not _for_people(request):
        return await request_validation_exception_handler(request, error)
    t = language_of(request)
    return _page(request, 422, t("error.wrong"), t("error.wrong_message"))


def _page(
    request: Request, status: int, heading: str, message: str, next_step: str | None = None
) -> Response:
    return page(
        request,
        "error.html",
        status=status,
        heading=heading,
        message=message,
        next_step=next_step,
    )
