"""The pictures of frames that were kept, by the id of the frame."""

from __future__ import annotations

import polars as pl

from nko_assets.resources.lake import Lake


def frame_jpeg(lake: Lake, frame_id: str) -> bytes | None:
    """The JPEG of a kept frame; None when `lake` does not have it."""
    path = lake.path("unique_frames", frame_id.rpartition(":")[0])
    if not path.is_file():
        return None
    frames = pl.scan_parquet(path, glob=False)
    found = frames.filter(frame_id=frame_id).select("jpeg").collect()["jpeg"]
    return found[0] if len(found) else None
