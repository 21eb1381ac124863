"""The application: its pages and endpoints, and whether it works."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version
from typing import Literal

import psycopg
from fastapi import APIRouter, FastAPI, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel
from starlette.middleware.gzip import GZipMiddleware

from nko_assets.failures import NkoError
from nko_assets.memory.embeddings import Embedder
from nko_assets.resources.lake import Lake
from nko_assets.resources.memory_store import MemoryStore
from nko_assets.resources.review_desk import ReviewDesk
from nko_assets.resources.store import Store
from nko_assets.web.api_page import api_page
from nko_assets.web.failures import Failure, tell_failures
from nko_assets.web.frames import frame_pictures
from nko_assets.web.lessons import lesson_pages
from nko_assets.web.live import live_turns
from nko_assets.web.live_page import live_pages
from nko_assets.web.login import login_pages
from nko_assets.web.overview import overview_page
from nko_assets.web.pages import static_files
from nko_assets.web.review import review_pages
from nko_assets.web.reviewers import reviewer_names
from nko_assets.web.runs import Runs
from nko_assets.web.search import search_endpoint
from nko_assets.web.search_page import search_page
from nko_assets.web.security import Access, Guard
from nko_assets.web.standing import Listing, standing_of, steps_of
from nko_assets.web.turn_feed import TurnFeed
from nko_assets.web.videos import video_files
from nko_assets.web.words import word_pages

LEAST_ZIPPED = 1_000  # bytes


class Health(BaseModel):
    """Whether the memory answers, and whether its database tells of new turns."""

    memory: Literal["answers", "does not answer"]
    live: Literal["listening", "trying again", "not configured"]


def create_app(
    memory: MemoryStore,
    embedder: Callable[[], Embedder],
    lake: Lake,
    store: Callable[[], Store] | None,
    desk: ReviewDesk,
    *,
    access: Access = Access(),  # noqa: B008  it cannot change
    runs: Runs | None = None,
) -> FastAPI:
    """The application over `memory`, with pictures, videos and reports from `lake`.

    `store` opens the database in which the memory lies; without one, as over the REST API alone,
    nothing tells of new turns. At `desk` readings are reviewed. `access` says who may ask: by
    default this machine alone; `runs` what is at work, None where nobody knows. Nothing is opened
    before the application starts.
    """
    feed = TurnFeed(_connecting(store)) if store else None

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            if feed:
                await stack.enter_async_context(feed.running())
            yield

    app = FastAPI(
        title="N'Ko lessons",
        description="Search what the lessons teach, and follow new turns as they come.",
        version=version("nko-assets"),
        lifespan=lifespan,
        # Its own pages of documentation load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        responses={500: {"model": Failure}, 503: {"model": Failure}},
    )
    app.state.feed = feed
    tell_failures(app)
    api = APIRouter(prefix="/api")
    api.include_router(search_endpoint(memory, embedder))
    api.include_router(frame_pictures(lake))
    api.include_router(video_files(lake))
    api.include_router(live_turns(feed))
    api.include_router(_health(memory, feed))
    app.include_router(api)
    if access.token is not None:
        app.include_router(login_pages(access))
    listed, standing, follows = Listing(lake), standing_of(memory), feed is not None
    app.include_router(overview_page(memory, lake, listed, standing, runs, follows=follows))
    app.include_router(lesson_pages(memory, lake, listed))
    app.include_router(search_page(memory, embedder))
    app.include_router(reviewer_names())
    app.include_router(review_pages(desk, lake))
    app.include_router(word_pages(memory, lake, standing))
    app.include_router(live_pages(memory, lake, listed, standing, steps_of(lake), follows=follows))
    app.include_router(api_page(app.openapi))
    app.mount("/static", static_files(), "static")
    app.add_middleware(GZipMiddleware, minimum_size=LEAST_ZIPPED, compresslevel=5)
    app.add_middleware(Guard, access=access)
    return app


def _connecting(store: Callable[[], Store]) -> Callable[[], Awaitable[psycopg.AsyncConnection]]:
    async def connect() -> psycopg.AsyncConnection:
        # Opening it for the first time takes seconds.
        return await (await run_in_threadpool(store)).connect_async()

    return connect


def _health(memory: MemoryStore, feed: TurnFeed | None) -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get("/health", responses={503: {"model": Health}})
    def health(response: Response) -> Health:
        """Status 200 when everything works, else 503."""
        try:
            memory.identity()
        except NkoError:
            answers = False
        else:
            answers = True
        if not answers or (feed and not feed.listening):
            response.status_code = 503
        return Health(
            memory="answers" if answers else "does not answer",
            live="not configured"
            if feed is None
            else "listening"
            if feed.listening
            else "trying again",
        )

    return router
