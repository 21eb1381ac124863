"""Frames as JPEG bytes, and back."""

from __future__ import annotations

import cv2
import numpy as np

from nko_assets.failures import PermanentFailure

QUALITY = 90
LONGEST_SIDE = 1280


def fit_within(image: np.ndarray, longest_side: int = LONGEST_SIDE) -> np.ndarray:
    """The image shrunk until its longest side is at most `longest_side` pixels; never enlarged."""
    height, width = image.shape[:2]
    longest = max(height, width)
    if longest <= longest_side:
        return image
    size = (
        max(1, round(width * longest_side / longest)),
        max(1, round(height * longest_side / longest)),
    )
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def encode_jpeg(
    image: np.ndarray, quality: int = QUALITY, longest_side: int = LONGEST_SIDE
) -> bytes:
    """A BGR or gray uint8 image as JPEG, shrunk to fit `longest_side`; equal input, equal bytes."""
    done, data = cv2.imencode(
        ".jpg", fit_within(image, longest_side), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    if not done:
        raise PermanentFailure(
            f"A frame of shape {image.shape} could not be written as JPEG.",
            "Sample the video again.",
        )
    return data.tobytes()


def decode_jpeg(data: bytes) -> np.ndarray:
    """JPEG bytes as a BGR uint8 image, H × W × 3."""
    image = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_COLOR) if data else None
    if image is None:
        raise PermanentFailure(
            f"{len(data)} bytes that should be a JPEG frame cannot be decoded.",
            "Materialize the frames of this video again.",
        )
    return image
