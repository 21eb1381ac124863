"""`nko explore`: lessons, search, review, words and new turns in pages, for a browser."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import SecretStr
from rich.console import Console

from nko_assets.failures import ConfigurationError
from nko_assets.settings import Settings, load_settings

if TYPE_CHECKING:
    from nko_assets.web.runs import Runs


def register(app: typer.Typer, err: Console) -> None:
    """Add the command to `app`; where it listens is told on `err`."""

    @app.command()
    def explore(
        data: Annotated[
            Path | None, typer.Option("--data", help="Folder that holds every artefact.")
        ] = None,
        host: Annotated[
            str, typer.Option(help="Address to listen on; beyond this machine it takes a token.")
        ] = "127.0.0.1",
        port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 8000,
        token_file: Annotated[
            Path | None,
            typer.Option(
                "--token-file", help="File with the token, instead of NKO_EXPLORER_TOKEN."
            ),
        ] = None,
        names: Annotated[
            list[str] | None,
            typer.Option("--name", help="Host name of the server for browsers; may be repeated."),
        ] = None,
    ) -> None:
        """Serve pages: lessons, search, review, words, and new turns as they come."""
        from nko_assets.resources.review_desk import ReviewDesk
        from nko_assets.web.app import create_app
        from nko_assets.web.security import Access
        from nko_assets.web.server import Server
        from nko_assets.workshop import open_workshop

        settings = load_settings(data=data)
        token = _token(token_file) if token_file else settings.explorer_token
        access = Access.to(host, token, names or ())
        workshop = open_workshop(settings)
        # The API of a Supabase project tells nobody of new turns, its database does.
        directly = settings.supabase_url is None or settings.store_url is not None
        with _listening(host, port) as listening, _runs(settings) as runs:
            application = create_app(
                workshop.memory,
                workshop.embedder,
                workshop.lake,
                workshop.store if directly else None,
                ReviewDesk(workshop.store),
                access=access,
                runs=runs,
            )
            address = f"[{host}]" if ":" in host else host
            url = f"http://{address}:{listening.getsockname()[1]}"
            err.print(f"{url} shows the lessons, {url}/docs what programs can ask; Ctrl-C ends it.")
            Server(application).run([listening])


def _token(file: Path) -> SecretStr:
    try:
        return SecretStr(file.read_text(encoding="utf-8").strip())
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"The token cannot be read from {file}: {error}.", "Put it there as one line of text."
        ) from None


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family)
    except OSError as error:
        # A name that leads nowhere has a number of its own.
        why = error.strerror if error.errno is None or error.errno < 0 else os.strerror(error.errno)
        raise ConfigurationError(
            f"Nothing can listen on port {port} of {host}: {why}.",
            "Give another one with --port, or another address with --host.",
        ) from None
    with listening:
        yield listening


@contextmanager
def _runs(settings: Settings) -> Iterator[Runs | None]:
    """What tells which runs are at work; None where no instance can be found."""
    from nko_assets.instance import open_instance, runs_at_work
    from nko_assets.web.kept import Kept

    with ExitStack() as stack:
        try:
            instance = stack.enter_context(open_instance(settings))
        except ConfigurationError:
            yield None
        else:
            yield Kept(lambda: runs_at_work(instance))
