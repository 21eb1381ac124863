"""`GET /api/turns/live`: new turns as server-sent events."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header, HTTPException
from fastapi.sse import EventSourceResponse, ServerSentEvent

from nko_assets.failures import ConfigurationError
from nko_assets.web.turn_feed import Following, Position, TurnFeed

RECONNECT_MS = 2_000


def live_turns(feed: TurnFeed | None) -> APIRouter:
    """The endpoint over `feed`; without one it says what is missing."""
    router = APIRouter(tags=["turns"])

    def _followed() -> None:
        if feed is None:
            raise ConfigurationError(
                "New turns are told by a database that is reached directly, and here it is not.",
                "Set SUPABASE_DB_URL to the address of the project's database.",
            )

    @router.get(
        "/turns/live",
        response_class=EventSourceResponse,
        dependencies=[Depends(_followed)],
        responses={400: {"description": "Last-Event-ID is no id of an event of this stream."}},
    )
    async def live(
        after: Annotated[Position | None, Depends(_position)],
    ) -> AsyncIterator[ServerSentEvent]:
        """New turns as they are committed, each an event `turn` whose data is JSON.

        The id of an event is a position: who comes back with it as `Last-Event-ID`, as browsers
        do, gets what was missed. The event `following` says that every turn from there on is told:
        who asks for the latest ones then has missed none. The event `anew` says that the memory
        was made anew or set back, so that what was seen before is void.
        """
        assert feed is not None  # noqa: S101  the dependency has seen to it
        async for item in feed.follow(after):
            if not isinstance(item, Following):
                yield ServerSentEvent(event="turn", id=str(item.position), raw_data=item.json)
            elif item.anew:
                yield ServerSentEvent(event="anew", id=str(item.position), data={})
            else:
                yield ServerSentEvent(
                    event="following", id=str(item.position), retry=RECONNECT_MS, data={}
                )

    return router


def _position(last_event_id: Annotated[str | None, Header()] = None) -> Position | None:
    if not last_event_id:
        return None
    position = Position.parse(last_event_id)
    if position is None:
        raise HTTPException(400, "Last-Event-ID is no id of an event of this stream.")
    return position
