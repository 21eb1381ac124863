"""The lessons of the sample channel: real N'Ko with licences, ids like YouTube's, honest timing."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from pathlib import Path

import pytest

from nko_assets.nko import key, normalize, rejected, tone_key, validate
from nko_assets.sample.lessons import (
    LESSON_FOLDER,
    SHORTEST_STATE_MS,
    Lesson,
    Row,
    lesson,
    lessons,
    read_lesson,
)
from nko_assets_tests.shared import SHARED, needs_shared

LICENCES = {"CC-BY-SA-4.0", "CC-BY-4.0", "Unicode-3.0", "CC0-1.0"}
LATIN_ONLY = "mE1sS7aGeFr"


def every_row() -> list[Row]:
    return [row for known in lessons().values() for row in known.rows()]


def nko_rows() -> list[Row]:
    return [row for row in every_row() if row.nko]


def test_there_are_at_least_eight_lessons_of_about_a_minute() -> None:
    durations = [known.duration_ms / 1000 for known in lessons().values()]
    assert len(durations) >= 8
    assert all(50 <= duration <= 75 for duration in durations)


def test_ids_look_like_youtubes_and_two_differ_by_case_alone() -> None:
    ids = list(lessons())
    assert all(re.fullmatch(r"[\w-]{11}", video_id) for video_id in ids)
    assert {"-", "_"} <= {video_id[0] for video_id in ids}
    assert max(Counter(video_id.casefold() for video_id in ids).values()) == 2


def test_titles_carry_nko_with_nko_digits_and_latin() -> None:
    titled = [known.title for known in lessons().values() if known.video_id != LATIN_ONLY]
    assert all(re.search("[߀-߉]", title) and re.search("[A-Za-z]", title) for title in titled)


def test_every_row_names_its_source_and_a_licence_that_the_licence_page_explains() -> None:
    page = (LESSON_FOLDER.parent / "LICENCES.md").read_text(encoding="utf-8")
    assert len(every_row()) <= 300
    for row in every_row():
        assert row.licence in LICENCES
        assert row.licence in page
        assert row.source.split()[0] in page


def test_every_nko_text_is_normal_and_none_is_rejected_by_the_validator() -> None:
    for row in nko_rows():
        for text in (row.nko, row.speaker, row.digits):
            if text:
                assert normalize(text) == unicodedata.normalize("NFC", text) == text
        assert not rejected(validate(row.nko or "", english=row.english)), row


def test_no_lesson_file_holds_text_that_is_reversed_or_directed_by_controls() -> None:
    for path in LESSON_FOLDER.glob("*.toml"):
        assert not re.search("[\u200e\u200f\u202a-\u202e\u2066-\u2069]", path.read_text("utf-8"))


def test_one_lesson_has_no_nko_at_all() -> None:
    known = lesson(LATIN_ONLY)
    assert not re.search("[\u07c0-\u07ff]", known.model_dump_json())


def test_phrases_come_back_in_other_lessons() -> None:
    seen: dict[str, set[str]] = {}
    for known in lessons().values():
        for row in known.rows():
            if row.nko:
                seen.setdefault(key(row.nko), set()).add(known.video_id)
    assert sum(len(videos) > 1 for videos in seen.values()) >= 10


def test_some_words_differ_by_tone_alone() -> None:
    spellings: dict[str, set[str]] = {}
    for row in nko_rows():
        spellings.setdefault(tone_key(row.nko or ""), set()).add(key(row.nko or ""))
    assert sum(len(variants) > 1 for variants in spellings.values()) >= 5


def test_every_kind_of_slide_is_there() -> None:
    slides = [slide for known in lessons().values() for slide in known.slides]
    assert {slide.layout for slide in slides} == {
        "columns", "stacked", "three-lines", "table", "dialogue", "prose", "blank",
    }  # fmt: skip
    assert sum(slide.step_seconds is not None for slide in slides) >= 3
    assert any(row.nko and not (row.english or row.french) for row in every_row())
    assert any(known.style.camera for known in lessons().values())


def test_slides_do_not_change_on_the_grid_of_samples_and_stay_long_enough_to_be_seen() -> None:
    on_grid = changes = 0
    for known in lessons().values():
        now = 0
        for slide in known.slides:
            for _ in slide.states:
                assert slide.state_ms >= SHORTEST_STATE_MS
                on_grid += bool(now) and now % SHORTEST_STATE_MS == 0
                changes += 1
                now += slide.state_ms
    assert on_grid / changes < 0.05


LESSON = """
video_id = "abcdefghijk"
title = "A lesson"
uploaded = "2025-01-01"
[style]
page = "plain"
typeface = "noto"
size = 40
background = "#ffffff"
ink = "#000000"
accent = "#880000"
translation = "#000088"
[[slides]]
layout = "columns"
seconds = 6.0
rows = [{ nko = "ߖߌ", english = "water", source = "somewhere", licence = "CC0-1.0" }]
"""


def read(text: str, folder: Path) -> Lesson:
    path = folder / "lesson.toml"
    path.write_text(text, encoding="utf-8")
    return read_lesson(path)


def test_a_lesson_file_reads_back_as_written(tmp_path: Path) -> None:
    known = read(LESSON, tmp_path)
    assert known.duration_ms == 6_000
    assert known.rows()[0].nko == "ߖߌ"


def test_a_romanization_by_rule_is_made_when_asked_for(tmp_path: Path) -> None:
    asked = LESSON.replace('english = "water"', "latin_shown = true")
    assert read(asked, tmp_path).rows()[0].latin == "ji"
    assert read(LESSON, tmp_path).rows()[0].latin is None


@pytest.mark.parametrize(
    ("written", "instead", "complaint"),
    [
        ('licence = "CC0-1.0"', 'licenze = "CC0-1.0"', "licence"),
        ("seconds = 6.0", "seconds = 4.9", "at least 5000 ms"),
        ("seconds = 6.0", "seconds = 6.05", "in steps of"),
        ("seconds = 6.0", "seconds = 6.0\nstep_seconds = 6.0", "either"),
        ('typeface = "noto"', 'typeface = "comic"', "no typeface"),
        ('nko = "ߖߌ"', 'nko = "ߖ߲߫ߌ"', "NFC"),
        ('video_id = "abcdefghijk"', 'video_id = "short"', "video_id"),
        ('layout = "columns"', 'layout = "blank"', "blank"),
        ("[[slides]]", "[[slides", "lesson.toml"),
    ],
)
def test_a_mistake_in_a_lesson_file_is_named(
    written: str, instead: str, complaint: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=complaint) as refusal:
        read(LESSON.replace(written, instead), tmp_path)
    assert "lesson.toml" in str(refusal.value)


@needs_shared
def test_every_nko_row_stands_in_its_source() -> None:
    assert SHARED is not None
    texts = {
        " ".join(unicodedata.normalize("NFC", cell).split())
        for path in (SHARED / "data").glob("*.tsv")
        for line in path.read_text(encoding="utf-8").split("\n")
        for cell in line.split("\t")
    }
    notes = (SHARED / "nko.md").read_text(encoding="utf-8")
    strange = [row.nko for row in nko_rows() if row.nko not in texts and row.nko not in notes]
    assert not strange
