"""The application on a port of this machine, in a thread, with real HTTP before it."""

from __future__ import annotations

import socket
import threading
from types import TracebackType
from typing import Self

from fastapi import FastAPI

from nko_assets.web.server import Server


class WebServer:
    """Serves `app` while it is entered; `url` is where."""

    def __init__(self, app: FastAPI) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._server = Server(app)
        self._thread = threading.Thread(target=self._server.run, args=[[self._socket]])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()
