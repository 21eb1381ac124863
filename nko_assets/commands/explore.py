"""`nko explore`: the memory over HTTP, for a browser on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from nko_assets.settings import load_settings


def register(app: typer.Typer, err: Console) -> None:
    """Add the command to `app`; where it listens is told on `err`."""

    @app.command()
    def explore(
        data: Annotated[
            Path | None, typer.Option("--data", help="Folder that holds every artefact.")
        ] = None,
        host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
        port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    ) -> None:
        """Serve the memory: search, pictures of frames, and new turns as they come."""
        from nko_assets.build import open_workshop
        from nko_assets.resources.review_desk import ReviewDesk
        from nko_assets.web.app import create_app
        from nko_assets.web.server import Server

        workshop = open_workshop(load_settings(data=data))
        settings = workshop.settings
        # The API of a Supabase project tells nobody of new turns, its database does.
        directly = settings.supabase_url is None or settings.store_url is not None
        application = create_app(
            workshop.memory,
            workshop.embedder,
            workshop.lake,
            workshop.store if directly else None,
            ReviewDesk(workshop.store),
        )
        err.print(f"http://{host}:{port}/docs lists what can be asked; Ctrl-C ends it.")
        Server(application, host, port).run()
