"""`nko reviews`: decisions of people into the store and out of it, and what waits for Label Studio."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterator
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from nko_assets.failures import ConfigurationError
from nko_assets.settings import Settings

if TYPE_CHECKING:
    from nko_assets.reading.reviews import ReviewItem
    from nko_assets.reading.reviews.label_studio import AnnotatedTasks, Picture
    from nko_assets.steps import Workshop

# How many reasons are told one by one; what is left out repeats itself.
MOST_TOLD = 10

File = Annotated[Path, typer.Argument(help="The file.")]
Data = Annotated[Path | None, typer.Option("--data", help="Folder that holds every artefact.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


class Format(StrEnum):
    """How decisions are written down."""

    JSONL = "jsonl"
    LABEL_STUDIO = "label-studio"


FileFormat = Annotated[
    Format, typer.Option("--format", help="jsonl: decisions; label-studio: tasks.")
]


def register(
    app: typer.Typer, out: Console, settings_for: Callable[[str | None, Path | None], Settings]
) -> None:
    """Add the commands to `app`; `settings_for` gives those of a source and a data root."""
    reviews = typer.Typer(
        name="reviews",
        help="What people decided about readings: into the store, and out of it.",
        no_args_is_help=True,
    )
    app.add_typer(reviews)

    @reviews.command("import")
    def import_(
        file: File, form: FileFormat = Format.JSONL, data: Data = None, as_json: AsJson = False
    ) -> None:
        """Add the decisions of a file; what is in the store already is not added again."""
        from nko_assets.resources.review_desk import ReviewDesk
        from nko_assets.workshop import open_workshop

        workshop = open_workshop(settings_for(None, data))
        taken = _read(file, form)
        origin = "label studio" if form is Format.LABEL_STUDIO else "file"
        imported = ReviewDesk(workshop.store).import_decisions(taken.decisions, origin)
        if as_json:
            _print_json({"new": imported.new, "known": imported.known, "left_out": taken.left_out})
            return
        out.print(f"{imported.new:,} decisions are new, {imported.known:,} were known already.")
        for reason in taken.left_out[:MOST_TOLD]:
            out.print(f"  left out: {escape(reason)}")
        if len(taken.left_out) > MOST_TOLD:
            out.print(f"  and {len(taken.left_out) - MOST_TOLD:,} more")
        if imported.new:
            out.print("`nko run` makes the readings that they change again.")

    @reviews.command()
    def export(
        file: File,
        form: FileFormat = Format.JSONL,
        videos: Annotated[
            str | None,
            typer.Option("--videos", help="Tasks of these videos only: ids, by commas."),
        ] = None,
        data: Data = None,
        as_json: AsJson = False,
    ) -> None:
        """Write every decision that counts, or what waits for one as tasks for Label Studio."""
        from nko_assets.workshop import open_workshop

        workshop = open_workshop(settings_for(None, data))
        if not workshop.store.exists:
            raise ConfigurationError(
                "There is no store yet, so nothing to export.", "Start with `nko run`."
            )
        if form is Format.JSONL:
            if videos is not None:
                raise ConfigurationError(
                    "--videos is for tasks; decisions are written all together.",
                    "Leave it out, or add --format label-studio.",
                )
            written = _export_decisions(workshop, file)
            told = f"{written:,} decisions are in {file}."
        else:
            written = _export_tasks(workshop, _chosen(workshop, videos), file)
            told = f"{written:,} frames wait as tasks in {file}; {_config(file).name} is the labeling interface."
        if as_json:
            _print_json({"written": written, "file": str(file)})
        else:
            out.print(escape(told))


def _read(file: Path, form: Format) -> AnnotatedTasks:
    from nko_assets.reading.decisions import parse_decisions
    from nko_assets.reading.reviews.label_studio import AnnotatedTasks, read_tasks

    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigurationError(f"{file} is no text in UTF-8.", "Save it as UTF-8.") from None
    if form is Format.LABEL_STUDIO:
        return read_tasks(text, str(file))
    return AnnotatedTasks(parse_decisions(text.split("\n"), str(file)))


def _chosen(workshop: Workshop, videos: str | None) -> list[str]:
    from nko_assets.run import chosen_videos

    known = {entry.video_id: entry for entry in workshop.lake.videos()}
    named = [name.strip() for name in (videos or "").split(",") if name.strip()]
    if videos is not None and not named:
        raise ConfigurationError("--videos names nothing.", "Leave it out to take everything.")
    return chosen_videos(known, named)


def _export_decisions(workshop: Workshop, file: Path) -> int:
    from nko_assets.files import write_atomically
    from nko_assets.resources.review_desk import ReviewDesk

    taken = ReviewDesk(workshop.store).decisions()
    write_atomically(file, "".join(one.to_json_line() for one in taken).encode())
    return len(taken)


def _export_tasks(workshop: Workshop, videos: list[str], file: Path) -> int:
    """Write the tasks one by one: each holds its picture."""
    from nko_assets.files import atomic_path, write_atomically
    from nko_assets.reading.reviews.label_studio import LABELING_CONFIG, task

    written = 0
    with atomic_path(file) as path, path.open("w", encoding="utf-8") as stream:
        for video_id in videos:
            for picture, items in _waiting(workshop, video_id):
                stream.write(",\n" if written else "[\n")
                json.dump(task(picture, items), stream, ensure_ascii=False)
                written += 1
        stream.write("\n]\n" if written else "[]\n")
    write_atomically(_config(file), LABELING_CONFIG.encode())
    return written


def _waiting(workshop: Workshop, video_id: str) -> Iterator[tuple[Picture, list[ReviewItem]]]:
    """The frames of a video with the readings that the gate left to people and nobody decided on."""
    from PIL import Image

    from nko_assets.reading.reviews.label_studio import Picture
    from nko_assets.resources.review_desk import ReviewDesk

    items = [
        item
        for item in ReviewDesk(workshop.store).items_of(video_id)
        if item.decision is None and item.gate == "needs_review"
    ]
    if not items:
        return
    frames = workshop.lake.read_table("unique_frames", video_id, ["frame_id", "jpeg"])
    pictures = dict(frames.filter(frames["jpeg"].is_not_null()).iter_rows())
    for frame_id, group in groupby(items, lambda item: item.frame_id):
        jpeg = pictures[frame_id]
        with Image.open(io.BytesIO(jpeg)) as image:
            yield Picture(jpeg, *image.size), list(group)


def _config(file: Path) -> Path:
    return file.with_name(f"{file.stem}.labeling.xml")


def _print_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=1) + "\n")
