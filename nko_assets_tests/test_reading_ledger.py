import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from nko_assets.failures import ConfigurationError
from nko_assets.reading import ledger
from nko_assets.reading.ledger import BatchState, BudgetExceeded, Limits, RequestState, Retry
from nko_assets.resources.store import Store
from nko_assets_tests.ledger_rows import MISSING, NOON, answer, record, request, requests, submit

ROOT = Path(__file__).parents[1]


@pytest.fixture
def conn(store: Store) -> Iterator[psycopg.Connection]:
    with store.connect() as opened:
        yield opened


def states(conn: psycopg.Connection) -> dict[str, int]:
    return dict(conn.execute("select state, count(*) from ledger.requests group by 1").fetchall())


class TestQueue:
    def test_a_request_is_queued_once_whoever_asks_again(self, conn):
        rows = list(requests([1, 2], 3))
        assert ledger.enqueue(conn, rows, NOON) == ledger.Enqueued(new=6, known=0)
        again = [*rows, rows[0], request(3, 0)]
        assert ledger.enqueue(conn, again, NOON) == ledger.Enqueued(new=1, known=7)
        assert states(conn) == {"queued": 7}

    def test_nothing_stays_queued_when_the_rows_break_off(self, conn):
        def broken():
            yield request(1, 0)
            raise OSError("disk")

        with pytest.raises(OSError, match="disk"):
            ledger.enqueue(conn, broken(), NOON)
        assert states(conn) == {}
        assert ledger.enqueue(conn, requests([1], 2), NOON).new == 2

    def test_work_inside_another_transaction_is_refused(self, conn):
        with conn.transaction(), pytest.raises(RuntimeError, match="autocommit"):
            ledger.enqueue(conn, [request(1, 0)], NOON)

    def test_contiguous_videos_make_a_job_for_each_twenty(self, conn):
        ledger.enqueue(conn, requests(range(45), 2), NOON)
        plans = []
        while plan := ledger.claim(conn, Limits(), NOON, force=True):
            plans.append(plan)
        assert [len(plan.videos) for plan in plans] == [20, 20, 5]
        assert [video for plan in plans for video in plan.videos] == sorted(
            f"video-{n:04}" for n in range(45)
        )
        assert states(conn) == {"claimed": 90}

    def test_a_remainder_waits_until_it_has_waited_long_enough(self, conn):
        ledger.enqueue(conn, requests(range(19), 1), NOON)
        soon = NOON + timedelta(seconds=119)
        assert ledger.claim(conn, Limits(), soon) is None
        ledger.enqueue(conn, requests([19], 1), soon)
        assert ledger.claim(conn, Limits(), soon) is not None  # now there are twenty
        ledger.enqueue(conn, requests([20], 1), soon)
        assert ledger.claim(conn, Limits(), soon) is None
        assert ledger.claim(conn, Limits(), soon + timedelta(minutes=2)) is not None

    def test_scattered_failures_share_a_job(self, conn):
        ledger.enqueue(conn, requests(range(60), 2), NOON)
        plans = [submit(conn) for _ in range(3)]
        for plan in plans:
            healing = Retry({"temperature": 0.4}, 1000, 0.01)
            record(
                conn,
                plan,
                (
                    answer(each.key, "loop", retry=healing)
                    if each.video_id[-1] == "7" and each.timestamp_ms == 0
                    else answer(each.key)
                    for each in plan.requests
                ),
            )
        retried = ledger.claim(conn, Limits(), NOON, force=True)
        assert [each.video_id for each in retried.requests] == [
            f"video-{n:04}" for n in (7, 17, 27, 37, 47, 57)
        ]
        assert {each.attempt for each in retried.requests} == {2}
        assert {each.settings["temperature"] for each in retried.requests} == {0.4}
        assert retried.name not in {plan.name for plan in plans}

    def test_the_same_requests_have_the_same_job_in_whatever_order_they_came(self, conn):
        names = set()
        rows = list(requests(range(4), 3))
        for some in (rows, rows[::-1], rows[::2] + rows[1::2]):
            conn.execute("truncate ledger.answers, ledger.requests, ledger.jobs")
            for second, row in enumerate(some):
                ledger.enqueue(conn, [row], NOON + timedelta(seconds=second))
            plan = ledger.claim(conn, Limits(), NOON + timedelta(minutes=1), force=True)
            names.add(plan.name)
            assert list(plan.requests) == ledger.requests_of(conn, plan.name)
        assert len(names) == 1

    def test_a_job_has_one_model(self, conn):
        ledger.enqueue(conn, requests(range(3), 1, model="flash"), NOON)
        ledger.enqueue(conn, requests(range(3), 1, model="pro"), NOON + timedelta(seconds=1))
        soon = NOON + timedelta(seconds=1)
        first, second = (ledger.claim(conn, Limits(), soon, force=True) for _ in range(2))
        assert (first.model, second.model) == ("flash", "pro")
        assert {each.model for each in first.requests} == {"flash"}

    def test_a_model_that_must_wait_does_not_hold_up_another(self, conn):
        ledger.enqueue(conn, [request(1, 0, model="pro")], NOON)
        ledger.enqueue(conn, requests(range(20), 1), NOON + timedelta(seconds=1))
        assert ledger.claim(conn, Limits(), NOON + timedelta(seconds=2)).model == "flash"

    @pytest.mark.parametrize("limits", [Limits(max_job_bytes=1000), Limits(max_job_tokens=10_000)])
    def test_a_job_file_that_would_grow_too_large_holds_fewer_videos(self, conn, limits):
        ledger.enqueue(conn, requests(range(5), 4), NOON)
        sizes = []
        while plan := ledger.claim(conn, limits, NOON, force=True):
            sizes.append((len(plan.videos), len(plan.requests)))
        assert sizes == [(2, 8), (2, 8), (1, 4)]

    def test_a_group_cut_by_a_limit_is_full_and_need_not_wait(self, conn):
        ledger.enqueue(conn, requests(range(5), 4), NOON)
        assert ledger.claim(conn, Limits(max_job_tokens=10_000), NOON) is not None

    def test_a_video_too_large_for_a_job_is_cut(self, conn):
        ledger.enqueue(conn, requests([1], 7), NOON)
        sizes = []
        while plan := ledger.claim(conn, Limits(max_job_bytes=300), NOON, force=True):
            sizes.append(len(plan.requests))
        assert sizes == [3, 3, 1]

    def test_a_request_too_large_for_any_job_is_an_error(self, conn):
        ledger.enqueue(conn, [request(1, 0, size=301)], NOON)
        with pytest.raises(ConfigurationError, match="video-0001:0 has 1,000 tokens and 301 bytes"):
            ledger.claim(conn, Limits(max_job_bytes=300), NOON, force=True)
        assert states(conn) == {"queued": 1}

    def test_open_jobs_and_tokens_throttle(self, conn):
        ledger.enqueue(conn, requests(range(4), 2), NOON)
        limits = Limits(max_videos=1, max_open_tokens=5000)
        first, _ = submit(conn, limits), submit(conn, limits)
        assert ledger.claim(conn, limits, NOON, force=True) is None  # 4,000 of 5,000 are taken
        assert ledger.claim(conn, Limits(max_open_jobs=2), NOON, force=True) is None
        assert ledger.backlog(conn) == ledger.Backlog(4, 2, 0.04, NOON, 2, 4000, 0)
        record(conn, first, map(answer, (each.key for each in first.requests)))
        assert ledger.claim(conn, limits, NOON, force=True) is not None
        assert ledger.backlog(conn).unsent_jobs == 1

    def test_a_released_job_can_be_claimed_anew_under_its_name(self, conn):
        ledger.enqueue(conn, requests([1], 2), NOON)
        plan = ledger.claim(conn, Limits(), NOON, force=True)
        assert ledger.release(conn, plan.name, "the service refused it", NOON) == 2
        assert ledger.job(conn, plan.name).error == "the service refused it"
        again = submit(conn)
        assert again.name == plan.name
        assert ledger.release(conn, plan.name, "too late", NOON) == 0
        assert states(conn) == {"submitted": 2}

    def test_videos_that_have_to_wait_are_left_out(self, conn):
        ledger.enqueue(conn, requests(range(3), 1), NOON)
        plan = ledger.claim(conn, Limits(), NOON, force=True, without={"video-0001"})
        assert plan.videos == ("video-0000", "video-0002")
        assert states(conn) == {"claimed": 2, "queued": 1}

    def test_the_settings_of_the_first_attempt_stay_with_a_request(self, conn):
        ledger.enqueue(conn, [request(1, 0)], NOON)
        for temperature in (0.4, 0.8):
            plan = submit(conn)
            healing = Retry({"temperature": temperature}, 1000, 0.01)
            record(conn, plan, [answer(plan.requests[0].key, "loop", retry=healing)])
        (last,) = submit(conn).requests
        assert (last.settings, last.first_settings) == ({"temperature": 0.8}, {"temperature": 0.0})

    def test_what_is_forgotten_is_known_no_more(self, conn):
        ledger.enqueue(conn, requests([1], 3), NOON)
        plan = ledger.claim(conn, Limits(), NOON, force=True)
        forget = [plan.requests[0].hash]
        assert ledger.release(conn, plan.name, "a frame changed", NOON, forget=forget) == 2
        assert states(conn) == {"queued": 2}
        assert ledger.states_of(conn, forget) == {}
        again = ledger.claim(conn, Limits(), NOON, force=True)
        assert again.name != plan.name

    def test_only_the_model_that_is_asked_for_is_claimed(self, conn):
        ledger.enqueue(conn, requests([1], 2, model="pro"), NOON)
        ledger.enqueue(conn, requests([2], 2), NOON)
        assert ledger.claim(conn, Limits(), NOON, force=True, model="flash").model == "flash"
        assert ledger.claim(conn, Limits(), NOON, force=True, model="flash") is None
        assert states(conn) == {"claimed": 2, "queued": 2}
        assert ledger.backlog(conn, "flash").queued_requests == 0
        assert ledger.backlog(conn).queued_requests == 2

    def test_a_claim_can_be_for_some_requests_only(self, conn):
        rows = list(requests([1, 2], 2))
        ledger.enqueue(conn, rows, NOON)
        some = {rows[0].hash, rows[3].hash}
        plan = ledger.claim(conn, Limits(), NOON, force=True, only=some)
        assert {each.hash for each in plan.requests} == some
        assert ledger.claim(conn, Limits(), NOON, force=True, only=some) is None

    def test_what_is_put_off_is_not_claimed_before(self, conn):
        later = NOON + timedelta(minutes=10)
        ledger.enqueue(conn, requests([1], 1), later)
        ledger.enqueue(conn, requests([2], 1), NOON)
        assert ledger.claim(conn, Limits(), NOON, force=True).videos == ("video-0002",)
        assert ledger.claim(conn, Limits(), NOON, force=True) is None
        assert ledger.claim(conn, Limits(), later, force=True).videos == ("video-0001",)

    def test_what_is_asked_again_is_sent_before_what_is_new(self, conn):
        ledger.enqueue(conn, requests([1], 1), NOON)
        plan = submit(conn)
        ledger.enqueue(conn, requests(range(2, 40), 1), NOON)
        later = NOON + timedelta(hours=1)
        record(conn, plan, [], now=later)  # queued again as the last one
        assert ledger.claim(conn, Limits(), later).videos[0] == "video-0001"

    def test_requests_that_keep_their_attempt_get_another_job_when_the_service_had_one(self, conn):
        ledger.enqueue(conn, requests([1], 2), NOON)
        names = []
        for _ in range(3):
            names.append(submit(conn).name)
            conn.execute("update ledger.jobs set state = 'failed'")
            conn.execute("update ledger.requests set state = 'queued', job_name = null")
        assert len(set(names)) == 3

    def test_what_is_not_wanted_any_more_is_withdrawn(self, conn):
        old = list(requests([1, 2], 2, settings={"resolution": "low", "reading": 1}))
        other = request(1, 9, settings={"resolution": "low", "reading": 2})
        ledger.enqueue(conn, [*old, other], NOON)
        keep = [old[0].hash]
        assert ledger.withdraw(conn, ["video-0001"], {"reading": 1}, but=keep) == 1
        left = [old[0].hash, old[2].hash, old[3].hash, other.hash]
        assert ledger.states_of(conn, [*left, old[1].hash]) == dict.fromkeys(
            left, RequestState.QUEUED
        )

    def test_what_was_asked_before_it_was_withdrawn_is_failed_as_it_was(self, conn):
        ledger.enqueue(conn, [request(1, 0)], NOON)
        plan = submit(conn)
        healing = Retry({"temperature": 0.4}, 2000, 0.02)
        record(conn, plan, [answer(plan.requests[0].key, "loop", retry=healing)])
        assert ledger.withdraw(conn, ["video-0001"], {}, but=[]) == 1
        (kept,) = ledger.answers_for(conn, [request(1, 0).hash])
        assert (kept.status, kept.attempt, kept.job_name) == ("loop", 1, plan.name)

    def test_what_is_on_its_way_or_answered_is_not_withdrawn(self, conn):
        ledger.enqueue(conn, requests([1, 2], 1), NOON)
        first, _ = (submit(conn, Limits(max_videos=1)) for _ in range(2))
        record(conn, first, map(answer, (each.key for each in first.requests)))
        assert ledger.withdraw(conn, ["video-0001", "video-0002"], {}, but=[]) == 0
        assert states(conn) == {"answered": 1, "submitted": 1}

    def test_what_had_failed_before_it_was_forgotten_is_failed(self, conn):
        ledger.enqueue(conn, [request(1, 0)], NOON)
        plan = submit(conn)
        healing = Retry({"temperature": 0.4}, 2000, 0.02)
        record(conn, plan, [answer(plan.requests[0].key, "loop", retry=healing)])
        second = ledger.claim(conn, Limits(), NOON, force=True)
        forget = [second.requests[0].hash]
        assert ledger.release(conn, second.name, "it changed", NOON, forget=forget) == 0
        (kept,) = ledger.answers_for(conn, forget)
        assert (kept.status, kept.attempt, kept.job_name) == ("loop", 1, plan.name)
        assert ledger.jobs_of(conn, forget) == [ledger.job(conn, plan.name)]


class TestBudget:
    def test_what_would_exceed_the_budget_stays_queued_with_the_figures(self, conn):
        ledger.enqueue(conn, requests(range(4), 10), NOON)  # ten cents a video
        limits = Limits(max_videos=1, budget_usd=0.25)
        submit(conn, limits)
        submit(conn, limits)
        with pytest.raises(BudgetExceeded) as caught:
            ledger.claim(conn, limits, NOON, force=True)
        exceeded = caught.value
        assert (exceeded.daily, exceeded.budget_usd, exceeded.queued) == (False, 0.25, 20)
        assert exceeded.committed_usd == pytest.approx(0.20)
        assert exceeded.needed_usd == pytest.approx(0.10)
        assert "budget of $0.25" in str(exceeded)
        assert "$0.20 is paid or on its way" in str(exceeded)
        assert "NKO_BUDGET_USD" in exceeded.next_step
        assert states(conn) == {"submitted": 20, "queued": 20}

    def test_a_job_is_cut_to_the_videos_that_the_budget_allows(self, conn):
        ledger.enqueue(conn, requests(range(4), 10), NOON)
        plan = ledger.claim(conn, Limits(budget_usd=0.35), NOON, force=True)
        assert len(plan.videos) == 3

    def test_real_costs_replace_estimates(self, conn):
        ledger.enqueue(conn, requests([1], 10), NOON)
        plan = submit(conn)
        assert ledger.money(conn, NOON) == ledger.Money(0, pytest.approx(0.1), pytest.approx(0.1))
        record(conn, plan, (answer(each.key, cost_usd=0.003) for each in plan.requests))
        paid = ledger.money(conn, NOON)
        assert paid == ledger.Money(pytest.approx(0.03), 0, pytest.approx(0.03))
        assert paid.committed_usd == pytest.approx(0.03)

    def test_the_price_of_the_day_replaces_the_estimate(self, conn):
        ledger.enqueue(conn, requests([1, 2], 10), NOON)
        limits = Limits(max_videos=1, budget_usd=0.25)
        plan = ledger.claim(conn, limits, NOON, force=True, price=lambda _: 0.02)
        assert plan.estimated_usd == pytest.approx(0.2)
        assert ledger.money(conn, NOON).open_usd == pytest.approx(0.2)
        with pytest.raises(BudgetExceeded) as caught:
            ledger.claim(conn, limits, NOON, force=True, price=lambda _: 0.02)
        assert caught.value.needed_usd == pytest.approx(0.2)

    def test_what_cost_more_than_estimated_is_expected_to_do_so_again(self, conn):
        ledger.enqueue(conn, requests(range(4), 10), NOON)
        limits = Limits(max_videos=1, budget_usd=0.75)
        first, _ = submit(conn, limits), submit(conn, limits)
        assert ledger.money(conn, NOON).open_usd == pytest.approx(0.2)
        record(conn, first, (answer(each.key, cost_usd=0.03) for each in first.requests))
        assert ledger.money(conn, NOON).committed_usd == pytest.approx(0.3 + 0.3)
        with pytest.raises(BudgetExceeded) as caught:
            ledger.claim(conn, limits, NOON, force=True)
        assert caught.value.needed_usd == pytest.approx(0.3)

    def test_a_model_that_cost_less_or_another_model_changes_no_estimate(self, conn):
        ledger.enqueue(conn, requests([1], 10), NOON)
        dear = submit(conn)
        record(conn, dear, (answer(each.key, cost_usd=0.03) for each in dear.requests))
        ledger.enqueue(conn, requests([2, 3], 10, model="pro"), NOON)
        cheap = submit(conn, Limits(max_videos=1))
        record(conn, cheap, (answer(each.key, cost_usd=0.001) for each in cheap.requests))
        submit(conn)
        assert ledger.money(conn, NOON).open_usd == pytest.approx(0.1)

    def test_failed_attempts_are_money_too(self, conn):
        ledger.enqueue(conn, [request(1, 0)], NOON)
        for _ in range(2):
            plan = submit(conn)
            record(
                conn,
                plan,
                [answer(plan.requests[0].key, "loop", retry=Retry({}, 1000, 0.01))],
            )
        assert ledger.money(conn, NOON).spent_usd == pytest.approx(0.04)

    def test_the_daily_budget_begins_anew_at_midnight_utc(self, conn):
        ledger.enqueue(conn, requests(range(2), 10), NOON)
        limits = Limits(max_videos=1, daily_budget_usd=0.15)
        submit(conn, limits)
        with pytest.raises(BudgetExceeded, match=r"daily budget of \$0\.15") as caught:
            ledger.claim(conn, limits, NOON + timedelta(hours=11, minutes=59), force=True)
        assert caught.value.daily
        assert "NKO_DAILY_BUDGET_USD" in caught.value.next_step
        assert ledger.claim(conn, limits, NOON + timedelta(hours=12), force=True) is not None

    def test_spending_is_told_by_video_model_and_day(self, conn):
        ledger.enqueue(conn, requests([1, 2], 2), NOON)
        plan = submit(conn, Limits(max_videos=1))
        record(conn, plan, [answer(plan.requests[0].key), answer(plan.requests[1].key, "safety")])
        submit(conn, Limits(max_videos=1), NOON + timedelta(days=1))
        ledger.enqueue(conn, [request(3, 0)], NOON)
        rows = ledger.spend(conn)
        assert [(row.video_id, row.day and row.day.day, row.requests) for row in rows] == [
            ("video-0001", 24, 2),
            ("video-0002", 25, 2),
            ("video-0003", None, 1),
        ]
        assert (rows[0].answered, rows[0].failed, rows[0].output_tokens) == (1, 1, 1000)
        assert (rows[0].actual_usd, rows[0].estimated_usd) == (pytest.approx(0.04), 0)
        assert (rows[1].actual_usd, rows[1].estimated_usd) == (0, pytest.approx(0.02))


class TestAnswers:
    def test_answers_come_back_in_the_order_asked_for(self, conn):
        rows = list(requests([1], 5))
        ledger.enqueue(conn, rows, NOON)
        plan = submit(conn)
        record(
            conn,
            plan,
            [answer(each.key, raw=each.frame_id) for each in reversed(plan.requests)],
        )
        hashes = [row.hash for row in rows[::2]]
        assert [each.raw for each in ledger.answers_for(conn, hashes)] == [
            "video-0001:0",
            "video-0001:10000",
            "video-0001:20000",
        ]
        assert ledger.states_of(conn, hashes) == dict.fromkeys(hashes, RequestState.ANSWERED)

    def test_recording_twice_changes_nothing(self, conn):
        ledger.enqueue(conn, requests([1], 2), NOON)
        plan = submit(conn)
        answers = [answer(each.key) for each in plan.requests]
        assert record(conn, plan, answers) == ledger.Recorded(2, 0, 0, 0)
        assert record(conn, plan, answers, BatchState.FAILED) == ledger.Recorded(0, 0, 0, 0)
        assert ledger.job(conn, plan.name).state is BatchState.SUCCEEDED
        assert ledger.money(conn, NOON).spent_usd == pytest.approx(0.04)

    def test_a_request_without_an_answer_is_asked_again_then_failed(self, conn):
        ledger.enqueue(conn, requests([1], 2), NOON)
        for attempt in (1, 2, 3):
            plan = submit(conn)
            assert {each.attempt for each in plan.requests} == {attempt}
            recorded = record(conn, plan, [])
        assert recorded == ledger.Recorded(0, 2, 0, 0)
        assert states(conn) == {"failed": 2}
        last = next(ledger.answers_for(conn, [request(1, 0).hash]))
        assert (last.attempt, last.status, last.reason) == (3, MISSING.status, MISSING.reason)
        assert [each.attempt for each in ledger.attempts_at(conn, last.hash)] == [1, 2, 3]

    def test_a_job_that_failed_as_a_whole_answers_each_request_with_its_failure(self, conn):
        ledger.enqueue(conn, requests([1], 2), NOON)
        plan = submit(conn)
        expired = ledger.Absent("expired", "the job expired after 48 hours", again=False)
        assert record(conn, plan, [], BatchState.EXPIRED, expired).failed == 2
        hashes = [each.hash for each in plan.requests]
        assert {each.status for each in ledger.answers_for(conn, hashes)} == {"expired"}

    def test_what_a_broken_off_job_did_without_an_answer_is_booked_and_an_attempt(self, conn):
        ledger.enqueue(conn, requests([1], 8), NOON)
        plan = submit(conn)
        broken_off = ledger.Absent("error", "the job was cancelled", done=4, asked=False)
        came = [answer(each.key) for each in plan.requests[:2]]
        record(conn, plan, came, BatchState.CANCELLED, broken_off)
        # Two of the six others were done, and nobody knows which.
        assert ledger.money(conn, NOON).spent_usd == pytest.approx(2 * 0.02 + 2 * 0.01)
        assert {each.attempt for each in submit(conn).requests} == {2}

    def test_what_nobody_can_count_is_booked_whole(self, conn):
        ledger.enqueue(conn, requests([1], 8), NOON)
        lost = ledger.Absent("missing", "it was forgotten", again=False, done=None)
        record(conn, submit(conn), [], BatchState.SUCCEEDED, lost)
        assert ledger.money(conn, NOON).spent_usd == pytest.approx(0.08)
        assert states(conn) == {"failed": 8}

    def test_what_a_broken_off_job_did_not_ask_rests_longer_each_time_and_then_fails(self, conn):
        ledger.enqueue(conn, requests([1], 2), NOON)
        failed = ledger.Absent("error", "the job failed", asked=False)
        now, names = NOON, set()
        for minutes in (10, 20, 40, 80):
            plan = submit(conn, now=now)
            names.add(plan.name)
            assert {each.attempt for each in plan.requests} == {1}
            done = record(conn, plan, [], BatchState.FAILED, failed, now)
            assert (done.queued_again, done.failed) == (2, 0)
            now += timedelta(minutes=minutes)
            early = now - timedelta(seconds=1)
            assert ledger.claim(conn, Limits(), early, force=True) is None
        plan = submit(conn, now=now)
        assert record(conn, plan, [], BatchState.FAILED, failed, now).failed == 2
        assert len({*names, plan.name}) == ledger.MAX_FAILED_JOBS
        assert ledger.money(conn, now).committed_usd == 0
        # A person's word starts the count anew.
        again = {each.hash: Retry({}, 1000, 0.01) for each in plan.requests}
        assert ledger.requeue(conn, again, now) == 2
        plan = submit(conn, now=now)
        assert record(conn, plan, [], BatchState.FAILED, failed, now).queued_again == 2

    def test_several_answers_under_one_key_are_a_failure_that_is_paid_for(self, conn):
        ledger.enqueue(conn, requests([1], 2), NOON)
        plan = submit(conn)
        twice = plan.requests[0]
        recorded = record(
            conn,
            plan,
            [answer(twice.key), answer(plan.requests[1].key), answer(twice.key, raw="other")],
        )
        assert recorded == ledger.Recorded(answered=1, failed=0, queued_again=1, unknown=0)
        first = ledger.attempts_at(conn, twice.hash)[0]
        assert (first.status, first.reason) == (
            "duplicate",
            "2 answers came under this key",
        )
        assert first.cost_usd == pytest.approx(0.04)

    def test_answers_under_unknown_keys_are_counted_and_change_nothing(self, conn):
        ledger.enqueue(conn, requests([1], 1), NOON)
        plan = submit(conn)
        (only,) = plan.requests
        strange = [
            answer("not a key"),
            answer(ledger.request_key(request(9, 9).hash, 1)),
            answer(ledger.request_key(only.hash, 2)),
        ]
        recorded = record(conn, plan, [*strange, answer(only.key, raw="right")])
        assert recorded == ledger.Recorded(answered=1, failed=0, queued_again=0, unknown=3)
        assert next(ledger.answers_for(conn, [only.hash])).raw == "right"
        assert ledger.job(conn, plan.name).error == "3 of its answers belong to no request"

    def test_every_attempt_is_kept_and_its_cost_added(self, conn):
        ledger.enqueue(conn, [request(1, 0)], NOON)
        plan = submit(conn)
        first = answer(
            plan.requests[0].key, "loop", raw="ߒߒߒ", retry=Retry({"temperature": 0.7}, 2000, 0.05)
        )
        record(conn, plan, [first])
        plan = submit(conn)
        assert (plan.tokens, plan.estimated_usd) == (2000, 0.05)
        record(conn, plan, [answer(plan.requests[0].key)])
        (final,) = ledger.answers_for(conn, [request(1, 0).hash])
        assert (final.status, final.attempt, final.settings) == ("ok", 2, {"temperature": 0.7})
        assert (final.input_tokens, final.cost_usd) == (2200, pytest.approx(0.04))
        history = ledger.attempts_at(conn, final.hash)
        assert [(each.raw, each.settings) for each in history] == [
            ("ߒߒߒ", {"temperature": 0.0}),
            ('{"lines": ["ߒߞߏ"]}', {"temperature": 0.7}),
        ]

    def test_a_person_can_have_failed_requests_asked_once_more(self, conn):
        ledger.enqueue(conn, requests([1], 2), NOON)
        plan = submit(conn)
        record(conn, plan, [answer(plan.requests[0].key), answer(plan.requests[1].key, "safety")])
        again = {each.hash: Retry({"safety": "off"}, 1000, 0.01) for each in plan.requests}
        assert ledger.requeue(conn, again, NOON) == 1
        assert states(conn) == {"answered": 1, "queued": 1}
        plan = submit(conn)
        record(conn, plan, [answer(plan.requests[0].key, "safety")])
        assert ledger.requeue(conn, again, NOON, max_attempts=2) == 0

    def test_failed_requests_are_found_by_model_and_video(self, conn):
        ledger.enqueue(conn, requests([1, 2], 1), NOON)
        ledger.enqueue(conn, requests([1], 1, model="pro"), NOON)
        for _ in range(2):
            plan = submit(conn)
            record(conn, plan, [answer(each.key, "safety") for each in plan.requests])
        found = ledger.failed_requests(conn, "flash")
        assert {each.video_id for each in found} == {"video-0001", "video-0002"}
        (only,) = ledger.failed_requests(conn, "flash", ["video-0002"])
        assert (only.hash, only.attempt) == (request(2, 0).hash, 1)

    def test_the_answers_of_a_job_still_running_cannot_be_recorded(self, conn):
        with pytest.raises(ValueError, match="running"):
            ledger.record_answers(
                conn, "nko-1", [], state=BatchState.RUNNING, absent=MISSING, now=NOON
            )

    @settings(
        max_examples=15,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(st.text(st.characters(exclude_categories=())))
    @example("NUL \0, half a pair \ud83d, N'Ko ߒߞߏ, U+2028 \u2028, \\N and a\ttab")
    def test_any_text_is_kept(self, conn, raw):
        conn.execute("truncate ledger.answers, ledger.requests, ledger.jobs")
        ledger.enqueue(conn, [request(1, 0)], NOON)
        plan = submit(conn)
        record(conn, plan, [answer(plan.requests[0].key, raw=raw, reason=raw)])
        (kept,) = ledger.answers_for(conn, [request(1, 0).hash])
        escaped = "".join(
            f"\\u{ord(c):04x}" if c == "\0" or 0xD800 <= ord(c) <= 0xDFFF else c for c in raw
        )
        assert (kept.raw, kept.reason) == (escaped, escaped)


class TestJobs:
    def test_a_job_goes_through_its_states_and_the_table_shows_it(self, conn):
        ledger.enqueue(conn, requests([1, 2], 2), NOON)
        plan = ledger.claim(conn, Limits(), NOON, force=True)
        (row,) = ledger.unfinished_jobs(conn)
        assert (row.state, row.videos, row.frames, row.tokens) == (BatchState.PREPARING, 2, 4, 4000)
        ledger.mark_uploaded(conn, plan.name, "files/1", NOON)
        assert ledger.job(conn, plan.name).file_name == "files/1"
        assert states(conn) == {"claimed": 4}
        ledger.mark_submitted(conn, plan.name, "batches/1", NOON)
        assert states(conn) == {"submitted": 4}
        ledger.mark_running(conn, plan.name)
        assert ledger.job(conn, plan.name).state is BatchState.RUNNING
        answers = [answer(each.key) for each in plan.requests[:3]]
        record(conn, plan, answers, BatchState.PARTIALLY_SUCCEEDED)
        assert ledger.unfinished_jobs(conn) == []
        (row,) = ledger.job_table(conn)
        assert (row.state, row.answered, row.failed) == (BatchState.PARTIALLY_SUCCEEDED, 3, 1)
        assert (row.service_name, row.finished_at) == ("batches/1", NOON)
        assert (row.estimated_usd, row.actual_usd) == (pytest.approx(0.04), pytest.approx(0.06))
        assert ledger.jobs_of(conn, [plan.requests[0].hash]) == [row]

    def test_a_submitted_job_is_not_submitted_again(self, conn):
        ledger.enqueue(conn, requests([1], 1), NOON)
        plan = submit(conn)
        with pytest.raises(RuntimeError, match="not waiting to be submitted"):
            ledger.mark_submitted(conn, plan.name, "batches/other", NOON)
        assert ledger.job(conn, plan.name).service_name == f"batches/{plan.name}"

    def test_a_job_may_have_to_wait_before_it_is_asked_for(self, conn):
        ledger.enqueue(conn, requests([1], 1), NOON)
        plan = ledger.claim(conn, Limits(), NOON, force=True)
        assert ledger.job(conn, plan.name).create_after is None
        soon, later = NOON + timedelta(minutes=2), NOON + timedelta(minutes=5)
        ledger.mark_uploaded(conn, plan.name, "files/1", soon)
        assert ledger.job(conn, plan.name).create_after == soon
        ledger.postpone(conn, plan.name, later, "too many tokens at once")
        job = ledger.job(conn, plan.name)
        assert (job.state, job.create_after) == (BatchState.UPLOADED, later)
        assert job.error == "too many tokens at once"
        ledger.mark_submitted(conn, plan.name, "batches/1", later)
        assert ledger.job(conn, plan.name).error == ""
        with pytest.raises(RuntimeError, match="not waiting to be submitted"):
            ledger.postpone(conn, plan.name, later, "too late")

    def test_one_process_holds_a_job(self, conn, store):
        with store.connect() as second, store.connect() as third:
            with ledger.hold(conn, "nko-1") as first_holds:
                with ledger.hold(second, "nko-1") as second_holds:
                    pass
                with ledger.hold(third, "nko-2") as another_held:
                    pass
            with ledger.hold(second, "nko-1") as later:
                pass
        assert (first_holds, second_holds, another_held, later) == (True, False, True, True)

    def test_what_is_marked_on_the_holding_connection_would_not_be_durable(self, conn):
        with ledger.hold(conn, "nko-1"), pytest.raises(RuntimeError, match="autocommit"):
            ledger.mark_uploaded(conn, "nko-1", "files/1", NOON)

    def test_a_job_is_checked_by_one_process_at_a_time(self, conn):
        ledger.enqueue(conn, requests([1, 2], 1), NOON)
        plans = [submit(conn, Limits(max_videos=1)) for _ in range(2)]
        every = timedelta(seconds=30)
        hashes = [plans[0].requests[0].hash]
        assert [job.name for job in ledger.take_checks(conn, NOON, every, hashes)] == [
            plans[0].name
        ]
        assert [job.name for job in ledger.take_checks(conn, NOON, every)] == [plans[1].name]
        assert ledger.take_checks(conn, NOON + timedelta(seconds=29), every) == []
        assert len(ledger.take_checks(conn, NOON + every, every)) == 2


def foreign(number: int) -> ledger.ForeignJob:
    return ledger.ForeignJob(
        f"nko-{number:024}", f"batches/{number}", "flash", BatchState.SUCCEEDED, NOON
    )


class TestAdoption:
    def test_answers_of_a_job_that_is_not_ours_are_given_to_what_is_queued(self, conn):
        ledger.enqueue(conn, requests([1, 2], 2), NOON)
        keys = [each.key for each in ledger.queued_requests(conn, [request(1, 0).hash])]
        adopted = ledger.adopt(conn, foreign(1), map(answer, keys), NOON)
        assert adopted == ledger.Recorded(answered=1, failed=0, queued_again=0, unknown=0)
        assert states(conn) == {"answered": 1, "queued": 3}
        (row,) = ledger.job_table(conn)
        assert (row.service_name, row.state) == ("batches/1", BatchState.SUCCEEDED)
        assert (row.videos, row.frames, row.actual_usd) == (1, 1, pytest.approx(0.02))

    def test_a_failure_that_is_adopted_counts_as_an_attempt_once(self, conn):
        ledger.enqueue(conn, [request(1, 0)], NOON)
        healing = Retry({"temperature": 0.4}, 1000, 0.01)
        for _ in range(2):
            (queued,) = ledger.queued_requests(conn, [request(1, 0).hash])
            ledger.adopt(conn, foreign(1), [answer(queued.key, "loop", retry=healing)], NOON)
        assert (queued.attempt, queued.first_settings) == (2, {"temperature": 0.0})
        (again,) = ledger.queued_requests(conn, [queued.hash])
        assert again == queued
        ledger.adopt(conn, foreign(2), [answer(queued.key)], NOON)
        assert [each.job_name for each in ledger.attempts_at(conn, queued.hash)] == [
            foreign(1).name,
            foreign(2).name,
        ]

    def test_what_is_not_queued_is_left_alone(self, conn):
        ledger.enqueue(conn, requests([1], 2), NOON)
        plan = submit(conn)
        adopted = ledger.adopt(conn, foreign(1), [answer(plan.requests[0].key)], NOON)
        assert adopted == ledger.Recorded(0, 0, 0, unknown=1)
        assert states(conn) == {"submitted": 2}
        assert [job.name for job in ledger.job_table(conn)] == [plan.name]

    def test_a_job_is_searched_again_only_for_what_was_queued_since(self, conn):
        def unsearched():
            return ledger.unsearched_jobs(conn, ["batches/1", "batches/2"])

        assert unsearched() == []  # nothing is queued
        ledger.enqueue(conn, [request(1, 0)], NOON)
        assert unsearched() == ["batches/1", "batches/2"]
        ledger.adopt(conn, foreign(1), [], NOON + timedelta(seconds=1))
        assert unsearched() == ["batches/2"]
        ledger.enqueue(conn, [request(2, 0)], NOON + timedelta(seconds=2))
        assert unsearched() == ["batches/1", "batches/2"]
        assert ledger.queued_videos(conn) == {"video-0001", "video-0002"}

    def test_jobs_of_this_ledger_are_not_foreign(self, conn):
        ledger.enqueue(conn, requests([1, 2, 3], 1), NOON)
        sent = submit(conn, Limits(max_videos=1))
        planned = ledger.claim(conn, Limits(max_videos=1), NOON, force=True)
        ledger.adopt(conn, foreign(1), [answer(ledger.request_key(request(3, 0).hash, 1))], NOON)
        there = {
            f"batches/{sent.name}": sent.name,
            "batches/twin": sent.name,
            "batches/found": planned.name,
            "batches/1": foreign(1).name,
            "batches/2": foreign(2).name,
        }
        assert ledger.foreign_jobs(conn, there) == ["batches/1", "batches/2"]

    def test_a_job_given_up_here_that_was_done_all_the_same_is_adopted(self, conn):
        ledger.enqueue(conn, [request(1, 0)], NOON)
        plan = ledger.claim(conn, Limits(), NOON, force=True)
        ledger.release(conn, plan.name, "refused", NOON)
        done = ledger.ForeignJob(plan.name, "batches/1", "flash", BatchState.SUCCEEDED, NOON)
        assert ledger.foreign_jobs(conn, {"batches/1": plan.name}) == ["batches/1"]
        assert ledger.adopt(conn, done, [answer(plan.requests[0].key)], NOON).answered == 1
        (row,) = ledger.job_table(conn)
        assert (row.state, row.service_name, row.error) == (BatchState.SUCCEEDED, "batches/1", "")


def address(conn: psycopg.Connection) -> str:
    return f"host={conn.info.host} user={conn.info.user} dbname={conn.info.dbname}"


def run(script: str, conninfo: str) -> subprocess.Popen[str]:
    """Another Python process with `conn`, `ledger`, `rows` (test helpers) and NOON at hand."""
    start = (
        "import sys, time, psycopg\n"
        "from nko_assets.reading import ledger\n"
        "from nko_assets_tests.ledger_rows import *\n"
        "conn = psycopg.connect(sys.argv[1], autocommit=True)\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", start + script, conninfo],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


class TestProcesses:
    def test_two_processes_that_submit_the_same_videos_never_share_a_request(self, conn, store):
        script = (
            "print('ready', flush=True); sys.stdin.readline()\n"
            "rows = list(requests(range(50), 20))\n"
            "new = sum(ledger.enqueue(conn, rows[at:at + 100], NOON).new"
            " for at in range(0, 1000, 100))\n"
            "taken = []\n"
            "while plan := ledger.claim(conn, ledger.Limits(max_videos=5), NOON, force=True):\n"
            "    taken += [each.key for each in plan.requests]\n"
            "print(new, ' '.join(taken), flush=True)\n"
        )
        processes = [run(script, address(conn)) for _ in range(2)]
        for process in processes:
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            process.stdin.write("go\n")
            process.stdin.flush()
        said = [process.communicate()[0].split() for process in processes]
        assert sum(int(new) for new, *_ in said) == 1000
        keys = [key for _, *taken in said for key in taken]
        assert len(keys) == len(set(keys)) == 1000
        assert len(ledger.unfinished_jobs(conn)) >= 10

    @pytest.mark.parametrize(
        "work",
        [
            "ledger.enqueue(conn, half(requests([2], 100)), NOON)",
            "record(conn, plan, half([answer(each.key) for each in plan.requests]))",
        ],
    )
    def test_a_process_killed_in_mid_transaction_leaves_nothing_behind(self, conn, work):
        ledger.enqueue(conn, requests([1], 3), NOON)
        script = (
            "plan = submit(conn)\n"
            "def half(rows):\n"
            "    yield next(iter(rows)); print(plan.name, flush=True); time.sleep(600)\n"
        )
        process = run(script + work, address(conn))
        name = process.stdout.readline().strip()
        process.kill()
        process.communicate()
        assert states(conn) == {"submitted": 3}
        # The job is free again as soon as the server has seen that the connection broke.
        answers = [answer(each.key) for each in ledger.requests_of(conn, name)]
        recorded = ledger.record_answers(
            conn, name, answers, state=BatchState.SUCCEEDED, absent=MISSING, now=NOON
        )
        assert recorded == ledger.Recorded(answered=3, failed=0, queued_again=0, unknown=0)
        assert states(conn) == {"answered": 3}

    def test_a_job_held_by_a_process_that_is_killed_is_free(self, conn):
        script = (
            "with ledger.hold(conn, 'nko-1') as held:\n"
            "    print(held, flush=True); time.sleep(600)\n"
        )
        process = run(script, address(conn))
        assert process.stdout.readline() == "True\n"
        with ledger.hold(conn, "nko-1") as held:
            assert not held
        process.kill()
        process.communicate()
        for _ in range(100):
            with ledger.hold(conn, "nko-1") as held:
                pass
            if held:
                break
            time.sleep(0.1)
        assert held

    def test_the_budget_holds_when_two_claim_at_once(self, conn, store):
        ledger.enqueue(conn, requests(range(20), 10), NOON)
        limits = Limits(max_videos=1, budget_usd=0.95)
        stopped = []

        def claim_all() -> None:
            with store.connect() as own:
                try:
                    while ledger.claim(own, limits, NOON, force=True):
                        pass
                except BudgetExceeded as exceeded:
                    stopped.append(exceeded)

        threads = [threading.Thread(target=claim_all) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(stopped) == 2
        assert len(ledger.unfinished_jobs(conn)) == 9


def test_forty_three_thousand_requests_pass_through_in_bounded_memory(conn):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    total = 0
    for first in range(0, 532, 20):
        some = range(first, min(first + 20, 532))
        total += ledger.enqueue(conn, requests(some, 81), NOON).new
    raw = "ߒߞߏ ߦߋ߫ ߞߊ߲ ߠߋ߬ ߘߌ߫. " * 60
    jobs = 0
    while ledger.claim(conn, Limits(), NOON, force=True):
        jobs += 1
    for row in ledger.unfinished_jobs(conn):
        ledger.mark_submitted(conn, row.name, f"batches/{row.name}", NOON)
        keys = (each.key for each in ledger.requests_of(conn, row.name))
        ledger.record_answers(
            conn,
            row.name,
            (answer(key, raw=raw) for key in keys),
            state=BatchState.SUCCEEDED,
            absent=MISSING,
            now=NOON,
        )
    hashes = [each.hash for each in requests(range(532), 81)]
    assert sum(1 for _ in ledger.answers_for(conn, hashes)) == total == 532 * 81
    assert jobs == 27
    assert states(conn) == {"answered": total}
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 100 * 1024  # KiB; the answers alone are 150 MiB
