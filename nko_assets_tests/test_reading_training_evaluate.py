"""Evaluation counts what a reader gets wrong, misses and invents."""

import json

import numpy as np
import pytest

from nko_assets.nko.characters import MARKS
from nko_assets.reading.recognizer import NkoRecognizer
from nko_assets.reading.training.__main__ import main
from nko_assets.reading.training.evaluate import cut, evaluate, match, table
from nko_assets.reading.training.slides import Slide, SlideLine, draw_slides, through_h264
from nko_assets.typeset import TYPEFACES

TEXTS = ["ߌ ߣߌ߫ ߛߐ߰ߡߊ߬", "ߒߞߏ ߦߌ߬ߘߊ߬ߞߏ߬ ߞߍ߲ߘߍ ߥߟߊ߬ߘߊ", "not N'Ko", "ߞߊ ☃"]
SLIDE = Slide(
    np.zeros((720, 1280, 3), np.uint8),
    (SlideLine("ߞߊ ߏ", (700, 100, 1200, 140)), SlideLine("ߟߊ", (900, 200, 1200, 240))),
)


def measured(reader):
    (report,) = evaluate(NkoRecognizer(), TEXTS, faces=["noto"], slides=1, crf=28, reader=reader)
    return report


def perfect(slide: Slide):
    return [(line.box, line.text) for line in slide.lines]


def test_slides_hold_only_readable_nko_lines_inside_the_picture():
    slides = draw_slides(TEXTS, TYPEFACES["conakry"], 3)
    assert len(slides) == 3
    for slide in slides:
        assert len(slide.lines) >= 5
        assert {line.text for line in slide.lines} <= set(TEXTS[:2])
        for line in slide.lines:
            x0, y0, x1, y1 = line.box
            assert 0 <= x0 < x1 <= 1280
            assert 0 <= y0 < y1 <= 720


def test_text_without_nko_is_refused():
    with pytest.raises(ValueError, match="no usable"):
        draw_slides(["hello"], TYPEFACES["noto"], 1)


def test_each_slide_comes_back_from_the_video_as_itself():
    slides = draw_slides(TEXTS, TYPEFACES["noto"], 4)
    frames = list(through_h264(slides, crf=28))
    assert len(frames) == 4
    for slide, frame in zip(slides, frames, strict=True):
        assert np.abs(frame[:, :, ::-1].astype(int) - slide.picture).mean() < 8


def test_a_perfect_reader_has_no_errors_end_to_end():
    report = measured(lambda _: perfect(draw_slides(TEXTS, TYPEFACES["noto"], 1)[0]))
    assert report.end_to_end_cer == 0
    assert (report.missed, report.spurious) == (0, 0)


def test_a_reader_that_finds_nothing_is_wrong_everywhere():
    report = measured(lambda _: [])
    assert report.end_to_end_cer == 100
    assert report.missed == report.lines


def test_a_reader_that_drops_marks_is_right_without_them():
    slide = draw_slides(TEXTS, TYPEFACES["noto"], 1)[0]
    bare = str.maketrans("", "", MARKS)
    report = measured(lambda _: [(box, text.translate(bare)) for box, text in perfect(slide)])
    assert report.end_to_end_cer > 10
    assert report.end_to_end_cer_without_marks == 0


def test_without_a_reader_only_the_recognizer_is_measured():
    report = measured(None)
    assert report.end_to_end_cer is None
    assert report.recognizer_cer < 5
    assert "held out" not in table([report])


def test_pieces_of_a_line_are_joined_from_right_to_left():
    found, extra = match(SLIDE, [((700, 98, 900, 141), "ߏ"), ((950, 101, 1200, 139), "ߞߊ")])
    assert found == ["ߞߊ ߏ", ""]
    assert extra == []


def test_a_box_where_nothing_is_written_belongs_to_no_line():
    found, extra = match(SLIDE, [((0, 600, 100, 640), "ߏ")])
    assert found == ["", ""]
    assert extra == ["ߏ"]


def test_a_cut_stays_inside_the_frame():
    frame = np.zeros((720, 1280, 3), np.uint8)
    assert cut(frame, (0, 0, 50, 30)).shape == (34, 54, 3)
    assert cut(frame, (1200, 700, 1280, 720)).shape == (22, 82, 3)


def test_the_command_prints_json(tmp_path, capsys):
    text = tmp_path / "text.txt"
    text.write_text("\n".join(TEXTS), encoding="utf-8")
    options = ["--typefaces", "dejavu", "--slides", "1", "--crf", "30", "--json"]
    assert main(["evaluate", "--text", str(text), *options]) == 0
    (report,) = json.loads(capsys.readouterr().out)
    assert report["typeface"] == "dejavu"
    assert report["trained"] is True
    assert report["end_to_end_cer"] < 5


def test_a_missing_text_file_is_one_sentence_and_exit_code_2(tmp_path, capsys):
    assert main(["evaluate", "--text", str(tmp_path / "none.tsv")]) == 2
    assert "There is no text file" in capsys.readouterr().err
