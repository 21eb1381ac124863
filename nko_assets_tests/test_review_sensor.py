"""A decision makes its video's readings stale in Dagster, and materializing them mends it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg
import polars as pl
import pytest
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.test_utils import InProcessTestWorkspaceLoadTarget
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster_graphql.test.utils import execute_dagster_graphql

from nko_assets.build import build_definitions
from nko_assets.instance import open_instance
from nko_assets.jobs import LESSONS
from nko_assets.partitions import range_tags
from nko_assets.progress import Silent
from nko_assets.reading.decisions import HumanDecision
from nko_assets.resources.review_desk import ReviewDesk
from nko_assets.review_sensor import review_decisions_taken
from nko_assets.run import run_lineage
from nko_assets.steps import Workshop
from nko_assets.workshop import open_workshop
from nko_assets_tests.channels import ScriptedReader, settings_for, write_channel

STALE = """query($key: AssetKeyInput!, $partitions: [String!]!) {
  assetNodes(assetKeys: [$key]) {
    staleStatusByPartition(partitions: $partitions)
  }
}"""


@dataclass
class Channel:
    """Two lessons read and reviewed, and what Dagster thinks of them."""

    workshop: Workshop
    instance: dg.DagsterInstance
    ui: WorkspaceProcessContext
    keys: list[str]
    cursor: str | None = None

    @property
    def desk(self) -> ReviewDesk:
        return ReviewDesk(self.workshop.store)

    def status(self, asset: str = "reviewed_readings") -> list[str]:
        """What the UI's server says of each video."""
        answer = execute_dagster_graphql(
            self.ui.create_request_context(),
            STALE,
            {"key": {"path": [asset]}, "partitions": self.keys},
        )
        return answer.data["assetNodes"][0]["staleStatusByPartition"]

    def tick(self) -> list[str]:
        """Evaluate the sensor and report what it saw, as the daemon does; the videos it named."""
        context = dg.build_sensor_context(
            self.instance, self.cursor, resources={"workshop": self.workshop}
        )
        result = review_decisions_taken(context)
        self.cursor = result.cursor
        for event in result.asset_events:
            self.instance.report_runless_asset_event(event)
        return [event.partition for event in result.asset_events]

    def decide(self, key: str, verdict: str = "reject") -> int:
        passed: list[str] = []
        while (item := self.desk.next_item("Awa", passed)).video_id != key:
            passed.append(item.reading_id)
        now = datetime.now(UTC).isoformat()
        decision = HumanDecision(item.reading_id, verdict, "Awa", now, item.nko)
        return self.desk.decide(decision, item.last_decision)

    def materialize(self, keys: list[str], assets: list[str]) -> bool:
        definitions = build_definitions(
            self.workshop.settings, {"workshop": self.workshop, "progress": Silent()}
        )
        return (
            definitions.resolve_job_def(LESSONS)
            .execute_in_process(
                instance=self.instance,
                asset_selection=[dg.AssetKey(asset) for asset in assets],
                tags=range_tags(keys),
                raise_on_error=False,
            )
            .success
        )

    def decisions(self, key: str) -> list[str]:
        table = self.workshop.lake.read_table("reviewed_readings", key)
        return table.filter(pl.col("entry") >= 0)["decided_by"].unique().sort().to_list()


@pytest.fixture
def channel(tmp_path) -> Iterator[Channel]:
    source = write_channel(tmp_path / "lessons", 2)
    workshop = open_workshop(settings_for(tmp_path, source), ScriptedReader())
    run_lineage(workshop, Silent(), only=["channel", "frames", "readings"])
    target = InProcessTestWorkspaceLoadTarget(
        InProcessCodeLocationOrigin(
            LoadableTargetOrigin(
                executable_path=sys.executable, module_name="nko_assets.definitions"
            )
        )
    )
    with (
        open_instance(workshop.settings) as instance,
        WorkspaceProcessContext(instance, target) as ui,
    ):
        keys = list(instance.get_dynamic_partitions("videos"))
        yield Channel(workshop, instance, ui, keys)
    workshop.store.close()


def test_a_decision_makes_its_video_stale_and_materializing_heeds_it(channel):
    assert channel.status() == ["FRESH", "FRESH"]
    channel.decide(channel.keys[1])
    assert channel.tick() == [channel.keys[1]]
    assert channel.status() == ["FRESH", "STALE"]
    assert channel.decisions(channel.keys[1]) == ["gate"]
    assert channel.materialize([channel.keys[1]], ["reviewed_readings"])
    assert channel.status() == ["FRESH", "FRESH"]
    assert channel.decisions(channel.keys[1]) == ["Awa", "gate"]
    assert channel.tick() == []


def test_what_is_made_again_alone_and_unchanged_makes_nothing_stale(channel):
    first, _ = channel.keys
    run_lineage(channel.workshop, Silent(), only=["memory"])
    assert channel.status("memory_turns") == ["FRESH", "FRESH"]
    assert channel.materialize([first], ["reviewed_readings"])
    assert channel.status("memory_turns") == ["FRESH", "FRESH"]


def test_a_decision_that_is_taken_back_at_once_leaves_nothing_stale_after_a_run(channel):
    first, _ = channel.keys
    channel.desk.undo(channel.decide(first), "Awa")
    assert channel.tick() == [first]
    assert channel.status() == ["STALE", "FRESH"]
    run_lineage(channel.workshop, Silent(), only=["readings"])
    assert channel.status() == ["FRESH", "FRESH"]
    assert channel.tick() == []


def test_what_is_taken_back_is_made_again_and_what_was_heeded_is_not(channel):
    first, second = channel.keys
    # Before Dagster looked, someone ran the pipeline.
    taken = channel.decide(first)
    run_lineage(channel.workshop, Silent(), only=["readings"])
    assert channel.decisions(first) == ["Awa", "gate"]
    assert channel.tick() == []
    assert channel.status() == ["FRESH", "FRESH"]
    channel.desk.undo(taken, "Awa")
    assert channel.tick() == [first]
    assert channel.status() == ["STALE", "FRESH"]
    # A range of which one video fails marks the other as made from what it was made from.
    channel.workshop.lake.path("gemini_results", second).unlink()
    assert not channel.materialize([first, second], ["reviewed_readings"])
    assert channel.status() == ["FRESH", "FRESH"]
    assert channel.decisions(first) == ["gate"]
    channel.decide(first)
    assert channel.tick() == [first]
    assert channel.status() == ["STALE", "FRESH"]
    assert channel.status("memory_turns") == ["MISSING", "MISSING"]
