"""What whoever watches a run sees: lines where there is no terminal, bars where there is one."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from nko_assets.progress import ConsoleProgress, Silent

BRACKETS = "lesson [dQw4w9WgXcQ].mp4 [/not] a video [red]"


def watched(*, terminal: bool, clock=lambda: 0.0) -> tuple[ConsoleProgress, io.StringIO]:
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=200, soft_wrap=True)
    return ConsoleProgress(console, clock), out


def test_without_a_terminal_each_video_done_is_one_plain_line():
    progress, out = watched(terminal=False)
    with progress:
        progress.begin("frames", 2)
        progress.say("frames", "v1", "100 frames")
        progress.done("frames", "v1", "12 rows")
        progress.done("frames", "v2", "it is cut short", failed=True)
    assert out.getvalue().splitlines() == [
        "frames               1/2 · v1 12 rows",
        "frames               2/2 failed v2 it is cut short",
    ]


def test_without_a_terminal_a_long_listing_is_not_silent():
    progress, out = watched(terminal=False)
    with progress:
        progress.begin("video_manifest", 1)
        progress.say("video_manifest", "", "No answer [from] there. Trying again in 30 s.")
    assert out.getvalue().splitlines() == [
        "video_manifest       No answer [from] there. Trying again in 30 s."
    ]


def test_without_a_terminal_a_minute_of_waiting_for_answers_is_a_line():
    seconds = iter([0, 30, 61, 61, 90, 121, 121])
    progress, out = watched(terminal=False, clock=lambda: next(seconds))
    with progress:
        progress.begin("gemini_results", 1)
        for answered in (1, 2, 3, 4):
            progress.say("gemini_results", "v1", f"{answered} of 9 frames answered")
    assert out.getvalue().splitlines() == [
        "gemini_results       v1 2 of 9 frames answered",
        "gemini_results       v1 4 of 9 frames answered",
    ]


@pytest.mark.parametrize("terminal", [False, True])
def test_brackets_in_names_are_text_and_no_markup(terminal):
    progress, out = watched(terminal=terminal)
    with progress:
        progress.begin("video_files", 1)
        progress.say("video_files", "v1", BRACKETS)
        progress.done("video_files", "v1", BRACKETS, failed=True)
    assert BRACKETS in out.getvalue()


def test_on_a_terminal_only_failures_leave_a_line():
    progress, out = watched(terminal=True)
    with progress:
        progress.begin("frames", 2)
        progress.done("frames", "v1", "12 rows")
        progress.done("frames", "v2", "it is cut short", failed=True)
    assert "failed" in out.getvalue()
    assert "2/2" in out.getvalue()


def test_a_step_that_begins_twice_counts_on():
    progress, out = watched(terminal=False)
    with progress:
        progress.begin("frames", 1)
        progress.done("frames", "v1", "made")
        progress.begin("frames", 1)
        progress.done("frames", "v2", "made")
    assert [line.split()[1] for line in out.getvalue().splitlines()] == ["1/1", "2/2"]


def test_a_step_that_nobody_announced_is_not_counted():
    progress, out = watched(terminal=False)
    with progress:
        progress.say("frames", "v1", "at work")
        progress.done("frames", "v1", "made")
    assert out.getvalue() == ""


def test_silence_is_silent(capsys):
    silent = Silent()
    silent.begin("frames", 1)
    silent.say("frames", "v1", "at work")
    silent.done("frames", "v1", "made")
    assert capsys.readouterr() == ("", "")
