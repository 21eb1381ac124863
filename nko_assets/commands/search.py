"""`nko search`: what the lessons and the imported dictionaries say about a word or a sentence."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from nko_assets.failures import ConfigurationError
from nko_assets.files import write_atomically
from nko_assets.settings import load_settings

if TYPE_CHECKING:
    from nko_assets.memory.search import Hit
    from nko_assets.resources.memory_store import MemoryStore

FILL_IT = "`nko run` or `nko import` fills it; --data or NKO_DATA says where it is."


def register(app: typer.Typer, out: Console) -> None:
    """Add the command to `app`; results are printed on `out`."""

    @app.command()
    def search(
        query: Annotated[
            str,
            typer.Argument(
                help="N'Ko with or without tone marks, Latin with or without accents, English, French."
            ),
        ],
        video: Annotated[
            str | None, typer.Option("--video", help="Id of the video to look in.")
        ] = None,
        types: Annotated[
            list[str] | None,
            typer.Option("--type", help="turn, vocabulary, phrase, pattern; may be repeated."),
        ] = None,
        phase: Annotated[
            str | None, typer.Option("--phase", help="Of turns: extraction or validation.")
        ] = None,
        limit: Annotated[int, typer.Option("--limit", help="How many results at most.")] = 10,
        pictures: Annotated[
            Path | None, typer.Option("--pictures", help="Folder to put the frames in, as JPEG.")
        ] = None,
        data: Annotated[
            Path | None, typer.Option("--data", help="Folder that holds every artefact.")
        ] = None,
        as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    ) -> None:
        """Search lessons and dictionaries by words and by meaning."""
        from nko_assets.memory.search import search as find
        from nko_assets.resources.pictures import frame_jpeg
        from nko_assets.workshop import open_workshop

        settings = load_settings(data=data)
        workshop = open_workshop(settings)
        if settings.supabase_url is None and not workshop.store.exists:
            # Looking would make one.
            raise ConfigurationError(f"There is no memory in {settings.data}.", FILL_IT)
        hits = find(
            workshop.memory,
            workshop.embedder(),
            query,
            video=video,
            types=types,
            phase=phase,
            limit=limit,
        )
        if not hits:
            _see_that_there_is_something(workshop.memory, video)
        shown: dict[str, str] = {}
        for hit in hits if pictures else ():
            if hit.frame_id and pictures and (jpeg := frame_jpeg(workshop.lake, hit.frame_id)):
                path = pictures / f"{hit.frame_id.replace(':', '-')}.jpg"
                write_atomically(path, jpeg)
                shown[hit.frame_id] = str(path)
        if as_json:
            rows = [
                asdict(hit) | {"why": hit.why, "picture": shown.get(hit.frame_id or "")}
                for hit in hits
            ]
            sys.stdout.write(json.dumps({"results": rows}, ensure_ascii=False, indent=1) + "\n")
        else:
            _print(out, hits, shown)


def _see_that_there_is_something(memory: MemoryStore, video: str | None) -> None:
    """Raise ConfigurationError where no query would find anything."""
    counts = memory.counts()
    if not counts.turns and not counts.motifs:
        raise ConfigurationError(f"The memory ({memory.name}) is empty.", FILL_IT)
    if video is not None and not memory.call("memory_lessons", {"of_videos": [video]}):
        raise ConfigurationError(
            f"No video {video} is in the memory.",
            "`nko search --json` names the id of each result.",
        )


def _print(out: Console, hits: list[Hit], pictures: dict[str, str]) -> None:
    if not hits:
        out.print("Nothing was found.")
    for hit in hits:
        nko = " / ".join(hit.nko.splitlines())
        latin = " / ".join(hit.latin.splitlines())
        out.print(f"[bold]{escape(nko)}[/]  {escape(latin)}")
        meaning = " · ".join(
            " / ".join(text.splitlines()) for text in (hit.english, hit.french) if text
        )
        if meaning:
            out.print(f"  {escape(meaning)}")
        out.print(f"  [dim]{escape(_place(hit))}; {escape(hit.why)}[/]")
        if picture := pictures.get(hit.frame_id or ""):
            out.print(f"  {escape(picture)}")


def _place(hit: Hit) -> str:
    """What it is and where it is shown."""
    what = hit.type if hit.phase is None else f"{hit.type} ({hit.phase})"
    if hit.video_id is None or hit.timestamp_ms is None:
        return f"{what} of {hit.source} ({hit.licence})"
    minutes, seconds = divmod(hit.timestamp_ms // 1000, 60)
    return f"{what} in {hit.video_id} at {minutes}:{seconds:02}"
