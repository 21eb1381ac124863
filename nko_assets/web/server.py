"""The server of the application, which ends streams before it waits for its connections."""

from __future__ import annotations

import socket

import uvicorn
from fastapi import FastAPI

LAST_WORDS_S = 5


class Server(uvicorn.Server):
    """Serves an application until it is told to stop; streams, which would never end, end then."""

    def __init__(self, app: FastAPI, host: str = "127.0.0.1", port: int = 0) -> None:
        """Nothing listens before `run`."""
        self._app = app
        super().__init__(
            uvicorn.Config(
                app,
                host=host,
                port=port,
                log_level="warning",
                timeout_graceful_shutdown=LAST_WORDS_S,
            )
        )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop taking requests, end what is under way, then the application."""
        if self._app.state.feed is not None:
            await self._app.state.feed.end()
        await super().shutdown(sockets)
