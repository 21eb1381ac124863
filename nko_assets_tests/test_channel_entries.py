"""Ids of videos: readable, unique, safe as names of files, partitions and frames."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from nko_assets.channel import file_safe_id, is_file_safe


def test_an_id_reads_like_its_title() -> None:
    assert file_safe_id("ߥߟߊ߬ߘߊ ߁߀߲", "a.mp4").startswith("ߥߟߊ߬ߘߊ-߁߀߲-")
    assert file_safe_id("Lesson 10 (part 2)", "a.mp4").startswith("Lesson-10-part-2-")


def test_files_with_one_stem_get_two_ids() -> None:
    assert file_safe_id("lesson", "lesson.mp4") != file_safe_id("lesson", "lesson.mkv")
    assert file_safe_id("lesson", "a/lesson.mp4") != file_safe_id("lesson", "b/lesson.mp4")


def test_names_that_differ_by_case_alone_give_ids_that_differ_by_more() -> None:
    upper, lower = file_safe_id("Lesson", "Lesson.mp4"), file_safe_id("lesson", "lesson.mp4")
    assert upper.casefold() != lower.casefold()


def test_an_id_never_looks_like_an_option() -> None:
    assert not file_safe_id("--config", "--config.mp4").startswith("-")
    assert file_safe_id("!!!", "!!!.mp4").startswith("video-")


def test_composed_and_decomposed_names_give_one_id() -> None:
    decomposed = unicodedata.normalize("NFD", "Leçon à lire")
    assert file_safe_id(decomposed, decomposed) == file_safe_id("Leçon à lire", "Leçon à lire")


def test_youtube_ids_are_safe_as_they_are() -> None:
    assert all(is_file_safe(name) for name in ("-dQw4w9WgXc", "_aB-cD_eF12", "dQw4w9WgXcQ"))
    assert not any(is_file_safe(name) for name in ("", "a/b", "a:b", "a b", "..", "a,b", "x" * 200))


@given(st.text(max_size=300))
def test_any_text_gives_a_safe_id(text: str) -> None:
    made = file_safe_id(text, text)
    assert made == file_safe_id(text, text)
    assert len(made.encode()) <= 140
    assert not made.startswith("-")
    assert all(c == "-" or unicodedata.category(c)[0] in "LMN" for c in made)
