"""The truth of the sample: at each moment the lines that are visible, with their entries."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nko_assets.sample.lessons import lessons
from nko_assets.sample.truth import LessonTruth, truth_for

TRUTHS = [truth_for(video_id) for video_id in lessons()]


@given(st.sampled_from(TRUTHS), st.floats(0, 1, exclude_max=True))
def test_at_every_moment_exactly_one_state_is_visible(truth: LessonTruth, share: float) -> None:
    time = int(truth.duration_ms * share)
    slide = truth.slide_at(time)
    assert slide.start_ms <= time < slide.end_ms


def test_states_follow_each_other_without_a_gap() -> None:
    for truth in TRUTHS:
        ends = [0, *(slide.end_ms for slide in truth.slides)]
        assert ends[:-1] == [slide.start_ms for slide in truth.slides]
        assert ends[-1] == truth.duration_ms


def test_outside_the_video_there_is_nothing() -> None:
    truth = TRUTHS[0]
    for time in (-1, truth.duration_ms):
        with pytest.raises(ValueError, match="there is no"):
            truth.slide_at(time)


def test_a_build_up_shows_one_more_entry_each_time() -> None:
    truth = truth_for("_n8Gc2VhYeM")
    words = [[entry.nko for entry in slide.entries] for slide in truth.slides if slide.slide == 0]
    assert [len(shown) for shown in words] == [2, 3, 4, 5, 6, 7]  # the heading is one
    assert all(before == after[:-1] for before, after in pairwise(words))


def test_entries_point_at_their_lines() -> None:
    for truth in TRUTHS:
        for slide in truth.slides:
            shown = " ".join(line.text for line in slide.lines)
            for entry in slide.entries:
                line = slide.lines[entry.line]
                assert line.script == "nko"
                assert entry.nko.startswith(line.text)
                assert entry.box[0] <= line.box[0] < line.box[2] <= entry.box[2]
                texts = (entry.nko, entry.latin_shown, entry.english, entry.french)
                assert all(text in shown for text in texts if text)


def test_a_sentence_over_several_lines_is_one_entry() -> None:
    slide = truth_for("_iO9lXb4DwZ").slide_at(40_000)
    entry = next(entry for entry in slide.entries if "Luxembourg" in (entry.english or ""))
    lines = [
        line
        for line in slide.lines[entry.line :]
        if line.script == "nko" and line.source == "FLORES-200 dev-0432"
    ]
    assert len(lines) == 2
    assert " ".join(line.text for line in lines) == entry.nko
    assert entry.box[3] == lines[-1].box[3]


def test_a_known_moment_holds_what_the_lesson_says() -> None:
    slide = truth_for("tW5rOj1uXBk").slide_at(15_000)
    assert [line.text for line in slide.lines[:3]] == ["ߢߐ߭", "ɲɔ", "millet"]
    assert [line.language for line in slide.lines[:3]] == ["nqo", "nqo-Latn", "en"]
    assert slide.lines[0].licence == "CC-BY-4.0"


def test_the_lesson_in_latin_has_lines_and_no_entries() -> None:
    truth = truth_for("mE1sS7aGeFr")
    assert all(slide.lines and not slide.entries for slide in truth.slides)
    assert {line.script for slide in truth.slides for line in slide.lines} == {"latin"}


def test_names_digits_and_labels_are_lines_but_no_entries() -> None:
    slide = truth_for("hN4z-QsEm7I").slide_at(0)
    assert "ߘߋ߲ߓߏ߬" in {line.text for line in slide.lines}
    assert "ߘߋ߲ߓߏ߬" not in {entry.nko for entry in slide.entries}


def test_an_unknown_video_has_no_truth() -> None:
    with pytest.raises(KeyError):
        truth_for("nothing-here")
