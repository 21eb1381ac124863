"""Lines of both scripts become text in logical order, each with its box and confidence."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from nko_assets.nko import normalize
from nko_assets.reading.detect import fit_lines
from nko_assets.reading.transcribe import Transcriber
from nko_assets.typeset import TYPEFACES, draw_line


@pytest.fixture(scope="module")
def transcriber():
    return Transcriber()


def read(transcriber, *lines):
    """What is read of (left, baseline, text) lines drawn on a page."""
    image = Image.new("RGB", (1280, 400), (252, 252, 248))
    draw = ImageDraw.Draw(image)
    boxes = [
        draw_line(draw, left, base, text, TYPEFACES["noto"], 44, (20, 20, 60))
        for left, base, text in lines
    ]
    picture = np.ascontiguousarray(np.asarray(image)[:, :, ::-1])
    loose = [(x0 - 8, y0 - 8, x1 + 8, y1 + 8) for x0, y0, x1, y1 in boxes]
    return transcriber.transcribe(picture, fit_lines(picture, loose)), boxes


def test_n_ko_comes_in_logical_order_with_its_marks_and_box(transcriber):
    text = "ߌ ߣߌ߫ ߛߐ߰ߡߊ߬"
    (line,), (box,) = read(transcriber, (700, 100, text))
    assert (line.script, line.language, line.text) == ("nko", "nqo", text)
    assert normalize(line.text) == line.text
    assert max(abs(a - b) for a, b in zip(line.box, box, strict=True)) <= 4
    assert line.confidence > 0.8


def test_each_script_goes_to_its_recognizer_and_rows_read_from_the_right(transcriber):
    lines, _ = read(
        transcriber,
        (100, 100, "Welcome home"),
        (900, 100, "ߌ ߣߌ߫ ߛߣߍ߫"),
        (100, 200, "Thank you"),
        (900, 200, "ߌ ߣߌ߫ ߗߋ߫"),
    )
    assert [line.text for line in lines] == ["ߌ ߣߌ߫ ߛߣߍ߫", "Welcome home", "ߌ ߣߌ߫ ߗߋ߫", "Thank you"]
    assert [line.script for line in lines] == ["nko", "latin"] * 2
    assert [line.line for line in lines] == [0, 1, 2, 3]


def test_a_line_that_goes_from_one_script_to_the_other_becomes_two(transcriber):
    lines, _ = read(transcriber, (300, 100, "ߌ ߣߌ߫ ߛߣߍ߫ Welcome home"))
    assert [(line.script, line.text) for line in lines] == [
        ("nko", "ߌ ߣߌ߫ ߛߣߍ߫"),
        ("latin", "Welcome home"),
    ]
    assert lines[0].box[0] >= lines[1].box[2] - 4  # N'Ko stands to the right


def test_what_joins_a_text_to_its_translation_is_part_of_neither(transcriber):
    lines, _ = read(transcriber, (300, 100, "ߓߏ߲ = house"))
    assert [line.text for line in lines] == ["ߓߏ߲", "house"]


def test_the_western_number_of_a_list_is_no_part_of_its_n_ko(transcriber):
    lines, _ = read(transcriber, (700, 100, "1. ߌ ߣߌ߫ ߗߋ߫"), (700, 220, "߁. ߌ ߣߌ߫ ߛߣߍ߫"))
    nko = [line.text for line in lines if line.script == "nko"]
    assert nko == ["ߌ ߣߌ߫ ߗߋ߫", "߁. ߌ ߣߌ߫ ߛߣߍ߫"]
    assert all(line.language == "und" for line in lines if line.script == "latin")


def test_a_mouse_pointer_beside_a_line_is_not_read(transcriber):
    image = Image.new("RGB", (1280, 200), (252, 252, 248))
    draw = ImageDraw.Draw(image)
    x0, y0, x1, y1 = draw_line(draw, 700, 100, "ߓߋߣߍ߲߫", TYPEFACES["noto"], 44, (20, 20, 60))
    tip = (x0 - 30, y0 + 8)
    arrow = [(0, 0), (0, 24), (6, 19), (10, 27), (13, 25), (9, 17), (16, 16)]
    draw.polygon([(tip[0] + x, tip[1] + y) for x, y in arrow], fill="white", outline="black")
    picture = np.ascontiguousarray(np.asarray(image)[:, :, ::-1])
    lines = transcriber.transcribe(picture, fit_lines(picture, [(x0 - 34, y0 - 8, x1 + 8, y1 + 8)]))
    assert [line.text for line in lines] == ["ߓߋߣߍ߲߫"]


def test_a_foreign_word_inside_a_sentence_stays_in_its_place(transcriber):
    lines, _ = read(transcriber, (300, 100, "ߊ߬ ߦߋ߫ Google ߘߐ߫ ߓߌ߬"))
    (line,) = lines
    assert line.script == "mixed"
    assert line.text == "ߊ߬ ߦߋ߫ Google ߘߐ߫ ߓߌ߬"


def test_a_reading_that_changes_when_the_crop_shifts_is_less_sure():
    text = (700, 100, "ߌ ߣߌ߫ ߛߐ߰ߡߊ߬")
    (once,), _ = read(Transcriber(rereads=0), text)
    (judged,), _ = read(Transcriber(rereads=3), text)
    assert judged.text == once.text
    assert judged.confidence <= once.confidence


def test_the_number_of_rereads_is_limited():
    with pytest.raises(ValueError, match="from 0 to"):
        Transcriber(rereads=99)


def test_a_frame_without_lines_needs_no_weights():
    assert Transcriber().transcribe(np.zeros((10, 10, 3), np.uint8), []) == []
