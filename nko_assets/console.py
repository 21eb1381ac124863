"""How results look on a terminal: the summary of a run, the status of videos, the doctor's findings."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from nko_assets.assets.operations import DryRun
from nko_assets.doctor import Finding
from nko_assets.reading.batch_table import COLUMNS, BatchLine
from nko_assets.summary import Summary, VideoStatus

# More would push the summary off the screen; all of them are in the UI and in --json.
SHOWN = 10
UNWRAPPED = 10_000


def print_summary(console: Console, summary: Summary, *, nothing_to_do: bool) -> None:
    """The end of `nko run`."""
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", style="bold")
    table.add_column()
    counts: list[tuple[int | str, str]] = [
        (f"{summary.videos_done}/{summary.videos}", f"videos of {summary.source}"),
        (summary.no_longer_listed, "more that the source no longer lists"),
        (summary.frames, "frames"),
        (summary.unique_frames, "unique frames"),
        (summary.readings, "readings"),
        (summary.accepted, "entries accepted"),
        (summary.pairs, "translation pairs"),
        (summary.conversations, "conversations"),
        (summary.ocr_samples, "OCR samples"),
        (summary.words, "words"),
        (summary.synthetic, "synthetic examples"),
    ]
    if not summary.no_longer_listed:
        del counts[1]
    for number, what in counts:
        table.add_row(f"{number:,}" if isinstance(number, int) else number, escape(what))
    if summary.error_rate is not None:
        table.add_row(
            f"{summary.error_rate:.2%}", "character error rate against the sample's known text"
        )
    if summary.pairing_rate is not None:
        table.add_row(f"{summary.pairing_rate:.1%}", "of the sample's known pairs found")
    table.add_row(
        f"{summary.checks_passed}", f"checks passed, {summary.checks_failed} below their target"
    )
    console.print(table)
    for warning in summary.warnings[:SHOWN]:
        whose = f" {warning.video_id}" if warning.video_id else ""
        console.print(
            f"[yellow]below target[/] {warning.asset}{escape(whose)} {warning.name}: "
            f"{escape(warning.message)}"
        )
    _more(console, len(summary.warnings))
    print_failures(console, summary.failed)
    print_broken(console, summary.broken)
    for name, path in summary.files.items():
        console.print(f"{name}: {escape(path)}")
    if nothing_to_do:
        console.print("Everything was current already.")
    # The UI has to be told where to look, unless it is where it looks anyway.
    usual = Path(summary.data) == Path("data").absolute()
    command = "make ui" if usual else f"nko ui --data {shlex.quote(summary.data)}"
    console.print(f"`{escape(command)}` shows the lineage, the checks and the frames.")


def print_failures(console: Console, failed: Sequence[VideoStatus]) -> None:
    """Each failed video with its reason."""
    for item in failed[:SHOWN]:
        console.print(
            f"[red]failed[/] {escape(item.video_id)} in {item.failed}: {escape(item.reason)}"
        )
    _more(console, len(failed))


def print_broken(console: Console, broken: Mapping[str, str]) -> None:
    """Each asset of the corpus that failed, with its reason."""
    for asset, reason in broken.items():
        console.print(f"[red]failed[/] {asset}: {escape(reason)}")


def _more(console: Console, total: int) -> None:
    if total > SHOWN:
        console.print(f"… and {total - SHOWN} more: `nko status`, `--json` or the UI has them all.")


def print_status(console: Console, statuses: Sequence[VideoStatus]) -> None:
    """One line a video."""
    table = Table(box=None, pad_edge=False)
    for column in ("video", "done", "failed in", "title or reason"):
        table.add_column(column)
    for item in statuses:
        table.add_row(
            escape(item.video_id),
            item.done or "nothing yet",
            f"[red]{item.failed}[/]" if item.failed else "",
            escape(item.reason or item.title)
            + ("" if item.listed else " [dim](no longer listed)[/]"),
        )
    if not console.is_terminal:
        # One line a video where no terminal says how long a line may be.
        console = Console(file=console.file, width=UNWRAPPED, highlight=False)
    console.print(table)


def print_batches(console: Console, lines: Sequence[BatchLine]) -> None:
    """One line a batch job, below what waits to be sent; nothing where nothing was handed over."""
    if not lines:
        return
    table = Table(box=None, pad_edge=False)
    for name in COLUMNS:
        words = name in ("job", "state", "note")
        table.add_column(name, justify="left" if words else "right", no_wrap=not words)
    for line in lines:
        table.add_row(*map(escape, line.as_cells()))
    if not console.is_terminal:
        console = Console(file=console.file, width=UNWRAPPED, highlight=False)
    console.print()
    console.print(table)


def print_dry_run(console: Console, result: DryRun, *, reader: str, model: str) -> None:
    """What Gemini would cost, and what that rests on."""
    if result.costs is not None:
        console.print(escape(result.costs.as_text()))
    console.print(escape(result.basis))
    if reader == "offline":
        console.print("The offline reader is in use, which costs nothing; this is for Gemini.")
    elif result.chosen is not None:
        console.print(
            f"With {escape(model)}: ${result.chosen.usd:,.2f}, {escape(result.chosen.verdict)}."
        )
    console.print("Nothing was sent and nothing was changed.")


def print_findings(console: Console, findings: Sequence[Finding]) -> None:
    """What the doctor found, with the next step of what is not well."""
    for item in findings:
        mark = "[green]ok[/]  " if item.well else "[red]fix[/] "
        console.print(f"{mark} {item.what}: {escape(item.message)}")
        if item.next_step:
            console.print(f"     {escape(item.next_step)}")
