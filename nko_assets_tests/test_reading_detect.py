"""Boxes that fit one line each: joined, split, fitted to ink with their marks, put in order."""

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw

from nko_assets.reading.detect import (
    TextDetector,
    fit_lines,
    fit_to_ink,
    join_pieces,
    reading_order,
    split_columns,
)
from nko_assets.sample.layouts import lay_out
from nko_assets.sample.lessons import lessons
from nko_assets.sample.slides import draw_slide
from nko_assets.typeset import TYPEFACES, draw_line


def page(*lines, size=(700, 300), background=250, ink=20):
    """A gray page with (left, baseline, text, size) lines, and the ink box of each."""
    image = Image.new("L", size, background)
    draw = ImageDraw.Draw(image)
    boxes = []
    for left, base, text, height in lines:
        before = np.asarray(image).copy()
        draw_line(draw, left, base, text, TYPEFACES["noto"], height, ink)
        rows, columns = np.nonzero(np.abs(np.asarray(image).astype(int) - before) > 20)
        boxes.append((columns.min(), rows.min(), columns.max() + 1, rows.max() + 1))
    return np.asarray(image).copy(), [tuple(map(int, box)) for box in boxes]


def close(box, other, by=3):
    return max(abs(a - b) for a, b in zip(box, other, strict=True)) <= by


def grown(box, by):
    return box[0] - by, box[1] - by, box[2] + by, box[3] + by


def test_words_of_a_line_are_joined_and_columns_are_not():
    words = [(100, 10, 200, 50), (210, 12, 300, 52), (600, 10, 700, 50)]
    assert join_pieces(words) == [(100, 10, 300, 52), (600, 10, 700, 50)]


def test_lines_under_each_other_are_not_joined():
    lines = [(100, 10, 300, 50), (100, 55, 300, 95)]
    assert join_pieces(lines) == lines


def test_a_mark_found_by_itself_joins_the_line_it_belongs_to():
    assert join_pieces([(100, 30, 300, 70), (180, 20, 200, 29)]) == [(100, 20, 300, 70)]


def test_a_box_over_two_columns_is_split_in_the_gap():
    gray, (left, right) = page((60, 100, "ߓߏ߲", 40), (400, 100, "ߘߋ߲", 40))
    both = (left[0] - 6, left[1] - 6, right[2] + 6, left[3] + 6)
    one, two = split_columns(gray, both)
    assert one[2] == two[0]
    assert left[2] < one[2] < right[0]


def test_a_wide_space_between_words_does_not_split_a_line():
    gray, (box,) = page((60, 100, "ߌ ߣߌ߫  ߛߐ߰ߡߊ߬", 40))
    assert len(split_columns(gray, grown(box, 6))) == 1


def test_a_box_that_cuts_tone_marks_and_dots_is_extended_to_them():
    gray, (box,) = page((60, 150, "ߌ߬ߓߏ߲߫", 48))
    height = box[3] - box[1]
    cut = (box[0], box[1] + round(0.2 * height), box[2], box[3] - round(0.15 * height))
    assert close(fit_to_ink(gray, cut), box, by=1)


@pytest.mark.parametrize(("background", "ink"), [(250, 20), (20, 240), (120, 190)])
def test_a_loose_box_is_drawn_in_to_the_ink_on_any_background(background, ink):
    gray, (box,) = page((60, 150, "ߛߐ߰ߡߊ߬", 48), background=background, ink=ink)
    assert close(fit_to_ink(gray, grown(box, 9)), box, by=1)


def test_neighbouring_lines_rules_and_bands_stay_outside():
    gray, (above, box) = page((60, 100, "ߘߋ߲߬", 40), (60, 152, "ߛߐ߰ߡߊ߬", 40))
    gray[box[3] + 8 : box[3] + 10, 20:600] = 60  # a rule
    gray[:, box[2] + 12 :] = 150  # another column's background
    found = [grown(above, 8), grown(box, 8)]
    fitted = fit_to_ink(gray, found[1], [found[0]])
    assert close(fitted, box)


def test_an_empty_box_keeps_its_place():
    gray = np.full((200, 300), 255, np.uint8)
    x0, y0, x1, y1 = fit_to_ink(gray, (50, 50, 150, 90))
    assert (x0, x1) == (50, 150)
    assert 50 < y0 < y1 < 90


def test_crops_have_room_and_stay_on_the_picture():
    gray, (box,) = page((4, 40, "ߛߐ߰ߡߊ߬", 40), size=(200, 48))
    (line,) = fit_lines(gray, [grown(box, 3)])
    assert line.crop[0] == 0
    assert line.crop[3] <= 48
    assert line.crop[1] < line.box[1]


def test_order_is_row_by_row_from_the_side_where_reading_begins():
    boxes = [(10, 100, 90, 130), (300, 8, 380, 40), (10, 10, 90, 38), (300, 99, 380, 131)]
    assert reading_order(boxes, right_to_left=True) == [1, 2, 3, 0]
    assert reading_order(boxes, right_to_left=False) == [2, 1, 0, 3]
    assert reading_order([], right_to_left=True) == []


@pytest.fixture(scope="module")
def detector():
    return TextDetector()


@pytest.mark.parametrize("video_id", ["Kd3x9LwPaRA", "hN4z-QsEm7I", "Pz2Hq8gJnUo"])
def test_every_line_of_a_slide_is_found_whole(detector, video_id):
    layout = lay_out(lessons()[video_id], 1, len(lessons()[video_id].slides[1].rows))
    image = cv2.cvtColor(draw_slide(layout), cv2.COLOR_RGB2BGR)
    found = [line.box for line in detector.find(image)]
    for known in layout.lines:
        x0, y0, x1, y1 = known.box
        height = y1 - y0
        assert any(
            abs(box[1] - y0) < 0.25 * height
            and abs(box[3] - y1) < 0.25 * height
            and box[0] < x0 + 0.3 * height
            and box[2] > x1 - 0.3 * height
            for box in found
        ), known


def test_an_empty_page_has_no_lines(detector):
    assert detector.find(np.full((720, 1280, 3), 240, np.uint8)) == []
