from __future__ import annotations

import numpy as np
import pytest

from nko_assets.failures import PermanentFailure
from nko_assets.video.encode import decode_jpeg, encode_jpeg, fit_within
from nko_assets_tests.slides import LINES, slide


def test_a_frame_comes_back_almost_as_it_was():
    text = slide(LINES)
    again = decode_jpeg(encode_jpeg(text))
    assert again.shape == text.shape
    assert np.abs(again.astype(int) - text).mean() < 1.5


def test_equal_frames_give_equal_bytes():
    assert encode_jpeg(slide(LINES)) == encode_jpeg(slide(LINES))


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((1080, 1920), (720, 1280)), ((1920, 1080), (1280, 720)), ((480, 854), (480, 854)),
     ((4, 9000), (1, 1280))],
)  # fmt: skip
def test_large_frames_shrink_and_small_ones_stay(shape, expected):
    frame = np.zeros((*shape, 3), np.uint8)
    assert fit_within(frame).shape[:2] == expected
    assert decode_jpeg(encode_jpeg(frame)).shape[:2] == expected


@pytest.mark.parametrize("data", [b"", b"not a picture", encode_jpeg(slide([]))[:50]])
def test_bytes_that_are_no_picture_are_refused(data):
    with pytest.raises(PermanentFailure, match=f"{len(data)} bytes"):
        decode_jpeg(data)
