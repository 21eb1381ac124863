"""`nko import`: a parallel text or a dictionary of others goes into the memory as motifs."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from nko_assets.settings import load_settings

if TYPE_CHECKING:
    from nko_assets.resources.imports import ImportResult


def register(app: typer.Typer, out: Console) -> None:
    """Add the command to `app`; results are printed on `out`."""

    @app.command("import")
    def import_(
        file: Annotated[
            Path, typer.Argument(help="TSV with a header, or JSON Lines: N'Ko and a translation.")
        ],
        source: Annotated[
            str | None,
            typer.Option(
                "--source", help="Name of the publication; importing it again replaces it."
            ),
        ] = None,
        licence: Annotated[
            str | None, typer.Option("--licence", help="Its licence, such as CC-BY-SA-4.0.")
        ] = None,
        nko: Annotated[
            str | None, typer.Option("--nko-column", help="Name of the column with N'Ko.")
        ] = None,
        english: Annotated[
            str | None, typer.Option("--english-column", help="Name of the column with English.")
        ] = None,
        french: Annotated[
            str | None, typer.Option("--french-column", help="Name of the column with French.")
        ] = None,
        data: Annotated[
            Path | None, typer.Option("--data", help="Folder that holds every artefact.")
        ] = None,
        as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    ) -> None:
        """Import a dictionary or a parallel text as motifs, with its source and licence."""
        from nko_assets.resources.imports import import_file
        from nko_assets.workshop import open_workshop

        workshop = open_workshop(load_settings(data=data))
        named = {"nko": nko, "english": english, "french": french}
        result = import_file(
            file,
            workshop.lake.root / "imports",
            workshop.memory,
            workshop.embedder,
            source=source,
            licence=licence,
            columns={field: name for field, name in named.items() if name},
        )
        if as_json:
            sys.stdout.write(json.dumps(asdict(result), ensure_ascii=False, indent=1) + "\n")
        else:
            _print(out, result)


def _print(out: Console, result: ImportResult) -> None:
    for source, motifs in result.sources.items():
        out.print(f"{motifs:,} motifs of {escape(source)} are in the memory ({result.memory}).")
    out.print(f"{result.changed:,} were new or changed, {result.removed:,} removed.")
    if result.rejected_file:
        lines = sum(result.rejected.values())
        reasons = ", ".join(f"{name} {count:,}" for name, count in result.rejected.items())
        out.print(f"{lines:,} lines were rejected: {reasons}.")
        out.print(f"Why, line by line: {escape(result.rejected_file)}")
    if result.headwords_files:
        from nko_assets.reading.trust.dictionary import LEAST_WORDS

        out.print(f"Imported words help to judge readings, once {LEAST_WORDS:,} are known.")
