"""What a sensor remembers: what was read, how often it was tried, what was told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from nko_assets.sensor_memory import AGAIN_AFTER, MOST_LAUNCHES, SensorMemory

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SOON = timedelta(minutes=1)


def launch(memory: SensorMemory, when: datetime, receipt: str = "r", *, running=False) -> bool:
    """Launch for video v if it may be; whether it was."""
    may = memory.may_launch("v", receipt, when, running=running)
    if may:
        memory.remember_launch("v", receipt, when)
    return may


@pytest.mark.parametrize("cursor", [None, "", "{}", '{"v": "r"}', "no JSON", "[]"])
def test_no_cursor_and_one_of_another_version_are_an_empty_memory(cursor):
    assert SensorMemory.of(cursor) == SensorMemory()


def test_a_memory_is_the_same_after_it_was_a_cursor():
    memory = SensorMemory()
    launch(memory, NOW)
    memory.remember_read("w", "s")
    memory.to_tell(["job"], NOW, AGAIN_AFTER)
    assert SensorMemory.of(memory.model_dump_json()) == memory


def test_a_video_is_launched_hourly_and_so_many_times():
    memory = SensorMemory()
    times = [NOW + each * timedelta(minutes=10) for each in range(100)]
    launched = [when for when in times if launch(memory, when)]
    assert launched == [NOW + each * AGAIN_AFTER for each in range(MOST_LAUNCHES)]


def test_while_a_run_is_at_work_only_new_receipts_are_launched():
    memory = SensorMemory()
    assert launch(memory, NOW, running=True)
    assert not launch(memory, NOW + AGAIN_AFTER, running=True)
    assert launch(memory, NOW + SOON, "another", running=True)
    assert memory.launches("v", "another") == 1


def test_a_video_that_waits_again_or_was_read_begins_anew():
    for forget in (
        lambda memory: memory.forget_launches(["v", "unknown"]),
        lambda memory: memory.remember_read("v", "r"),
    ):
        memory = SensorMemory()
        launch(memory, NOW)
        forget(memory)
        assert launch(memory, NOW + SOON)


def test_a_job_is_told_once_in_a_while_until_it_is_done():
    memory = SensorMemory()
    assert memory.to_tell(["a", "b"], NOW, AGAIN_AFTER) == ["a", "b"]
    assert memory.to_tell(["a", "c"], NOW + SOON, AGAIN_AFTER) == ["c"]
    assert memory.to_tell(["a", "b", "c"], NOW + AGAIN_AFTER, AGAIN_AFTER) == ["a", "b"]
