"""How sharp a frame is, and a fingerprint that near-identical frames share."""

from __future__ import annotations

import cv2
import numpy as np

# The usual DCT hash: the lowest 8 × 8 frequencies of a 32 × 32 reduction.
_REDUCED = 32
_FREQUENCIES = 8


def to_gray(image: np.ndarray) -> np.ndarray:
    """The luma of a BGR (H × W × 3) or gray (H × W) uint8 image, as H × W uint8."""
    return image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)


def sharpness(image: np.ndarray) -> float:
    """Variance of the Laplacian of the luma: about 0 for a blank or blurred frame, more with detail.

    Comparable between frames of one video and one size, not between videos
    (Pech-Pacheco et al. 2000, "Diatom autofocusing in brightfield microscopy").
    """
    laplacian = cv2.Laplacian(to_gray(image), cv2.CV_16S)
    _, deviation = cv2.meanStdDev(laplacian)
    return float(deviation[0, 0] ** 2)


def perceptual_hash(image: np.ndarray) -> str:
    """The 64-bit pHash of the luma as 16 hexadecimal digits, first row of frequencies first.

    A bit is set where a coefficient exceeds the median of the 63 that are not the mean.
    """
    reduced = cv2.resize(to_gray(image), (_REDUCED, _REDUCED), interpolation=cv2.INTER_AREA)
    block = cv2.dct(reduced.astype(np.float32))[:_FREQUENCIES, :_FREQUENCIES].ravel()
    bits = block > np.median(block[1:])
    return np.packbits(bits).tobytes().hex()
