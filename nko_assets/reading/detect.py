"""Where the lines of text are on a frame: detection, and boxes that fit one line each.

Detection is RapidOCR's (PP-OCR, the weights in its wheel). It was not made for N'Ko: it may cut a
line at a wide space, or take two columns for one line, and its margins differ from line to line.
So pieces of a line are joined, boxes are split where a column of nothing runs through them, and
each box is fitted to its ink, tone marks above and dots below included.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from nko_assets.reading.answers import Box, union

Mask = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]

LONGEST_SIDE = 640
"""Pixels to which a frame is shrunk for detection; 960 finds small print at twice the time."""

# Shares of a line's height.
_JOIN_GAP = 0.5  # a word space is about 0.4, a column gap above 1.6
_SPLIT_GAP = 1.6
_MARK_SIZE, _MARK_GAP = 0.45, 0.2
_SAME_LINE = 0.35
_REACH = 0.4  # how far beyond the detected box ink is looked for
_LOOSE_INK = 0.25  # blank space between a detected box and a mark outside it
_MARGIN = 0.17  # what detection leaves around ink, on average
_PAD_ACROSS, _PAD_ALONG = 0.12, 0.3  # the recognizer was trained on crops cut about like this
_RULE = 0.75  # a row with more ink than this is a rule or the edge of a band
_TALLEST = 0.6  # of the frame: an empty page may be taken for a line
_SMALLEST = 5  # pixels; nothing lower can be read


@dataclass(frozen=True, slots=True)
class TextLine:
    """A line found on a frame: `box` around its ink, `crop` with the margin recognizers want."""

    box: Box
    crop: Box


class TextDetector:
    """Finds lines of text; loads its weights when first used, runs on one thread."""

    def __init__(self, longest_side: int = LONGEST_SIDE) -> None:
        self.longest_side = longest_side

    def find(self, image: np.ndarray) -> list[TextLine]:
        """The lines of a BGR uint8 frame (height, width, 3), from top to bottom."""
        found = self._engine(image, use_det=True, use_cls=False, use_rec=False)
        if found.boxes is None:
            return []
        tallest = _TALLEST * image.shape[0]
        corners = np.asarray(found.boxes)
        low, high = corners.min(axis=1).round().astype(int), corners.max(axis=1).round().astype(int)
        boxes = [(int(a), int(b), int(c), int(d)) for (a, b), (c, d) in zip(low, high, strict=True)]
        return fit_lines(image, [box for box in boxes if box[3] - box[1] < tallest])

    @cached_property
    def _engine(self) -> Any:
        from rapidocr import RapidOCR

        return RapidOCR(
            params={
                "Global.log_level": "warning",
                "Det.model_path": str(rapidocr_model("det")),
                "Det.limit_type": "max",
                "Det.limit_side_len": self.longest_side,
                "EngineConfig.onnxruntime.intra_op_num_threads": 1,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            }
        )


def rapidocr_model(task: str) -> Path:
    """The weights in RapidOCR's wheel for `task`: 'det' or 'rec'."""
    from importlib.resources import files

    return Path(str(files("rapidocr") / "models" / f"PP-OCRv6_{task}_small.onnx"))


def fit_lines(image: np.ndarray, boxes: Sequence[Box]) -> list[TextLine]:
    """Detected `boxes` as lines: joined, split at columns, fitted to ink; from top to bottom."""
    gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) if image.ndim == 3 else image
    height, width = gray.shape
    whole = [
        (max(x0, 0), max(y0, 0), min(x1, width), min(y1, height))
        for x0, y0, x1, y1 in join_pieces(boxes)
    ]
    pieces = [piece for box in whole for piece in split_columns(gray, box)]
    lines = []
    for piece in pieces:
        box = fit_to_ink(gray, piece, [other for other in pieces if other is not piece])
        if box[3] - box[1] >= _SMALLEST and box[2] - box[0] >= _SMALLEST:
            lines.append(TextLine(box, padded(box, gray.shape)))
    return sorted(lines, key=lambda line: (line.box[1] + line.box[3], line.box[0]))


def join_pieces(boxes: Sequence[Box]) -> list[Box]:
    """Boxes that belong to one line become one: on one level, and no further apart than words."""
    joined = sorted(boxes)
    index = 0
    while index < len(joined):
        partner = next(
            (i for i in range(index + 1, len(joined)) if _one_line(joined[index], joined[i])), None
        )
        if partner is None:
            index += 1
            continue
        other = joined.pop(partner)
        one = joined.pop(index)
        joined.append(union([one, other]))
        joined.sort()
        index = 0
    return joined


def _one_line(one: Box, other: Box) -> bool:
    tall = max(one[3] - one[1], other[3] - other[1])
    small = min(one[3] - one[1], other[3] - other[1])
    gap = max(one[0], other[0]) - min(one[2], other[2])
    rise = abs((one[1] + one[3]) - (other[1] + other[3])) / 2
    within = min(one[3], other[3]) - max(one[1], other[1]) > 0.8 * small
    if gap < -0.5 * small:  # one above the other, or one inside the other
        return (within and rise < _SAME_LINE * small) or _is_mark(one, other)
    return gap < _JOIN_GAP * tall and rise < _SAME_LINE * tall and within


def _is_mark(one: Box, other: Box) -> bool:
    """Whether the smaller box is a mark over or under the line in the other."""
    mark, line = sorted((one, other), key=lambda box: box[3] - box[1])
    height = line[3] - line[1]
    apart = max(mark[1], line[1]) - min(mark[3], line[3])
    inside = mark[0] > line[0] - _MARK_GAP * height and mark[2] < line[2] + _MARK_GAP * height
    return inside and mark[3] - mark[1] < _MARK_SIZE * height and apart < _MARK_GAP * height


def split_columns(gray: np.ndarray, box: Box) -> list[Box]:
    """`box` cut where a gap much wider than a word space runs through it."""
    x0, y0, x1, y1 = box
    ink = _ink(gray[y0:y1, x0:x1])
    rows = np.flatnonzero(_text_rows(ink))
    columns = np.flatnonzero(ink[_text_rows(ink)].any(axis=0)) if len(rows) else rows
    if len(columns) < 2:
        return [box]
    height = rows[-1] - rows[0] + 1
    ends = [
        (int(left), int(right))
        for left, right in pairwise(columns)
        if right - left > _SPLIT_GAP * height
    ]
    edges = [x0, *(x0 + (left + right) // 2 for left, right in ends), x1]
    return [(left, y0, right, y1) for left, right in pairwise(edges)]


def fit_to_ink(gray: np.ndarray, box: Box, neighbours: Sequence[Box] = ()) -> Box:
    """The box around the ink of the line in `box`; looks a little beyond it, not into neighbours.

    Where no ink can be told from the background, the box less the margin that detection leaves.
    """
    x0, y0, x1, y1 = box
    height = y1 - y0
    reach = round(_REACH * height)
    top, bottom = _free_rows(box, neighbours, y0 - reach, y1 + reach)
    top, bottom = max(top, 0), min(bottom, gray.shape[0])
    left, right = max(x0 - reach, 0), min(x1 + reach, gray.shape[1])
    ink = _ink(gray[top:bottom, left:right], gray[y0:y1, x0:x1])
    loose = _LOOSE_INK * height
    inner = (x0 - left, max(y0 - top, 0), x1 - left, y1 - top)
    margin = round(_MARGIN * height)
    core = (inner[0] + margin, inner[1] + margin, inner[2] - margin, inner[3] - margin)
    ink = _without_surroundings(ink, core)
    rows: Mask = ink[:, inner[0] : inner[2]].max(axis=1)
    first, last = _extent(rows, inner[1], inner[3], loose)
    if first >= last:
        return x0, y0 + margin, x1, y1 - margin
    columns: Mask = ink[first:last].max(axis=0)
    begin, end = _extent(columns, inner[0], inner[2], loose)
    return left + begin, top + first, left + end, top + last


def _free_rows(box: Box, neighbours: Sequence[Box], top: int, bottom: int) -> tuple[int, int]:
    """`top` and `bottom` moved so that they stop half-way to the ink of lines above and below."""
    middle = (box[1] + box[3]) / 2
    margin = _MARGIN * (box[3] - box[1])
    for other in neighbours:
        if min(other[2], box[2]) <= max(other[0], box[0]):
            continue
        other_margin = _MARGIN * (other[3] - other[1])
        if (other[1] + other[3]) / 2 < middle:
            top = max(top, round((other[3] - other_margin + box[1] + margin) / 2))
        else:
            bottom = min(bottom, round((other[1] + other_margin + box[3] - margin) / 2))
    return top, bottom


def _without_surroundings(ink: Mask, core: Box) -> Mask:
    """`ink` without what comes in from outside: bands, rules, borders, neighbouring lines.

    That is connected ink that reaches the edge and lies mostly outside `core`.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(ink.astype(np.uint8))
    x0, y0, x1, y1 = core
    inside = np.bincount(labels[y0:y1, x0:x1].ravel(), minlength=count)
    left, top = stats[:, cv2.CC_STAT_LEFT], stats[:, cv2.CC_STAT_TOP]
    right, bottom = left + stats[:, cv2.CC_STAT_WIDTH], top + stats[:, cv2.CC_STAT_HEIGHT]
    height, width = ink.shape
    reaches = (left == 0) | (top == 0) | (right == width) | (bottom == height)
    foreign = reaches & (2 * inside < stats[:, cv2.CC_STAT_AREA])
    return ink & ~foreign[labels]


def _extent(inked: Mask, start: int, stop: int, loose: float) -> tuple[int, int]:
    """First and last (exclusive) inked position in [start, stop), or close enough outside.

    Beyond the range, ink counts up to the first blank space longer than `loose`. (0, 0) where
    nothing is inked.
    """
    places = np.flatnonzero(inked)
    within = places[(places >= start) & (places < stop)]
    if not len(within):
        return 0, 0
    first, last = int(within[0]), int(within[-1])
    for place in places[places < first][::-1]:
        if min(first, start) - place > loose + 1:
            break
        first = int(place)
    for place in places[places > last]:
        if place - max(last, stop - 1) > loose + 1:
            break
        last = int(place)
    return first, last + 1


def _ink(gray: np.ndarray, inner: np.ndarray | None = None) -> Mask:
    """Which pixels are ink: further from the background than a third of the contrast.

    The background is the median of `inner`, the part of `gray` that is surely on it.
    """
    inner = gray if inner is None else inner
    level = round(float(np.median(inner)))
    contrast = np.percentile(cv2.absdiff(inner, np.full_like(inner, level)), 99)
    return cv2.absdiff(gray, np.full_like(gray, level)) > max(14.0, 0.33 * float(contrast))


def _text_rows(ink: np.ndarray) -> np.ndarray:
    share = ink.mean(axis=1)
    return (share > 0) & (share <= _RULE)


def padded(box: Box, shape: tuple[int, ...]) -> Box:
    """`box` with the margin that recognizers want, inside a picture of `shape` (height, width)."""
    x0, y0, x1, y1 = box
    across = round(_PAD_ACROSS * (y1 - y0)) + 1
    along = round(_PAD_ALONG * (y1 - y0)) + 1
    return (
        max(x0 - along, 0),
        max(y0 - across, 0),
        min(x1 + along, shape[1]),
        min(y1 + across, shape[0]),
    )


def reading_order(boxes: Sequence[Box], *, right_to_left: bool) -> list[int]:
    """The positions of `boxes` as one reads them: row by row, each row from its first side."""
    remaining = sorted(range(len(boxes)), key=lambda i: boxes[i][1] + boxes[i][3])
    order: list[int] = []
    while remaining:
        head = boxes[remaining[0]]
        row = [i for i in remaining if _one_row(head, boxes[i])]
        row.sort(key=lambda i: -boxes[i][2] if right_to_left else boxes[i][0])
        order += row
        remaining = [i for i in remaining if i not in row]
    return order


def _one_row(one: Box, other: Box) -> bool:
    rise = abs((one[1] + one[3]) - (other[1] + other[3])) / 2
    return rise < 0.4 * ((one[3] - one[1]) + (other[3] - other[1])) / 2
