"""Which frames are read twice, and what comes of comparing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nko_assets.reading.answers import FrameRequest
from nko_assets.reading.reader import Job
from nko_assets.reading.self_agreement import compare, place_in_draw
from nko_assets_tests.channels import ScriptedReader

FRAMES = [FrameRequest(f"v:{n}", "v", n, b"") for n in range(4)]


def read():
    reader = ScriptedReader()
    return list(reader.collect(Job.of("r", "m", [], 0), FRAMES, print))


def with_text(reading, text):
    return replace(reading, lines=(replace(reading.lines[0], text=text),))


@given(st.text())
def test_a_frame_has_one_place_in_the_draw(frame_id):
    assert 0 <= place_in_draw(frame_id) < 1
    assert place_in_draw(frame_id) == place_in_draw(frame_id)


def test_the_draw_takes_about_its_share():
    taken = [place_in_draw(f"v:{5000 * n}") < 0.25 for n in range(2000)]
    assert 400 < sum(taken) < 600


def test_the_same_readings_agree():
    found = compare(read(), read()[:3])
    assert (found.frames, found.compared, found.exact) == (3, 3, 3)
    assert (found.exact_share, found.character_error_rate) == (1, 0)


def test_characters_that_differ_are_counted():
    first = [with_text(one, "ߒߞߏ ߓߟߏ") for one in read()]
    second = [with_text(first[0], "ߒߞߏ ߓߟߎ"), *first[1:]]
    found = compare(first, second)
    assert found.exact == 3
    assert found.character_error_rate == pytest.approx(1 / 28)


def test_spellings_of_the_same_text_agree():
    first = [with_text(one, "ߒߞߏ  ߓߟߏ") for one in read()]
    assert compare(first, [with_text(one, "ߒߞߏ ߓߟߏ") for one in first]).exact == 4


def test_a_reading_that_failed_is_not_compared():
    second = [replace(read()[0], status="loop", reason="x", lines=()), *read()[1:]]
    assert (compare(read(), second).frames, compare(read(), second).compared) == (4, 3)


def test_nothing_compared_has_no_rate():
    found = compare(read(), [])
    assert (found.exact_share, found.character_error_rate) == (None, None)
