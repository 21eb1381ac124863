"""The readings group: every judgement on a reader's answers is able to fail."""

from __future__ import annotations

from dataclasses import dataclass, replace

import polars as pl
import pytest

from nko_assets.failures import (
    ConfigurationError,
    HeldBack,
    NotReady,
    PermanentFailure,
    TransientFailure,
)
from nko_assets.lineage import STEPS
from nko_assets.reading.answers import Reading
from nko_assets.reading.reader import Job, JobState, JobStatus
from nko_assets.reading.receipt import Receipt
from nko_assets.schemas.frames import UniqueFrames
from nko_assets_tests.channels import ScriptedReader
from nko_assets_tests.tables import made
from nko_assets_tests.workbench import Workbench, check, entry_of

# Settings under which a sample is read twice; the key is there so that the settings are sound.
TWICE = {"second_reading": 0.5, "gemini_api_key": "k"}


def frames_of(*kept: bool) -> pl.DataFrame:
    rows = [
        {
            "frame_id": f"v1:{5000 * place}",
            "frame": place,
            "timestamp_ms": 5000 * place,
            "status": "kept" if keep else "blank",
            "represented_by": f"v1:{5000 * place}" if keep else None,
            "jpeg": b"jpeg %d" % place if keep else None,
        }
        for place, keep in enumerate(kept)
    ]
    return made(UniqueFrames, *rows)


def bench_with(
    tmp_path, reader=None, kept=(True, True, True), second_reader=None, **settings
) -> Workbench:
    bench = Workbench(
        tmp_path, entry_of("v1"), reader=reader, second_reader=second_reader, **settings
    )
    bench.put("unique_frames", "v1", frames_of(*kept))
    return bench


def submitted(bench: Workbench) -> Workbench:
    (receipt, data), *_ = bench.work("gemini_batches", "v1").files.items()
    receipt.parent.mkdir(parents=True, exist_ok=True)
    receipt.write_bytes(data)
    return bench


def collected(bench: Workbench) -> Workbench:
    bench.put("gemini_results", "v1", bench.work("gemini_results", "v1").table)
    return bench


@dataclass
class Changing(ScriptedReader):
    """A reader whose answers a test spoils."""

    changes: dict[str, object] | None = None
    entry: dict[str, object] | None = None
    lose: int = 0

    def collect(self, job, requests, progress):
        for place, reading in enumerate(super().collect(job, requests, progress)):
            if place >= self.lose:
                yield self._changed(reading)

    def _changed(self, reading: Reading) -> Reading:
        if self.entry:
            reading = replace(
                reading, entries=tuple(replace(one, **self.entry) for one in reading.entries)
            )
        return replace(reading, **(self.changes or {}))


class Forgetful(ScriptedReader):
    """A reader that takes one frame less than it is given."""

    def submit(self, requests, *, reading=1):
        return super().submit(requests[1:], reading=reading)


class Failing(ScriptedReader):
    """A reader whose job failed."""

    def poll(self, job: Job) -> JobStatus:
        return JobStatus(JobState.FAILED, "the ledger does not know it")


@dataclass
class Slow(ScriptedReader):
    """A reader whose answers come later, and which reads another word the second time."""

    deferred: bool = True
    polls: int = 0
    ready_after: int = 0
    held: bool = False
    flushed: int = 0
    again: tuple[str, ...] = ()
    withdrawn: tuple[tuple[str, int], ...] = ()

    def withdraw(self, video_ids, *, reading):
        self.withdrawn += tuple((video_id, reading) for video_id in video_ids)

    def submit(self, requests, *, reading=1):
        if reading == 2:
            self.again = tuple(request.frame_id for request in requests)
        job = super().submit(requests)
        return replace(job, name=f"{job.name}-{reading}", estimated_cost_usd=0.5)

    def flush(self, say, *, force=False):
        self.flushed += 1

    def poll(self, job: Job) -> JobStatus:
        if self.held:
            raise HeldBack("3 frames wait for money.", "Raise NKO_BUDGET_USD.")
        self.polls += 1
        done = self.polls > self.ready_after
        return JobStatus(JobState.DONE if done else JobState.RUNNING, "1 of 3 frames answered")

    def collect(self, job, requests, progress):
        for reading in super().collect(job, requests, progress):
            if job.name.endswith("-2"):
                changed = replace(reading.lines[0], text="ߒߞߏ")
                yield replace(reading, lines=(changed,), cost_usd=0.25)
            else:
                yield reading


def test_only_kept_frames_are_submitted_and_the_receipt_finds_the_job_again(tmp_path):
    bench = bench_with(tmp_path, kept=(True, False, True))
    outcome = bench.work("gemini_batches", "v1")
    assert check(outcome, "one_request_a_frame").passed
    ((path, data),) = outcome.files.items()
    assert path == bench.lake.path("gemini_batches", "v1", ".json")
    assert Job.from_json(data.decode()).frames == 2


def test_a_frame_that_was_not_submitted_is_an_error(tmp_path):
    result = check(
        bench_with(tmp_path, Forgetful()).work("gemini_batches", "v1"), "one_request_a_frame"
    )
    assert not result.passed
    assert result.severity == "ERROR"
    assert result.message.startswith("2 requests for 3 kept frames")


def test_a_video_in_which_every_frame_is_blank_fails_with_a_next_step(tmp_path):
    with pytest.raises(
        PermanentFailure, match=r"v1 has no frame that shows anything.*contact sheet"
    ):
        bench_with(tmp_path, kept=(False, False)).work("gemini_batches", "v1")


def test_another_model_makes_the_readings_again(tmp_path):
    identity = STEPS["gemini_batches"].identity
    one = bench_with(tmp_path).context("v1")
    other = bench_with(tmp_path, ScriptedReader(model="script-2")).context("v1")
    assert identity(one) != identity(other)


def test_every_frame_answered_passes_and_costs_are_counted(tmp_path):
    outcome = submitted(bench_with(tmp_path)).work("gemini_results", "v1")
    assert check(outcome, "every_frame_answered").passed
    assert check(outcome, "failed_readings").passed
    assert outcome.facts["statuses"] == {"ok": 3}


def test_a_frame_without_an_answer_is_an_error(tmp_path):
    bench = submitted(bench_with(tmp_path, Changing(lose=1)))
    result = check(bench.work("gemini_results", "v1"), "every_frame_answered")
    assert not result.passed
    assert (result.severity, result.message) == ("ERROR", "2 rows for 3 kept frames.")


def test_an_answer_about_another_frame_is_an_error(tmp_path):
    bench = submitted(bench_with(tmp_path, Changing(changes={"frame_id": "v1:99"}), kept=(True,)))
    assert not check(bench.work("gemini_results", "v1"), "every_frame_answered").passed


def test_readings_that_stopped_early_are_counted_with_their_reasons(tmp_path):
    spoilt = {"status": "loop", "reason": "the same word forty times", "lines": (), "entries": ()}
    bench = submitted(bench_with(tmp_path, Changing(changes=spoilt)))
    result = check(bench.work("gemini_results", "v1"), "failed_readings")
    assert not result.passed
    assert result.message == "3 of 3 readings failed."
    assert "forty times" in result.facts["sample"]["markdown"]


def test_a_job_that_failed_may_be_submitted_again(tmp_path):
    bench = submitted(bench_with(tmp_path, Failing()))
    with pytest.raises(TransientFailure, match=r"failed: .*\. Materialize gemini_batches again"):
        bench.work("gemini_results", "v1")
    receipt = bench.lake.path("gemini_batches", "v1", ".json")
    assert not receipt.exists(), "so that gemini_batches is not taken for current"


def test_readings_with_confidence_are_accepted_and_others_wait(tmp_path):
    sure = collected(submitted(bench_with(tmp_path))).work("reviewed_readings", "v1")
    assert check(sure, "accepted_share").passed
    assert sure.facts["decisions"] == {"accepted": 3}
    unsure = Changing(entry={"confidence": 0.1})
    bench = collected(submitted(bench_with(tmp_path / "unsure", unsure)))
    result = check(bench.work("reviewed_readings", "v1"), "accepted_share")
    assert not result.passed
    assert result.message == "0 of 3 entries are accepted (0%)."
    assert "0.1" in result.facts["sample"]["markdown"]


def test_the_licence_and_the_gate_are_part_of_what_is_decided(tmp_path):
    identity = STEPS["reviewed_readings"].identity
    one = collected(submitted(bench_with(tmp_path))).context("v1")
    other = Workbench(tmp_path, entry_of("v1", licence="CC0-1.0")).context("v1")
    stricter = Workbench(tmp_path, entry_of("v1"), accept_confidence=0.95).context("v1")
    assert len({str(identity(context)) for context in (one, other, stricter)}) == 3


# --- answers that take a day ----------------------------------------------------------------


def test_the_state_of_a_job_is_told_when_it_is_submitted(tmp_path):
    facts = bench_with(tmp_path, Slow(ready_after=9)).work("gemini_batches", "v1").facts
    assert (facts["state"], facts["status"]) == ("running", "1 of 3 frames answered")
    assert (facts["frames"], facts["estimated dollars"]) == (3, 0.5)


def test_frames_that_wait_for_money_still_give_a_receipt(tmp_path):
    outcome = bench_with(tmp_path, Slow(held=True)).work("gemini_batches", "v1")
    assert len(outcome.files) == 1
    assert outcome.facts["state"] == "queued"
    assert "NKO_BUDGET_USD" in outcome.facts["status"]


def test_a_range_ends_with_sending_what_it_queued(tmp_path):
    reader = Slow()
    STEPS["gemini_batches"].finish(bench_with(tmp_path, reader).context("v1"))
    assert reader.flushed == 1


def test_answers_that_are_not_there_are_no_failure_where_nobody_waits(tmp_path):
    bench = submitted(bench_with(tmp_path, Slow(ready_after=9)))
    context = replace(bench.context("v1"), may_wait=False)
    with pytest.raises(NotReady, match="1 of 3 frames answered"):
        STEPS["gemini_results"].work(context)
    assert bench.lake.path("gemini_batches", "v1", ".json").exists()


def test_other_settings_of_a_reader_make_the_readings_again(tmp_path):
    identity = STEPS["gemini_batches"].identity
    one = bench_with(tmp_path, ScriptedReader()).context("v1")
    other = ScriptedReader()
    other.settings = {"prompt": "another"}
    assert identity(one) != identity(bench_with(tmp_path, other).context("v1"))


def test_a_sample_is_read_twice_when_asked_for(tmp_path):
    reader = Slow()
    bench = submitted(bench_with(tmp_path, reader, kept=(True,) * 40, **TWICE))
    receipt = Receipt.from_json(bench.lake.path("gemini_batches", "v1", ".json").read_text())
    assert receipt.again is not None
    assert 5 < receipt.again.frames < 35
    assert receipt.again.frames == len(reader.again)
    outcome = bench.work("gemini_results", "v1")
    result = check(outcome, "self_agreement")
    assert not result.passed
    assert result.severity == "WARN"
    assert outcome.facts["frames read twice"] == receipt.again.frames
    assert outcome.facts["read the same twice"] == 0
    assert 0 < outcome.facts["self-agreement CER"] <= 1
    assert outcome.facts["dollars of the second reading"] == 0.25 * receipt.again.frames
    assert outcome.table.height == 40, "the second reading is no row of its own"


def test_a_reader_that_answers_at_once_is_never_asked_twice(tmp_path):
    bench = submitted(bench_with(tmp_path, **TWICE))
    receipt = Receipt.from_json(bench.lake.path("gemini_batches", "v1", ".json").read_text())
    assert receipt.again is None


def test_without_a_second_reading_the_check_says_that_none_was_asked_for(tmp_path):
    outcome = submitted(bench_with(tmp_path)).work("gemini_results", "v1")
    assert check(outcome, "self_agreement").message.startswith("Not asked for")
    assert outcome.facts["self-agreement"] == "not asked for"


def test_asking_twice_makes_the_receipts_again(tmp_path):
    identity = STEPS["gemini_batches"].identity
    once, twice = bench_with(tmp_path, Slow()), bench_with(tmp_path, Slow(), **TWICE)
    assert identity(once.context("v1")) != identity(twice.context("v1"))


# --- the offline reader beside another ------------------------------------------------------


def test_a_second_reading_that_is_not_wanted_any_more_is_withdrawn(tmp_path):
    reader = Slow()
    for share, withdrawn in ((0.5, ()), (0.0, (("v1", 2),))):
        twice = TWICE | {"second_reading": share}
        bench = bench_with(tmp_path, reader, kept=(True,) * 40, **twice)
        bench.work("gemini_batches", "v1")
        assert reader.withdrawn == withdrawn


def test_the_offline_reader_as_the_first_has_no_second(tmp_path):
    outcome = bench_with(tmp_path).work("second_readings", "v1")
    assert outcome.table.is_empty()
    assert check(outcome, "every_frame_compared").passed
    assert outcome.facts["second reader"].startswith("none")


def test_every_frame_is_read_by_the_second_reader(tmp_path):
    bench = bench_with(tmp_path, second_reader=ScriptedReader(name="offline"))
    outcome = bench.work("second_readings", "v1")
    assert outcome.table["reader"].unique().to_list() == ["offline"]
    assert check(outcome, "every_frame_compared").message.startswith("3 of 3")


def test_frames_that_the_second_reader_cannot_read_are_told(tmp_path):
    spoilt = Changing(changes={"status": "error", "reason": "no picture", "lines": ()})
    outcome = bench_with(tmp_path, second_reader=spoilt).work("second_readings", "v1")
    assert not check(outcome, "every_frame_compared").passed


def compared(tmp_path, first, second, **settings) -> Workbench:
    bench = collected(submitted(bench_with(tmp_path, first, second_reader=second, **settings)))
    bench.put("second_readings", "v1", bench.work("second_readings", "v1").table)
    return bench


def test_an_entry_that_both_readers_read_is_accepted_whatever_the_first_says_of_itself(tmp_path):
    bench = compared(tmp_path, Changing(entry={"confidence": 0.1}), ScriptedReader())
    outcome = bench.work("reviewed_readings", "v1")
    assert outcome.facts["decisions"] == {"accepted": 3}
    assert outcome.facts["confidence"] == "by comparison with the offline reader"
    assert outcome.table["confidence"].min() > 0.9


def test_an_entry_that_the_offline_reader_read_otherwise_waits_and_says_what_it_read(tmp_path):
    other = ScriptedReader(greetings=(("ߞߊ߬ߙߊ߲߬ߡߐ߮ ߟߎ߬", "teachers"),))
    bench = compared(tmp_path, Changing(entry={"nko": "ߞߊ߬ߙߊ߲߬ߡߐ߮ ߟߊ߫"}), other)
    table = bench.work("reviewed_readings", "v1").table
    assert table["decision"].unique().to_list() == ["needs_review"]
    assert table["confidence"].max() < 0.5
    assert "the offline reader read “ߞߊ߬ߙߊ߲߬ߡߐ߮ ߟߎ߬”" in table["reason"][0]


def test_another_dictionary_decides_again(tmp_path):
    words = tmp_path / "words.txt"
    words.write_text("ߒߞߏ\n")
    identity = STEPS["reviewed_readings"].identity
    bench = compared(tmp_path / "data", ScriptedReader(), ScriptedReader(), dictionary=words)
    before = identity(bench.context("v1"))
    words.write_text("ߒߞߏ\nߛߓߍ\n")
    assert identity(bench.context("v1")) != before


def test_a_dictionary_that_is_not_there_is_named(tmp_path):
    gone = tmp_path / "words.txt"
    bench = compared(tmp_path / "data", ScriptedReader(), ScriptedReader(), dictionary=gone)
    with pytest.raises(ConfigurationError, match=r"words\.txt"):
        bench.work("reviewed_readings", "v1")
