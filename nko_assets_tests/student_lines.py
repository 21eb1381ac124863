"""Crops of lines for tests of the student: drawn quickly, said to be vouched for by a person."""

from __future__ import annotations

import uuid
from functools import cache

import cv2
import numpy as np

from nko_assets.corpus.ocr_samples import PADDING
from nko_assets.reading.training.lines import line_mask
from nko_assets.reading.training.text import invented_lines
from nko_assets.tuning.student.crops import Crop, Voucher
from nko_assets.tuning.student.frozen import FrozenLine
from nko_assets.typeset import TYPEFACES

SIZE = 24


def crop(number: int, video_id: str = "lesson-0", by: Voucher = "person") -> Crop:
    """One line of invented words as it would be exported."""
    text, jpeg = _drawn(number)
    name = str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{video_id} {text}"))
    return Crop(name, video_id, text, jpeg, by, "CC-BY-SA-4.0")


def frozen_line(number: int, kind: str = "real") -> FrozenLine:
    """The same line in a frozen set."""
    one = crop(number, "lesson-held-out")
    video_id = one.video_id if kind == "real" else ""
    return FrozenLine(kind, f"{kind}-{number}", video_id, one.text, one.jpeg, one.licence)  # type: ignore[arg-type]


@cache
def _texts() -> list[str]:
    return invented_lines(400, seed=11)


@cache
def _drawn(number: int) -> tuple[str, bytes]:
    text = _texts()[number][:18].strip()
    ink = line_mask(text, TYPEFACES["noto"], SIZE, pad=0)
    margin = round(ink.shape[0] * PADDING)
    picture = 255 - np.pad(ink, margin)
    return text, cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()
