"""`nko doctor`: what is in use for each outside thing, whether it works, and what to do if not."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from PIL import features

from nko_assets.failures import NkoError
from nko_assets.instance import project_folder
from nko_assets.resources.reader import open_reader
from nko_assets.resources.urls import page_url
from nko_assets.settings import Settings

# About what 532 lessons take: 56 minutes each at 480p, and their frames.
ROOM_FOR_A_CHANNEL = 60e9
ROOM_FOR_THE_SAMPLE = 500e6
# Set for parts of the project that this version does not have; better said than ignored.
NOT_USED_YET = ("GEMINI_API_KEY", "GOOGLE_API_KEY", "SUPABASE_URL", "SUPABASE_KEY", "NKO_BUCKET")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at."""

    what: str
    well: bool
    message: str
    next_step: str = ""


def examine(settings: Settings) -> list[Finding]:
    """Look at everything a run depends on, without listing or downloading anything."""
    return [
        _project(),
        _data_root(settings),
        _source(settings),
        _javascript(settings),
        _reader(settings),
        _typesetting(),
        *_unused(),
    ]


def _project() -> Finding:
    try:
        return Finding("project", True, f"dagster.yaml and workspace.yaml in {project_folder()}")
    except NkoError as error:
        return Finding("project", False, error.message, error.next_step)


def _data_root(settings: Settings) -> Finding:
    # The folder itself is made by the first run; until then its parent tells about the disk.
    folder = next(path for path in (settings.data, *settings.data.parents) if path.exists())
    if not folder.is_dir():
        return Finding(
            "data root",
            False,
            f"{folder} is a file, and a folder is needed.",
            "Choose another with --data or NKO_DATA.",
        )
    if not os.access(folder, os.W_OK):
        return Finding(
            "data root", False, f"{folder} cannot be written.", "Set NKO_DATA or --data."
        )
    free = shutil.disk_usage(folder).free
    what, needed = (
        ("a channel of 532 lessons", ROOM_FOR_A_CHANNEL)
        if page_url(settings.source)
        else ("even the sample", ROOM_FOR_THE_SAMPLE)
    )
    message = f"{settings.data}, {free / 1e9:.1f} GB free"
    if free < needed:
        return Finding(
            "data root",
            False,
            f"{message}; {what} wants about {needed / 1e9:g} GB.",
            "Free some space, or set NKO_DATA to a folder on a larger disk.",
        )
    return Finding("data root", True, message)


def _source(settings: Settings) -> Finding:
    url = page_url(settings.source)
    if url:
        parts = urlsplit(url)
        return Finding(
            "source", True, f"{parts.scheme}://{parts.hostname}{parts.path} through yt-dlp"
        )
    if settings.source == "sample":
        return Finding("source", True, "the sample channel, made by this package")
    folder = Path(settings.source).expanduser()
    if not folder.is_dir():
        return Finding(
            "source",
            False,
            f"There is no folder {folder}.",
            "Give 'sample', an existing folder of video files, a URL or a YouTube @handle.",
        )
    return Finding("source", True, f"the video files in {folder.absolute()}")


def _javascript(settings: Settings) -> Finding:
    from nko_assets.resources.ytdlp_options import javascript_runtime

    runtime = javascript_runtime()
    if runtime is not None:
        return Finding("JavaScript for YouTube", True, str(runtime))
    return Finding(
        "JavaScript for YouTube",
        not page_url(settings.source),
        "neither deno nor node is there; YouTube then offers few formats or none.",
        "pip install deno, or install node 22 or newer.",
    )


def _reader(settings: Settings) -> Finding:
    try:
        return Finding(
            "reader", True, f"{settings.reader}, model {open_reader(settings.reader).model}"
        )
    except NkoError as error:
        return Finding("reader", False, error.message, error.next_step)


def _typesetting() -> Finding:
    if features.check("raqm"):
        return Finding("N'Ko typesetting", True, f"raqm {features.version('raqm')}")
    return Finding(
        "N'Ko typesetting",
        False,
        "Pillow has no raqm, so N'Ko would be drawn unjoined and reversed.",
        "pip install --force-reinstall pillow",
    )


def _unused() -> list[Finding]:
    return [
        Finding(name, True, "is set, and nothing in this version uses it.")
        for name in NOT_USED_YET
        if os.environ.get(name)
    ]
