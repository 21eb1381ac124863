"""The table of batch jobs: states, ages, and when a job may be done."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from nko_assets.reading.batch_table import COLUMNS, batch_markdown, batch_table, span
from nko_assets.reading.ledger import Backlog, BatchJob, BatchState

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
NOTHING = Backlog(0, 0, 0.0, None, 0, 0, 0)


def minutes_ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


RUNNING = BatchJob(
    name="nko-1",
    state=BatchState.RUNNING,
    model="gemini-2.5-flash",
    videos=20,
    frames=1612,
    size=150_000_000,
    tokens=3_000_000,
    estimated_usd=1.8,
    actual_usd=0.0,
    answered=0,
    failed=0,
    service_name="batches/1",
    file_name="files/1",
    created_at=minutes_ago(15),
    submitted_at=minutes_ago(14),
    checked_at=NOW,
    finished_at=None,
    error="",
    create_after=None,
)
DONE = replace(
    RUNNING,
    name="nko-0",
    state=BatchState.PARTIALLY_SUCCEEDED,
    actual_usd=1.7,
    answered=1600,
    failed=12,
    created_at=minutes_ago(100),
    submitted_at=minutes_ago(99),
    finished_at=minutes_ago(59),
)


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        (BatchState.PREPARING, "queued"),
        (BatchState.UPLOADED, "queued"),
        (BatchState.SUBMITTED, "running"),
        (BatchState.RUNNING, "running"),
        (BatchState.SUCCEEDED, "done"),
        (BatchState.PARTIALLY_SUCCEEDED, "done"),
        (BatchState.FAILED, "failed"),
        (BatchState.EXPIRED, "failed"),
        (BatchState.CANCELLED, "failed"),
    ],
)
def test_every_state_of_the_ledger_is_one_of_four(state, shown):
    (line,) = batch_table([replace(RUNNING, state=state)], NOTHING, NOW)
    assert line.state == shown


def test_a_running_job_may_be_done_when_those_before_it_were():
    running, done = batch_table([RUNNING, DONE], NOTHING, NOW)
    assert (running.age_s, running.left_s) == (15 * 60, 26 * 60)
    assert (done.age_s, done.left_s) == (41 * 60, None)
    assert (done.answered, done.failed, done.actual_usd) == (1600, 12, 1.7)


def test_nothing_is_promised_before_a_job_is_done_and_nothing_negative_after():
    assert batch_table([RUNNING], NOTHING, NOW)[0].left_s is None
    late = replace(RUNNING, submitted_at=minutes_ago(300))
    assert batch_table([late, DONE], NOTHING, NOW)[0].left_s == 0


def test_a_failed_job_says_why():
    failed = replace(RUNNING, state=BatchState.FAILED, error="quota | exceeded")
    (line,) = batch_table([failed], NOTHING, NOW)
    assert line.note == "quota | exceeded"
    expired = replace(RUNNING, state=BatchState.EXPIRED)
    assert batch_table([expired], NOTHING, NOW)[0].note == "expired"


def test_what_is_in_no_job_yet_comes_first():
    queued = Backlog(120, 3, 0.2, minutes_ago(1), 1, 100, 0)
    first, second = batch_table([RUNNING], queued, NOW)
    assert (first.state, first.videos, first.frames, first.age_s) == ("waiting", 3, 120, 60)
    assert second.job == "nko-1"


def test_what_rests_after_a_job_that_failed_says_until_when():
    (line,) = batch_table([], Backlog(120, 3, 0.2, minutes_ago(-10), 0, 0, 0), NOW)
    assert (line.age_s, line.note) == (0, "rest after a job that failed, until 12:10 UTC")


def test_the_markdown_has_a_row_a_job_and_no_broken_cell():
    failed = replace(RUNNING, state=BatchState.FAILED, error="quota | exceeded")
    text = batch_markdown(batch_table([failed, DONE], NOTHING, NOW))
    rows = text.splitlines()
    assert len(rows) == 4
    assert {row.count("|") for row in rows} == {len(COLUMNS) + 1}
    assert "| nko-0 | done | 20 | 1,612 | 1,600 | 12 | 1.80 | 1.70 | 41 min |" in text
    assert batch_markdown([]) == "No frame was handed to the service."


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (-3, "0 s"),
        (29, "29 s"),
        (61, "1 min"),
        (3599, "1 h"),
        (5400, "1 h 30 min"),
        (7200, "2 h"),
        (200_000, "2 d 7 h"),
    ],
)
def test_lengths_of_time_are_said_as_people_do(seconds, said):
    assert span(seconds) == said
