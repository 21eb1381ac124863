"""The whole lineage on a persistent instance: failures one by one, nothing twice, nothing lost."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

import dagster as dg
import pytest

from nko_assets.assets.adapter import covered_videos
from nko_assets.channel import read_manifest
from nko_assets.failures import ConfigurationError, PermanentFailure, TransientFailure
from nko_assets.instance import open_instance
from nko_assets.progress import Silent
from nko_assets.reading.ledger import BudgetExceeded
from nko_assets.run import run_lineage
from nko_assets.steps import Workshop
from nko_assets.summary import summarize
from nko_assets.workshop import open_workshop
from nko_assets_tests.channels import ScriptedReader, settings_for, write_channel, write_lesson

RECORDED = (".parquet", ".json", ".jsonl", ".html", ".md", ".mp4")


@pytest.fixture
def channel(tmp_path):
    return write_channel(tmp_path / "lessons", 3)


def workshop_for(tmp_path: Path, channel: Path, **over: object) -> Workshop:
    return open_workshop(settings_for(tmp_path, channel, **over), ScriptedReader())


def artefacts(root: Path) -> dict[str, bytes]:
    # A record names its files for the UI by their absolute paths.
    return {
        path.relative_to(root).as_posix(): path.read_bytes().replace(str(root).encode(), b"ROOT")
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.suffix in RECORDED and ".dagster" not in path.parts
    }


def materialized(workshop: Workshop, asset: str) -> set[str]:
    with open_instance(workshop.settings) as instance:
        return instance.get_materialized_partitions(dg.AssetKey(asset))


def test_a_channel_becomes_training_files_and_a_second_run_changes_nothing(tmp_path, channel):
    workshop = workshop_for(tmp_path, channel)
    assert run_lineage(workshop, Silent()).failed == {}
    made = artefacts(workshop.lake.root)
    summary = summarize(workshop.lake)
    assert (summary.videos, summary.videos_done) == (3, 3)
    assert summary.pairs >= 3
    assert summary.ocr_samples >= 3
    assert "training/report.html" in made
    assert "splits/train/nko_english.jsonl" in made

    again = run_lineage(workshop_for(tmp_path, channel), Silent())
    assert again.runs == 1, "only the listing is asked again"
    assert artefacts(workshop.lake.root) == made


def test_one_bad_video_fails_alone_and_a_second_run_touches_only_it(tmp_path, channel):
    bad = channel / "lesson 1.mp4"
    good_bytes = bad.read_bytes()
    bad.write_bytes(b"this is not a video")
    workshop = workshop_for(tmp_path, channel)
    result = run_lineage(workshop, Silent())
    (bad_id,) = result.failed
    assert bad_id.startswith("lesson-1")
    step, reason = result.failed[bad_id]
    assert step == "video_files"
    assert "lesson" in reason
    assert len(materialized(workshop, "reviewed_readings")) == 2
    assert bad_id not in materialized(workshop, "video_files")
    assert summarize(workshop.lake).failed[0].reason == reason

    bad.write_bytes(good_bytes)
    mended = workshop_for(tmp_path, channel)
    assert run_lineage(mended, Silent()).failed == {}
    assert {frame_id.rpartition(":")[0] for frame_id in mended.reader.asked} == {bad_id}
    assert len(materialized(mended, "reviewed_readings")) == 3
    assert summarize(mended.lake).failed == []


def test_a_video_that_fails_in_the_middle_of_the_lineage_keeps_what_was_made(tmp_path, channel):
    whole = channel / "lesson 2.mp4"
    data = write_lesson(tmp_path / "long.mp4", [["a"], ["b"], ["c"]], 10).read_bytes()
    whole.write_bytes(data[: len(data) // 2])
    result = run_lineage(workshop_for(tmp_path, channel), Silent())
    assert len(result.failed) == 1
    assert len(materialized(workshop_for(tmp_path, channel), "reviewed_readings")) == 2


def test_a_new_video_is_the_only_one_worked_on(tmp_path, channel):
    run_lineage(workshop_for(tmp_path, channel), Silent())
    write_lesson(channel / "lesson new.mp4", [["ߒߞߏ", "N'Ko"], ["ߡߊߟߌ", "Mali"]])
    second = workshop_for(tmp_path, channel)
    run_lineage(second, Silent())
    assert {frame_id.rpartition(":")[0] for frame_id in second.reader.asked} == {
        entry.video_id for entry in second.source.list_videos() if "new" in entry.video_id
    }


def test_another_interval_makes_the_frames_again_and_nothing_before_them(tmp_path, channel):
    workshop = workshop_for(tmp_path, channel)
    run_lineage(workshop, Silent())
    before = workshop.lake.record("video_files", _first(workshop))
    denser = workshop_for(tmp_path, channel, interval_s=2.0)
    run_lineage(denser, Silent())
    assert denser.lake.record("video_files", _first(workshop)) == before
    assert denser.lake.record("frames", _first(workshop)).facts["rows"] == 6


def _first(workshop: Workshop) -> str:
    return workshop.source.list_videos()[0].video_id


def test_one_group_of_one_video_can_be_made_alone(tmp_path, channel):
    workshop = workshop_for(tmp_path, channel)
    run_lineage(workshop, Silent(), only=["channel"])
    chosen = _first(workshop)
    run_lineage(workshop, Silent(), only=["frames"], videos=[chosen])
    assert materialized(workshop, "unique_frames") == {chosen}
    assert materialized(workshop, "gemini_batches") == set()


def test_an_unknown_video_or_group_is_refused_with_what_there_is(tmp_path, channel):
    workshop = workshop_for(tmp_path, channel)
    with pytest.raises(ConfigurationError, match=r"no video nope.*nko status"):
        run_lineage(workshop, Silent(), videos=["nope"])
    with pytest.raises(ConfigurationError, match=r"no group paint.*channel, frames, readings"):
        run_lineage(workshop, Silent(), only=["paint"])


def test_an_empty_or_missing_folder_is_one_sentence(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigurationError, match="holds no video files"):
        run_lineage(workshop_for(tmp_path, tmp_path / "empty"), Silent())
    with pytest.raises(ConfigurationError, match="There is no folder"):
        run_lineage(workshop_for(tmp_path, tmp_path / "missing"), Silent())


def test_lessons_of_another_source_do_not_mix_into_a_data_root(tmp_path, channel):
    run_lineage(workshop_for(tmp_path, channel), Silent(), only=["channel"])
    with pytest.raises(ConfigurationError, match=r"another source.*own folder"):
        run_lineage(workshop_for(tmp_path, "sample"), Silent(), only=["channel"])


def test_a_shrunken_listing_is_refused_and_can_be_accepted(tmp_path):
    channel = write_channel(tmp_path / "lessons", 4)
    run_lineage(workshop_for(tmp_path, channel), Silent(), only=["channel"])
    for path in sorted(channel.iterdir())[:3]:
        path.unlink()
    with pytest.raises(TransientFailure, match="allow-shrink"):
        run_lineage(workshop_for(tmp_path, channel), Silent(), only=["channel"])
    accepting = workshop_for(tmp_path, channel, allow_shrink=True)
    run_lineage(accepting, Silent(), only=["channel"])
    listed = [entry.listed for entry in read_manifest(accepting.lake.manifest_path)]
    assert listed == [True, False, False, False]


def test_a_data_root_that_lost_its_instance_is_taken_up_again(tmp_path, channel):
    workshop = workshop_for(tmp_path, channel)
    run_lineage(workshop, Silent(), only=["channel"])
    shutil.rmtree(workshop.lake.root / ".dagster")
    assert run_lineage(workshop, Silent(), only=["frames"]).runs == 1
    assert len(materialized(workshop, "unique_frames")) == 3


def test_training_alone_also_makes_the_splits_that_its_report_tells_of(tmp_path):
    channel = write_channel(tmp_path / "lessons", 2)
    workshop = workshop_for(tmp_path, channel)
    run_lineage(workshop, Silent(), only=["channel", "frames", "readings"])
    result = run_lineage(workshop, Silent(), only=["training"])
    assert result.broken == {}
    assert workshop.lake.record("splits")
    assert workshop.lake.record("training_report")
    assert run_lineage(workshop, Silent(), only=["training"]).nothing_to_do


def test_without_a_reading_there_is_nothing_to_make_training_files_from(tmp_path, channel):
    workshop = workshop_for(tmp_path, channel)
    run_lineage(workshop, Silent(), only=["channel"])
    with pytest.raises(PermanentFailure, match="No video has been read yet"):
        run_lineage(workshop, Silent(), only=["training", "tuning"])


def test_when_every_video_fails_they_are_the_reason_and_no_corpus_is_tried(tmp_path):
    (tmp_path / "lessons").mkdir()
    for number in range(2):
        (tmp_path / "lessons" / f"{number}.mp4").write_bytes(b"no video")
    result = run_lineage(workshop_for(tmp_path, tmp_path / "lessons"), Silent())
    assert len(result.failed) == 2
    assert result.broken == {}


class Unsure(ScriptedReader):
    """A reader that doubts whatever it reads."""

    def _answer(self, request, nko, english):
        reading = super()._answer(request, nko, english)
        return replace(reading, entries=tuple(replace(e, confidence=0.1) for e in reading.entries))


def test_a_corpus_that_fails_is_a_result_like_a_video_that_does(tmp_path):
    channel = write_channel(tmp_path / "lessons", 1)
    workshop = open_workshop(settings_for(tmp_path, channel), Unsure())
    result = run_lineage(workshop, Silent())
    assert result.failed == {}
    assert "No reading is accepted" in result.broken["translation_pairs"]
    assert (
        summarize(workshop.lake).broken["translation_pairs"] == result.broken["translation_pairs"]
    )

    lenient = workshop.settings.model_copy(update={"accept_confidence": 0.05})
    mended = open_workshop(lenient, Unsure())
    assert run_lineage(mended, Silent()).broken == {}
    assert summarize(mended.lake).broken == {}


@dataclass
class Hindered(ScriptedReader):
    """A reader that takes frames and then cannot send them."""

    trouble: Exception = field(default_factory=lambda: TransientFailure("Nobody answers."))

    def flush(self, say, *, force=False):
        raise self.trouble


@pytest.mark.parametrize(
    ("trouble", "held_back", "broken"),
    [
        (
            BudgetExceeded(daily=False, budget_usd=5, committed_usd=4, needed_usd=2, queued=3),
            "The budget of $5.00",
            "",
        ),
        (TransientFailure("Nobody answers."), "", "Nobody answers."),
        (ZeroDivisionError("no"), "", "ZeroDivisionError: no"),
    ],
)
def test_what_ends_a_range_may_fail_and_the_videos_of_the_range_are_made_all_the_same(
    tmp_path, channel, trouble, held_back, broken
):
    workshop = open_workshop(settings_for(tmp_path, channel), Hindered(trouble=trouble))
    result = run_lineage(workshop, Silent(), only=["channel", "frames", "readings"])
    assert result.failed == {}
    assert result.held_back.startswith(held_back)
    assert result.broken.get("gemini_batches", "") == broken
    assert len(materialized(workshop, "gemini_batches")) == 3
    assert len(materialized(workshop, "reviewed_readings")) == 3
    with open_instance(workshop.settings) as instance:
        (failed,) = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE]))
    assert failed.job_name == "lessons"
    assert held_back or broken in summarize(workshop.lake).broken["gemini_batches"]


def test_a_key_that_is_refused_stops_the_run(tmp_path, channel):
    refused = Hindered(trouble=ConfigurationError("The key is refused."))
    workshop = open_workshop(settings_for(tmp_path, channel), refused)
    with pytest.raises(ConfigurationError, match="key is refused"):
        run_lineage(workshop, Silent(), only=["channel", "frames", "readings"])


class Interrupted(ScriptedReader):
    """A reader before whom somebody presses Ctrl-C."""

    def collect(self, job, requests, progress):
        os.kill(os.getpid(), signal.SIGINT)
        yield from super().collect(job, requests, progress)


def test_ctrl_c_stops_the_whole_run_at_once(tmp_path):
    channel = write_channel(tmp_path / "lessons", 1)
    workshop = open_workshop(settings_for(tmp_path, channel), Interrupted())
    with pytest.raises(KeyboardInterrupt):
        run_lineage(workshop, Silent())
    assert len(materialized(workshop, "gemini_batches")) == 1
    assert materialized(workshop, "gemini_results") == set()
    with open_instance(workshop.settings) as instance:
        unfinished = [run for run in instance.get_runs() if not run.is_finished]
    assert unfinished == []


def test_a_video_that_lost_its_readings_does_not_keep_the_others_from_being_used(tmp_path, channel):
    workshop = workshop_for(tmp_path, channel)
    run_lineage(workshop, Silent(), only=["channel", "frames", "readings"])
    first, *others = [entry.video_id for entry in workshop.source.list_videos()]
    workshop.lake.path("reviewed_readings", first).unlink()
    with open_instance(workshop.settings) as instance:
        assert covered_videos(instance, workshop.lake) == tuple(others)


def test_two_runs_at_once_on_one_data_root_are_refused(tmp_path, channel):
    class Nested(Silent):
        refused = ""

        def begin(self, step: str, total: int) -> None:
            try:
                run_lineage(workshop_for(tmp_path, channel), Silent())
            except ConfigurationError as error:
                Nested.refused = str(error)

    run_lineage(workshop_for(tmp_path, channel), Nested(), only=["channel"])
    assert "Another `nko run` is at work" in Nested.refused


KILLED = """
import os, sys
from pathlib import Path
from nko_assets.progress import Silent
from nko_assets.reading.ledger import BudgetExceeded
from nko_assets.run import run_lineage
from nko_assets_tests.channels import ScriptedReader
from nko_assets_tests.test_run import workshop_for

class Dying(Silent):
    left = int(sys.argv[3])
    def done(self, step, key, note, *, failed=False):
        Dying.left -= 1
        if Dying.left == 0:
            os._exit(9)

run_lineage(workshop_for(Path(sys.argv[1]), Path(sys.argv[2])), Dying())
"""


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    channel = write_channel(folder / "lessons", 2)
    workshop = workshop_for(folder, channel)
    run_lineage(workshop, Silent())
    return channel, artefacts(workshop.lake.root)


@pytest.mark.parametrize("moment", [1, 7, 15])
def test_a_kill_at_any_moment_and_a_second_run_end_with_the_same_files(
    tmp_path, uninterrupted, moment
):
    channel, theirs = uninterrupted
    command = [sys.executable, "-W", "ignore", "-c", KILLED, str(tmp_path), str(channel)]
    died = subprocess.run([*command, str(moment)], check=False, capture_output=True)
    assert died.returncode == 9, died.stderr.decode()
    mended = workshop_for(tmp_path, channel)
    assert run_lineage(mended, Silent()).failed == {}
    ours = artefacts(mended.lake.root)
    assert sorted(ours) == sorted(theirs)
    # The records of what was stored name the place, and each data root has one of its own.
    stored = (
        *(".records/memory_turn_edges/", ".records/memory_motifs/"),
        *(".records/review_queue/", ".records/tuning_dataset/"),
    )
    differ = [name for name in ours if ours[name] != theirs[name]]
    assert [name for name in differ if not name.startswith(stored)] == []
    with open_instance(mended.settings) as instance:
        assert instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])) == []
