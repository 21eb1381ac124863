"""Where videos come from: the protocol of sources, their options, and the choice between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from nko_assets.channel import VideoEntry
from nko_assets.failures import ConfigurationError
from nko_assets.resources.urls import page_url

CHANNEL = "@babamamadidiane"
"""The channel this project was made for."""

_KNOWN_VIDEOS = {f"https://www.youtube.com/{CHANNEL}/videos": 532}


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """How a source is asked; folders use the licence and the expected number alone."""

    licence: str
    """The note for every video whose source states no licence of its own."""
    sleep_s: tuple[float, float]
    """Seconds to wait between two downloads: a random time within this range."""
    min_height: int
    """Rows of pixels below which text on a slide is no longer legible."""
    max_height: int
    """Rows of pixels above which a picture is not worth its bytes."""
    cookies_file: Path | None = None
    """Cookies of a signed-in browser, in Netscape format."""
    rate_limit: int | None = None
    """Bytes a second, or None for no limit."""
    archive: Path | None = None
    """Where downloads are recorded in the format of yt-dlp's download archive."""
    expected_videos: int | None = None
    """How many videos the source should list, when anybody knows."""
    retries: int = 3
    """Further attempts after a transient failure; nothing else retries."""
    retry_wait_s: float = 30.0
    """Seconds before the first further attempt; doubled for each one after."""


def ignore(_line: str) -> None:
    """Progress for whoever does not watch."""


class Source(Protocol):
    """Something that lists videos and fetches them one at a time."""

    @property
    def name(self) -> str:
        """What to call the source in logs, metadata and `nko doctor`; holds no secrets."""

    @property
    def expected_videos(self) -> int | None:
        """How many videos the source is known to have, when anybody knows."""

    def list_videos(self, progress: Callable[[str], None] = ignore, /) -> list[VideoEntry]:
        """List every video; raises `NkoError` rather than return an empty list."""

    def fetch(self, entry: VideoEntry, folder: Path, progress: Callable[[str], None]) -> Path:
        """Return the whole file `<video_id>.<ext>` in `folder`, made there at once or found there.

        Raises `PermanentFailure`, `TransientFailure` or `ConfigurationError`.
        """


def open_source(spec: str, options: SourceOptions) -> Source:
    """Return the source that a person means: 'sample', a folder, a URL or a YouTube @handle.

    Nothing is read or asked yet. A folder whose name begins with "@", or is "sample", is
    written with its path: `./sample`.
    """
    spec = spec.strip()
    if not spec:
        raise ConfigurationError(
            "No source of videos is given.",
            "Set NKO_SOURCE to 'sample', a folder of video files, a URL or a YouTube @handle.",
        )
    if spec == "sample":
        from nko_assets.resources.sample_source import SampleSource

        return SampleSource()
    url = page_url(spec)
    if url is not None:
        from nko_assets.resources.ytdlp_source import YtDlpSource

        expected = options.expected_videos or _KNOWN_VIDEOS.get(url)
        return YtDlpSource(url, replace(options, expected_videos=expected))
    from nko_assets.resources.folder_source import FolderSource

    return FolderSource(
        Path(spec).expanduser().absolute(), options.licence, options.expected_videos
    )
