"""One video of a source, and the ids that name its files, partitions and rows."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass

from nko_assets.nko import normalize

# An id names a file, a partition and the first part of a frame id ("<video_id>:<timestamp_ms>"),
# so it holds letters, marks, digits, "-" and "_" only, and leaves room in a 255-byte file name.
_SLUG_BYTES = 120
_HASH_DIGITS = 10
_SAFE_CATEGORIES = ("L", "M", "N")


@dataclass(frozen=True, slots=True)
class VideoEntry:
    """One video as its source lists it.

    `title` is the source's own text, untouched; `display_title` is what people should see.
    YouTube ids are kept as they are: they differ by case alone and may begin with "-" or "_".
    """

    video_id: str
    title: str
    url: str
    """The page's URL, or a file's path relative to the source folder, with forward slashes."""
    duration_s: float | None
    uploaded: str | None
    """ISO 8601 date, when the source knows it."""
    source: str
    """'sample', 'folder' or the name of the yt-dlp extractor, e.g. 'youtube'."""
    licence: str
    """The note that travels with every exported row."""
    fingerprint: str | None = None
    """Changes when the content behind the same id changes; only folders know it."""
    listed: bool = True
    """False once the source no longer lists the video."""

    @property
    def display_title(self) -> str:
        """The title on one line, with its N'Ko normalized and its spaces collapsed."""
        return " ".join(normalize(self.title).split())


def is_file_safe(video_id: str) -> bool:
    """Whether an id can be used as it is to name a file, a partition and a frame."""
    return (
        bool(video_id)
        and len(video_id.encode()) <= _SLUG_BYTES
        and all(c in "-_" or unicodedata.category(c)[0] in _SAFE_CATEGORIES for c in video_id)
    )


def file_safe_id(readable: str, key: str) -> str:
    """Return an id that reads like `readable` and is as unique as `key`.

    The same key always gives the same id, whatever the platform: both texts are composed (NFC)
    first, because macOS hands out decomposed file names. The hash at the end keeps apart keys
    that read alike or differ by case alone, also where file names ignore case.
    """
    kept = "".join(
        c if unicodedata.category(c)[0] in _SAFE_CATEGORIES else "-"
        for c in unicodedata.normalize("NFC", readable)
    )
    slug = re.sub("-+", "-", kept).encode()[:_SLUG_BYTES].decode(errors="ignore").strip("-")
    digest = hashlib.sha256(unicodedata.normalize("NFC", key).encode()).hexdigest()[:_HASH_DIGITS]
    return f"{slug or 'video'}-{digest}"
