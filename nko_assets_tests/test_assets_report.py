"""The report: written from what the other steps made, with checks that fail when they should."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from nko_assets.lineage import STEPS
from nko_assets.reading.answers import readings_table
from nko_assets.reading.decisions import HumanDecision
from nko_assets.reading.trust.model import load
from nko_assets.resources.lake import Failure
from nko_assets.schemas.frames import Frames, UniqueFrames
from nko_assets_tests.builders import channel, frame_jpeg, reading, reviewed
from nko_assets_tests.channels import ScriptedReader
from nko_assets_tests.memory_places import lazily
from nko_assets_tests.sample_readings import perfect_readings, spoilt
from nko_assets_tests.tables import made
from nko_assets_tests.workbench import Workbench, check, entry_of

TRAINING = ("translation_pairs", "conversations", "ocr_samples", "vocabulary", "synthetic_examples")
VIDEOS = ("lesson-0", "lesson-1")
SAMPLE = "Kd3x9LwPaRA"


def list_again(bench: Workbench, *entries) -> None:
    """Write the manifest of `entries` as the step does, record included."""
    bench.workshop.source.entries = entries
    outcome = bench.work("video_manifest")
    for path, data in outcome.files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    bench.lake.save_record("video_manifest", "", "f" * 64, list(outcome.files), {}, [])


def bench_of(root, table, *videos, source="folder", store=None) -> Workbench:
    entries = [entry_of(video, source=source) for video in videos]
    bench = Workbench(root, *entries, store=store)
    list_again(bench, *entries)
    bench.put_lesson(table)
    return bench


def report(bench: Workbench, *videos):
    for step in TRAINING:
        bench.work(step, "", *videos)
    splits = bench.work("splits", "", *videos)
    bench.lake.save_record("splits", "", "f" * 64, list(splits.in_place), dict(splits.facts), [])
    return bench.work("training_report", "", *videos)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    bench = bench_of(tmp_path_factory.mktemp("report"), channel(2, 12), *VIDEOS)
    return bench, report(bench, *VIDEOS)


def test_the_page_its_data_and_the_schemas_are_written(done):
    bench, outcome = done
    assert {path.name for path in outcome.files} == {"report.html", "report.json"}
    assert (bench.lake.training / "schemas" / "nko_english.schema.json") in outcome.in_place


def test_the_accuracy_is_what_the_evaluation_last_measured(tmp_path):
    bench = bench_of(tmp_path, channel(2, 12), *VIDEOS)
    outcome = report(bench, *VIDEOS)
    identity = STEPS["training_report"].identity
    before = identity(bench.context("", *VIDEOS))
    page = tmp_path / "reports" / "evaluation.html"
    page.parent.mkdir()
    page.write_text("measured", encoding="utf-8")
    bench.lake.save_record("evaluation", "", "f" * 64, [page], {"accuracy": 0.87}, [])

    again = bench.work("training_report", "", *VIDEOS)

    values = []
    for made_report in (outcome, again):
        document = json.loads(made_report.files[bench.lake.training / "report.json"])
        (criterion,) = [
            one for one in document["criteria"] if one["name"] == "Accuracy on validation"
        ]
        values.append((criterion["value"], criterion["status"]))
    assert values == [(None, "unknown"), (0.87, "met")]
    assert identity(bench.context("", *VIDEOS)) != before


def test_all_videos_done_passes_and_too_few_examples_are_told(done):
    _, outcome = done
    assert check(outcome, "all_videos_done").passed
    examples = check(outcome, "10000_examples")
    assert not examples.passed
    assert examples.message.endswith("examples of 10,000.")


def test_a_source_without_known_text_has_no_error_rate(done):
    _, outcome = done
    rate = check(outcome, "reader_error_rate")
    assert rate.passed
    assert rate.message.startswith("Not measured")
    assert "character error rate" not in outcome.facts


def test_a_video_that_is_not_done_is_missed(done):
    bench, _ = done
    result = check(bench.work("training_report", "", VIDEOS[0]), "all_videos_done")
    assert not result.passed
    assert result.message == "1 of 2 listed videos are done, 0 failed."


def test_a_failed_video_is_named_with_its_step_and_reason(done):
    bench, _ = done
    identity = STEPS["training_report"].identity
    before = identity(bench.context("", *VIDEOS))
    bench.lake.save_failure("frames", VIDEOS[1], Failure("PermanentFailure", "it is cut short"))
    result = check(bench.work("training_report", "", *VIDEOS), "all_videos_done")
    assert identity(bench.context("", *VIDEOS)) != before
    bench.lake.clear_failure("frames", VIDEOS[1])
    assert not result.passed
    assert result.facts["failed"] == {VIDEOS[1]: "frames: it is cut short"}


def test_a_video_that_the_source_dropped_neither_fails_nor_stands_in_for_another(tmp_path):
    bench = bench_of(tmp_path, channel(2, 12), *VIDEOS)
    report(bench, *VIDEOS)
    bench.lake.save_failure("frames", VIDEOS[1], Failure("PermanentFailure", "it is cut short"))
    list_again(bench, entry_of(VIDEOS[0]), entry_of("lesson-2"))
    result = check(bench.work("training_report", "", *VIDEOS), "all_videos_done")
    assert not result.passed, "lesson-2 is not done, whatever else is"
    assert result.message == "1 of 2 listed videos are done, 0 failed."
    list_again(bench, entry_of(VIDEOS[0]))
    assert check(bench.work("training_report", "", *VIDEOS), "all_videos_done").passed


def sample_bench(root, *, spoil: bool) -> Workbench:
    rows = perfect_readings(SAMPLE)
    if spoil:
        rows = [
            replace(row, lines=tuple(replace(line, text=line.text[1:]) for line in row.lines))
            for row in rows
        ]
    accepted = reviewed(reading("ߌ ߣߌ߫ ߛߐ߰ߡߊ߬", "good morning", video_id=SAMPLE))
    bench = bench_of(root, accepted, SAMPLE, source="sample")
    frames = [
        {"frame_id": row.frame_id, "video_id": SAMPLE, "timestamp_ms": row.timestamp_ms}
        for row in rows
    ]
    kept = [frame | {"represented_by": frame["frame_id"], "jpeg": frame_jpeg()} for frame in frames]
    bench.put("frames", SAMPLE, made(Frames, *frames))
    bench.put("unique_frames", SAMPLE, made(UniqueFrames, *kept))
    bench.put("gemini_results", SAMPLE, readings_table(spoilt(rows, request_hash="0" * 64)))
    return bench


@pytest.mark.parametrize("spoil", [False, True])
def test_a_reader_that_errs_on_the_sample_is_told_with_its_rate(tmp_path, spoil):
    outcome = report(sample_bench(tmp_path, spoil=spoil), SAMPLE)
    result = check(outcome, "reader_error_rate")
    assert result.passed is not spoil
    assert result.message.endswith("known characters.")
    assert (outcome.facts["character error rate"] > 0.015) is spoil


def calibration(outcome) -> dict[str, Any]:
    (data,) = [data for path, data in outcome.files.items() if path.name == "report.json"]
    return json.loads(data)["calibration"]


def test_the_samples_known_text_measures_the_confidence(tmp_path):
    found = calibration(report(sample_bench(tmp_path, spoil=False), SAMPLE))
    assert found["known"] == 1
    assert found["held_out"] is None


def test_what_people_decided_measures_the_confidence(tmp_path, desk, database):
    row = reading("ߌ ߣߌ߫ ߛߐ߰ߡߊ߬", "good morning", video_id="v1", decided_by="Awa")
    bench = bench_of(tmp_path, reviewed(row), "v1", store=lazily(database))
    desk.decide(HumanDecision(row["reading_id"], "reject", "Awa", "2026-11-24", row["nko"]), None)
    found = calibration(report(bench, "v1"))
    assert (found["known"], found["bins"][-1]["right"]) == (1, 0)


def test_readings_judged_by_comparison_show_what_the_judge_was_measured_on(tmp_path):
    bench = bench_of(tmp_path, channel(1, 12), VIDEOS[0])
    bench.workshop = replace(bench.workshop, second_reader=ScriptedReader())
    plain = calibration(report(bench, VIDEOS[0]))["held_out"]
    assert plain["entries"] == load().without_dictionary.held_out.entries
