"""The step that asks people: every reading is in the queue of the store, as it was read."""

from __future__ import annotations

from pathlib import Path

import pytest

from nko_assets.lineage import STEPS
from nko_assets.reading.decisions import HumanDecision
from nko_assets.reading.reviews import Said
from nko_assets.resources.review_desk import ReviewDesk
from nko_assets.resources.store import Store
from nko_assets.steps import perform
from nko_assets_tests.channels import GREETINGS, ScriptedReader
from nko_assets_tests.memory_places import lazily
from nko_assets_tests.test_assets_readings import Changing, collected, frames_of, submitted
from nko_assets_tests.workbench import Workbench, entry_of

pytestmark = pytest.mark.usefixtures("desk")


@pytest.fixture
def bench(tmp_path: Path, database: Store) -> Workbench:
    """A video of three frames read by two readers, who agree."""
    return read_by(ScriptedReader(), tmp_path, database)


def read_by(reader: ScriptedReader, root: Path, database: Store) -> Workbench:
    bench = Workbench(
        root,
        entry_of("v1"),
        reader=reader,
        second_reader=ScriptedReader(),
        store=lazily(database),
    )
    bench.put("unique_frames", "v1", frames_of(True, True, True))
    collected(submitted(bench))
    bench.put("second_readings", "v1", bench.work("second_readings", "v1").table)
    bench.put("reviewed_readings", "v1", bench.work("reviewed_readings", "v1").table)
    return bench


def queued(desk: ReviewDesk) -> list[str]:
    found: dict[str, str] = {}
    while item := desk.next_item("Awa", found):
        found[item.reading_id] = item.frame_id
    return list(found.values())


def test_every_reading_of_a_video_is_asked_about(bench: Workbench, desk: ReviewDesk) -> None:
    facts = bench.work("review_queue", "v1").facts
    assert facts["items"] == 3
    assert sorted(queued(desk)) == ["v1:0", "v1:10000", "v1:5000"]
    item = desk.next_item("Awa")
    assert item is not None
    assert item.nko in dict(GREETINGS)
    assert item.said == (Said("scripted", item.nko), Said("offline", item.nko))
    assert item.box == (40, 20, 280, 60)
    assert item.english == dict(GREETINGS)[item.nko]


def test_what_the_readers_dispute_is_asked_first(
    tmp_path: Path, database: Store, desk: ReviewDesk
) -> None:
    bench = read_by(Changing(entry={"nko": "ߒߞߏ"}), tmp_path, database)
    bench.work("review_queue", "v1")
    item = desk.next_item("Awa")
    assert item is not None
    assert item.said[0] == Said("scripted", "ߒߞߏ")
    assert item.said[1].nko != "ߒߞߏ"
    assert item.teaches > 0.5


def test_a_decision_asks_nothing_again_and_another_store_does(
    bench: Workbench, desk: ReviewDesk, tmp_path: Path
) -> None:
    step = STEPS["review_queue"]
    assert perform(step, bench.context("v1"), STEPS).made
    item = desk.next_item("Awa")
    assert item is not None
    desk.decide(HumanDecision(item.reading_id, "accept", "Awa", "2026-11-24", item.nko), None)
    assert not perform(step, bench.context("v1"), STEPS).made
    elsewhere = Workbench(tmp_path, entry_of("v1"), second_reader=ScriptedReader())
    try:
        assert step.identity(elsewhere.context("v1")) != step.identity(bench.context("v1"))
    finally:
        elsewhere.workshop.store.close()


def test_read_again_with_another_text_it_is_asked_again(
    bench: Workbench, desk: ReviewDesk, tmp_path: Path, database: Store
) -> None:
    bench.work("review_queue", "v1")
    item = desk.next_item("Awa")
    assert item is not None
    desk.decide(HumanDecision(item.reading_id, "accept", "Awa", "2026-11-24", item.nko), None)
    assert item.frame_id not in queued(desk)
    again = read_by(Changing(entry={"nko": "ߒߞߏ"}), tmp_path, database)
    assert again.work("review_queue", "v1").facts["outdated"] == 1
    assert item.frame_id in queued(desk)
    back = read_by(ScriptedReader(), tmp_path, database)
    assert back.work("review_queue", "v1").facts["outdated"] == 0
    assert item.frame_id not in queued(desk), "what was decided on this text counts again"
