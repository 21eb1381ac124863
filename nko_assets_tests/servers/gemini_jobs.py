"""Small job files for tests that speak to the Gemini server without a reader."""

from __future__ import annotations

import io
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from PIL import Image

from nko_assets.reading.gemini.request import (
    AskSettings,
    first_settings,
    request_line,
    write_job_file,
)

MODEL = "gemini-2.5-flash"


@cache
def jpeg(shade: int = 255) -> bytes:
    """A small gray frame."""
    image = io.BytesIO()
    Image.new("L", (64, 36), shade).save(image, "JPEG")
    return image.getvalue()


def job_file(path: Path, keys: Iterable[str], settings: AskSettings | None = None) -> Path:
    """A file of one request a key; the frame of "k7" is "video:7"."""
    chosen = settings or first_settings(MODEL)
    write_job_file(
        path, (request_line(key, f"video:{key.lstrip('k')}", jpeg(), chosen) for key in keys)
    )
    return path
