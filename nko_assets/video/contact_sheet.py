"""One picture that shows many frames of a video, for a person who wants to see what was kept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image, ImageDraw

from nko_assets.clock import clock
from nko_assets.failures import PermanentFailure
from nko_assets.typeset import TYPEFACES, draw_line, measure_line
from nko_assets.video.encode import encode_jpeg

_COLUMNS = 4
# As wide as the dialog in which the UI shows it on a window of 1280 pixels.
_SHEET_WIDTH = 980
_CAPTION_SIZE = 13
_BAND = 22
_GAP = 6
_PAPER = (248, 248, 246)
_INK = (30, 30, 30)
_KEPT = (22, 128, 60)
_DROPPED = (150, 150, 150)
# A dropped frame is shown pale, so that the kept ones stand out at a glance.
_FADE = 0.45


@dataclass(frozen=True, slots=True)
class SheetFrame:
    """One cell of the sheet."""

    image: np.ndarray
    """BGR, uint8, H × W × 3."""
    timestamp_ms: int
    kept: bool = True
    label: str = ""
    """Shown beside the time: a status, or text in N'Ko or Latin script, in logical order."""


def contact_sheet(frames: Sequence[SheetFrame], total: int, max_bytes: int) -> bytes:
    """The frames in reading order as one JPEG of at most `max_bytes`.

    Kept frames are framed in green, dropped ones pale. When the video has more frames, `total`,
    than are shown, the last line says so. Raises `PermanentFailure` without frames.
    """
    if not frames:
        raise PermanentFailure("There are no frames to show.", "Sample the video first.")
    sheet = _draw(frames, total)
    for quality in (85, 75, 65, 50, 35, 20):
        data = encode_jpeg(sheet, quality, longest_side=max(sheet.shape))
        if len(data) <= max_bytes:
            return data
    while len(data) > max_bytes and min(sheet.shape[:2]) > 64:
        sheet = cv2.resize(sheet, None, fx=0.8, fy=0.8, interpolation=cv2.INTER_AREA)
        data = encode_jpeg(sheet, 50, longest_side=max(sheet.shape))
    return data


def _draw(shown: Sequence[SheetFrame], total: int) -> np.ndarray:
    columns = min(_COLUMNS, len(shown))
    cell = (_SHEET_WIDTH - _GAP * (columns + 1)) // columns
    pictures = [_fit(frame, cell) for frame in shown]
    height = max(picture.height for picture in pictures)
    rows = math.ceil(len(shown) / columns)
    note = f"{len(shown)} of {total} frames" if total > len(shown) else ""
    canvas = Image.new(
        "RGB",
        (_SHEET_WIDTH, _GAP + rows * (height + _BAND + _GAP) + (_BAND if note else 0)),
        _PAPER,
    )
    draw = ImageDraw.Draw(canvas)
    for index, (frame, picture) in enumerate(zip(shown, pictures, strict=True)):
        left = _GAP + (index % columns) * (cell + _GAP)
        top = _GAP + (index // columns) * (height + _BAND + _GAP)
        canvas.paste(picture, (left + (cell - picture.width) // 2, top))
        edge = _KEPT if frame.kept else _DROPPED
        draw.rectangle(
            (left, top, left + cell - 1, top + height - 1),
            outline=edge,
            width=4 if frame.kept else 1,
        )
        _caption(draw, frame, left, top + height, cell)
    if note:
        _write(draw, note, _GAP, canvas.height - 7, _INK)
    return np.ascontiguousarray(np.asarray(canvas)[:, :, ::-1])


def _fit(frame: SheetFrame, cell: int) -> Image.Image:
    height, width = frame.image.shape[:2]
    # Upright frames stay within the height that a 4:3 frame would have.
    scale = min(cell / width, cell * 0.75 / height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    image = cv2.resize(frame.image, size, interpolation=cv2.INTER_AREA)
    if not frame.kept:
        image = cv2.addWeighted(image, _FADE, np.full_like(image, 255), 1 - _FADE, 0)
    return Image.fromarray(np.ascontiguousarray(image[:, :, ::-1]))


def _caption(draw: ImageDraw.ImageDraw, frame: SheetFrame, left: int, top: int, cell: int) -> None:
    colour = _KEPT if frame.kept else _INK
    baseline = top + _BAND - 7
    time = clock(frame.timestamp_ms)
    _write(draw, time, left + 2, baseline, colour)
    room = cell - measure_line(time, TYPEFACES["dejavu"], _CAPTION_SIZE)[0] - 14
    label = _shorten(frame.label, room)
    if label:
        width = measure_line(label, TYPEFACES["noto"], _CAPTION_SIZE)[0]
        _write(draw, label, left + cell - 2 - width, baseline, colour)


def _write(
    draw: ImageDraw.ImageDraw, text: str, left: float, baseline: int, colour: tuple[int, int, int]
) -> None:
    draw_line(draw, left, baseline, text, TYPEFACES["noto"], _CAPTION_SIZE, colour)


def _shorten(text: str, room: float) -> str:
    """The text, cut with an ellipsis until it is at most `room` pixels wide."""
    # No letter is narrower than three pixels.
    text = " ".join(text.split())[: max(0, int(room / 3))]
    cut = text
    while cut and measure_line(cut, TYPEFACES["noto"], _CAPTION_SIZE)[0] > room:
        text = text[:-1]
        cut = text + "…" if text else ""
    return cut
