from __future__ import annotations

import numpy as np
import pytest

from nko_assets.failures import PermanentFailure
from nko_assets.video.contact_sheet import SheetFrame, contact_sheet
from nko_assets.video.encode import decode_jpeg
from nko_assets_tests.slides import LINES, slide


def green(sheet: np.ndarray) -> int:
    blue, greenish, red = (sheet[:, :, channel].astype(int) for channel in range(3))
    return int(((greenish > blue + 40) & (greenish > red + 60)).sum())


ENOUGH = 200_000


def sheet_of(kept: list[bool], total: int = 0) -> np.ndarray:
    frames = [
        SheetFrame(slide(LINES), index * 5000, kept=state, label="ߒߞߏ kept")
        for index, state in enumerate(kept)
    ]
    return decode_jpeg(contact_sheet(frames, total or len(frames), ENOUGH))


def test_kept_frames_stand_out():
    none, one, two = sheet_of([False] * 4), sheet_of([True] + [False] * 3), sheet_of([True] * 4)
    assert green(none) == 0
    assert 0 < green(one) < green(two)


def test_one_frame_fills_the_width():
    assert sheet_of([True]).shape[1] == 980


def test_a_row_has_four_frames():
    four, five = sheet_of([True] * 4), sheet_of([True] * 5)
    assert four.shape[1] == five.shape[1]
    assert four.shape[0] < five.shape[0] < 2 * four.shape[0]


def test_a_line_tells_that_more_frames_are_there_than_are_shown():
    all_of_them, some = sheet_of([True] * 12), sheet_of([True] * 12, total=60)
    assert 0 < some.shape[0] - all_of_them.shape[0] < 40


def test_a_sheet_is_never_too_large():
    noise = np.random.default_rng(0)
    frames = [
        SheetFrame(noise.integers(0, 255, (720, 1280, 3), dtype=np.uint8), k * 5000)
        for k in range(24)
    ]
    for most in (ENOUGH, 20_000):
        assert len(contact_sheet(frames, 24, most)) <= most


def test_upright_and_wide_frames_share_a_sheet():
    frames = [
        SheetFrame(slide(LINES), 0),
        SheetFrame(np.ascontiguousarray(np.rot90(slide(LINES))), 5000, kept=False),
        SheetFrame(np.zeros((40, 2000, 3), np.uint8), 10_000),
    ]
    assert decode_jpeg(contact_sheet(frames, 3, ENOUGH)).shape[1] == 980


def test_a_long_label_is_cut():
    frames = [SheetFrame(slide(LINES), 0, label="ߌ ߣߌ߫ ߛߐ߰ߡߊ߬ " * 40)] * 4
    assert len(contact_sheet(frames, 4, ENOUGH)) <= ENOUGH


def test_nothing_to_show_is_an_error():
    with pytest.raises(PermanentFailure, match="no frames"):
        contact_sheet([], 0, ENOUGH)
