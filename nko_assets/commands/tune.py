"""`nko tune`: from the data to a tuned model and its evaluation, or an end to it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from nko_assets.commands import quiet_dagster
from nko_assets.failures import ConfigurationError
from nko_assets.settings import Settings

SOME_FAILED = 1


def register(
    app: typer.Typer, out: Console, err: Console, settings_for: Callable[..., Settings]
) -> None:
    """Give `app` the command; results go to `out`, what happens on the way to `err`."""

    @app.command()
    def tune(
        data: Annotated[
            Path | None, typer.Option("--data", help="Folder that holds every artefact.")
        ] = None,
        preset: Annotated[
            str | None,
            typer.Option("--preset", help="The open trainer's preset, or a TOML file."),
        ] = None,
        tuner: Annotated[
            str | None, typer.Option("--tuner", help="`open` (this machine) or `vertex`.")
        ] = None,
        cancel: Annotated[
            bool, typer.Option("--cancel", help="Stop the tuning jobs that are under way.")
        ] = False,
        as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    ) -> None:
        """Tune a model on the data, show how it goes, and measure what came of it."""
        quiet_dagster()
        from nko_assets.workshop import open_workshop

        if preset and tuner == "vertex":
            raise ConfigurationError(
                "A preset is for the open trainer, and --tuner vertex hands over a paid job.",
                "Leave out one of them.",
            )
        settings = settings_for(None, data, tuning_config=preset, tuner=tuner)
        workshop = open_workshop(settings)
        if cancel:
            stopped: list[str] = []
            workshop.tuner.cancel(stopped.append)
            _show(out, {"stopped": stopped}, as_json, stopped or ["No tuning job is under way."])
            return
        from nko_assets.progress import ConsoleProgress
        from nko_assets.run import run_tuning

        with ConsoleProgress(err) as progress:
            result = run_tuning(workshop, progress)
        found = tuning_facts(settings)
        document = found | {
            "runs": result.runs,
            "held_back": result.held_back,
            "broken": result.broken,
        }
        _show(out, document, as_json, told(found, result.broken))
        if result.held_back:
            raise ConfigurationError(result.held_back)
        raise typer.Exit(SOME_FAILED if result.broken else 0)


def tuning_facts(settings: Settings) -> dict[str, Any]:
    """What the records say of the job, its model and its evaluation; empty where there is none."""
    from nko_assets.resources.lake import Lake

    lake = Lake(settings.data)
    found = {name: lake.record(name) for name in ("tuning_job", "tuning_metrics", "evaluation")}
    return {
        name: {key: fact for key, fact in record.facts.items() if not _is_picture(fact)}
        if record
        else {}
        for name, record in found.items()
    }


def _is_picture(fact: object) -> bool:
    return isinstance(fact, dict) and set(fact) == {"markdown"}


def told(found: Mapping[str, Mapping[str, Any]], broken: Mapping[str, str]) -> list[str]:
    """The facts for people, under the names of the assets that hold them; then what failed."""
    lines = []
    for name, facts in found.items():
        shown = {
            key: fact["path"] if isinstance(fact, dict) and set(fact) == {"path"} else fact
            for key, fact in facts.items()
        }
        plain = [f"  {key}: {fact}" for key, fact in shown.items() if _is_plain(fact)]
        if plain and name not in broken:
            lines += [name, *plain]
    return [*lines, *(f"{name} failed: {reason}" for name, reason in broken.items())]


def _is_plain(fact: object) -> bool:
    return not isinstance(fact, dict | list)


def _show(out: Console, document: Any, as_json: bool, lines: list[str]) -> None:
    if as_json:
        sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=1, default=str) + "\n")
        sys.stdout.flush()
        return
    for line in lines:
        out.print(escape(line))
