"""What a source offers, as data: videos, their ids, and the manifest that remembers them."""

from nko_assets.channel.entries import VideoEntry, file_safe_id, is_file_safe
from nko_assets.channel.manifest import (
    Manifest,
    merge,
    read_manifest,
    write_manifest,
)

__all__ = [
    "Manifest",
    "VideoEntry",
    "file_safe_id",
    "is_file_safe",
    "merge",
    "read_manifest",
    "write_manifest",
]
