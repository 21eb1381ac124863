"""Rendering training lines: sheets of text in one typeface, photographed and cut as a reader would.

A sheet is a piece of a slide: a few lines under one another on one background. It is encoded as
video, and the lines are then cut out with the inaccuracy of a text detector, so that neighbouring
lines, compression and blur look as they do in a lesson.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from PIL import Image, ImageDraw

from nko_assets.reading.recognizer import STRIDE
from nko_assets.reading.training import augment
from nko_assets.typeset import Typeface, draw_line, measure_line

# One typeface of the package is never trained on, so that reading it shows what a strange one costs.
TRAINED_FACES = ("noto", "noto-unjoined", "dejavu", "dejavu-bold")
MASTER_SIZE = 56  # pixels per em at which strokes are distorted


@dataclass(frozen=True, slots=True)
class RenderedLine:
    """A cut-out line: `image` gray uint8 (height, width), and the text it shows, logical order."""

    image: np.ndarray
    text: str


@dataclass(frozen=True, slots=True)
class RealLine:
    """A line cut out of a frame: gray uint8 (height, width), and what it says, logical order.

    `box` is the line's own place in the picture, x0, y0, x1, y1: a crop has room around it.
    """

    image: np.ndarray
    text: str
    box: tuple[int, int, int, int]


def has_room(width: int, classes: Sequence[int]) -> bool:
    """Whether a line that is `width` columns wide for the network has a step for each of `classes`.

    Between two of the same CTC needs one more.
    """
    repeats = sum(a == b for a, b in pairwise(classes))
    return len(classes) + repeats <= width // STRIDE


def line_mask(text: str, face: Typeface, size: int, pad: int = 4) -> np.ndarray:
    """`text` white on black at `size` pixels per em, cropped to its ink plus `pad`; uint8."""
    width, ascent, descent = measure_line(text, face, size)
    # Marks may stand a little outside the advance width.
    margin = size // 2 + pad
    image = Image.new("L", (int(width) + 2 * margin, ascent + descent + 2 * pad), 0)
    draw_line(ImageDraw.Draw(image), margin, ascent + pad, text, face, size, 255)
    mask = np.asarray(image)
    columns = np.flatnonzero(mask.any(axis=0))
    rows = np.flatnonzero(mask.any(axis=1))
    if not len(columns):
        return mask
    top, bottom = max(rows[0] - pad, 0), rows[-1] + 1 + pad
    return mask[top:bottom, max(columns[0] - pad, 0) : columns[-1] + 1 + pad]


def render_sheet(
    rng: np.random.Generator, texts: Sequence[str], face: Typeface
) -> list[RenderedLine]:
    """`texts` set in `face` on one sheet with random size, colours and damage, and cut out again."""
    size = round(float(np.exp(rng.uniform(np.log(17), np.log(60)))))
    style = augment.StrokeStyle.draw(rng)
    masks = []
    for text in texts:
        if style.plain:
            masks.append(line_mask(text, face, size))
        else:
            masks.append(style.apply(rng, line_mask(text, face, MASTER_SIZE), size / MASTER_SIZE))
    sheet, boxes = _compose(rng, masks, size)
    sheet = augment.photograph(rng, sheet, size)
    gray = cv2.cvtColor(sheet, cv2.COLOR_BGR2GRAY)
    return [
        RenderedLine(augment.damage_crop(rng, augment.cut(rng, gray, box)), text)
        for box, text in zip(boxes, texts, strict=True)
    ]


def _compose(
    rng: np.random.Generator, masks: Sequence[np.ndarray], size: int
) -> tuple[np.ndarray, list[tuple[int, int, int, int]]]:
    """The sheet (BGR) and each line's ink box (x0, y0, x1, y1)."""
    pad = 4
    gap = int(size * rng.uniform(-0.02, 0.7))
    margin = int(size * rng.uniform(0.3, 1.2)) + 6
    width = max(mask.shape[1] for mask in masks) + 2 * margin
    height = sum(mask.shape[0] - 2 * pad + gap for mask in masks) + 2 * margin
    width, height = width + width % 2, height + height % 2
    ink = np.zeros((height, width), np.uint8)
    boxes = []
    y = margin
    for mask in masks:
        rows, columns = mask.shape
        slack = width - margin - columns
        align = rng.random()
        x = slack if align < 0.6 else (margin if align < 0.7 else (slack + margin) // 2)
        x = int(np.clip(x, 0, width - columns))
        top = max(y - pad, 0)
        region = ink[top : top + rows, x : x + columns]
        np.maximum(region, mask[: region.shape[0], : region.shape[1]], out=region)
        boxes.append((x + pad, top + pad, x + columns - pad, top + rows - pad))
        y += rows - 2 * pad + gap
    sheet, foreground = augment.paint(rng, ink)
    if rng.random() < 0.12:
        augment.rule_lines(rng, sheet, boxes, foreground)
    return sheet, boxes
