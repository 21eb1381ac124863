"""The channel group: its checks fail when they should, and two sources never mix."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from nko_assets.failures import ConfigurationError
from nko_assets.lineage import STEPS
from nko_assets_tests.channels import write_lesson
from nko_assets_tests.workbench import Shelf, Workbench, check, entry_of


@pytest.fixture(scope="module")
def lesson(tmp_path_factory):
    return write_lesson(tmp_path_factory.mktemp("lesson") / "v1.mp4", [["ߒߞߏ"], ["ߡߊߟߌ"]])


def listing(tmp_path, *entries, **shelf):
    return Workbench(tmp_path, *entries, source=Shelf(entries, **shelf))


def test_a_listing_shorter_than_expected_is_told_with_both_numbers(tmp_path):
    bench = listing(tmp_path, entry_of("v1"), entry_of("v2"), expected_videos=3)
    result = check(bench.work("video_manifest"), "listing_is_complete")
    assert not result.passed
    assert (result.severity, result.message) == ("WARN", "2 of 3 videos are listed.")


@pytest.mark.parametrize("expected", [None, 1, 2])
def test_a_listing_that_is_as_long_as_expected_passes(tmp_path, expected):
    bench = listing(tmp_path, entry_of("v1"), entry_of("v2"), expected_videos=expected)
    assert check(bench.work("video_manifest"), "listing_is_complete").passed


def test_the_manifest_is_written_as_json_and_as_a_table(tmp_path):
    bench = listing(tmp_path, entry_of("v1"), entry_of("v2"))
    outcome = bench.work("video_manifest")
    document = json.loads(outcome.files[bench.lake.manifest_path])
    assert [video["video_id"] for video in document["videos"]] == ["v1", "v2"]
    assert outcome.table["video_id"].to_list() == ["v1", "v2"]


def test_how_many_are_no_longer_listed_is_told(tmp_path):
    three = [entry_of(f"v{number}") for number in range(3)]
    known(tmp_path, *three)
    bench = Workbench(tmp_path, source=Shelf(three[:1]), allow_shrink=True)
    said = []
    STEPS["video_manifest"].work(replace(bench.context(), say=said.append))
    assert said[-1] == "0 new videos, 0 changed, 2 no longer listed"


def known(tmp_path, *entries, source="/lessons/a"):
    """A data root that a run on `source` filled with `entries`."""
    bench = Workbench(tmp_path, *entries, source=Shelf(entries), data=tmp_path)
    for path, data in bench.work("video_manifest").files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(source.encode() if path.name == "source.txt" else data)
    assert bench.lake.source == source


def test_another_folder_with_other_lessons_is_refused(tmp_path):
    known(tmp_path, entry_of("v1"), entry_of("v2"))
    bench = listing(tmp_path, entry_of("w1"), entry_of("w2"))
    with pytest.raises(ConfigurationError, match=r"another source.*own folder"):
        bench.work("video_manifest")


def test_a_folder_that_was_moved_is_the_same_source(tmp_path):
    known(tmp_path, entry_of("v1"), entry_of("v2"))
    bench = listing(tmp_path, entry_of("v1"), entry_of("v2"), entry_of("v3"))
    assert bench.work("video_manifest").table.height == 3


def test_the_refusal_shows_no_secret_of_a_link(tmp_path):
    link = "https://example.org/v1.mp4?token=SECRET"
    known(tmp_path, entry_of("v1", source="generic", url=link))
    with pytest.raises(ConfigurationError) as failure:
        listing(tmp_path, entry_of("w1")).work("video_manifest")
    assert "SECRET" not in str(failure.value)
    assert "example.org/v1.mp4" in str(failure.value)


def test_a_picture_too_low_for_text_is_told(tmp_path, lesson):
    bench = listing(tmp_path, entry_of("v1"), files={"v1": lesson})
    result = check(bench.work("video_files", "v1"), "legible")
    assert not result.passed
    assert "320×180; text needs 480" in result.message
    small = Workbench(
        tmp_path, entry_of("v1"), source=Shelf([], {"v1": lesson}), min_height=180, max_height=180
    )
    assert check(small.work("video_files", "v1"), "legible").passed


@pytest.mark.parametrize(
    ("listed", "passes"), [(None, True), (12.0, True), (13.5, True), (15.0, False), (60.0, False)]
)
def test_a_file_of_another_length_than_listed_is_told(tmp_path, lesson, listed, passes):
    bench = listing(tmp_path, entry_of("v1", duration_s=listed), files={"v1": lesson})
    result = check(bench.work("video_files", "v1"), "duration_as_listed")
    assert result.passed is passes
    assert "The file lasts 12.0 s" in result.message


def test_a_changed_file_is_another_artefact(tmp_path):
    bench = Workbench(tmp_path, entry_of("v1", fingerprint="1"), entry_of("v2", fingerprint="2"))
    from nko_assets.lineage import STEPS

    identity = STEPS["video_files"].identity
    assert identity(bench.context("v1"))["content"] != identity(bench.context("v2"))["content"]
