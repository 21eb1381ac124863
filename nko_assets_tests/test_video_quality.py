from __future__ import annotations

import cv2
import numpy as np
import pytest

from nko_assets.video.encode import decode_jpeg, encode_jpeg
from nko_assets.video.quality import perceptual_hash, sharpness
from nko_assets_tests.benchmarks.frames import hash_distance
from nko_assets_tests.slides import LINES, slide


def test_blur_lowers_sharpness():
    text = slide(LINES)
    values = [sharpness(cv2.GaussianBlur(text, (0, 0), sigma)) for sigma in (0.5, 1, 2, 4)]
    assert sharpness(text) > values[0] > values[1] > values[2] > values[3] > 0


def test_a_blank_frame_has_no_sharpness():
    assert sharpness(slide([])) == 0.0


def test_sharpness_is_the_variance_of_the_laplacian():
    gray = np.random.default_rng(0).integers(0, 255, (40, 60), dtype=np.uint8)
    assert sharpness(gray) == pytest.approx(cv2.Laplacian(gray, cv2.CV_64F).var())


def test_the_hash_is_sixteen_hexadecimal_digits():
    assert len(perceptual_hash(slide(LINES))) == 16
    assert 0 <= int(perceptual_hash(slide(LINES)), 16) < 1 << 64


def test_compression_and_size_hardly_change_the_hash():
    text = slide(LINES)
    small = cv2.resize(text, (640, 360), interpolation=cv2.INTER_AREA)
    assert hash_distance(perceptual_hash(text), perceptual_hash(small)) <= 4
    jpeg = decode_jpeg(encode_jpeg(text, 60))
    assert hash_distance(perceptual_hash(text), perceptual_hash(jpeg)) <= 4


def test_other_pictures_have_other_hashes():
    noise = np.random.default_rng(0).integers(0, 255, (720, 1280, 3), dtype=np.uint8)
    assert hash_distance(perceptual_hash(slide(LINES)), perceptual_hash(noise)) > 16
