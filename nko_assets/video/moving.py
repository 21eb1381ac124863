"""Ink that is nobody's text because it moves: the speaker in a corner, and the mouse pointer.

A place belongs to the speaker when it changed between nearly all neighbouring samples for a while,
when its shape is a speaker's: a compact patch near the border of the picture, a few tiles high; and
when it is no text: most of a patch of text has the one colour of the paper, skin and cloth have
many. So words that change with every sample, on cards or as subtitles, are not taken for a speaker.

A pointer is a blob of ink no larger than an icon that neither the sample before nor the one after
has. A lone small letter that is shown for one sample, on a slide that is otherwise the same, looks
just like it; a word or a line does not.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from nko_assets.video.ink import FrameInk, cell_grid, cell_side, compare_ink

# Samples looked at to either side: 40 s at one each 5 s.
REACH = 8
_LEAST_PAIRS = 8
_CHANGED = 0.85
_ALWAYS = 0.85
# Beside what always moves: a hand that is raised now and then, but no line of text.
_OFTEN = 0.3
_HAND = 3
# In cells of 20 pixels at 1280 × 720. What moves is found with one cell more to each side, so this
# is 100 pixels: three lines of text, the head and shoulders of a small speaker.
_LEAST_HEIGHT, _LEAST_WIDTH = 7, 6
_FROM_BORDER = 4
_LARGEST_SHARE = 0.25
# Text covers less than a third of its paper; levels that compression leaves of one colour.
_PAPER_SHARE = 0.5
_ONE_COLOUR = 7
_POINTER = 1.6
# A blob of that size lies in at most so many overlapping tiles each way.
_POINTER_TILES = 5


@dataclass(frozen=True, slots=True)
class StillInk:
    """A frame with what in it is not text."""

    ink: FrameInk
    following: FrameInk | None
    """The next sample."""
    speaker: np.ndarray
    """Rows × columns of cells, bool: where the speaker moves around this time."""
    pointer: np.ndarray
    """Likewise: where the pointer is in this sample alone."""


@dataclass(frozen=True, slots=True)
class _Change:
    """The tiles whose ink came, and those whose ink went, from one sample to the next."""

    came: np.ndarray
    went: np.ndarray


def with_moving_cells(frames: Iterable[FrameInk]) -> Iterator[StillInk]:
    """Each frame with the cells that move around its time; holds `REACH` frames ahead and no more."""
    ahead: deque[FrameInk] = deque()
    # changes[0] leads to ahead[0].
    changes: deque[_Change | None] = deque()
    behind: deque[_Change | None] = deque(maxlen=2 * REACH)
    source = iter(frames)
    newest: FrameInk | None = None
    previous: FrameInk | None = None
    while True:
        while len(ahead) <= REACH and (frame := next(source, None)) is not None:
            changes.append(_change(newest, frame) if newest is not None else None)
            ahead.append(frame)
            newest = frame
        if not ahead:
            return
        frame = ahead.popleft()
        following = ahead[0] if ahead else None
        # At the end of the video what is no longer ahead is made up for from behind.
        speaker = _speaker(frame, [*behind, *changes][-2 * REACH :])
        pointer = np.zeros(cell_grid(frame), dtype=bool)
        before, after = changes[0], changes[1] if ahead else None
        if previous is not None and following is not None and before and after:
            pointer |= _pointer(frame, previous, following, before.came & after.went)
        yield StillInk(frame, following, speaker, pointer)
        behind.append(changes.popleft())
        previous = frame


def _change(previous: FrameInk, frame: FrameInk) -> _Change | None:
    """None when the size changed."""
    if previous.shape != frame.shape:
        return None
    return _Change(
        compare_ink(frame, previous).new_tiles(_CHANGED),
        compare_ink(previous, frame).new_tiles(_CHANGED),
    )


def _pointer(
    frame: FrameInk, previous: FrameInk, following: FrameInk, passing: np.ndarray
) -> np.ndarray:
    cells = np.zeros(cell_grid(frame), dtype=bool)
    _, _, statistics, _ = cv2.connectedComponentsWithStats(passing.astype(np.uint8))
    small = [box for box in statistics[1:] if max(box[2], box[3]) <= _POINTER_TILES]
    if not small:
        return cells
    side = cell_side(*frame.shape)
    unmatched = compare_ink(frame, previous, following).unmatched
    alone = np.column_stack(np.divmod(unmatched, frame.shape[1]))
    for left, top, width, height, _ in small:
        low = np.array([top, left]) * side
        high = np.array([top + height + 1, left + width + 1]) * side
        inside = alone[((alone >= low) & (alone < high)).all(axis=1)]
        if len(inside) and (np.ptp(inside, axis=0) < _POINTER * side).all():
            cells[top : top + height + 1, left : left + width + 1] = True
    return cells


def _speaker(frame: FrameInk, changes: list[_Change | None]) -> np.ndarray:
    rows, columns = cell_grid(frame)
    known = [c.came | c.went for c in changes if c and c.came.shape == (rows - 1, columns - 1)]
    if len(known) < _LEAST_PAIRS:
        return np.zeros((rows, columns), dtype=bool)
    share = np.mean(known, axis=0)
    core = _cells_of(share >= _ALWAYS)
    near = cv2.dilate(core, np.ones((2 * _HAND + 1, 2 * _HAND + 1), np.uint8))
    region = core.copy()
    for row, column in np.argwhere(_cells_of(share >= _OFTEN) & near & ~core & 1):
        if not _is_paper(frame, max(0, column - 1), max(0, row - 1), 3, 3):
            region[row, column] = 1
    return _compact_patches(region, frame)


def _cells_of(tiles: np.ndarray) -> np.ndarray:
    """The cells that the marked tiles cover."""
    cells = np.pad(tiles, ((0, 1), (0, 1))).astype(np.uint8)
    # A tile covers its cell and those to the right, below, and diagonally below.
    return cv2.dilate(cells, np.ones((2, 2), np.uint8), anchor=(1, 1))


def _compact_patches(region: np.ndarray, frame: FrameInk) -> np.ndarray:
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
            and not _is_paper(frame, left, top, width, height)
        ):
            patches[top : top + height, left : left + width] = True
    return patches


def _is_paper(frame: FrameInk, left: int, top: int, width: int, height: int) -> bool:
    """Whether most of the patch, given in cells, has one colour."""
    side = cell_side(*frame.shape)
    patch = frame.gray[top * side : (top + height) * side, left * side : (left + width) * side]
    levels = np.bincount(patch.ravel(), minlength=256)
    alike = np.convolve(levels, np.ones(_ONE_COLOUR, dtype=int), mode="same")
    return bool(alike.max() >= _PAPER_SHARE * patch.size)
