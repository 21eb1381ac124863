"""The sample channel as a source: videos rendered here, so that nothing needs a network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from nko_assets.channel import VideoEntry
from nko_assets.failures import PermanentFailure
from nko_assets.resources.source import ignore
from nko_assets.resources.video_files import find_whole
from nko_assets.sample import channel


class SampleSource:
    """The lessons that ship with the package."""

    name = "sample channel"

    @property
    def expected_videos(self) -> int:
        """The number of lessons that ship."""
        return len(channel.sample_videos())

    def list_videos(self, _progress: Callable[[str], None] = ignore, /) -> list[VideoEntry]:
        """List the lessons in their order."""
        return [
            VideoEntry(
                video_id=video.video_id,
                title=video.title,
                url=f"sample/{video.video_id}.mp4",
                duration_s=video.duration_s,
                uploaded=video.uploaded,
                source="sample",
                licence=channel.LICENCE,
                fingerprint=video.fingerprint,
            )
            for video in channel.sample_videos()
        ]

    def fetch(self, entry: VideoEntry, folder: Path, progress: Callable[[str], None]) -> Path:
        """Render one lesson into `folder`, unless the current one is there."""
        present = find_whole(folder, entry.video_id)
        progress(f"{entry.video_id}: {'checking' if present else 'rendering'}")
        try:
            return channel.render(entry.video_id, folder)
        except KeyError as error:
            raise PermanentFailure(
                f"The sample channel has no video {entry.video_id!r}.",
                "List the source again; it may have come from an older version.",
            ) from error
