"""What a source offers, as data: videos, their ids, and the manifest that remembers them."""

from nko_assets.channel.entries import VideoEntry, file_safe_id, is_file_safe
from nko_assets.channel.manifest import (
    Manifest,
    manifest_bytes,
    merge,
    read_manifest,
)

__all__ = [
    "Manifest",
    "VideoEntry",
    "file_safe_id",
    "is_file_safe",
    "manifest_bytes",
    "merge",
    "read_manifest",
]
