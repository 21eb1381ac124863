from __future__ import annotations

import cv2
import numpy as np
import pytest

from nko_assets.video.encode import decode_jpeg, encode_jpeg
from nko_assets.video.ink import compare_ink, frame_ink, strength_ratio
from nko_assets_tests.slides import LINES, slide

NOTHING_MOVES = np.zeros((36, 64), dtype=bool)


def similarity(new: np.ndarray, kept: np.ndarray) -> float:
    return compare_ink(frame_ink(new, 0), frame_ink(kept, 0)).similarity()


def test_a_frame_has_all_its_own_ink():
    assert similarity(slide(LINES), slide(LINES)) == 1.0


def test_compression_changes_no_ink():
    clean = slide(LINES)
    for quality in (90, 60, 40):
        assert similarity(decode_jpeg(encode_jpeg(clean, quality)), clean) > 0.9
        assert similarity(clean, decode_jpeg(encode_jpeg(clean, quality))) > 0.9


@pytest.mark.parametrize("size", [14, 20, 28, 60])
@pytest.mark.parametrize("colour", ["black", (150, 150, 150), "darkorange"])
def test_one_line_more_is_new_however_full_the_slide_is(size, colour):
    pitch = round(size * 1.7)
    full = [LINES[k % len(LINES)] for k in range(660 // pitch)]
    before = slide(full[:-1], size=size, pitch=pitch, colour=colour)
    after = slide(full, size=size, pitch=pitch, colour=colour)
    assert similarity(after, before) < 0.5
    assert similarity(before, after) == 1.0


def test_one_short_word_more_is_new():
    assert similarity(slide([*LINES[:4], "ߊ߬"]), slide(LINES[:4])) < 0.5


def test_other_words_in_the_same_places_are_new():
    assert similarity(slide(LINES), slide(LINES[::-1])) < 0.5


def test_one_letter_exchanged_in_a_word_is_new():
    assert similarity(slide(["ߓߊ߬ߓߊ"]), slide(["ߓߊ߬ߕߊ"])) < 0.85


def test_erased_lines_add_nothing():
    assert similarity(slide(LINES[:2]), slide(LINES)) == 1.0


def test_a_text_that_fades_in_is_not_yet_had_at_a_third_and_had_at_nine_tenths():
    full, empty = slide(LINES), slide([])
    third = cv2.addWeighted(full, 0.33, empty, 0.67, 0)
    most = cv2.addWeighted(full, 0.9, empty, 0.1, 0)
    assert similarity(full, third) < 0.5
    assert similarity(full, most) > 0.85
    assert similarity(third, full) > 0.95


def test_brightness_alone_changes_no_ink():
    assert similarity(slide(LINES), cv2.convertScaleAbs(slide(LINES), beta=-30)) > 0.95


def test_a_blank_frame_holds_no_ink_and_adds_none():
    comparison = compare_ink(frame_ink(slide([]), 0), frame_ink(slide(LINES), 0))
    assert not comparison.holds_ink()
    assert comparison.similarity() == 1.0


def test_a_frame_of_another_size_has_none_of_the_ink():
    text = slide(LINES)
    assert similarity(text, np.rot90(text)) == 0.0


def test_two_frames_together_have_the_ink_of_a_mixture():
    first, second = slide(LINES[:3]), slide(LINES[3:], top=400)
    mixture = np.minimum(first, second)
    both = compare_ink(frame_ink(mixture, 0), frame_ink(first, 0), frame_ink(second, 0))
    assert both.similarity() == 1.0
    assert similarity(mixture, first) == 0.0


def test_ink_in_moving_cells_is_left_out():
    moving = NOTHING_MOVES.copy()
    comparison = compare_ink(frame_ink(slide(LINES), 0))
    assert comparison.without(moving).holds_ink()
    moving[:] = True
    assert not comparison.without(moving).holds_ink()


def test_a_sharper_frame_has_stronger_edges():
    sharp = frame_ink(slide(LINES), 0)
    blurred = frame_ink(cv2.GaussianBlur(slide(LINES), (0, 0), 1.2), 0)
    assert strength_ratio(blurred, sharp, NOTHING_MOVES) > 1.15
    assert strength_ratio(sharp, sharp, NOTHING_MOVES) == pytest.approx(1.0)


@pytest.mark.parametrize("shape", [(1, 1, 3), (5, 700, 3), (90, 160, 3), (2000, 3000, 3)])
def test_frames_of_any_size_can_be_compared(shape):
    noise = np.random.default_rng(0).integers(0, 255, shape, dtype=np.uint8)
    assert similarity(noise, noise) == 1.0
