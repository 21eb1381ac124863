"""Where a picture moves all the time: the speaker in a corner, whose ink is nobody's text.

A place counts as moving when it changed between nearly all neighbouring samples for a while, and
when its shape is a speaker's: a compact patch near the border of the picture, a few tiles high.
Words that change with every sample, on cards or as subtitles, are not such a patch: they stand in
the middle, or are a line high, or fill the slide.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

import cv2
import numpy as np

from nko_assets.video.ink import FrameInk, cell_grid, compare_ink

# Samples looked at to either side, two thirds of a minute at one each 5 s.
REACH = 8
_LEAST_PAIRS = 6
_CHANGED = 0.85
_ALWAYS = 0.9
# Beside what always moves: a hand that is raised now and then.
_OFTEN = 0.3
_HAND = 3
# In cells, four to a tile of 40 pixels at 1280 × 720.
_LEAST_HEIGHT, _LEAST_WIDTH = 5, 4
_FROM_BORDER = 4
_LARGEST_SHARE = 0.2


def with_moving_cells(
    frames: Iterable[FrameInk],
) -> Iterator[tuple[FrameInk, FrameInk | None, np.ndarray]]:
    """Each frame, the one after it, and the cells that move around it (rows × columns, bool).

    Holds `REACH` frames ahead and no more.
    """
    ahead: deque[FrameInk] = deque()
    changes: deque[np.ndarray | None] = deque()
    behind: deque[np.ndarray | None] = deque(maxlen=REACH)
    source = iter(frames)
    previous: FrameInk | None = None
    while True:
        while len(ahead) <= REACH and (frame := next(source, None)) is not None:
            changes.append(_changed(previous, frame) if previous is not None else None)
            ahead.append(frame)
            previous = frame
        if not ahead:
            return
        frame = ahead.popleft()
        yield frame, ahead[0] if ahead else None, _moving(frame, [*behind, *changes])
        behind.append(changes.popleft())


def _changed(previous: FrameInk, frame: FrameInk) -> np.ndarray | None:
    """Tiles whose ink came or went from one sample to the next; None when the size changed."""
    if previous.shape != frame.shape:
        return None
    return compare_ink(frame, previous).new_tiles(_CHANGED) | compare_ink(
        previous, frame
    ).new_tiles(_CHANGED)


def _moving(frame: FrameInk, changes: list[np.ndarray | None]) -> np.ndarray:
    rows, columns = cell_grid(frame)
    known = [c for c in changes if c is not None and c.shape == (rows - 1, columns - 1)]
    if len(known) < _LEAST_PAIRS:
        return np.zeros((rows, columns), dtype=bool)
    share = np.mean(known, axis=0)
    core = _cells_of(share >= _ALWAYS)
    near = cv2.dilate(core, np.ones((2 * _HAND + 1, 2 * _HAND + 1), np.uint8))
    region = core | (_cells_of(share >= _OFTEN) & near)
    return _compact_patches(region)


def _cells_of(tiles: np.ndarray) -> np.ndarray:
    """The cells that the marked tiles cover."""
    cells = np.zeros((tiles.shape[0] + 1, tiles.shape[1] + 1), dtype=np.uint8)
    for row in (0, 1):
        for column in (0, 1):
            cells[row : row + tiles.shape[0], column : column + tiles.shape[1]] |= tiles
    return cells


def _compact_patches(region: np.ndarray) -> np.ndarray:
    """The bounding boxes of the patches of `region` that can be a speaker."""
    rows, columns = region.shape
    patches = np.zeros(region.shape, dtype=bool)
    # Clothes and skin have places without an edge: bridge one tile.
    joined = cv2.morphologyEx(region, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    _, _, statistics, _ = cv2.connectedComponentsWithStats(joined)
    for left, top, width, height, _ in statistics[1:]:
        from_border = min(left, top, columns - left - width, rows - top - height)
        if (
            height >= _LEAST_HEIGHT
            and width >= _LEAST_WIDTH
            and width <= 2 * height
            and width * height <= _LARGEST_SHARE * rows * columns
            and from_border <= _FROM_BORDER
        ):
            patches[top : top + height, left : left + width] = True
    return patches
