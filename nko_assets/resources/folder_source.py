"""A folder of video files as a source: listed recursively, linked rather than copied."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from nko_assets.channel import VideoEntry, file_safe_id
from nko_assets.failures import ConfigurationError, PermanentFailure
from nko_assets.files import disk_errors
from nko_assets.resources.source import ignore
from nko_assets.resources.video_files import (
    CONTAINERS,
    find_whole,
    incoming,
    put_whole,
)

# Enough of a file to notice that it was replaced, without reading gigabytes: three blocks.
_BLOCK = 64 * 1024


class FolderSource:
    """Every video file in a folder and its subfolders.

    The id of a video comes from its path within the folder: moving or renaming a file makes
    another video of it, while replacing its content keeps the id and changes the fingerprint.
    """

    def __init__(self, root: Path, licence: str, expected_videos: int | None = None) -> None:
        """Name the folder; nothing is read until the videos are listed."""
        self.root = root
        self.expected_videos = expected_videos
        self._licence = licence

    @property
    def name(self) -> str:
        """The folder's path."""
        return f"folder {self.root}"

    def list_videos(self, _progress: Callable[[str], None] = ignore, /) -> list[VideoEntry]:
        """List the video files in the order of their paths."""
        if not self.root.exists():
            raise ConfigurationError(
                f"There is no folder {self.root}.",
                "Give 'sample', an existing folder of video files, a URL that begins with https://, "
                "or a YouTube @handle.",
            )
        if not self.root.is_dir():
            raise ConfigurationError(
                f"{self.root} is a file.", f"Give the folder that holds it: {self.root.parent}"
            )
        entries = [self._entry(path) for path in sorted(_video_files(self.root))]
        if not entries:
            raise ConfigurationError(
                f"{self.root} holds no video files.",
                f"Put some there, with one of the extensions {', '.join(sorted(CONTAINERS))}.",
            )
        return entries

    def fetch(self, entry: VideoEntry, folder: Path, progress: Callable[[str], None]) -> Path:
        """Link the file into `folder`; it is copied only where it cannot be linked."""
        original = self.root / entry.url
        present = find_whole(folder, entry.video_id)
        try:
            if present and (
                present.samefile(original) or fingerprint(present) == fingerprint(original)
            ):
                return present
            original.open("rb").close()
            if present:
                progress(f"{entry.url} has changed: linking it again")
            with disk_errors(folder):
                growing = incoming(folder, entry.video_id) / "whole"
                progress(f"{entry.url}: {_link(original, growing)}")
                return put_whole(growing, folder, entry.video_id, original.suffix[1:])
        except FileNotFoundError as error:
            raise PermanentFailure(
                f"{original} is no longer there.", "Put it back, or list the folder again."
            ) from error
        except OSError as error:
            raise PermanentFailure(
                f"{original} cannot be read ({error.strerror}).",
                "Check its permissions and the disk it is on.",
            ) from error

    def _entry(self, path: Path) -> VideoEntry:
        relative = path.relative_to(self.root)
        return VideoEntry(
            video_id=file_safe_id(relative.stem, relative.as_posix()),
            title=relative.stem,
            url=relative.as_posix(),
            duration_s=None,
            uploaded=None,
            source="folder",
            licence=self._licence,
            fingerprint=fingerprint(path),
        )


def fingerprint(path: Path) -> str | None:
    """Hash the size and three blocks (first, middle, last) of a file; None if unreadable.

    Unlike a time of modification it survives copying, so two machines write one manifest.
    """
    try:
        with path.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            digest = hashlib.sha256(str(size).encode())
            for start in (0, size // 2, max(0, size - _BLOCK)):
                stream.seek(start)
                digest.update(stream.read(_BLOCK))
    except OSError:
        return None
    return digest.hexdigest()[:16]


def _video_files(root: Path) -> Iterator[Path]:
    def unreadable(error: OSError) -> None:
        raise ConfigurationError(
            f"{error.filename} cannot be read ({error.strerror}).",
            "Check its permissions, or give another folder.",
        )

    seen: set[str] = set()
    for name, subfolders, files in os.walk(root, onerror=unreadable, followlinks=True):
        folder = Path(name)
        seen.add(os.path.realpath(folder))
        # A link to a folder above would be walked for ever; a data root of ours below the
        # source holds links to the very same videos.
        subfolders[:] = [
            sub
            for sub in subfolders
            if not sub.startswith(".")
            and os.path.realpath(folder / sub) not in seen
            and not (folder / sub / "manifest" / "videos.json").is_file()
        ]
        for file in files:
            stem, _, extension = file.rpartition(".")
            if extension.lower() in CONTAINERS and not _is_partial(stem):
                yield folder / file


def _is_partial(stem: str) -> bool:
    return not stem or stem.startswith((".", "~")) or stem.endswith(("~", ".part", ".temp"))


def _link(original: Path, growing: Path) -> str:
    """Make `growing` the same file by the cheapest means at hand; say by which."""
    growing.unlink(missing_ok=True)
    original = original.resolve(strict=True)
    try:
        growing.hardlink_to(original)
    except OSError:
        try:
            growing.symlink_to(original)
        except OSError:
            _copy(original, growing)
            return "copied"
        return "linked (symbolic)"
    return "linked"


def _copy(original: Path, growing: Path) -> None:
    try:
        shutil.copyfile(original, growing)
    except OSError:
        growing.unlink(missing_ok=True)
        raise
