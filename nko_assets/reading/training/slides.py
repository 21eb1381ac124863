"""Slides with known text for measuring readers: 720p, held-out text, through a real H.264 file."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageDraw

from nko_assets.reading.charset import LATIN_WORD, fold, is_readable
from nko_assets.typeset import TYPEFACES, Typeface, base_direction, draw_line, measure_line

WIDTH, HEIGHT = 1280, 720
MARGIN = 60
# Background and text, RGB: paper, blackboard, blue, cream, and a pale print on white.
THEMES = (
    ((255, 255, 255), (20, 20, 20)),
    ((24, 46, 38), (238, 240, 220)),
    ((16, 32, 84), (255, 236, 130)),
    ((250, 240, 214), (96, 32, 16)),
    ((255, 255, 255), (120, 120, 120)),
)
SIZES = (20, 24, 28, 34, 44)
FRAMES_A_SLIDE = 3

Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class SlideLine:
    """One drawn line: its text as the recognizer can know it (folded), and its ink box."""

    text: str
    box: Box


@dataclass(frozen=True, slots=True)
class Slide:
    """A picture (RGB uint8, 720 × 1280 × 3) and the lines on it, from top to bottom."""

    picture: np.ndarray
    lines: tuple[SlideLine, ...]


def draw_slides(texts: Sequence[str], face: Typeface, count: int) -> list[Slide]:
    """`count` slides in `face` that say `texts` one after another, from the start again at the end.

    Only N'Ko lines that `face` or its fallback can draw are used. Raises ValueError for none.
    """
    usable = [text for text in texts if _is_usable(text, face)]
    if not usable:
        raise ValueError("There is no usable N'Ko text for slides.")
    slides: list[Slide] = []
    following = 0
    while len(slides) < count:
        number = len(slides)
        size = SIZES[number % len(SIZES)]
        back, fore = THEMES[(number // len(SIZES) + number) % len(THEMES)]
        picture = Image.new("RGB", (WIDTH, HEIGHT), back)
        draw = ImageDraw.Draw(picture)
        lines: list[SlideLine] = []
        y = 50.0
        while y < HEIGHT - 50 - size * 1.6:
            for part in _wrap(usable[following % len(usable)], face, size):
                if y >= HEIGHT - 50 - size * 1.6:
                    break
                width = measure_line(part, face, size)[0]
                left = WIDTH - MARGIN - width
                box = draw_line(draw, left, y + size, part, face, size, fore)
                lines.append(SlideLine(fold(part), box))
                y += size * 1.75
            following += 1
        slides.append(Slide(np.asarray(picture), tuple(lines)))
    return slides


def _is_usable(text: str, face: Typeface) -> bool:
    return (
        is_readable(text)
        and base_direction(text) == "rtl"
        and LATIN_WORD not in fold(text)
        and all(face.covers(c) or TYPEFACES["dejavu"].covers(c) for c in text)
    )


def _wrap(text: str, face: Typeface, size: int) -> Iterator[str]:
    line = ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if line and measure_line(longer, face, size)[0] > WIDTH - 2 * MARGIN:
            yield line
            line = word
        else:
            line = longer
    yield line


def through_h264(slides: Sequence[Slide], crf: int) -> Iterator[np.ndarray]:
    """Each slide as a frame of an H.264 file made of all of them; BGR uint8, in order.

    They are all of the size of the first, which is even.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "slides.mp4")
        with av.open(path, "w") as container:
            options = {"crf": str(crf), "preset": "veryfast", "threads": "1"}
            stream = container.add_stream("libx264", rate=Fraction(1), options=options)
            stream.height, stream.width, _ = slides[0].picture.shape
            stream.pix_fmt = "yuv420p"
            for slide in slides:
                for _ in range(FRAMES_A_SLIDE):
                    frame = av.VideoFrame.from_ndarray(slide.picture, format="rgb24")
                    container.mux(stream.encode(frame))
            container.mux(stream.encode())
        with av.open(path) as container:
            for number, frame in enumerate(container.decode(video=0)):
                if number % FRAMES_A_SLIDE == 1:
                    yield frame.to_ndarray(format="bgr24")
