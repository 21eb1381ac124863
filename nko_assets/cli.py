"""The command line: run, ui, status, doctor, bench, and what is in `commands`. Prints results."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import click
import typer
from rich.console import Console
from rich.markup import escape

from nko_assets.commands import (
    ask,
    explore,
    imports,
    pilot,
    quiet_dagster,
    retry,
    reviews,
    schema,
    search,
    tune,
)
from nko_assets.failures import ConfigurationError, NkoError
from nko_assets.settings import Settings, load_settings

app = typer.Typer(
    name="nko",
    help="N'Ko lessons become training data: run the pipeline, look at it, ask how far it is.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
# Results go to stdout, what happens on the way to stderr, so that --json can be piped.
out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)

BENCHMARKS = ("frames", "reading", "orchestration")
ALL_WELL, SOME_FAILED, BAD_USAGE, INTERRUPTED = 0, 1, 2, 130

Data = Annotated[Path | None, typer.Option("--data", help="Folder that holds every artefact.")]
Source = Annotated[
    str | None,
    typer.Option("--source", help="`sample`, a folder of videos, a URL, or a YouTube @handle."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.command()
def run(
    source: Source = None,
    videos: Annotated[
        str | None, typer.Option("--videos", help="Only these videos: ids, separated by commas.")
    ] = None,
    data: Data = None,
    only: Annotated[
        str | None,
        typer.Option(
            "--only",
            help="Only these groups: channel,frames,readings,training,tuning,operations.",
        ),
    ] = None,
    allow_shrink: Annotated[
        bool, typer.Option("--allow-shrink", help="Accept a listing that lost many videos.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Only tell what Gemini would cost; send and change nothing."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring every asset up to date: list, download, sample, read, and make training files."""
    chosen_videos, chosen_groups = _parts("--videos", videos), _parts("--only", only)
    settings = _settings(source, data, allow_shrink=allow_shrink or None)
    quiet_dagster()
    if dry_run:
        _dry_run(settings, chosen_videos, as_json=as_json)
        return
    from nko_assets.progress import ConsoleProgress
    from nko_assets.resources.lake import Lake
    from nko_assets.run import run_lineage
    from nko_assets.summary import summarize
    from nko_assets.workshop import open_workshop

    with ConsoleProgress(err) as progress:
        result = run_lineage(
            open_workshop(settings), progress, videos=chosen_videos, only=chosen_groups
        )
    summary = summarize(Lake(settings.data))
    if as_json:
        _print_json(summary.as_dict() | {"runs": result.runs, "held_back": result.held_back})
    else:
        from nko_assets.console import print_summary

        print_summary(out, summary, nothing_to_do=result.nothing_to_do)
    if result.held_back:
        raise ConfigurationError(result.held_back)
    raise typer.Exit(SOME_FAILED if result.failed or result.broken else ALL_WELL)


def _dry_run(settings: Settings, videos: list[str], *, as_json: bool) -> None:
    from nko_assets.assets.operations import dry_run
    from nko_assets.run import chosen_videos
    from nko_assets.workshop import open_workshop

    workshop = open_workshop(settings)
    # A channel that was never listed is asked now; what it says is looked at and not kept.
    entries = workshop.lake.videos() or workshop.source.list_videos(err.print)
    known = {entry.video_id: entry for entry in entries}
    result = dry_run(workshop, [known[key] for key in chosen_videos(known, videos)])
    if as_json:
        _print_json(
            {
                "reader": settings.reader_in_use,
                "model": settings.model,
                "basis": result.basis,
                "frames": result.frames.frames,
                "models": result.costs.as_rows() if result.costs else [],
            }
        )
        return
    from nko_assets.console import print_dry_run

    print_dry_run(out, result, reader=settings.reader_in_use, model=settings.model)


@app.command()
def status(data: Data = None, as_json: AsJson = False) -> None:
    """How far each video and each batch job has come, and what failed why."""
    settings = load_settings(data=data)
    quiet_dagster()
    from nko_assets.assets.operations import batches
    from nko_assets.channel import read_manifest
    from nko_assets.resources.lake import Lake
    from nko_assets.summary import summarize, video_status
    from nko_assets.workshop import open_workshop

    lake = Lake(settings.data)
    entries = read_manifest(lake.manifest_path)
    if entries is None:
        raise ConfigurationError(
            f"{settings.data} holds no channel yet.", "Start with `nko run`, or give --data."
        )
    statuses = [video_status(lake, entry) for entry in entries]
    summary = summarize(lake)
    failed = any(item.failed for item in statuses) or summary.broken
    jobs = batches(open_workshop(settings))
    if as_json:
        _print_json(
            summary.as_dict()
            | {
                "status": [asdict(item) for item in statuses],
                "batches": [line.as_dict() for line in jobs],
            }
        )
    else:
        from nko_assets.console import print_batches, print_broken, print_status

        print_status(out, statuses)
        print_batches(out, jobs)
        print_broken(out, summary.broken)
    raise typer.Exit(SOME_FAILED if failed else ALL_WELL)


@app.command()
def ui(
    source: Source = None,
    data: Data = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 3000,
) -> None:
    """Open Dagster's web UI, with its daemon, on the instance of the data root."""
    settings = _settings(source, data)
    from nko_assets.instance import instance_environment, open_instance, project_folder

    with open_instance(settings):
        pass
    err.print(f"Dagster on http://{host}:{port} over {settings.data}; Ctrl-C ends it.")
    # Its daemons tell every half minute that there is nothing to do.
    command = [
        *(sys.executable, "-W", "ignore:Function `dev_command` is superseded", "-m", "dagster"),
        *("dev", "--log-level", "warning", "-w", str(project_folder() / "workspace.yaml")),
    ]
    environment = os.environ | instance_environment(settings)
    dagster = subprocess.Popen(
        [*command, "-h", host, "-p", str(port)], env=environment, cwd=project_folder()
    )
    try:
        code = dagster.wait()
    except KeyboardInterrupt:
        # Ctrl-C has reached Dagster too, which needs some seconds to end what it started.
        dagster.wait()
        code = ALL_WELL
    raise typer.Exit(code)


@app.command()
def doctor(source: Source = None, data: Data = None, as_json: AsJson = False) -> None:
    """What is configured, what is in use for each outside thing, and what is missing."""
    settings = _settings(source, data)
    from nko_assets.doctor import examine

    findings = examine(settings)
    if as_json:
        _print_json({"findings": [asdict(item) for item in findings]})
    else:
        from nko_assets.console import print_findings

        print_findings(out, findings)
    raise typer.Exit(ALL_WELL if all(item.well for item in findings) else BAD_USAGE)


@app.command()
def bench(
    names: Annotated[
        list[str] | None, typer.Argument(help="frames, reading, orchestration; all by default.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure: new lines found and CPU of sampling, speed of reading, cost of orchestration."""
    from nko_assets.instance import project_folder

    unknown = sorted(set(names or ()) - set(BENCHMARKS))
    if unknown:
        raise ConfigurationError(
            f"There is no benchmark {', '.join(unknown)}.", f"There are {', '.join(BENCHMARKS)}."
        )
    folder = project_folder()
    if not (folder / "nko_assets_tests").is_dir():
        raise ConfigurationError(
            "The benchmarks come with the source of the project, not with the package.",
            "Run `make bench` in a checkout.",
        )
    codes = [
        subprocess.run(
            [sys.executable, "-m", f"nko_assets_tests.benchmarks.{name}"]
            + (["--json"] if as_json else []),
            cwd=folder,
            check=False,
        ).returncode
        for name in names or BENCHMARKS
    ]
    raise typer.Exit(SOME_FAILED if any(codes) else ALL_WELL)


imports.register(app, out)
search.register(app, out)
schema.register(app)
ask.register(app, out, err)
explore.register(app, err)


def _print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=1, default=str) + "\n")
    sys.stdout.flush()


def _parts(option: str, text: str | None) -> list[str]:
    parts = [part.strip() for part in (text or "").split(",") if part.strip()]
    if text is not None and not parts:
        raise ConfigurationError(f"{option} names nothing.", "Leave it out to take everything.")
    return parts


def _settings(source: str | None, data: Path | None, **given: object) -> Settings:
    """Settings for a data root; a source that nobody names is the one the data root came from."""
    settings = load_settings(source=source, data=data, **given)
    if "source" in settings.model_fields_set:
        return settings
    from nko_assets.resources.lake import Lake

    remembered = Lake(settings.data).source
    return load_settings(source=remembered, data=data, **given) if remembered else settings


pilot.register(app, out, err, _settings)
retry.register(app, out, _settings)
reviews.register(app, out, _settings)
tune.register(app, out, err, _settings)


def main() -> None:
    """Run the command line; a failure is one sentence and an exit code, never a stack trace."""
    try:
        code = app(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = BAD_USAGE
    except NkoError as error:
        err.print(f"[red]nko:[/] {escape(error.message)}")
        if error.next_step:
            err.print(f"     {escape(error.next_step)}")
        code = BAD_USAGE if isinstance(error, ConfigurationError) else SOME_FAILED
    except BrokenPipeError:
        # Whoever reads has seen enough, as in `nko status | head`; nothing more can be told.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = SOME_FAILED
    except OSError as error:
        err.print(f"[red]nko:[/] {escape(str(error))}.")
        err.print("     Look at that file or folder and at the disk it is on, and run again.")
        code = BAD_USAGE
    except (KeyboardInterrupt, click.Abort):
        code = INTERRUPTED
    # Typer ends an interrupted command by itself, with this code and no word.
    if code == INTERRUPTED:
        err.print("nko: interrupted; run it again to go on where it stopped.")
    sys.exit(code)
