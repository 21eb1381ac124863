"""`nko pilot`: a few frames through several Gemini models, to choose one before paying for all."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from nko_assets.settings import Settings

if TYPE_CHECKING:
    from nko_assets.assets.pilot import PilotFiles
    from nko_assets.steps import Workshop

# How much is tried where nobody says; it costs less than a dollar.
VIDEOS, FRAMES = 10, 200


def register(
    app: typer.Typer,
    out: Console,
    err: Console,
    settings_for: Callable[[str | None, Path | None], Settings],
) -> None:
    """Add the command to `app`; `settings_for` gives those of a source and a data root."""

    @app.command()
    def pilot(
        models: Annotated[
            str | None,
            typer.Option("--models", help="Two models or more, separated by commas."),
        ] = None,
        videos: Annotated[int, typer.Option("--videos", min=1, help="How many videos.")] = VIDEOS,
        frames: Annotated[int, typer.Option("--frames", min=1, help="How many frames.")] = FRAMES,
        source: Annotated[str | None, typer.Option("--source", help="As for `nko run`.")] = None,
        data: Annotated[
            Path | None, typer.Option("--data", help="Folder that holds every artefact.")
        ] = None,
        as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    ) -> None:
        """Read a few frames with several models and recommend one; wait for the answers."""
        from nko_assets.assets.pilot import pilot_models, run_pilot
        from nko_assets.corpus.pilot_page import pilot_json
        from nko_assets.workshop import open_workshop

        settings = settings_for(source, data)
        named = [name.strip() for name in (models or "").split(",") if name.strip()]
        chosen = pilot_models(settings, named)
        workshop = open_workshop(settings)
        keys = _with_frames(workshop, videos, err)
        result = run_pilot(
            workshop,
            chosen,
            videos=keys,
            frames=frames,
            say=lambda message: err.print(f"[dim]{escape(message)}[/]"),
            pause=time.sleep,
        )
        if as_json:
            sys.stdout.write(pilot_json(result.pilot))
        else:
            _print(out, result)


def _with_frames(workshop: Workshop, count: int, err: Console) -> list[str]:
    """The videos of the pilot, brought up to their frames where they are not."""
    from nko_assets.assets.pilot import videos_to_try
    from nko_assets.reading.pilot import sample_videos

    if not workshop.lake.videos():
        listed = workshop.source.list_videos(err.print)
        keys = sample_videos([entry.video_id for entry in listed], count)
    else:
        keys = videos_to_try(workshop, count)
    if all(workshop.lake.record("unique_frames", key) for key in keys):
        return keys
    from nko_assets.progress import ConsoleProgress
    from nko_assets.run import run_lineage

    with ConsoleProgress(err) as progress:
        run_lineage(workshop, progress, videos=keys, only=("channel", "frames"))
    return keys


def _print(out: Console, result: PilotFiles) -> None:
    pilot = result.pilot
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    for name in ("model", "failed", "entries", "accepted", "confirmed", "paid", "channel"):
        table.add_column(name, justify="left" if name == "model" else "right")
    for row in pilot.results:
        confirmed = "–" if row.confirmed is None else f"{row.confirmed:.0%}"
        table.add_row(
            row.model,
            f"{row.failed_share:.0%}",
            f"{row.entries:,}",
            f"{row.accepted:,}",
            confirmed,
            f"${row.usd:,.4f}",
            f"${row.channel_usd:,.2f}",
        )
    out.print(table)
    out.print()
    if pilot.recommendation.model:
        out.print(f"Take [bold]{pilot.recommendation.model}[/].")
    else:
        out.print("[bold]None of these models yet.[/]")
    for reason in pilot.recommendation.reasons:
        out.print(f"  {escape(reason)}")
    for name, value in pilot.recommendation.settings.items():
        out.print(f"  {name}={value}")
    out.print(f"The page: {escape(str(result.page))}")
