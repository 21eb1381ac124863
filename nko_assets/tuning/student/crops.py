"""The lines that may teach or test the reader: those that somebody else vouches for.

A reader that is taught what it said itself learns its own mistakes, however sure it was. So a line
counts when a person accepted or corrected it, or when another reader and the offline one, which do
not know of each other, say the very same. What the gate accepted by confidence alone does not.
To test with, agreement is not enough either: lines on which the offline reader agreed are lines
that it reads rightly, and it could only lose on them.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import polars as pl

from nko_assets.corpus.jsonl import iter_jsonl
from nko_assets.corpus.ocr_samples import PADDING, sample_id
from nko_assets.corpus.similar import NearDuplicates, fold
from nko_assets.reading.charset import is_readable
from nko_assets.reading.review import GATE
from nko_assets.reading.training.lines import RealLine
from nko_assets.reading.trust.judge import compare_readings

Voucher = Literal["person", "agreement"]


@dataclass(frozen=True, slots=True)
class Crop:
    """A line of a frame: the JPEG of its crop, what it says, and who vouches for that."""

    id: str
    video_id: str
    text: str
    jpeg: bytes
    by: Voucher
    licence: str

    def line(self) -> RealLine:
        """The line to train on; samples are cut with room of `PADDING` all around."""
        picture = np.asarray(
            cv2.imdecode(np.frombuffer(self.jpeg, np.uint8), cv2.IMREAD_GRAYSCALE), np.uint8
        )
        height, width = picture.shape
        margin = round(height * PADDING / (1 + 2 * PADDING))
        return RealLine(picture, self.text, (margin, margin, width - margin, height - margin))


def vouchers(
    reviewed: pl.DataFrame, readings: pl.DataFrame, second: pl.DataFrame
) -> dict[str, Voucher]:
    """Who vouches for each OCR sample of one video that somebody vouches for, by its id.

    `reviewed` is its `ReviewedReadings`, `readings` and `second` are the `Readings` of the reader
    and of the offline reader beside it; `second` is empty where the offline one read alone.
    """
    compared = compare_readings(readings, second).entries
    found: dict[str, Voucher] = {}
    accepted = reviewed.filter((pl.col("decision") == "accepted") & (pl.col("entry") >= 0))
    for frame_id, entry, nko, by in accepted.select(
        "frame_id", "entry", "nko", "decided_by"
    ).iter_rows():
        identity = sample_id(frame_id, nko)
        trust = compared.get((frame_id, entry))
        if by != GATE:
            found[identity] = "person"
        elif trust is not None and trust.same:
            found.setdefault(identity, "agreement")
    return found


def crops(samples: Path, by: Mapping[str, Voucher]) -> list[Crop]:
    """The crops of an exported file of OCR samples that somebody vouches for, in its order.

    Lines with characters that the recognizer has no class for are left out.
    """
    return [
        Crop(
            row["id"],
            row["video_id"],
            row["text"],
            base64.b64decode(row["image"]),
            by[row["id"]],
            row["licence"],
        )
        for _, row in iter_jsonl(samples)
        if row["id"] in by and is_readable(row["text"])
    ]


def apart(
    teaching: Iterable[Crop], videos: Iterable[str], texts: Iterable[str]
) -> tuple[list[Crop], list[Crop]]:
    """The crops that are from none of `videos` and say nothing like `texts`, and the others."""
    strange = frozenset(videos)
    held_out = NearDuplicates(fold(text) for text in texts)
    kept: list[Crop] = []
    left: list[Crop] = []
    for crop in teaching:
        out = crop.video_id in strange or held_out.like(fold(crop.text))
        (left if out else kept).append(crop)
    return kept, left
