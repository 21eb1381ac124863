"""Lines that are one text are joined; lines of a list never are; column labels are found."""

import pytest

from nko_assets.reading.blocks import blocks_of, column_labels, located
from nko_assets_tests.slides_of_lines import Slide

# A sentence from FLORES-200 dev, CC-BY-SA-4.0.
LONG_NKO = "ߡߐ߱ ߟߋ߬ ߓߍߓߊ߮ ߝߋ߲ ߓߍ߯ ߘߐ߫ ߝߌ߬ߛߊ߬ߡߊ߲ ߘߌ߫ ߜߘߍ ߟߎ߬ ߦߟߌߟߊ"


def texts(slide):
    return [block.text for block in blocks_of(slide.lines)]


def test_a_sentence_that_breaks_at_the_edge_of_its_page_is_one_text():
    slide = Slide()
    slide.put(LONG_NKO, 1200, 100, "right")
    slide.put("ߢߊߝߐ ߘߐ߫", 1200, 150, "right")
    assert texts(slide) == [f"{LONG_NKO} ߢߊߝߐ ߘߐ߫"]


def test_an_english_sentence_over_two_lines_is_one_text():
    slide = Slide()
    slide.put("This is a long sentence about the market that", 80, 100)
    slide.put("goes on here.", 80, 130)
    assert texts(slide) == ["This is a long sentence about the market that goes on here."]


@pytest.mark.parametrize(
    ("upper", "lower"),
    [
        ("good morning", "good evening"),  # short: a list
        ("This is a long sentence that fills its line whole.", "and this another"),  # it ended
        ("This is a long sentence about the market that", "Goes on"),  # a capital
        (
            "this is a long sentence about the market in town",
            "c’est une longue phrase sur le marché",
        ),
    ],
)
def test_texts_under_each_other_stay_apart(upper, lower):
    slide = Slide()
    slide.put(upper, 80, 100)
    slide.put(lower, 80, 130)
    assert texts(slide) == [upper, lower]


def test_paragraphs_with_space_between_stay_apart():
    slide = Slide()
    slide.put(LONG_NKO, 1200, 100, "right")
    slide.put("ߢߊߝߐ ߘߐ߫", 1200, 230, "right")
    assert len(texts(slide)) == 2


def test_n_ko_and_latin_never_become_one_text():
    slide = Slide()
    slide.put("ߓߏ߲", 600, 100)
    slide.put("house", 600, 130)
    assert texts(slide) == ["ߓߏ߲", "house"]


def test_a_row_of_language_names_labels_its_columns():
    slide = Slide()
    slide.put("English", 400, 50)
    slide.put("Français", 80, 50)
    slide.put("house", 400, 120)
    slide.put("maison", 80, 120)
    labels = column_labels(blocks_of(slide.lines))
    assert labels == {0: "en", 1: "fr"}


def test_a_lesson_on_the_names_of_languages_has_no_labels():
    slide = Slide()
    slide.put("ߝߊ߬ߙߊ߲߬ߛߌ߬ߞߊ߲", 1200, 50, "right")
    slide.put("French", 400, 50)
    slide.put("français", 80, 50)
    assert column_labels(blocks_of(slide.lines)) == {}


def test_one_label_over_one_column_is_a_label():
    slide = Slide()
    slide.put("English", 80, 50)
    for row, text in enumerate(("house", "water")):
        slide.put(text, 80, 120 + 70 * row)
    assert column_labels(blocks_of(slide.lines)) == {0: "en"}


def test_a_line_without_a_box_is_refused():
    slide = Slide()
    slide.put("house", 80, 50)
    line = slide.lines[0]
    with pytest.raises(ValueError, match="line 0 has no box"):
        located(type(line)(0, (), "latin", "und", "house", "house", 0.9))
