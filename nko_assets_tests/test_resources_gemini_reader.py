from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from nko_assets.failures import (
    ConfigurationError,
    HeldBack,
    NotReady,
    PermanentFailure,
    TransientFailure,
)
from nko_assets.reading import ledger
from nko_assets.reading.answers import readings_table
from nko_assets.reading.ledger import BatchState, BudgetExceeded, Limits
from nko_assets.reading.reader import DeferredReader, JobState
from nko_assets.schemas.base import schema_failures
from nko_assets.schemas.readings import Readings
from nko_assets_tests.gemini_reading import (
    SetClock,
    frames,
    gemini_reader,
    picture,
    pictures,
    read_well,
)
from nko_assets_tests.servers.gemini import (
    GeminiServer,
    LineError,
    Missing,
    RawLine,
    Twice,
    response,
    truth,
)


@pytest.fixture
def server():
    with GeminiServer(read_well, polls_to_end=1) as running:
        yield running


@pytest.fixture
def slow_server():
    """Its jobs end when they are told to."""
    with GeminiServer(read_well) as running:
        yield running


@pytest.fixture
def clock():
    return SetClock()


@pytest.fixture
def reader(server, store, tmp_path, clock):
    return gemini_reader(server.url, store, tmp_path, clock=clock)


@pytest.fixture
def slow_reader(slow_server, store, tmp_path, clock):
    return gemini_reader(slow_server.url, store, tmp_path, clock=clock)


def quiet(_: str) -> None:
    pass


def jobs(store):
    with store.session() as conn:
        return ledger.job_table(conn)


def finished(reader, requests, *, rounds=5):
    """Submit, send, poll until it is done; the readings."""
    job = reader.submit(requests)
    for _ in range(rounds):
        reader.flush(quiet, force=True)
        if (status := reader.poll(job)).state.final:
            break
    assert status.state is JobState.DONE, status.note
    return list(reader.collect(job, requests, quiet))


class TestTheWayOfAFrame:
    def test_it_speaks_the_protocol_of_deferred_readers(self, reader):
        speaking: DeferredReader = reader
        assert (speaking.name, speaking.deferred) == ("gemini", True)
        assert speaking.settings["resolution"] == "medium"
        assert len(speaking.settings["digest"]) == 64

    def test_frames_come_back_as_readings_in_their_order(self, reader, server):
        requests = frames(range(3))
        readings = finished(reader, requests)
        assert [each.frame_id for each in readings] == [each.frame_id for each in requests]
        assert {each.status for each in readings} == {"ok"}
        assert {line.text for each in readings for line in each.lines if line.script == "nko"} == {
            "ߛߎ"
        }
        assert all(each.cost_usd > 0 and each.raw_answer for each in readings)
        assert schema_failures(Readings, readings_table(readings)) == []
        assert set(server.requests_paid.values()) == {1}

    def test_submitting_sends_nothing_and_is_the_same_job_each_time(self, reader, server):
        requests = frames([1])
        job = reader.submit(requests)
        assert reader.submit(requests) == job
        assert job.estimated_cost_usd > 0
        assert server.calls == []

    def test_twenty_videos_share_a_job_and_a_remainder_waits_for_company(
        self, reader, server, clock
    ):
        job = reader.submit(frames(range(45)))
        reader.flush(quiet)
        assert len(server.jobs) == 2
        clock.forward(minutes=2)
        reader.poll(job)
        assert [len(each.keys) for each in server.jobs] == [40, 40, 10]

    def test_what_is_withdrawn_is_not_sent_and_other_readings_are(self, reader, server):
        requests = frames([1, 2])
        for reading in (1, 2):
            reader.submit(requests, reading=reading)
        reader.withdraw(["video-1"], reading=2)
        reader.flush(quiet, force=True)
        assert len(server.requests_paid) == 6

    def test_with_force_nothing_waits(self, reader, server):
        reader.submit(frames([1]))
        said = []
        reader.flush(said.append, force=True)
        assert len(server.jobs) == 1
        assert any("2 frames of 1 videos" in each for each in said)

    def test_who_waits_asks_as_often_as_the_service_is_asked(self, slow_server, store, tmp_path):
        reader = gemini_reader(slow_server.url, store, tmp_path, poll_every=timedelta(seconds=7))
        assert reader.poll(reader.submit(frames([1]))).ask_again_s == 7.0

    def test_the_status_tells_how_many_and_since_when(self, slow_server, slow_reader, store, clock):
        job = slow_reader.submit(frames([1]))
        assert slow_reader.poll(job).state is JobState.QUEUED
        slow_reader.flush(quiet, force=True)
        clock.forward(minutes=14)
        status = slow_reader.poll(job)
        assert status.state is JobState.RUNNING
        assert status.note == "0 of 2 frames answered; 1 job at the service for 14 min"
        assert jobs(store)[0].state is BatchState.RUNNING
        slow_server.finish()
        assert slow_reader.poll(job).note == "2 of 2 frames answered"

    def test_frames_with_the_very_same_picture_are_one_request(self, reader, server):
        one, other = frames([1, 2], each=1)
        readings = finished(reader, [one, replace(other, jpeg=one.jpeg)])
        assert sum(server.requests_paid.values()) == 1
        assert [each.frame_id for each in readings] == [one.frame_id, other.frame_id]
        assert {each.status for each in readings} == {"ok"}
        assert [each.cost_usd > 0 for each in readings] == [True, False]

    def test_a_second_reading_asks_about_the_same_frames_again(self, reader, server):
        requests = frames([1])
        first, second = reader.submit(requests), reader.submit(requests, reading=2)
        assert not set(first.request_hashes) & set(second.request_hashes)
        reader.flush(quiet, force=True)
        assert reader.poll(second).state is JobState.DONE
        assert len(list(reader.collect(second, requests, quiet))) == 2
        assert len(server.requests_paid) == 4

    def test_readings_are_not_there_before_the_answers(self, reader):
        job = reader.submit(frames([1]))
        with pytest.raises(NotReady, match="2 frames"):
            list(reader.collect(job, frames([1]), quiet))

    def test_a_frame_of_another_job_is_refused(self, reader):
        with pytest.raises(PermanentFailure, match="video-2:0 is not part of job"):
            list(reader.collect(reader.submit(frames([1])), frames([2]), quiet))

    def test_a_frame_that_is_no_picture_is_told(self, reader):
        broken = replace(frames([1])[0], jpeg=b"no picture")
        with pytest.raises(PermanentFailure, match="video-1:0 is not a picture"):
            reader.submit([broken])

    def test_no_files_are_left_when_all_is_done(self, reader, tmp_path):
        finished(reader, frames([1]))
        assert list(tmp_path.iterdir()) == []


class TestFailures:
    def test_what_can_heal_is_asked_again_alone_with_another_setting(self, store, tmp_path):
        asked = []

        def loops_once(frame_id, jpeg, request):
            asked.append((frame_id, request["generationConfig"]["temperature"]))
            seen = sum(one == frame_id for one, _ in asked)
            if frame_id == "video-1:0" and seen == 1:
                return response(truth(frame_id, []), finish="MAX_TOKENS")
            return truth(frame_id, [("ߛߎ", "su", "night")])

        with GeminiServer(loops_once, polls_to_end=1) as server:
            reader = gemini_reader(server.url, store, tmp_path)
            readings = finished(reader, frames(range(3)))
            assert [len(job.keys) for job in server.jobs] == [6, 1]
        assert {each.status for each in readings} == {"ok"}
        assert sorted(each.attempt for each in readings) == [1, 1, 1, 1, 1, 2]
        healed = next(each for each in readings if each.attempt == 2)
        assert healed.input_tokens == 2 * 1820  # both attempts were paid

    def test_what_does_not_heal_ends_as_a_failure_with_its_name(self, store, tmp_path):
        def answer(frame_id, jpeg, request):
            return {
                "video-1:0": response("", finish="RECITATION"),
                "video-1:5000": Missing(),
                "video-2:0": LineError(400, "the picture is bad"),
                "video-2:5000": Twice(truth(frame_id, []), truth(frame_id, [])),
            }[frame_id]

        with GeminiServer(answer, polls_to_end=1) as server:
            reader = gemini_reader(server.url, store, tmp_path)
            readings = finished(reader, frames([1, 2]))
            assert max(server.requests_paid.values()) == 1
            assert len(server.requests_paid) <= 4 * ledger.MAX_ATTEMPTS
        assert [each.status for each in readings] == ["recitation", "missing", "error", "duplicate"]
        assert [each.attempt for each in readings][1:3] == [3, 1]
        assert all(each.reason and not each.lines for each in readings)
        assert readings[2].cost_usd == 0.0
        assert schema_failures(Readings, readings_table(readings)) == []

    def test_a_line_of_no_request_is_told_with_the_job(self, store, tmp_path):
        with GeminiServer(lambda *_: RawLine('{"strange": "line"}'), polls_to_end=1) as server:
            reader = gemini_reader(server.url, store, tmp_path)
            reader.submit(frames([1]))
            reader.flush(quiet, force=True)
            reader.settle(quiet)
        assert jobs(store)[0].error == "2 of its answers belong to no request"

    @pytest.mark.parametrize("state", ["FAILED", "EXPIRED", "CANCELLED"])
    def test_the_frames_of_a_job_that_ended_badly_rest_and_are_asked_again(
        self, reader, server, store, clock, state
    ):
        server.end_next(state)
        job = reader.submit(frames([1]))
        reader.flush(quiet, force=True)
        reader.poll(job)
        clock.forward(minutes=9)
        reader.flush(quiet, force=True)
        assert len(server.jobs) == 1
        clock.forward(minutes=1)
        readings = finished(reader, frames([1]))
        # Nothing was asked, so it was no attempt.
        assert {(each.status, each.attempt) for each in readings} == {("ok", 1)}
        assert sorted(job.state for job in jobs(store)) == sorted(
            [BatchState(state.lower()), BatchState.SUCCEEDED]
        )

    def test_jobs_that_always_expire_end_as_failures(self, reader, server, clock):
        server.end_next("EXPIRED", times=9)
        job = reader.submit(frames([1]))
        waits = []
        while not reader.poll(job).state.final:
            before = len(server.jobs)
            reader.flush(quiet, force=True)
            if len(server.jobs) == before:
                clock.forward(minutes=5)
                waits[-1] += 5
            else:
                waits.append(0)
        assert {each.status for each in reader.collect(job, frames([1]), quiet)} == {"expired"}
        assert waits == [10, 20, 40, 80, 0]

    def test_what_a_partly_done_job_left_out_is_asked_again(self, reader, server):
        server.end_next("PARTIALLY_SUCCEEDED", share=0.5)
        readings = finished(reader, frames([1, 2]))
        assert sorted(each.attempt for each in readings) == [1, 1, 2, 2]
        assert {each.status for each in readings} == {"ok"}

    def test_results_that_are_gone_are_looked_for_and_never_paid_again(
        self, slow_server, slow_reader, clock, store
    ):
        job = slow_reader.submit(frames([1]))
        slow_reader.flush(quiet, force=True)
        slow_server.finish()
        slow_server.forget_files()
        status = slow_reader.poll(job)
        assert status.state is JobState.RUNNING
        assert "cannot be read now" in status.note
        clock.forward(hours=49)
        assert slow_reader.poll(job).note == "2 of 2 frames answered, 2 of them failed"
        readings = list(slow_reader.collect(job, frames([1]), quiet))
        assert {(each.status, each.attempt) for each in readings} == {("missing", 1)}
        assert jobs(store)[0].actual_usd == pytest.approx(job.estimated_cost_usd)

    def test_a_job_that_never_ends_is_cancelled_after_three_days(
        self, slow_server, slow_reader, clock
    ):
        job = slow_reader.submit(frames([1]))
        slow_reader.flush(quiet, force=True)
        clock.forward(hours=71)
        slow_reader.poll(job)
        assert slow_server.asked("batches.cancel") == 0
        clock.forward(hours=2)
        slow_reader.poll(job)
        assert slow_server.asked("batches.cancel") == 1
        assert "2 are queued" in slow_reader.poll(job).note


class TestChangedFrames:
    def test_a_frame_that_changed_is_never_sent_under_the_old_hash(self, server, store, tmp_path):
        changed = {"video-1:5000": picture("video-1:5000", version=1)}

        def now(video_id, ids):
            return {**pictures(video_id, ids), **{i: changed[i] for i in ids if i in changed}}

        reader = gemini_reader(server.url, store, tmp_path, frames=now)
        requests = frames([1, 2])
        job = reader.submit(requests)
        said = []
        reader.flush(said.append, force=True)
        assert any("1 of its frames are not what they were" in each for each in said)
        assert len(server.requests_paid) == 3
        status = reader.poll(job)
        assert status.state is JobState.FAILED
        assert "does not know 1 of them" in status.note
        requests[1] = replace(requests[1], jpeg=changed["video-1:5000"])
        assert {each.status for each in finished(reader, requests)} == {"ok"}
        assert server.requests_paid.total() == 4

    def test_frames_that_are_gone_are_withdrawn(self, server, store, tmp_path):
        reader = gemini_reader(server.url, store, tmp_path, frames=lambda *_: {})
        job = reader.submit(frames([1]))
        reader.flush(quiet, force=True)
        assert server.requests_paid.total() == 0
        assert reader.poll(job).state is JobState.FAILED
        assert [each.state for each in jobs(store)] == [BatchState.CANCELLED]

    def test_a_changed_frame_that_had_failed_keeps_its_failure(self, server, store, tmp_path):
        lake = {}
        reader = gemini_reader(
            server.url, store, tmp_path, frames=lambda v, i: {**pictures(v, i), **lake}
        )
        server.end_next("PARTIALLY_SUCCEEDED", share=0.0)
        job = reader.submit(frames([1], each=1))
        reader.flush(quiet, force=True)
        reader.poll(job)
        lake["video-1:0"] = picture("video-1:0", version=1)
        reader.flush(quiet, force=True)
        assert reader.poll(job).note == "1 of 1 frames answered, 1 of them failed"
        (reading,) = reader.collect(job, frames([1], each=1), quiet)
        assert (reading.status, reading.attempt) == ("missing", 1)


class TestChangedSettings:
    @pytest.mark.parametrize("change", [{"model": "gemini-2.5-pro"}, {"resolution": "high"}])
    def test_what_was_queued_before_is_not_paid(self, server, store, tmp_path, change):
        requests = frames([1, 2])
        old = gemini_reader(server.url, store, tmp_path)
        before = old.submit(requests)
        new = gemini_reader(server.url, store, tmp_path, **change)
        assert {each.status for each in finished(new, requests)} == {"ok"}
        assert server.requests_paid.total() == len(requests)
        assert old.poll(before).state is JobState.FAILED

    def test_another_model_is_not_sent_before_its_videos_are_handed_over(
        self, server, store, tmp_path
    ):
        gemini_reader(server.url, store, tmp_path).submit(frames([1]))
        new = gemini_reader(server.url, store, tmp_path, model="gemini-2.5-pro")
        new.flush(quiet, force=True)
        assert server.jobs == []

    def test_frames_that_are_not_handed_over_again_are_not_paid(self, reader, server):
        reader.submit(frames([1, 2]))
        reader.submit(frames([1], each=1))
        reader.flush(quiet, force=True)
        assert server.requests_paid.total() == 3

    def test_a_first_reading_withdraws_no_second_one(self, reader, server):
        reader.submit(frames([1]))
        reader.submit(frames([1], each=1), reading=2)
        reader.submit(frames([1]))
        reader.flush(quiet, force=True)
        assert server.requests_paid.total() == 3


class TestSamples:
    def test_a_sample_sends_its_own_frames_only_and_withdraws_nothing(self, reader, server, clock):
        whole = reader.submit(frames(range(25)))
        sample = reader.for_sample()
        some = frames([1], each=1)
        job = sample.submit(some)
        sample.flush(quiet, force=True)
        clock.forward(hours=1)
        assert sample.poll(job).state is JobState.DONE
        assert [each.status for each in sample.collect(job, some, quiet)] == ["ok"]
        assert server.requests_paid.total() == 1
        reader.flush(quiet, force=True)
        reader.settle(quiet)
        assert reader.poll(whole).state is JobState.DONE
        assert (server.requests_paid.total(), max(server.requests_paid.values())) == (50, 1)

    def test_a_sample_carries_on_its_own_jobs_only(self, reader, server, store):
        reader.submit(frames([1]))
        with store.session() as conn:
            ledger.claim(conn, Limits(), datetime.now(UTC) + timedelta(hours=1), force=True)
        sample = reader.for_sample()
        sample.submit(frames([2]))
        sample.flush(quiet, force=True)
        assert len(server.jobs) == 1
        reader.flush(quiet, force=True)
        assert len(server.jobs) == 2


class TestAskingOnceMore:
    @pytest.fixture
    def refused(self):
        """The frames that the service refuses for good."""
        return {"video-1:0", "video-2:0"}

    @pytest.fixture
    def reader(self, store, tmp_path, refused):
        def answer(frame_id, jpeg, request):
            refuses = frame_id in refused
            return LineError(400, "no") if refuses else read_well(frame_id, jpeg, request)

        with GeminiServer(answer, polls_to_end=1) as server:
            yield gemini_reader(server.url, store, tmp_path)

    def test_a_person_can_have_the_failed_frames_of_videos_asked_again(self, reader, refused):
        requests = frames([1, 2])
        assert [each.status for each in finished(reader, requests)] == ["error", "ok"] * 2
        refused.clear()
        assert reader.retry_failed(["video-2"]) == 1
        assert [each.status for each in finished(reader, requests)] == ["error", "ok", "ok", "ok"]
        assert reader.retry_failed() == 1
        assert {each.status for each in finished(reader, requests)} == {"ok"}
        assert reader.retry_failed() == 0

    def test_frames_are_asked_nine_times_at_most(self, reader):
        finished(reader, frames([1]))
        times = 1
        while reader.retry_failed():
            finished(reader, frames([1]))
            times += 1
        assert times == 9

    def test_what_would_be_asked_otherwise_now_is_left_alone(self, reader, store, tmp_path):
        finished(reader, frames([1]))
        for change in ({"model": "gemini-2.5-pro"}, {"resolution": "high"}):
            assert gemini_reader("http://", store, tmp_path, **change).retry_failed() == 0


class TestMoney:
    def budget(self, reader, videos):
        """Dollars for that many videos of two frames, as estimated, and half a video more."""
        return reader.submit(frames([0])).estimated_cost_usd * (videos + 0.5)

    def test_what_the_budget_allows_is_sent_and_the_rest_stays_queued(
        self, slow_server, store, tmp_path, slow_reader, clock
    ):
        limits = Limits(budget_usd=self.budget(slow_reader, 3), max_videos=2)
        poor = gemini_reader(slow_server.url, store, tmp_path, limits=limits, clock=clock)
        sent, left = poor.submit(frames(range(3))), poor.submit(frames([8, 9]))
        with pytest.raises(BudgetExceeded, match="4 requests stay queued"):
            poor.flush(quiet, force=True)
        assert len(slow_server.requests_paid) == 6
        assert poor.poll(sent).state is JobState.RUNNING
        clock.forward(minutes=2)
        with pytest.raises(HeldBack, match=r"0 of 4 frames answered; 4 are queued\. The budget"):
            poor.poll(left)
        slow_reader.flush(quiet, force=True)
        assert len(slow_server.requests_paid) == 10

    def test_a_lack_of_money_is_told_at_once_however_often_one_asks(
        self, server, store, tmp_path, clock
    ):
        limits = Limits(budget_usd=0.0)
        poor = gemini_reader(server.url, store, tmp_path, limits=limits, clock=clock)
        job = poor.submit(frames([1]))
        with pytest.raises(BudgetExceeded):
            poor.flush(quiet, force=True)
        for _ in range(3):
            clock.forward(seconds=31)
            with pytest.raises(HeldBack, match="The budget"):
                poor.poll(job)

    def test_the_tier_throttles_without_a_failure(self, server, store, tmp_path, clock):
        reader = gemini_reader(
            server.url, store, tmp_path, limits=Limits(max_open_jobs=1, max_videos=1), clock=clock
        )
        job = reader.submit(frames(range(3)))
        said = []
        reader.flush(said.append, force=True)
        assert len(server.jobs) == 1
        assert said[-1].startswith("4 frames of 2 videos stay queued: 1 jobs are open, which is")
        assert "NKO_MAX_OPEN_JOBS" in reader.poll(job).note
        for _ in range(6):
            clock.forward(minutes=2)
            reader.poll(job)
        assert reader.poll(job).state is JobState.DONE
        assert len(server.jobs) == 3

    def test_the_price_of_the_day_of_sending_counts(self, server, store, tmp_path, clock):
        reader = gemini_reader(server.url, store, tmp_path, model="gemini-3.8-flash", clock=clock)
        clock.now = datetime(2026, 12, 31, 23, 59, tzinfo=UTC)  # a price that ends with the year
        job = reader.submit(frames([1]))
        clock.forward(minutes=2)
        reader.flush(quiet, force=True)
        (row,) = jobs(store)
        assert row.estimated_usd > 1.1 * job.estimated_cost_usd

    def test_what_is_asked_again_fits_the_budget_or_waits(self, store, tmp_path):
        def cut(frame_id, jpeg, request):
            return response(truth(frame_id, []), finish="MAX_TOKENS")

        with GeminiServer(cut, polls_to_end=1) as server:
            reader = gemini_reader(server.url, store, tmp_path)
            job = reader.submit(frames([1]))
            reader = gemini_reader(
                server.url, store, tmp_path, limits=Limits(budget_usd=3 * job.estimated_cost_usd)
            )
            reader.flush(quiet, force=True)
            reader.settle(quiet)
            with pytest.raises(BudgetExceeded):
                reader.flush(quiet, force=True)
            assert len(server.jobs) == 1

    def test_real_usage_replaces_the_estimate(self, reader, store):
        finished(reader, frames([1]))
        (row,) = jobs(store)
        assert row.actual_usd == pytest.approx(2 * (1820 * 0.15 + 38 * 1.25) / 1e6, rel=0.5)


class TestWhenTheServiceRefuses:
    def test_too_many_tokens_or_jobs_wait_for_a_later_flush(self, reader, server, store, clock):
        server.fail("batches.create", 429)
        job = reader.submit(frames(range(30)))
        said = []
        reader.flush(said.append, force=True)
        assert server.requests_paid.total() == 0
        assert any("waits for 0:05:00" in each for each in said)
        assert "429" in reader.poll(job).note
        clock.forward(minutes=4)
        reader.flush(quiet, force=True)
        assert server.asked("batches.create") == 1
        clock.forward(minutes=1)
        reader.flush(quiet, force=True)
        assert len(server.jobs) == 2
        assert set(server.requests_paid.values()) == {1}

    @pytest.mark.parametrize("code", [400, 403, 404])
    def test_a_refusal_stops_at_once_and_keeps_the_requests(self, reader, server, store, code):
        server.fail("batches.create", code)
        requests = frames([1])
        reader.submit(requests)
        with pytest.raises((ConfigurationError, PermanentFailure), match=str(code)):
            reader.flush(quiet, force=True)
        assert server.asked("batches.create") == 1
        assert [each.state for each in jobs(store)] == [BatchState.CANCELLED]
        assert {each.status for each in finished(reader, requests)} == {"ok"}
        assert set(server.requests_paid.values()) == {1}

    def test_a_wrong_key_is_named_and_never_shown(self, server, store, tmp_path):
        reader = gemini_reader(server.url, store, tmp_path, key="AIza-another-key")
        reader.submit(frames([1]))
        with pytest.raises(ConfigurationError, match="GEMINI_API_KEY") as caught:
            reader.flush(quiet, force=True)
        assert "another-key" not in str(caught.value)

    def test_a_service_that_does_not_answer_is_waited_for(self, reader, server):
        job = reader.submit(frames([1]))
        reader.flush(quiet, force=True)
        server.fail("batches.get", 503, times=3)
        status = reader.poll(job)
        assert status.state is JobState.RUNNING
        assert "503" in status.note
        assert reader.poll(job).state is JobState.DONE

    def test_a_job_sent_with_another_key_is_not_asked_again(
        self, server, store, tmp_path, reader, clock
    ):
        job = reader.submit(frames([1]))
        reader.flush(quiet, force=True)
        with GeminiServer(read_well, polls_to_end=1) as other:
            elsewhere = gemini_reader(other.url, store, tmp_path, clock=clock)
            with pytest.raises(ConfigurationError, match="does not know job nko-"):
                elsewhere.poll(job)
            clock.forward(hours=73)
            # Whoever did it has forgotten it by now, and it was paid.
            assert elsewhere.poll(job).note == "2 of 2 frames answered, 2 of them failed"
        assert len(server.jobs) == 1
        assert jobs(store)[0].actual_usd == pytest.approx(job.estimated_cost_usd)

    def test_the_service_is_asked_about_a_job_at_most_once_in_a_while(
        self, slow_server, store, tmp_path, clock
    ):
        readers = [
            gemini_reader(
                slow_server.url, store, tmp_path, clock=clock, poll_every=timedelta(seconds=30)
            )
            for _ in range(2)
        ]
        one, two = readers[0].submit(frames([1])), readers[0].submit(frames([2]))
        readers[0].flush(quiet, force=True)
        for _ in range(3):
            for reader in readers:
                reader.poll(one)
                reader.poll(two)
        assert slow_server.asked("batches.get") == 1
        clock.forward(seconds=30)
        readers[1].poll(two)
        assert slow_server.asked("batches.get") == 2


class TestReceiptsTogether:
    """What one receipt waits for may be another one's."""

    def test_a_receipt_that_waits_for_room_settles_what_takes_it(
        self, server, store, tmp_path, clock
    ):
        reader = gemini_reader(
            server.url, store, tmp_path, limits=Limits(max_open_jobs=1), clock=clock
        )
        reader.submit(frames([1]))
        reader.flush(quiet, force=True)
        job = reader.submit(frames([2]))
        for _ in range(3):
            clock.forward(minutes=2)
            status = reader.poll(job)
        assert status.state is JobState.DONE

    def test_a_receipt_that_waits_sends_what_others_have_queued(
        self, slow_server, slow_reader, clock
    ):
        job = slow_reader.submit(frames([1]))
        slow_reader.flush(quiet, force=True)
        slow_reader.submit(frames([2]))
        clock.forward(minutes=2)
        slow_reader.poll(job)
        assert len(slow_server.jobs) == 2

    def test_trouble_with_the_job_of_another_receipt_is_not_this_ones(
        self, server, store, tmp_path
    ):
        reader = gemini_reader(server.url, store, tmp_path, limits=Limits(max_videos=1))
        one, two = reader.submit(frames([1])), reader.submit(frames([2]))
        reader.flush(quiet, force=True)
        server.fail("batches.get", 404)
        assert reader.poll(two).state is JobState.DONE
        assert reader.poll(one).state is JobState.DONE

    def test_a_planned_job_that_cannot_be_sent_does_not_keep_the_others(
        self, server, store, tmp_path
    ):
        def lake(video_id, ids):
            if video_id == "video-1":
                raise TransientFailure("The disk does not answer.")
            return pictures(video_id, ids)

        reader = gemini_reader(
            server.url, store, tmp_path, frames=lake, limits=Limits(max_videos=1)
        )
        reader.submit(frames([1, 2]))
        for _ in range(2):
            with pytest.raises(TransientFailure, match="disk"):
                reader.flush(quiet, force=True)
        assert {job.state for job in jobs(store)} == {BatchState.PREPARING, BatchState.SUBMITTED}


class TestSensors:
    def test_trouble_with_one_job_hides_no_other_that_has_ended(self, server, store, tmp_path):
        reader = gemini_reader(server.url, store, tmp_path, limits=Limits(max_videos=1))
        reader.submit(frames([1, 2]))
        reader.flush(quiet, force=True)
        server.fail("batches.get", 404)
        assert len(reader.ended()) == 1
        server.fail("batches.get", 404, times=2)
        with pytest.raises(ConfigurationError, match="does not know job"):
            reader.ended()

    def test_trouble_with_one_job_does_not_keep_the_others(self, server, store, tmp_path):
        reader = gemini_reader(server.url, store, tmp_path, limits=Limits(max_videos=1))
        one, two = reader.submit(frames([1])), reader.submit(frames([2]))
        reader.flush(quiet, force=True)
        server.fail("files.download", 503, times=3)
        with pytest.raises(TransientFailure, match="503"):
            reader.settle(quiet)
        assert sorted(job.state for job in jobs(store)) == ["submitted", "succeeded"]
        assert reader.poll(one).state is reader.poll(two).state is JobState.DONE

    def test_ended_jobs_are_named_before_anything_is_downloaded(
        self, slow_server, slow_reader, store
    ):
        job = slow_reader.submit(frames([1]))
        slow_reader.flush(quiet, force=True)
        assert slow_reader.ended() == ()
        slow_server.finish()
        (name,) = slow_reader.ended()
        assert name == jobs(store)[0].name
        assert slow_server.asked("files.download") == 0
        slow_reader.settle(quiet)
        assert slow_reader.ended() == ()
        assert slow_reader.poll(job).state is JobState.DONE
        assert slow_server.asked("files.download") == 1
