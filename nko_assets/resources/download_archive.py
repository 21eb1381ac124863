"""yt-dlp's download archive: a text file with a line for each video that was downloaded.

It tells yt-dlp elsewhere what need not be downloaded again. Here the files themselves decide: a
video is downloaded when its file is not there, whatever the archive says, because every later
step needs the file.
"""

from __future__ import annotations

import os
from pathlib import Path

from nko_assets.channel import VideoEntry
from nko_assets.failures import ConfigurationError


class DownloadArchive:
    """What was downloaded, here or elsewhere: lines such as `youtube dQw4w9WgXcQ`."""

    def __init__(self, path: Path) -> None:
        """Name the file; it need not exist yet."""
        self.path = path

    def __contains__(self, entry: VideoEntry) -> bool:
        """Whether the archive records a video."""
        try:
            return _line(entry) in self.path.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return False
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                f"The download archive {self.path} cannot be read ({type(error).__name__}).",
                "Move it away; it is written anew.",
            ) from error

    def add(self, entry: VideoEntry) -> None:
        """Record a video, once its file is whole and in place."""
        if entry in self:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(f"{_line(entry)}\n")
            stream.flush()
            os.fsync(stream.fileno())


def _line(entry: VideoEntry) -> str:
    # Ids from other sites than YouTube begin with the site's name, see `video_id_of`.
    return f"{entry.source} {entry.video_id.removeprefix(f'{entry.source}-')}"
