"""The counts over a data root, from its records alone."""

from __future__ import annotations

import json

import pytest

from nko_assets.assets.lessons import LESSON_ASSETS
from nko_assets.channel.manifest import Manifest, manifest_bytes
from nko_assets.files import write_atomically
from nko_assets.resources.lake import Failure, Lake
from nko_assets.summary import CORPUS_ASSETS, summarize, video_status
from nko_assets_tests.workbench import entry_of

FACTS = {
    "frames": {"rows": 10},
    "unique_frames": {"rows": 10, "kept": 4},
    "gemini_results": {"rows": 4},
    "reviewed_readings": {"rows": 6, "decisions": {"accepted": 5, "rejected": 1}},
}
WARNED = {
    "name": "legible",
    "passed": False,
    "severity": "WARN",
    "message": "240 lines.",
    "facts": {},
}
PASSED = {**WARNED, "passed": True}


@pytest.fixture
def lake(tmp_path):
    return Lake(tmp_path)


def list_videos(lake: Lake, *entries) -> None:
    write_atomically(lake.manifest_path, manifest_bytes(Manifest(tuple(entries))))


def finish(lake: Lake, video_id: str, steps=LESSON_ASSETS, checks=()) -> None:
    for step in steps:
        path = lake.path(step, video_id)
        write_atomically(path, b"x")
        lake.save_record(step, video_id, "f" * 64, [path], FACTS.get(step, {}), list(checks))


def test_an_empty_data_root_counts_nothing(lake):
    summary = summarize(lake)
    assert (summary.videos, summary.frames, summary.checks_passed) == (0, 0, 0)
    assert summary.error_rate is None
    assert summary.files == {}


def test_counts_add_up_over_videos(lake):
    list_videos(lake, entry_of("v1"), entry_of("v2"))
    finish(lake, "v1")
    finish(lake, "v2", LESSON_ASSETS[:3])
    summary = summarize(lake)
    assert (summary.videos, summary.videos_done) == (2, 1)
    assert (summary.frames, summary.unique_frames) == (20, 8)
    assert (summary.readings, summary.accepted) == (4, 5)


def test_checks_are_counted_and_those_below_target_are_named(lake):
    list_videos(lake, entry_of("v1"))
    finish(lake, "v1", ["video_files"], [WARNED, PASSED])
    summary = summarize(lake)
    assert (summary.checks_passed, summary.checks_failed) == (1, 1)
    (warning,) = summary.warnings
    assert (warning.asset, warning.video_id, warning.name) == ("video_files", "v1", "legible")


def test_a_failed_video_says_how_far_it_came_and_why_it_stopped(lake):
    entry = entry_of("v1")
    list_videos(lake, entry)
    finish(lake, "v1", LESSON_ASSETS[:1])
    lake.save_failure("frames", "v1", Failure("PermanentFailure", "it is cut short"))
    status = video_status(lake, entry)
    assert (status.done, status.failed, status.reason) == (
        "video_files",
        "frames",
        "it is cut short",
    )
    assert summarize(lake).failed == [status]


def test_a_failure_counts_although_an_older_artefact_is_there(lake):
    entry = entry_of("v1")
    list_videos(lake, entry)
    finish(lake, "v1")
    lake.save_failure("frames", "v1", Failure("PermanentFailure", "it is cut short"))
    assert video_status(lake, entry).failed == "frames"
    assert summarize(lake).videos_done == 0


def test_a_step_that_failed_for_want_of_one_before_it_is_told(lake):
    entry = entry_of("v1")
    list_videos(lake, entry)
    finish(lake, "v1", LESSON_ASSETS[:1])
    lake.save_failure("gemini_batches", "v1", Failure("PermanentFailure", "it needs frames"))
    status = video_status(lake, entry)
    assert (status.done, status.failed) == ("video_files", "gemini_batches")


def test_a_video_that_the_source_dropped_is_counted_apart_and_cannot_fail(lake):
    list_videos(lake, entry_of("v1"), entry_of("v2", listed=False))
    finish(lake, "v1")
    finish(lake, "v2", LESSON_ASSETS[:2])
    lake.save_failure("unique_frames", "v2", Failure("PermanentFailure", "it is cut short"))
    summary = summarize(lake)
    assert (summary.videos, summary.videos_done, summary.no_longer_listed) == (1, 1, 1)
    assert summary.failed == []


def test_what_failed_of_the_corpus_is_told_with_its_reason(lake):
    lake.save_failure("splits", "", Failure("CheckFailed", "3 leaks"))
    assert summarize(lake).broken == {"splits": "3 leaks"}
    assert "splits" in CORPUS_ASSETS


def test_what_kept_frames_from_being_sent_is_told_with_its_reason(lake):
    lake.save_failure("gemini_batches", "", Failure("BudgetExceeded", "The budget is spent."))
    assert summarize(lake).broken == {"gemini_batches": "The budget is spent."}


def test_a_summary_is_json(lake):
    list_videos(lake, entry_of("v1"))
    finish(lake, "v1", checks=[WARNED])
    lake.save_failure("frames", "v1", Failure("PermanentFailure", "«[x]»"))
    document = json.loads(json.dumps(summarize(lake).as_dict(), ensure_ascii=False))
    assert document["failed"][0]["reason"] == "«[x]»"
    assert document["data"] == str(lake.root)
