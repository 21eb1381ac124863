"""Rendered training lines look like text: every style, codec and cut leaves something to read."""

import numpy as np
import pytest

from nko_assets.reading.training import augment
from nko_assets.reading.training.lines import line_mask, render_sheet
from nko_assets.typeset import TYPEFACES

TEXTS = ["ߒߞߏ ߛߓߍ", "ߌ ߣߌ߫ ߛߐ߰ߡߊ߬", "ߞߊ߬ߙߊ߲߬ߡߐ߮ 2025"]


def test_the_same_seed_renders_the_same_sheet():
    first, second = (
        render_sheet(np.random.default_rng(3), TEXTS, TYPEFACES["noto"]) for _ in range(2)
    )
    assert all(np.array_equal(a.image, b.image) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("seed", range(25))
def test_every_line_of_a_sheet_comes_back_as_a_legible_gray_picture(seed):
    rng = np.random.default_rng(seed)
    for line, text in zip(render_sheet(rng, TEXTS, TYPEFACES["dejavu"]), TEXTS, strict=True):
        assert line.text == text
        assert line.image.dtype == np.uint8
        assert line.image.ndim == 2
        assert min(line.image.shape) >= 8
        assert np.ptp(line.image) > 20


@pytest.mark.parametrize("face", TYPEFACES.values(), ids=TYPEFACES)
def test_a_mask_is_cut_to_its_ink_and_touches_no_edge(face):
    mask = line_mask("ߞߊ߲߬ߞߍ߲ߘߍ߫؟", face, 40)
    assert mask.max() > 200
    assert not mask[:2].any()
    assert not mask[-2:].any()
    assert not mask[:, :2].any()
    assert not mask[:, -2:].any()


@pytest.mark.parametrize("seed", range(12))
def test_a_distorted_line_keeps_its_ink(seed):
    rng = np.random.default_rng(seed)
    style = augment.StrokeStyle.draw(rng)
    mask = line_mask("ߊߟߊߞߊ", TYPEFACES["noto"], 56)
    assert style.apply(rng, mask, 0.5).max() > 100


def test_a_picture_survives_h264_with_its_size_and_most_of_its_light():
    picture = np.full((64, 96, 3), 240, np.uint8)
    picture[20:40, 30:60] = 10
    coded = augment.h264(picture, crf=28)
    assert coded.shape == picture.shape
    assert np.abs(coded.astype(int) - picture).mean() < 8
