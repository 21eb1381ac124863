"""What moves over the slides of a shared screen: a speaker in a corner and a mouse pointer.

Both are sprites in the planes of 4:2:0 video, pasted onto a slide that was converted once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import cos, pi, sin

import av
import numpy as np
from PIL import Image, ImageDraw

from nko_assets.sample.page import CAMERA_HEIGHT, CAMERA_WIDTH, HEIGHT, WIDTH

PHASES = 48
"""The speaker's movement repeats after so many frames."""
_OVERSAMPLING = 2


@dataclass(frozen=True, slots=True)
class Sprite:
    """An image with transparency as planes: luma full size, chroma half; alpha 0 to 1."""

    y: np.ndarray
    u: np.ndarray
    v: np.ndarray
    alpha: np.ndarray
    alpha_half: np.ndarray


def to_planes(rgb: np.ndarray) -> np.ndarray:
    """An RGB image (H × W × 3, both even) as planar 4:2:0: rows of luma, then U and V."""
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
    return frame.reformat(format="yuv420p").to_ndarray()


def paste(planes: np.ndarray, sprite: Sprite, x: int, y: int) -> None:
    """Lay a sprite over planar 4:2:0 `planes` in place; `x` and `y` even, cut at the edges."""
    luma = planes[:HEIGHT]
    chroma = planes[HEIGHT:].reshape(2, HEIGHT // 2, WIDTH // 2)
    _blend(luma, sprite.y, sprite.alpha, x, y)
    _blend(chroma[0], sprite.u, sprite.alpha_half, x // 2, y // 2)
    _blend(chroma[1], sprite.v, sprite.alpha_half, x // 2, y // 2)


def _blend(plane: np.ndarray, patch: np.ndarray, alpha: np.ndarray, x: int, y: int) -> None:
    height = min(patch.shape[0], plane.shape[0] - y)
    width = min(patch.shape[1], plane.shape[1] - x)
    below = plane[y : y + height, x : x + width]
    over, share = patch[:height, :width], alpha[:height, :width]
    below[:] = np.rint(below + (over.astype(np.float32) - below) * share).astype(np.uint8)


def _sprite(image: Image.Image) -> Sprite:
    rgba = np.asarray(image.convert("RGBA"))
    height, width = rgba.shape[:2]
    planes = to_planes(rgba[..., :3])
    chroma = planes[height:].reshape(2, height // 2, width // 2)
    alpha = rgba[..., 3].astype(np.float32) / 255
    half = alpha.reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3))
    return Sprite(planes[:height], chroma[0], chroma[1], alpha, half)


@lru_cache(maxsize=1)
def speaker() -> tuple[Sprite, ...]:
    """The speaker's picture in each phase: head and shoulders that sway, blink and talk."""
    grain = np.random.default_rng(7).normal(0, 2.5, (CAMERA_HEIGHT, CAMERA_WIDTH, 1))
    pictures = []
    for phase in range(PHASES):
        rgb = np.asarray(_speaker_picture(phase), dtype=np.float64)
        noisy = np.clip(rgb + np.roll(grain, 37 * phase), 0, 255).astype(np.uint8)
        pictures.append(_sprite(Image.fromarray(noisy)))
    return tuple(pictures)


def _speaker_picture(phase: int) -> Image.Image:
    turn = 2 * pi * phase / PHASES
    scale = _OVERSAMPLING
    width, height = CAMERA_WIDTH * scale, CAMERA_HEIGHT * scale
    image = Image.new("RGB", (width, height), "#9db3c4")
    draw = ImageDraw.Draw(image)

    def ellipse(x: float, y: float, across: float, down: float, fill: str) -> None:
        box = (x - across / 2, y - down / 2, x + across / 2, y + down / 2)
        draw.ellipse(tuple(scale * value for value in box), fill=fill)

    # A wall with a bookshelf, out of the way of the head.
    draw.rectangle((0, 0, 54 * scale, height), fill="#7b5b3e")
    for shelf in range(4):
        for book in range(6):
            tone = ("#b5473c", "#33658a", "#e0b043", "#4f7942", "#ddd3c2", "#6d4c7d")
            left, top = 4 + 8 * book, 6 + 42 * shelf
            box = tuple(scale * value for value in (left, top, left + 6, top + 32))
            draw.rectangle(box, fill=tone[(book * 5 + shelf * 2) % 6])
    x = 128 + 7 * sin(turn) + 2 * sin(3 * turn)
    y = 78 + 3 * cos(2 * turn)
    ellipse(128 + 3 * sin(turn), 186, 138, 118, "#f1efe6")  # boubou
    ellipse(x, y + 36, 30, 44, "#6a4631")  # neck
    ellipse(x, y, 62, 78, "#7a5139")  # face
    ellipse(x, y - 33, 58, 30, "#2f5d50")  # cap
    draw.rectangle(
        tuple(scale * value for value in (x - 29, y - 36, x + 29, y - 22)), fill="#2f5d50"
    )
    eye = 2 if phase % 24 in (5, 6) else 7
    for side in (-13, 13):
        ellipse(x + side, y - 6, 11, eye, "#f4efe8")
        ellipse(x + side + 2 * sin(turn), y - 6, 5, min(eye, 5), "#1c1410")
    ellipse(x, y + 6, 9, 8, "#6a4631")  # nose
    mouth = 3 + 5 * abs(sin(5 * turn)) * (phase % 16 < 12)
    ellipse(x, y + 22, 20, mouth, "#4a1f1c")
    hand = 30 * abs(sin(2 * turn))
    ellipse(196, 160 - hand, 22, 26, "#7a5139")
    return image.resize((CAMERA_WIDTH, CAMERA_HEIGHT), Image.Resampling.LANCZOS)


@lru_cache(maxsize=1)
def pointer() -> Sprite:
    """A white arrow with a black edge, its tip at the upper left."""
    scale = 4
    image = Image.new("RGBA", (20 * scale, 28 * scale), (0, 0, 0, 0))
    arrow = [(1, 1), (1, 22), (6, 17), (10, 26), (14, 24), (10, 16), (17, 16)]
    ImageDraw.Draw(image).polygon(
        [(x * scale, y * scale) for x, y in arrow], fill="#ffffff", outline="#000000", width=scale
    )
    return _sprite(image.resize((20, 28), Image.Resampling.LANCZOS))


def pointer_at(time_ms: int, stops: list[tuple[int, int]], stay_ms: int) -> tuple[int, int]:
    """Where the pointer is: at each stop for `stay_ms`, the last 0.8 s of it moving on."""
    number, into = divmod(time_ms, stay_ms)
    here, there = stops[number % len(stops)], stops[(number + 1) % len(stops)]
    share = max(0.0, (into - (stay_ms - 800)) / 800)
    eased = (1 - cos(pi * share)) / 2
    x, y = (round((a + (b - a) * eased) / 2) * 2 for a, b in zip(here, there, strict=True))
    return min(x, WIDTH - 2), min(y, HEIGHT - 2)
