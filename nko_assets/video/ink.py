"""What is written in a frame, and how much of it another frame has too.

Similarity of whole pictures is blind to a new line of text: on a full slide it changes one tile in
twenty. So frames are compared by ink, tile by tile, and **the similarity of two frames is that of
their least similar tile**: the smallest share, over all tiles of the new frame that hold ink, of
the ink that the kept frame has in the same place. At a threshold of 0.85, a frame is new as soon
as more than 15 % of the ink of any one tile is new, however full the rest of the slide is; a line
of text, a single word or a letter fills tiles of its own, so it lowers the similarity to about 0.

Ink is a strong edge, held as its gradient. The kept frame *has* an edge where its own gradient
reaches at least half as far in the same direction. That tolerates what compression does to still
pictures, takes a text that is still fading in or blurred as not yet had, and other text in the
same place as new: the edges of two texts agree only by chance.

Deletions lower nothing: the measure is directed, and asks only what the new frame would add.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np

from nko_assets.video.encode import fit_within
from nko_assets.video.quality import to_gray

# Gray levels a pixel. Text needs a contrast of about 25 levels to reach it; the noise that
# compression leaves beside text and in photographs stays mostly below.
_EDGE = 8
# The share of an edge that the other frame must reach in the same direction.
_REACH = 0.5
# Ink pixels below which a tile holds no letter; the dot of a letter of 20 pixels has more.
_LEAST_INK = 16
# Cells of 20 pixels at 1280 × 720, so tiles of 40.
_CELLS_ACROSS = 64
_LEAST_CELL = 6


@dataclass(frozen=True, slots=True)
class FrameInk:
    """The edges of one frame: three bytes a pixel and a little more, so keep few of them at a time."""

    timestamp_ms: int
    shape: tuple[int, int]
    """Height and width in pixels at which the ink was found."""
    gray: np.ndarray
    """Height × width, uint8: the luma."""
    across: np.ndarray
    """Change from left to right at each pixel, row by row, in gray levels a pixel, int8."""
    down: np.ndarray
    """Change from top to bottom, likewise."""
    edges: np.ndarray
    """Indices of the inked pixels into both, ascending."""
    cells: np.ndarray
    """The number of the cell in which each of `edges` lies."""


def frame_ink(image: np.ndarray, timestamp_ms: int) -> FrameInk:
    """The ink of a BGR or gray uint8 image, worked out at no more than 1280 pixels a side."""
    gray = to_gray(fit_within(image))
    across, down = cv2.spatialGradient(cv2.GaussianBlur(gray, (3, 3), 0))
    # A Sobel filter weighs a change eightfold.
    edges = np.flatnonzero(np.abs(across) + np.abs(down) > 8 * _EDGE)
    height, width = gray.shape
    numbers, _ = _cells(height, width)
    return FrameInk(
        timestamp_ms, (height, width), gray, _eighth(across), _eighth(down), edges, numbers[edges]
    )


def _eighth(component: np.ndarray) -> np.ndarray:
    np.right_shift(component, 3, out=component)
    # Never -128, so that the scalar product of two gradients fits in 16 bits.
    np.maximum(component, -127, out=component)
    return component.ravel().astype(np.int8)


@dataclass(frozen=True, slots=True)
class InkComparison:
    """How much of the ink of one frame another one has, cell by cell.

    A cell is a quarter of a tile: tiles of 2 × 2 cells overlap by half, so that a word which
    crosses the border of one tile lies whole in the next.
    """

    ink: np.ndarray
    """Rows × columns of cells: inked pixels of the new frame."""
    had: np.ndarray
    """Those of them that the other frame has."""
    unmatched: np.ndarray
    """Indices of the pixels that it has not."""

    def similarity(self) -> float:
        """The smallest share of ink that the other frame has, over all tiles that hold ink.

        1.0 when no tile holds ink: a blank frame adds nothing.
        """
        ink, had = _tiles(self.ink), _tiles(self.had)
        held = ink >= _LEAST_INK
        return float((had[held] / ink[held]).min()) if held.any() else 1.0

    def holds_ink(self) -> bool:
        """Whether any tile of the new frame holds ink."""
        return bool((_tiles(self.ink) >= _LEAST_INK).any())

    def new_tiles(self, threshold: float) -> np.ndarray:
        """Tiles, one fewer than cells each way, in which less than `threshold` is had."""
        ink, had = _tiles(self.ink), _tiles(self.had)
        return (ink >= _LEAST_INK) & (had < threshold * ink)

    def without(self, moving: np.ndarray) -> InkComparison:
        """The same with the cells marked in `moving` left out."""
        still = ~moving
        return replace(self, ink=self.ink * still, had=self.had * still)


def compare_ink(new: FrameInk, *others: FrameInk) -> InkComparison:
    """How much of the ink of `new` any of `others` has; frames of another size have none of it."""
    across, down = _own(new)
    reach = ((across * across + down * down) * _REACH).astype(np.int16)
    found = np.zeros(len(new.edges), dtype=bool)
    for other in others:
        if other.shape == new.shape:
            found |= _product(across, down, new.edges, other) >= reach
    _, (rows, columns) = _cells(*new.shape)
    ink = np.bincount(new.cells, minlength=rows * columns).reshape(rows, columns)
    had = np.bincount(new.cells[found], minlength=rows * columns).reshape(rows, columns)
    return InkComparison(ink, had, new.edges[~found])


def softened(frame: FrameInk, sigma: float) -> FrameInk:
    """The ink as if the frame had been blurred, by a Gaussian of `sigma` pixels.

    An edge of a blurred frame is wider than the edge in focus, which therefore does not have all
    of it; the softened one does.
    """
    across, down = (
        cv2.GaussianBlur(part.reshape(frame.shape).astype(np.int16), (0, 0), sigma)
        .ravel()
        .astype(np.int8)
        for part in (frame.across, frame.down)
    )
    return replace(frame, across=across, down=down)


def strength_ratio(new: FrameInk, other: FrameInk, moving: np.ndarray) -> float:
    """How strong the edges of `new` are in `other`, 1.0 when equal; above it `other` is sharper."""
    still = ~moving.ravel()[new.cells]
    across, down = _own(new)
    own = (across * across + down * down)[still].sum(dtype=np.int64)
    theirs = _product(across, down, new.edges, other)[still].sum(dtype=np.int64)
    return float(theirs / own) if own else 1.0


def _own(frame: FrameInk) -> tuple[np.ndarray, np.ndarray]:
    return frame.across[frame.edges].astype(np.int16), frame.down[frame.edges].astype(np.int16)


def _product(
    across: np.ndarray, down: np.ndarray, edges: np.ndarray, other: FrameInk
) -> np.ndarray:
    """The scalar products of gradients with those of the other frame in the same places."""
    return across * other.across[edges] + down * other.down[edges]


def cell_grid(frame: FrameInk) -> tuple[int, int]:
    """Rows and columns of cells of the frame."""
    return _cells(*frame.shape)[1]


def cell_side(height: int, width: int) -> int:
    """Side of a cell in pixels: 20 at 1280 × 720."""
    return max(_LEAST_CELL, round(max(height, width) / _CELLS_ACROSS))


@lru_cache(maxsize=4)
def _cells(height: int, width: int) -> tuple[np.ndarray, tuple[int, int]]:
    """For each pixel, in one row, the number of its cell; and the rows and columns of cells."""
    side = cell_side(height, width)
    # At least two cells each way, so that there is a tile.
    rows, columns = max(2, -(-height // side)), max(2, -(-width // side))
    row = np.arange(height, dtype=np.int32) // side
    column = np.arange(width, dtype=np.int32) // side
    return (row[:, None] * columns + column[None, :]).ravel(), (rows, columns)


def _tiles(cells: np.ndarray) -> np.ndarray:
    return cells[:-1, :-1] + cells[1:, :-1] + cells[:-1, 1:] + cells[1:, 1:]
