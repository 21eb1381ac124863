"""Whole video files in a folder: finding one by its id, and putting one there in a single step."""

from __future__ import annotations

import shutil
from pathlib import Path

from nko_assets.channel import file_safe_id
from nko_assets.failures import ConfigurationError

CONTAINERS = frozenset(
    {
        "3g2",
        "3gp",
        "asf",
        "avi",
        "f4v",
        "flv",
        "m2ts",
        "m4v",
        "mkv",
        "mov",
        "mp4",
        "mpeg",
        "mpg",
        "mts",
        "ogm",
        "ogv",
        "ts",
        "vob",
        "webm",
        "wmv",
    }
)
"""Extensions of video files, in lower case and without the dot."""

_INCOMING = ".incoming"


def find_whole(folder: Path, video_id: str) -> Path | None:
    """Return the file `<video_id>.<ext>` in a folder, or None.

    Names are compared exactly: YouTube ids differ by case alone, and on a file system that
    ignores case, opening `aB.mp4` would silently hand out `Ab.mp4`.
    """
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        stem, dot, extension = path.name.rpartition(".")
        if dot and stem == video_id and extension.lower() in CONTAINERS:
            return path
    return None


def incoming(folder: Path, video_id: str) -> Path:
    """Make and return the hidden folder where the file of one video grows until it is whole.

    It lies on the same file system as its destination, and stays after an interruption, so
    that a later attempt can continue. The hash in its name keeps apart ids that differ by case
    alone, where file names ignore case: a part of one must not be continued with the other.
    """
    path = folder / _INCOMING / file_safe_id(video_id, video_id)
    path.mkdir(parents=True, exist_ok=True)
    return path


def put_whole(temporary: Path, folder: Path, video_id: str, extension: str) -> Path:
    """Rename a whole file to `<video_id>.<extension>` in `folder`, and drop what it grew in."""
    target = folder / f"{video_id}.{extension.lower()}"
    for other in folder.iterdir():
        if other.name != target.name and other.name.casefold() == target.name.casefold():
            _refuse_the_same_file(other, target)
    temporary.replace(target)
    shutil.rmtree(incoming(folder, video_id), ignore_errors=True)
    return target


def _refuse_the_same_file(other: Path, target: Path) -> None:
    # Only where names ignore case do both names lead to one file.
    if target.exists() and target.samefile(other):
        raise ConfigurationError(
            f"{target.name} and {other.name} are two videos, but this disk ignores case in names.",
            "Set NKO_DATA to a folder on a disk that tells upper from lower case.",
        )
