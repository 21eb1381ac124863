"""What happens to a line between the typeface and the reader: strokes, colours, camera, codec, cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import av
import cv2
import numpy as np

Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class StrokeStyle:
    """One invented cut of a typeface: weight, slant, width, and how wavy its strokes are."""

    plain: bool
    weight: int
    slant: float
    stretch: float
    wave: float
    roundness: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> StrokeStyle:
        """A style at random; two in five leave the typeface as it is."""
        plain = bool(rng.random() < 0.4)
        return cls(
            plain=plain,
            weight=int(rng.integers(-2, 4)) if rng.random() < 0.6 else 0,
            slant=float(rng.uniform(-0.28, 0.28)) if rng.random() < 0.5 else 0.0,
            stretch=float(rng.uniform(0.72, 1.35)) if rng.random() < 0.7 else 1.0,
            wave=float(rng.uniform(0.5, 2.6)) if rng.random() < 0.5 else 0.0,
            roundness=float(rng.uniform(0.8, 2.6)) if rng.random() < 0.3 else 0.0,
        )

    def apply(self, rng: np.random.Generator, mask: np.ndarray, scale: float) -> np.ndarray:
        """`mask` (uint8, ink white) in this style, scaled by `scale`."""
        border = 4 + int(abs(self.slant) * mask.shape[0])
        mask = cv2.copyMakeBorder(mask, 2, 2, border, border, cv2.BORDER_CONSTANT, value=0)
        if self.weight:
            kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (abs(self.weight) + 1,) * 2)
            mask = (cv2.dilate if self.weight > 0 else cv2.erode)(mask, kernel)
        if self.roundness:
            blurred = cv2.GaussianBlur(mask, (0, 0), self.roundness)
            mask = np.clip((blurred.astype(np.int16) - 96) * 4, 0, 255).astype(np.uint8)
        if self.slant or self.wave:
            mask = self._bend(rng, mask)
        height, width = mask.shape
        new = (max(8, round(width * scale * self.stretch)), max(8, round(height * scale)))
        scaled = cv2.resize(mask, new, interpolation=cv2.INTER_AREA)
        return _trim(scaled, pad=4)

    def _bend(self, rng: np.random.Generator, mask: np.ndarray) -> np.ndarray:
        height, width = mask.shape
        rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
        x = columns + self.slant * (rows - height / 2)
        y = rows
        if self.wave:
            shape = (max(2, height // 14), max(2, width // 14))
            x += _smooth_noise(rng, self.wave, shape, (width, height))
            y += _smooth_noise(rng, self.wave, shape, (width, height))
        return cv2.remap(mask, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)


def _smooth_noise(
    rng: np.random.Generator, strength: float, cells: tuple[int, int], size: tuple[int, int]
) -> np.ndarray:
    """Normal noise of `strength` in `cells` (rows, columns), interpolated to `size` (width, height)."""
    coarse = rng.normal(0, strength, cells).astype(np.float32)
    return cv2.resize(coarse, size, interpolation=cv2.INTER_LINEAR)


def _trim(mask: np.ndarray, pad: int) -> np.ndarray:
    """`mask` cropped to its ink with exactly `pad` pixels around it."""
    columns = np.flatnonzero((mask > 40).any(axis=0))
    rows = np.flatnonzero((mask > 40).any(axis=1))
    if not len(columns):
        return mask
    inked = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return cv2.copyMakeBorder(inked, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=0)


def paint(rng: np.random.Generator, ink: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`ink` (uint8, 255 where there is text) in colour on a background; BGR uint8, and the colour.

    The colours are legible together: at least 55 of 255 apart in luminance.
    """
    back, fore = _colours(rng)
    room = min(40.0, abs(_luminance(back) - _luminance(fore)) * 0.35)
    chance = rng.random()
    if chance > 0.45:
        ramp = np.linspace(0, 1, 256)[:, None]
        table = (back * (1 - ramp) + fore * ramp).astype(np.uint8)
        return cv2.merge([cv2.LUT(ink, table[:, channel]) for channel in range(3)]), fore
    height, width = ink.shape
    if chance < 0.25:  # a gradient
        corners = rng.uniform(-room, room, (2, 2)).astype(np.float32)
        shade = cv2.resize(corners, (width, height))
    else:  # paper, or a picture
        cells = int(rng.integers(3, 24))
        texture = rng.normal(0, room / 2.5, (cells, cells * 3)).astype(np.float32)
        shade = cv2.resize(texture, (width, height), interpolation=cv2.INTER_CUBIC)
    alpha = ink.astype(np.float32) / 255
    channels = [(b + shade) * (1 - alpha) + f * alpha for b, f in zip(back, fore, strict=True)]
    return cv2.merge([cv2.convertScaleAbs(np.maximum(c, 0)) for c in channels]), fore


def _luminance(colour: np.ndarray) -> float:
    return float(np.array([0.114, 0.587, 0.299]) @ colour)


def _colours(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    while True:
        kind = rng.random()
        if kind < 0.35:
            back, fore = np.full(3, rng.uniform(225, 255)), np.full(3, rng.uniform(0, 60))
        elif kind < 0.5:
            back, fore = np.full(3, rng.uniform(0, 50)), np.full(3, rng.uniform(180, 255))
        else:
            back, fore = rng.uniform(0, 255, 3), rng.uniform(0, 255, 3)
        if abs(_luminance(back) - _luminance(fore)) > 55:
            return back.astype(np.float32), fore.astype(np.float32)


def rule_lines(
    rng: np.random.Generator, sheet: np.ndarray, boxes: Sequence[Box], colour: np.ndarray
) -> None:
    """Underlines or the borders of a table, drawn into `sheet`."""
    ink = tuple(float(c) for c in colour)
    thickness = int(rng.integers(1, 3))
    for x0, _, x1, y1 in boxes:
        if rng.random() < 0.6:
            y = y1 + int(rng.integers(1, 7))
            cv2.line(sheet, (max(x0 - 4, 0), y), (x1 + 4, y), ink, thickness, cv2.LINE_AA)
    if rng.random() < 0.4:
        x = int(rng.choice([boxes[0][0] - 5, boxes[0][2] + 5]))
        cv2.line(sheet, (x, 0), (x, sheet.shape[0]), ink, thickness)


def photograph(rng: np.random.Generator, sheet: np.ndarray, size: int) -> np.ndarray:
    """`sheet` (BGR) as a video or a picture shows it: soft, rescaled, compressed."""
    if rng.random() < 0.45:
        sheet = cv2.GaussianBlur(sheet, (0, 0), float(rng.uniform(0.3, 0.02 * size + 0.6)))
    if size > 26 and rng.random() < 0.25:
        height, width = sheet.shape[:2]
        factor = float(rng.uniform(20 / size, 1.0))
        small = cv2.resize(sheet, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        sheet = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    chance = rng.random()
    if chance < 0.55:
        return h264(sheet, crf=int(rng.integers(22, 37)))
    if chance < 0.8:
        quality = int(rng.integers(18, 90))
        data = cv2.imencode(".jpg", sheet, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))
    return sheet


def h264(picture: np.ndarray, crf: int) -> np.ndarray:
    """`picture` (BGR, even sides) after one H.264 intra frame at quality `crf`."""
    height, width = picture.shape[:2]
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height = width, height
    encoder.pix_fmt = "yuv420p"
    encoder.time_base = Fraction(1, 25)
    encoder.thread_count = 1
    encoder.options = {"crf": str(crf), "preset": "ultrafast", "tune": "zerolatency"}
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="bgr24")
    frame.pts = 0
    packets = [*encoder.encode(frame), *encoder.encode(None)]
    decoder = av.CodecContext.create("h264", "r")
    decoder.thread_count = 1
    frames = [f for packet in packets for f in decoder.decode(packet)] + decoder.decode(None)
    return frames[0].to_ndarray(format="bgr24")


def cut(rng: np.random.Generator, gray: np.ndarray, box: Box) -> np.ndarray:
    """The line in `box` (its ink), cut out of `gray` as inexactly as a text detector cuts."""
    x0, y0, x1, y1 = box
    height = y1 - y0
    loose = rng.random() < 0.7
    vertical = (-0.03, 0.28) if loose else (-0.08, 0.12)
    top, bottom = rng.uniform(*vertical, 2) * height
    left, right = rng.uniform(-0.02, 0.6, 2) * height
    x0, x1, y0, y1 = x0 - left, x1 + right, y0 - top, y1 + bottom
    if rng.random() < 0.3:
        jitter = rng.uniform(-0.06, 0.06, (4, 2)) * height
        # A long line seen askew rises or falls by part of its own height.
        jitter[1:3, 1] += rng.uniform(-0.12, 0.12) * height
        corners = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]]) + jitter
        w, h = max(8, round(x1 - x0)), max(8, round(y1 - y0))
        goal = np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32)
        matrix = cv2.getPerspectiveTransform(corners.astype(np.float32), goal)
        flags = cv2.INTER_CUBIC if rng.random() < 0.5 else cv2.INTER_LINEAR
        return cv2.warpPerspective(gray, matrix, (w, h), None, flags, cv2.BORDER_REPLICATE)
    rows, columns = gray.shape
    x0, x1 = int(np.clip(x0, 0, columns - 8)), int(np.clip(x1, 8, columns))
    y0, y1 = int(np.clip(y0, 0, rows - 8)), int(np.clip(y1, 8, rows))
    return gray[y0:y1, x0:x1]


def damage_crop(rng: np.random.Generator, crop: np.ndarray) -> np.ndarray:
    """Noise, faded contrast and, seldom, a blot on one cut-out line."""
    if rng.random() < 0.3:
        noise = rng.normal(0, rng.uniform(1, 9), crop.shape)
        crop = np.clip(crop + noise, 0, 255).astype(np.uint8)
    if rng.random() < 0.2:
        middle = float(crop.mean())
        faded = middle + (crop.astype(np.float32) - middle) * float(rng.uniform(0.45, 1.0))
        crop = np.clip(faded, 0, 255).astype(np.uint8)
    return crop
