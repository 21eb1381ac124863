"""The frames group: its checks fail when they should."""

from __future__ import annotations

import av
import pytest

from nko_assets.assets import frames
from nko_assets.failures import PermanentFailure
from nko_assets.lineage import STEPS
from nko_assets.schemas.base import schema_failures
from nko_assets.schemas.frames import Frames, UniqueFrames
from nko_assets_tests.builders import frame_jpeg
from nko_assets_tests.channels import write_lesson
from nko_assets_tests.tables import made
from nko_assets_tests.videos import write_video
from nko_assets_tests.workbench import Workbench, check, entry_of


@pytest.fixture
def bench(tmp_path):
    return Workbench(tmp_path, entry_of("v1"))


def decisions(*statuses: str):
    rows = [
        {
            "frame_id": f"v1:{5000 * place}",
            "frame": place,
            "timestamp_ms": 5000 * place,
            "status": status,
            "represented_by": f"v1:{5000 * place}" if status == "kept" else "v1:0",
            "jpeg": b"x" if status == "kept" else None,
        }
        for place, status in enumerate(statuses)
    ]
    return made(UniqueFrames, *rows)


def test_a_lesson_gives_a_frame_each_interval(bench):
    write_lesson(bench.lake.path("video_files", "v1", ".mp4"), [["ߒߞߏ"], ["ߡߊߟߌ"]])
    outcome = bench.work("frames", "v1")
    assert outcome.table["timestamp_ms"].to_list() == [0, 5000, 10000]
    assert schema_failures(Frames, outcome.table) == []
    assert check(outcome, "frame_count").passed
    bench.put("frames", "v1", outcome.table)
    unique = bench.work("unique_frames", "v1")
    assert schema_failures(UniqueFrames, unique.table) == []
    assert check(unique, "drops_are_represented").passed


def spoil_one_second(path, second):
    """Overwrite the pictures of one second, from one key frame to the next."""
    with av.open(str(path)) as container:
        spans = [
            (packet.pos, packet.size)
            for packet in container.demux(video=0)
            if packet.size and second <= packet.pts * packet.time_base < second + 1
        ]
    data = bytearray(path.read_bytes())
    for start, size in spans:
        data[start : start + size] = b"\xff" * size
    path.write_bytes(data)


def test_frames_that_cannot_be_decoded_are_counted_with_their_times(tmp_path):
    bench = Workbench(tmp_path, entry_of("v1"), interval_s=1.0)
    path = bench.lake.path("video_files", "v1", ".mp4")
    path.parent.mkdir(parents=True)
    spoil_one_second(write_video(path, 400, gop=10), 20)
    result = check(bench.work("frames", "v1"), "frame_count")
    assert not result.passed
    assert "of 40 expected from 40" in result.message
    assert result.facts["missing"][0].startswith("20000 ms: ")


def test_a_missing_video_file_is_named_with_the_next_step(bench):
    with pytest.raises(PermanentFailure, match=r"file of video v1 is not there.*video_files first"):
        bench.work("frames", "v1")


def test_a_dropped_frame_has_to_name_a_kept_one():
    good = decisions("kept", "repeat")
    assert frames._represented(good, 2).passed
    orphan = made(
        UniqueFrames,
        *good.to_dicts()[:1],
        good.to_dicts()[1] | {"represented_by": "v2:0"},
    )
    result = frames._represented(orphan, 2)
    assert not result.passed
    assert result.severity == "ERROR"
    assert result.facts["orphans"] == ["v1:5000"]


def test_a_dropped_frame_that_names_nothing_is_an_orphan():
    rows = decisions("kept", "repeat").to_dicts()
    rows[1]["represented_by"] = None
    assert not frames._represented(made(UniqueFrames, *rows), 2).passed
    rows[1]["status"] = "blank"
    assert frames._represented(made(UniqueFrames, *rows), 2).passed


def test_a_frame_without_a_decision_is_told():
    result = frames._represented(decisions("kept", "repeat"), 3)
    assert not result.passed
    assert result.message.startswith("2 decisions on 3 frames")


def test_a_long_lesson_in_which_every_frame_differs_is_told():
    assert not frames._repeats(decisions(*["kept"] * 30)).passed
    assert frames._repeats(decisions(*["kept"] * 20)).passed, "too short to tell"
    assert frames._repeats(decisions(*["kept", "repeat", "superseded"] * 10)).passed


def test_a_contact_sheet_of_a_long_lesson_decodes_few_of_its_pictures():
    step = -(-1000 // frames.SHEET_FRAMES)
    rows = [
        {"timestamp_ms": 5000 * number, "jpeg": b"no picture" if number % step else frame_jpeg()}
        for number in range(1000)
    ]
    sheet = frames._sheet(iter(rows), len(rows))["markdown"]
    assert 1000 < len(sheet) < 4 / 3 * frames.SHEET_BYTES + 100


def test_the_interval_and_the_similarity_are_part_of_what_is_made(tmp_path):
    one = Workbench(tmp_path, entry_of("v1"))
    other = Workbench(tmp_path, entry_of("v1"), interval_s=2.0, similarity=0.9)
    for step in ("frames", "unique_frames"):
        identity = STEPS[step].identity
        assert identity(one.context("v1")) != identity(other.context("v1"))
