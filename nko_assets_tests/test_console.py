"""How results look on a terminal."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from nko_assets.console import (
    SHOWN,
    print_batches,
    print_findings,
    print_status,
    print_summary,
)
from nko_assets.doctor import Finding
from nko_assets.reading.batch_table import BatchLine
from nko_assets.summary import Summary, VideoStatus, WarnedCheck

SUMMARY = Summary(
    data="/data",
    source="folder /lessons [2024]",
    videos=3,
    videos_done=2,
    no_longer_listed=0,
    frames=12345,
    unique_frames=40,
    readings=40,
    accepted=30,
    pairs=25,
    conversations=75,
    ocr_samples=30,
    words=20,
    synthetic=10,
    checks_passed=90,
    checks_failed=2,
    error_rate=0.0123,
    pairing_rate=0.97,
    files={"training files": "/data/training"},
)


def printed(show, *given, **named) -> str:
    out = io.StringIO()
    show(Console(file=out, width=120, soft_wrap=True, highlight=False), *given, **named)
    return out.getvalue()


def summary_of(**over) -> str:
    return printed(print_summary, replace(SUMMARY, **over), nothing_to_do=False)


def test_the_summary_names_every_count_and_where_the_files_are():
    text = summary_of()
    for part in (
        "2/3  videos of folder /lessons [2024]",
        "12,345  frames",
        "25  translation pairs",
        "1.23%  character error rate",
        "97.0%  of the sample's known pairs",
        "90  checks passed, 2 below their target",
        "training files: /data/training",
        "`nko ui --data /data` shows",
    ):
        assert part in text
    assert "no longer lists" not in text
    assert "current already" not in text


def test_a_source_without_known_text_shows_no_error_rate():
    assert "error rate" not in summary_of(error_rate=None, pairing_rate=None)


def test_the_usual_data_root_needs_no_naming_to_the_ui():
    assert "`make ui` shows" in summary_of(data=str(Path("data").absolute()))


def test_a_run_that_found_nothing_to_do_says_so():
    assert "Everything was current already." in printed(print_summary, SUMMARY, nothing_to_do=True)


def test_videos_that_the_source_dropped_are_told():
    assert "4  more that the source no longer lists" in summary_of(no_longer_listed=4)


def test_failures_are_named_with_their_reason_brackets_and_all():
    text = summary_of(
        failed=[VideoStatus("v1", "One", "frames", "unique_frames", "bad [/x] file")],
        broken={"splits": "3 leaks [a]"},
        warnings=[WarnedCheck("frames", "v2", "frame_count", "11 of [12]")],
    )
    assert "failed v1 in unique_frames: bad [/x] file" in text
    assert "failed splits: 3 leaks [a]" in text
    assert "below target frames v2 frame_count: 11 of [12]" in text


@pytest.mark.parametrize("count", [SHOWN, SHOWN + 7])
def test_a_long_list_ends_with_how_many_are_not_shown(count):
    failed = [VideoStatus(f"v{number}", "", "", "frames", "short") for number in range(count)]
    text = summary_of(failed=failed)
    assert text.count("in frames: short") == SHOWN
    assert ("… and 7 more" in text) is (count > SHOWN)


def test_the_status_has_a_line_a_video():
    text = printed(
        print_status,
        [
            VideoStatus("v1", "One [1]", "reviewed_readings"),
            VideoStatus("v2", "Two", "", "video_files", "long " * 40 + "private [/video]"),
            VideoStatus("v3", "Three", "frames", listed=False),
        ],
    )
    header, *lines = [line.rstrip() for line in text.splitlines()]
    assert header.split() == ["video", "done", "failed", "in", "title", "or", "reason"]
    assert lines[0].endswith("One [1]")
    assert "nothing yet" in lines[1]
    assert lines[1].endswith("private [/video]")
    assert lines[2].endswith("Three (no longer listed)")


def test_a_finding_that_is_not_well_has_its_next_step():
    text = printed(
        print_findings,
        [Finding("reader", True, "offline"), Finding("source", False, "No [x].", "Give [y].")],
    )
    assert text.splitlines() == ["ok   reader: offline", "fix  source: No [x].", "     Give [y]."]


def test_the_batch_jobs_have_a_line_each_and_no_table_when_there_are_none():
    assert printed(print_batches, []) == ""
    lines = [
        BatchLine("", "waiting", 3, 120, 0, 0, 0.2, 0.0, 61.0, note="not in a job yet"),
        BatchLine("nko-1", "failed", 20, 1612, 0, 0, 1.8, 0.0, 7200.0, note="quota [exceeded]"),
    ]
    header, first, second = printed(print_batches, lines).strip().splitlines()
    assert header.split()[:4] == ["job", "state", "videos", "frames"]
    assert "waiting" in first
    assert second.split()[:4] == ["nko-1", "failed", "20", "1,612"]
    assert second.rstrip().endswith("quota [exceeded]")
