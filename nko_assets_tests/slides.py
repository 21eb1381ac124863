"""Slides of N'Ko lines for tests of frames, drawn without a video."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from nko_assets.typeset import TYPEFACES, draw_line, measure_line

LINES = [
    "ߌ ߣߌ߫ ߛߐ߰ߡߊ߬",
    "ߌ ߞߊ߫ ߞߍ߲ߘߍ߫؟",
    "ߌ ߣߌ߫ ߗߋ߫",
    "ߌ ߣߌ߫ ߛߣߍ߫",
    "ߌ ߣߌ߫ ߥߎߙߊ߫",
    "ߌ ߣߌ߫ ߕߟߋ߬",
]


def slide(
    lines: Sequence[str],
    *,
    size: int = 28,
    pitch: int = 52,
    top: int = 60,
    colour: str | tuple[int, int, int] = "black",
    paper: str = "white",
) -> np.ndarray:
    """A 1280 × 720 slide, BGR, with the lines from the right edge down."""
    image = Image.new("RGB", (1280, 720), paper)
    draw = ImageDraw.Draw(image)
    for number, line in enumerate(lines):
        left = 1200 - measure_line(line, TYPEFACES["noto"], size)[0]
        draw_line(draw, left, top + number * pitch, line, TYPEFACES["noto"], size, colour)
    return np.asarray(image)[:, :, ::-1].copy()
