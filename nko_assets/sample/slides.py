"""Drawing a state of a slide as pixels."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from nko_assets.sample.page import HEIGHT, WIDTH, SlideLayout
from nko_assets.typeset import draw_line


def draw_slide(layout: SlideLayout) -> np.ndarray:
    """The slide as an RGB array, 720 × 1280 × 3, uint8."""
    image = Image.new("RGB", (WIDTH, HEIGHT))
    draw = ImageDraw.Draw(image)
    for shape in layout.shapes:
        x0, y0, x1, y1 = shape.box
        if shape.kind == "ellipse":
            draw.ellipse((x0, y0, x1 - 1, y1 - 1), fill=shape.fill)
        else:
            draw.rounded_rectangle((x0, y0, x1 - 1, y1 - 1), radius=shape.radius, fill=shape.fill)
    for line in layout.lines:
        pen = line.pen
        draw_line(draw, line.left, line.baseline, line.piece.text, pen.face, pen.size, pen.colour)
    return np.asarray(image)
