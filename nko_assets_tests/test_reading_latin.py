"""Latin-script lines, with the letters that French and romanized N'Ko need."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from nko_assets.reading.latin import LatinRecognizer
from nko_assets.typeset import TYPEFACES, draw_line


@pytest.fixture(scope="module")
def recognizer():
    return LatinRecognizer()


def drawn(text, size=30):
    image = Image.new("RGB", (1200, 80), (250, 250, 240))
    x0, y0, x1, y1 = draw_line(
        ImageDraw.Draw(image), 20, 50, text, TYPEFACES["dejavu"], size, (20, 20, 60)
    )
    return np.asarray(image)[y0 - 8 : y1 + 5, x0 - 8 : x1 + 8, ::-1]


@pytest.mark.parametrize(
    "text", ["Good morning.", "Comment ça va ?", "Où est l'élève ?", "dîner, garçon, œuf", "3 / 14"]
)
def test_english_and_french_are_read_with_their_accents(recognizer, text):
    line = recognizer.read([drawn(text)])[0]
    assert line.text.replace(" ", "").replace("’", "'") == text.replace(" ", "")
    assert line.confidence > 0.8


@pytest.mark.parametrize("text", ["alu ye kɛ", "a tun bɛ kalan na", "i ka kɛnɛ"])
def test_letters_of_romanized_n_ko_are_not_taken_for_greek(recognizer, text):
    assert recognizer.read([drawn(text)])[0].text == text


def test_n_ko_is_not_read_as_latin_with_confidence(recognizer):
    line = recognizer.read([drawn("ߡߐ߱ ߟߋ߬ ߓߍߓߊ߮ ߝߋ߲ ߓߍ߯ ߘߐ߫")])[0]
    assert line.confidence < 0.8


def test_a_blank_crop_says_nothing(recognizer):
    line = recognizer.read([np.full((40, 200, 3), 255, np.uint8)])[0]
    assert (line.text, line.confidence) == ("", 0.0)
    assert recognizer.read([]) == []
