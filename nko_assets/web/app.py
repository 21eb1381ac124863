"""The application: its endpoints, what it says when something fails, and whether it works."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Literal

import psycopg
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from nko_assets.failures import NkoError, TransientFailure
from nko_assets.resources.store import Store
from nko_assets.web.live import live_turns
from nko_assets.web.turn_feed import TurnFeed

Connect = Callable[[], Awaitable[psycopg.AsyncConnection]]


class Failure(BaseModel):
    """What went wrong, in a sentence, and what to do."""

    message: str
    next_step: str


class Health(BaseModel):
    """Whether the database answers, and whether it tells of new turns."""

    database: Literal["answers", "does not answer"]
    live: Literal["listening", "trying again"]


def create_app(store: Callable[[], Store]) -> FastAPI:
    """The application over the database that `store` opens, which happens when it starts."""

    async def connect() -> psycopg.AsyncConnection:
        return await (await run_in_threadpool(store)).connect_async()

    feed = TurnFeed(connect)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with feed.running():
            yield

    app = FastAPI(
        title="N'Ko lessons",
        description="Search what the lessons teach, and follow new turns as they come.",
        version=version("nko-assets"),
        lifespan=lifespan,
        responses={500: {"model": Failure}, 503: {"model": Failure}},
    )
    app.add_exception_handler(NkoError, _failed)
    api = APIRouter(prefix="/api")
    api.include_router(live_turns(feed))
    api.include_router(_health(feed, connect))
    app.include_router(api)
    return app


def _health(feed: TurnFeed, connect: Connect) -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get("/health", responses={503: {"model": Health}})
    async def health(response: Response) -> Health:
        """Status 200 when everything works, else 503."""
        try:
            async with await connect() as conn:
                await conn.execute("select 1")
        except (NkoError, psycopg.Error):
            database = False
        else:
            database = True
        if not (database and feed.listening):
            response.status_code = 503
        return Health(
            database="answers" if database else "does not answer",
            live="listening" if feed.listening else "trying again",
        )

    return router


async def _failed(_request: Request, error: Exception) -> Response:
    assert isinstance(error, NkoError)  # noqa: S101  it is registered for nothing else
    status = 503 if isinstance(error, TransientFailure) else 500
    failure = Failure(message=error.message, next_step=error.next_step)
    return JSONResponse(failure.model_dump(), status)
