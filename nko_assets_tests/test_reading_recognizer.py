"""The shipped weights read drawn lines, whatever their size, colours and number."""

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw

from nko_assets.failures import ConfigurationError
from nko_assets.reading.charset import CLASSES, LATIN_WORD, fold
from nko_assets.reading.recognizer import (
    LINE_HEIGHT,
    WEIGHTS,
    NkoRecognizer,
    decode,
    line_input,
)
from nko_assets.reading.training.error_rate import error_rate
from nko_assets.typeset import TYPEFACES, draw_line, measure_line

# The introduction of a lesson, and every tone, nasal mark and digit.
TEXTS = (
    "ߌ ߣߌ߫ ߛߐ߰ߡߊ߬",
    "ߒߞߏ ߦߌ߬ߘߊ߬ߞߏ߬ ߞߍ߲ߘߍ ߥߟߊ߬ߘߊ ߁߀߲",
    "ߌ ߞߊ߫ ߞߍ߲ߘߍ߫؟",
    "ߞߊ߬ߙߊ߲߬ߡߐ߮ ߡߐ߱ ߓߊ߯ߙߊ ߕߐ߭",
    "߁߂߃ ߄߅߆ ߇߈߉",
)


@pytest.fixture(scope="module")
def recognizer() -> NkoRecognizer:
    return NkoRecognizer()


def drawn(text: str, face: str = "noto", size: int = 32, ink=(0, 0, 0), paper=(255, 255, 255)):
    width, ascent, descent = measure_line(text, TYPEFACES[face], size)
    margin = size // 5
    image = Image.new("RGB", (int(width) + 2 * margin, ascent + descent + 2 * margin), paper)
    draw_line(ImageDraw.Draw(image), margin, ascent + margin, text, TYPEFACES[face], size, fill=ink)
    return np.asarray(image)[:, :, ::-1]


@pytest.mark.parametrize("face", TYPEFACES)
def test_clean_lines_are_read_in_every_typeface(recognizer, face):
    lines = recognizer.read([drawn(text, face) for text in TEXTS])
    assert error_rate(zip([line.text for line in lines], TEXTS, strict=True)) < 0.05


@pytest.mark.parametrize("size", [18, 26, 40, 64, 120])
def test_lines_are_read_at_every_size(recognizer, size):
    assert recognizer.read([drawn(TEXTS[0], size=size)])[0].text == TEXTS[0]


@pytest.mark.parametrize(
    ("ink", "paper"),
    [
        ((255, 255, 255), (0, 0, 0)),
        ((255, 230, 90), (20, 40, 110)),
        ((120, 20, 20), (230, 220, 190)),
    ],
)
def test_lines_are_read_in_any_colours(recognizer, ink, paper):
    assert recognizer.read([drawn(TEXTS[0], ink=ink, paper=paper)])[0].text == TEXTS[0]


def test_a_gray_crop_is_read_like_a_coloured_one(recognizer):
    crop = drawn(TEXTS[1])
    gray = cv2.cvtColor(np.ascontiguousarray(crop), cv2.COLOR_BGR2GRAY)
    assert recognizer.read([gray])[0].text == recognizer.read([crop])[0].text


def test_a_line_is_read_the_same_alone_and_among_others(recognizer):
    crops = [drawn(text) for text in TEXTS] * 3
    together = recognizer.read(crops)
    assert [line.text for line in together] == [recognizer.read([c])[0].text for c in crops]


def test_latin_words_are_counted_and_placed_and_not_read(recognizer):
    (line,) = recognizer.read([drawn("ߞߊ߲ Bamako ߟߊ߫")])
    assert line.text == fold("ߞߊ߲ Bamako ߟߊ߫")
    assert line.latin_share == pytest.approx(1 / 3)
    # The network may place a long word anywhere between its neighbours.
    assert line.positions[0] > line.positions[line.text.index(LATIN_WORD)] > line.positions[-1]


def test_a_latin_line_is_known_as_such(recognizer):
    (line,) = recognizer.read([drawn("good morning teacher")])
    assert line.latin_share == 1
    assert line.text.split() == [LATIN_WORD] * 3


def test_every_code_point_has_a_probability_and_a_place_from_right_to_left(recognizer):
    (line,) = recognizer.read([drawn("ߞߊߟߊߡߊ")])
    assert len(line.text) == len(line.probabilities) == len(line.positions)
    assert list(line.positions) == sorted(line.positions, reverse=True)
    assert all(0 < p <= 1 for p in line.probabilities)
    assert 0.5 < line.confidence <= 1


def test_no_crops_give_no_lines_and_an_empty_crop_gives_an_empty_line(recognizer):
    assert recognizer.read([]) == []
    (line,) = recognizer.read([np.full((30, 200), 200, np.uint8)])
    assert (line.text, line.confidence, line.latin_share) == ("", 0.0, 0.0)


@pytest.mark.parametrize("shape", [(1, 1), (1, 400), (300, 2), (4, 9000)])
def test_a_crop_of_any_shape_is_accepted(recognizer, shape):
    assert len(recognizer.read([np.zeros(shape, np.uint8)])) == 1


def test_missing_weights_are_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"nowhere\.onnx"):
        NkoRecognizer(tmp_path / "nowhere.onnx")


def test_the_shipped_weights_are_small():
    assert WEIGHTS.stat().st_size < 5_000_000


def test_the_input_has_one_height_and_positive_ink_in_either_polarity():
    crop = drawn(TEXTS[0])
    dark, light = line_input(crop), line_input(255 - crop)
    assert dark.shape[0] == LINE_HEIGHT
    assert dark.max() == pytest.approx(1, abs=0.3)
    assert np.allclose(dark, light, atol=0.05)


def test_decoding_joins_repeats_and_keeps_those_that_a_blank_parts():
    a, b = CLASSES.index("ߊ"), CLASSES.index("ߓ")
    probabilities = np.full((7, len(CLASSES)), 0.001)
    for step, index in enumerate([a, a, 0, a, b, b, 0]):
        probabilities[step, index] = 0.9 - 0.1 * (step == 1)
    line = decode(probabilities)
    assert line.text == "ߓߊߊ"
    assert line.confidence == pytest.approx(0.9)
