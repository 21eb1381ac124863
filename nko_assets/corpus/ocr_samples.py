"""Format C: pictures of accepted N'Ko lines, cropped from the frames they were read on."""

from __future__ import annotations

import base64
import io
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any, Final

import polars as pl
from PIL import Image

from nko_assets.corpus.readings import accepted_entries
from nko_assets.corpus.rows import Built, Row, built, provenance, rejection, row_id
from nko_assets.nko import key
from nko_assets.nko.characters import DIGITS, LETTERS
from nko_assets.schemas.training import OcrSamples

# Tone marks stand above the letters and nasalization below: a tight box cuts them off.
PADDING: Final = 0.2  # of the height of the box, on each side
SMALLEST: Final = 10  # pixels of the box's height or width; marks are gone below it
LARGEST: Final = (1600, 320)  # pixels; a larger crop is scaled down
QUALITY: Final = 90
# Width over height of a line's box, for each letter of a text of some length: 0.33 and more on the
# slides of the sample channel, 0.15 to 0.19 where the text runs over two lines.
NARROWEST: Final = 0.25
FEW_LETTERS: Final = 8


def ocr_samples(reviewed: pl.DataFrame, jpeg_of: Callable[[str], bytes]) -> Built:
    """Crops (`OcrSamples`) of the accepted rows of `reviewed`, with the text each one shows.

    Call it video by video: pictures are held for the rows given. `jpeg_of` gives the picture of a
    frame and raises `KeyError` for a frame it does not know. A text that a video shows on several
    frames gives one sample, the one read with the highest confidence. Rows without a usable box
    are among the rejected.
    """
    rows: list[dict[str, Any]] = []
    rejected: list[dict[str, Any]] = []
    texts_in = _texts_by_box(reviewed)
    by_frame: defaultdict[str, list[Row]] = defaultdict(list)
    for entry in _one_a_text(accepted_entries(reviewed), rejected):
        by_frame[entry["frame_id"]].append(entry)
    for frame_id, entries in sorted(by_frame.items()):
        try:
            frame = Image.open(io.BytesIO(jpeg_of(frame_id))).convert("RGB")
        except KeyError:
            rejected += [
                _no_picture(entry, "the frame it was read on is gone") for entry in entries
            ]
            continue
        for entry in entries:
            problem = _box_problem(entry["box"], frame.size)
            if not problem and len(texts_in[frame_id, *entry["box"]]) > 1:
                problem = "its box shows more text than it says"
            if not problem and _runs_over_lines(entry["box"], entry["nko"]):
                problem = "its box shows several lines"
            if problem:
                rejected.append(_no_picture(entry, problem))
            else:
                rows.append(_sample(entry, _crop(frame, entry["box"])))
    return built(OcrSamples, rows, rejected)


def sample_id(frame_id: str, nko: str) -> str:
    """The id of the sample that shows `nko` on a frame."""
    return row_id("ocr sample", frame_id, nko)


def _one_a_text(entries: pl.DataFrame, rejected: list[dict[str, Any]]) -> list[Row]:
    kept: dict[tuple[str, str], Row] = {}
    ranked = entries.sort(
        "confidence",
        "timestamp_ms",
        "reading_id",
        descending=[True, False, False],
        nulls_last=True,
    )
    for entry in ranked.iter_rows(named=True):
        first = kept.setdefault((entry["video_id"], key(entry["nko"])), entry)
        if first is not entry:
            rejected.append(
                rejection(
                    entry,
                    entry["reading_id"],
                    "duplicate",
                    "a sample of the same text in the same video was read with more confidence",
                    sample_id(first["frame_id"], first["nko"]),
                )
            )
    return list(kept.values())


def _texts_by_box(reviewed: pl.DataFrame) -> Mapping[tuple[object, ...], set[str]]:
    """The texts read in each box of each frame, whatever was decided on them."""
    texts: defaultdict[tuple[object, ...], set[str]] = defaultdict(set)
    for frame_id, box, nko in reviewed.select("frame_id", "box", "nko").iter_rows():
        texts[frame_id, *box].add(nko)
    return texts


def _box_problem(box: list[int], size: tuple[int, int]) -> str:
    if len(box) != 4:
        return "the reader gave no box for it"
    left, top, right, bottom = box
    if right - left < SMALLEST or bottom - top < SMALLEST:
        return f"its box is smaller than {SMALLEST} pixels"
    if left < 0 or top < 0 or right > size[0] or bottom > size[1]:
        return "its box reaches outside of the frame"
    return ""


def _runs_over_lines(box: list[int], nko: str) -> bool:
    left, top, right, bottom = box
    count = sum(sign in LETTERS or sign in DIGITS for sign in nko)
    return count >= FEW_LETTERS and (right - left) / (bottom - top) < NARROWEST * count


def _crop(frame: Image.Image, box: list[int]) -> Image.Image:
    left, top, right, bottom = box
    margin = round((bottom - top) * PADDING)
    crop = frame.crop(
        (
            max(left - margin, 0),
            max(top - margin, 0),
            min(right + margin, frame.width),
            min(bottom + margin, frame.height),
        )
    )
    crop.thumbnail(LARGEST, Image.Resampling.LANCZOS)
    return crop


def _sample(entry: Row, crop: Image.Image) -> dict[str, Any]:
    picture = io.BytesIO()
    crop.save(picture, "JPEG", quality=QUALITY)
    return {
        **provenance([entry]),
        "id": sample_id(entry["frame_id"], entry["nko"]),
        "origin": "extracted",
        "image": base64.b64encode(picture.getvalue()).decode("ascii"),
        "text": entry["nko"],
        "latin": entry["latin"],
        "translation": entry["english"] if entry["english"] is not None else entry["french"],
        "width": crop.width,
        "height": crop.height,
    }


def _no_picture(entry: Row, reason: str) -> dict[str, Any]:
    return rejection(entry, entry["reading_id"], "no_picture", reason)
