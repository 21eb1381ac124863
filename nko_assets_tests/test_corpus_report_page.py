import re
from dataclasses import replace as replaced
from html.parser import HTMLParser

import pytest

from nko_assets.corpus.report import build_report
from nko_assets.corpus.report_data import ReaderScore, SplitFacts
from nko_assets.corpus.report_page import isolate, render_page
from nko_assets.reading.trust.model import load
from nko_assets_tests.report_tables import (
    facts,
    inputs,
    nothing,
    pairs,
    reviewed,
    unique_frames,
    videos,
)

VOID = {"meta", "img", "br", "rect", "line", "circle"}
HOSTILE = '</table><script>alert(1)</script>"><img src=x onerror=alert(1)>&amp;\u202e'


class Outline(HTMLParser):
    """Every element of a page, and whether each that is opened is closed in its turn."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open = []
        self.elements = []
        self.text = []

    def handle_starttag(self, tag, attrs):
        assert len(attrs) == len({name for name, _ in attrs}), (tag, attrs)
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def outline(page):
    parser = Outline()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    return parser


def full(**changes):
    values = {
        "splits": SplitFacts({"nko_english": 3}, {"nko_english": 1}, {"video": 0}),
        "sample_score": ReaderScore(0.009, 1200, 80, 0.97),
        "dropped": {"nko_english": {"duplicate": 2}},
        "tone_variants": {"ߒߞߏ": ["ߒߞߏ", "ߒߞߏ߫"]},
    }
    return build_report(inputs(**values | changes))


@pytest.mark.parametrize("report", [full(), build_report(nothing()), build_report(inputs())])
def test_every_element_is_closed_and_every_id_is_unique(report):
    page = outline(render_page(report))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = {attributes["href"] for tag, attributes in page.elements if tag == "a"}
    assert targets <= {f"#{identity}" for identity in ids}


def test_the_page_asks_for_nothing_outside_itself():
    page = render_page(full())
    assert "http:" not in page
    assert "https:" not in page
    sources = [
        attributes["src"] for tag, attributes in outline(page).elements if "src" in attributes
    ]
    assert sources
    assert all(source.startswith("data:image/jpeg;base64,") for source in sources)
    assert set(re.findall(r"url\((.{5})", page)) == {"data:"}


def test_text_from_a_video_is_never_markup():
    words = tuple((HOSTILE, HOSTILE, HOSTILE) for _ in range(6))
    listed = videos("a", title=HOSTILE)
    hostile = full(
        videos=listed,
        lessons=[
            facts("a", reviewed=reviewed("a", words), unique_frames=unique_frames("a").clear())
        ],
        failures={"b": HOSTILE},
        tone_variants={HOSTILE: [HOSTILE]},
        dropped={"nko_english": {HOSTILE: 1}},
    )
    page = outline(render_page(hostile))
    tags = [tag for tag, _ in page.elements]
    assert "script" not in tags
    assert "img" not in tags
    assert not [name for _, attributes in page.elements for name in attributes if name[:2] == "on"]
    assert "".join(page.text).count("<script>alert(1)</script>") >= 10
    assert "\u202e" not in "".join(page.text)


def test_nko_is_isolated_and_named_as_what_it_is():
    page = outline(render_page(full()))
    marked = [
        attributes for tag, attributes in page.elements if tag == "bdi" and "lang" in attributes
    ]
    assert marked
    assert all(attributes == {"dir": "rtl", "lang": "nqo"} for attributes in marked)


def test_a_text_that_begins_in_latin_keeps_its_direction():
    assert isolate("N’Ko: ߒߞߏ").startswith('<bdi dir="ltr" lang="nqo">')
    assert isolate("hello") == "<bdi>hello</bdi>"


def test_tables_have_captions_and_pictures_have_words():
    page = outline(render_page(full()))
    tags = [tag for tag, _ in page.elements]
    assert tags.count("caption") == tags.count("table") == 7
    assert all(attributes["alt"] for tag, attributes in page.elements if tag == "img")


def test_the_same_report_gives_the_same_page():
    assert render_page(full()) == render_page(full())


def test_every_status_of_the_scorecard_is_said_in_words():
    text = "".join(outline(render_page(full())).text)
    assert "✗ not met" in text
    assert "✓ met" in text
    assert "? unknown" in text
    assert "unknown until evaluation" in text


@pytest.mark.parametrize(
    ("leaks", "words"),
    [
        (None, "Leakage has not been checked"),
        ({"video": 0}, "Nothing is on both sides"),
        ({"video": 0, "near_duplicate": 7}, "near duplicate 7"),
    ],
)
def test_the_leakage_check_says_how_it_came_out(leaks, words):
    report = full(splits=SplitFacts({"nko_english": 3}, {"nko_english": 1}, leaks))
    assert words in "".join(outline(render_page(report)).text)


def test_an_empty_validation_is_not_called_free_of_leakage():
    report = full(splits=SplitFacts({"nko_english": 3}, {"nko_english": 0}, {"leaks": 0}))
    assert "Validation is empty" in "".join(outline(render_page(report)).text)


def test_with_nothing_done_the_page_says_so_and_what_to_do():
    text = "".join(outline(render_page(build_report(nothing()))).text)
    assert "Nothing yet" in text
    assert "Materialize" in text
    assert "No video is listed" in text
    text = "".join(outline(render_page(build_report(nothing(videos=videos("a", "b"))))).text)
    assert "2 videos are listed" in text


def test_a_channel_of_532_lessons_is_a_page_under_a_megabyte():
    names = [f"lesson-{number}" for number in range(532)]
    one = facts("lesson-0")
    noisy = [
        replaced(sample, picture=bytes(14_000), english="x" * 500, nko="ߒߞߏ " * 200)
        for sample in one.samples
    ]
    lessons = [
        replaced(
            one,
            video_id=name,
            samples=tuple(
                replaced(s, video_id=name, reading_id=f"{s.reading_id}-{name}") for s in noisy
            ),
        )
        for name in names
    ]
    listed = videos(*names, title="ߒߞߏ ߦߌ߬ߘߊ߬ߞߏ߬ ߞߍ߲ߘߍ ߥߟߊ߬ߘߊ ߁߀߲  ߄ ߂߄ ߂߀߂߅")
    report = full(videos=listed, lessons=lessons, pairs=pairs("lesson-0"), failures={})
    page = render_page(report)
    assert len(page.encode()) < 1_000_000
    assert page.count("<img") == 21


def test_the_calibration_says_what_it_was_measured_on():
    page = render_page(build_report(inputs(held_out=load().without_dictionary.held_out)))
    assert "<em>simulated</em> large" in page
    assert 'class="held-out"' in page
    assert "no text is known" in page


def test_the_offline_readers_own_confidence_is_said_to_be_its_own():
    page = render_page(build_report(inputs()))
    assert "Confidence is the offline reader’s own" in page
    assert 'svg class="chart calibration"' not in page


def test_known_entries_of_the_corpus_are_drawn():
    known = dict.fromkeys(reviewed("a")["reading_id"], True)
    page = render_page(build_report(inputs(lessons=[facts("a", known=known)])))
    assert 'class="own"' in page
    assert "of 3 at or above the gate, 0 are wrong" in page
