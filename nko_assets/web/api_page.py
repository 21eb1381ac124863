"""`/docs`: what programs can ask, from the description that they can read themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request, Response

from nko_assets.web.pages import page


def api_page(described: Callable[[], dict[str, Any]]) -> APIRouter:
    """The page over the OpenAPI document that `described` gives."""
    router = APIRouter(include_in_schema=False)

    @router.get("/docs")
    def docs(request: Request) -> Response:
        endpoints = [
            (method.upper(), path, endpoint)
            for path, methods in described()["paths"].items()
            for method, endpoint in methods.items()
        ]
        return page(request, "api.html", endpoints=endpoints)

    return router
