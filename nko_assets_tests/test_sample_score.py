"""Scoring readings of the sample against its truth."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from nko_assets.failures import PermanentFailure
from nko_assets.reading.answers import Reading, readings_table
from nko_assets.sample.lessons import lessons
from nko_assets.sample.score import SampleScore, compare_lines, right_entries, score_readings
from nko_assets.sample.truth import truth_for
from nko_assets_tests.builders import reading as row
from nko_assets_tests.builders import reviewed
from nko_assets_tests.sample_readings import perfect_reading, perfect_readings, spoilt

TABLE_OF_DAYS = ("Kd3x9LwPaRA", 10_000)


def score(*readings: Reading) -> SampleScore:
    return score_readings(readings_table(readings))


def test_a_perfect_reader_has_no_errors_and_every_pair() -> None:
    readings = [reading for video_id in lessons() for reading in perfect_readings(video_id)]
    found = score(*readings)
    assert found.frames == len(readings)
    assert (found.cer, found.pairing, found.naming) == (0, 1, 1)
    assert found.lines_exact == found.lines_found == found.lines_expected > 700
    assert (found.lines_spurious, found.pairs_spurious) == (0, 0)


def test_a_wrong_letter_costs_one_error() -> None:
    reading = perfect_reading(*TABLE_OF_DAYS)
    first = next(line for line in reading.lines if line.script == "nko")
    wrong = replace(first, text="ߓ" + first.text[1:])
    lines = tuple(wrong if line is first else line for line in reading.lines)
    found = score(replace(reading, lines=lines))
    assert found.character_errors == 1
    assert found.lines_exact == found.lines_expected - 1


def test_a_missed_line_costs_all_its_characters() -> None:
    reading = perfect_reading(*TABLE_OF_DAYS)
    first = next(line for line in reading.lines if line.script == "nko")
    found = score(replace(reading, lines=tuple(x for x in reading.lines if x is not first)))
    assert found.character_errors == len(first.text)
    assert found.lines_found == found.lines_expected - 1


def test_a_line_that_is_not_there_costs_its_characters() -> None:
    reading = perfect_reading(*TABLE_OF_DAYS)
    ghost = replace(reading.lines[0], script="nko", text="ߒߞߏ")
    found = score(replace(reading, lines=(*reading.lines, ghost)))
    assert (found.character_errors, found.lines_spurious) == (3, 1)


def test_the_order_of_lines_and_wide_spaces_do_not_count() -> None:
    reading = perfect_reading("-bQ7m_ZtK0s", 10_000)
    lines = tuple(replace(line, text=line.text.replace(" ", "  ")) for line in reading.lines[::-1])
    assert score(replace(reading, lines=lines)).cer == 0


def test_a_frame_that_failed_has_every_line_missed_and_no_pair() -> None:
    failed = spoilt([perfect_reading(*TABLE_OF_DAYS)], status="error", lines=(), entries=())
    found = score(*failed)
    assert (found.cer, found.pairing) == (1, 0)


def test_a_partner_of_the_row_below_is_not_right() -> None:
    reading = perfect_reading(*TABLE_OF_DAYS)
    heading, *days = reading.entries
    shifted = [
        replace(entry, english=below.english, french=below.french)
        for entry, below in zip(days, days[1:] + days[:1], strict=True)
    ]
    found = score(replace(reading, entries=(heading, *shifted)))
    assert found.pairs_right == 1  # the heading's
    assert found.pairs_spurious == 14


def test_a_partner_taken_for_another_language_is_paired_but_not_named() -> None:
    reading = perfect_reading(*TABLE_OF_DAYS)
    swapped = tuple(
        replace(entry, english=entry.french, french=entry.english) for entry in reading.entries
    )
    found = score(replace(reading, entries=swapped))
    assert found.pairing == 1
    assert found.pairs_named_right == 0


def test_one_text_counts_for_one_partner_only() -> None:
    reading = perfect_reading("Pz2Hq8gJnUo", 0)
    halved = tuple(replace(entry, french=None) for entry in reading.entries)
    found = score(replace(reading, entries=halved))  # Mali is Mali in both languages
    assert found.pairs_right == 7
    assert found.pairs_expected == 15


def test_a_word_that_stands_twice_is_matched_by_its_place() -> None:
    reading = perfect_reading("KaRan3XW9-q", 0)
    assert reading.entries[0].nko == reading.entries[1].nko
    assert score(replace(reading, entries=reading.entries[::-1])).pairing == 1


def test_latin_text_read_a_little_wrong_is_still_the_right_partner() -> None:
    reading = perfect_reading(*TABLE_OF_DAYS)
    entries = tuple(
        replace(entry, french=(entry.french or "").replace("d", "b", 1))
        for entry in reading.entries
    )
    assert score(replace(reading, entries=entries)).pairing == 1


def test_lines_are_set_side_by_side_for_the_eye() -> None:
    table = compare_lines(readings_table([perfect_reading(*TABLE_OF_DAYS)]))
    truth = truth_for(TABLE_OF_DAYS[0]).slide_at(TABLE_OF_DAYS[1])
    expected = [line.text for line in truth.lines if line.script == "nko"]
    assert table["expected"].to_list() == table["read"].to_list() == expected
    assert table["errors"].sum() == 0


def test_readings_of_other_channels_are_left_out() -> None:
    ours = perfect_reading(*TABLE_OF_DAYS)
    other = replace(ours, video_id="somethingel", frame_id="somethingel:0")
    assert score(ours, other).frames == 1


def test_nothing_to_score_is_an_error_and_not_a_perfect_score() -> None:
    with pytest.raises(PermanentFailure, match="None of the 0 readings"):
        score_readings(readings_table([]))
    with pytest.raises(PermanentFailure, match="show no N'Ko"):
        score(perfect_reading("mE1sS7aGeFr", 0))


def test_the_blank_slide_can_be_scored_among_others() -> None:
    blank = perfect_reading("Kd3x9LwPaRA", 0)
    assert blank.status == "no_text"
    assert compare_lines(readings_table([blank])).is_empty()
    assert isinstance(compare_lines(readings_table([blank])), pl.DataFrame)


def test_an_entry_is_right_when_its_very_text_is_on_the_slide() -> None:
    video_id, time = TABLE_OF_DAYS
    shown = next(
        line.text for line in truth_for(video_id).slide_at(time).lines if line.script == "nko"
    )
    where = {"video_id": video_id, "timestamp_ms": time}
    right = row(shown, **where, reading_id="right")
    wrong = row(shown[:-1], **where, entry=1, reading_id="wrong")
    by_person = row(shown[:-1], **where, entry=2, decided_by="Awa", reading_id="decided")
    elsewhere = row(shown, reading_id="of another channel")
    assert right_entries(reviewed(right, wrong, by_person, elsewhere)) == {
        "right": True,
        "wrong": False,
    }
