"""Slides as drawn: everything inside the frame, nothing over anything else, boxes around ink."""

from __future__ import annotations

import numpy as np
import pytest

from nko_assets.sample.layouts import lay_out
from nko_assets.sample.lessons import lesson, lessons
from nko_assets.sample.page import HEIGHT, WIDTH, Box, camera_box, mix
from nko_assets.sample.slides import draw_slide

EVERY_SLIDE = [
    (video_id, number) for video_id, known in lessons().items() for number in range(len(known.slides))
]  # fmt: skip


def boxes(video_id: str, number: int, visible: int | None = None) -> list[Box]:
    known = lesson(video_id)
    rows = len(known.slides[number].rows) if visible is None else visible
    return [line.box for line in lay_out(known, number, rows).lines]


@pytest.mark.parametrize(("video_id", "number"), EVERY_SLIDE)
def test_every_line_lies_in_the_frame_and_clear_of_the_others(video_id: str, number: int) -> None:
    found = boxes(video_id, number)
    camera = camera_box(lesson(video_id).style)
    for place, (x0, y0, x1, y1) in enumerate(found):
        assert 0 <= x0 < x1 <= WIDTH
        assert 0 <= y0 < y1 <= HEIGHT
        for other in [*found[:place], *([camera] if camera else [])]:
            assert x1 <= other[0] or other[2] <= x0 or y1 <= other[1] or other[3] <= y0


def test_lines_do_not_move_while_a_slide_builds_up() -> None:
    for video_id, known in lessons().items():
        for number, slide in enumerate(known.slides):
            full = boxes(video_id, number)
            for visible in slide.states:
                partial = boxes(video_id, number, visible)
                assert partial == full[: len(partial)]


@pytest.mark.parametrize(("video_id", "number"), [("tW5rOj1uXBk", 0), ("--Yc5RtBoQ2", 2)])
def test_ink_lies_inside_the_boxes_and_nowhere_else(video_id: str, number: int) -> None:
    layout = lay_out(lesson(video_id), number, len(lesson(video_id).slides[number].rows))
    with_text = draw_slide(layout)
    lines, layout.lines = layout.lines, []
    ink = np.any(with_text != draw_slide(layout), axis=2)
    outside = ink.copy()
    for line in lines:
        x0, y0, x1, y1 = line.box
        assert ink[y0:y1, x0:x1].any()
        outside[max(0, y0 - 2) : y1 + 2, max(0, x0 - 3) : x1 + 3] = False
    assert not outside.any()


def test_nko_is_set_from_right_to_left_and_joined() -> None:
    known = lesson("tW5rOj1uXBk")
    layout = lay_out(known, 0, 3)
    blank = draw_slide(layout)
    line = next(line for line in layout.lines if line.piece.text == "ߡߊ߬ߟߏ")
    x0, y0, x1, y1 = line.box
    ink = np.any(blank[y0:y1, x0:x1] != blank[0, 0], axis=2)
    # The letters of a word hang together along their baseline ...
    baseline = line.baseline - y0
    assert ink[baseline - 6 : baseline + 1].any(axis=0)[4:-4].all()
    # ... and the low tone stands over the first letters, which are the rightmost ones.
    columns = np.flatnonzero(ink[: ink.shape[0] // 4].any(axis=0))
    assert columns.size
    assert columns.mean() > ink.shape[1] / 2


def test_a_blank_slide_shows_nothing() -> None:
    layout = lay_out(lesson("Kd3x9LwPaRA"), 0, 0)
    assert layout.lines == []
    assert draw_slide(layout).shape == (HEIGHT, WIDTH, 3)


def test_a_slide_that_is_too_full_is_refused() -> None:
    known = lesson("-bQ7m_ZtK0s")
    slide = known.slides[1]
    crowded = known.model_copy(
        update={"slides": (slide.model_copy(update={"rows": slide.rows * 3}),)}
    )
    with pytest.raises(ValueError, match="do not fit"):
        lay_out(crowded, 0, 9)


def test_a_mixed_colour_lies_between() -> None:
    assert mix("#000000", "#ffffff", 0.5) == "#808080"
    assert mix("#102030", "#ffffff", 0) == "#102030"
