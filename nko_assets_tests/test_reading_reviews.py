"""The review in a real database: a queue for several people, and a history that loses nothing."""

from __future__ import annotations

import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nko_assets.failures import PermanentFailure
from nko_assets.reading.decisions import HumanDecision, in_effect
from nko_assets.reading.reviews import AlreadyDecided, Imported, NewItem, ReviewItem, Said
from nko_assets.resources.review_desk import ReviewDesk
from nko_assets.resources.store import Store
from nko_assets_tests.memory_places import forget_reviews

AT = "2026-11-24T12:00:00+00:00"


def new_item(number: int = 0, video_id: str = "v1", **over: object) -> NewItem:
    frame_id = f"{video_id}:{number * 5000}"
    item = NewItem(
        reading_id=str(uuid.uuid5(uuid.NAMESPACE_DNS, frame_id)),
        video_id=video_id,
        frame_id=frame_id,
        entry=0,
        timestamp_ms=number * 5000,
        nko="ߒߞߏ",
        latin="nko",
        latin_shown=None,
        english="hello “you”",
        french=None,
        box=(1, 2, 30, 40),
        confidence=0.4,
        signals=("latin_differs",),
        gate="needs_review",
        reason="confidence 0.40 is below 0.90",
        said=(Said("gemini", "ߒߞߏ"), Said("offline", "")),
        teaches=0.6,
    )
    return replace(item, **over)  # type: ignore[arg-type]


def decision(item: NewItem, verdict: str = "accept", by: str = "Awa", **over: str) -> HumanDecision:
    given = {"at": AT, "seen": item.nko, **over}
    return HumanDecision(reading_id=item.reading_id, verdict=verdict, by=by, **given)


def queue(desk: ReviewDesk, reviewer: str = "Awa") -> list[ReviewItem]:
    """Everything that `reviewer` is asked, in order."""
    found = []
    item = desk.next_item(reviewer)
    while item is not None:
        found.append(item)
        item = desk.next_item(reviewer, [one.reading_id for one in found])
    return found


def told(desk: ReviewDesk, reading_id: str) -> ReviewItem:
    item = desk.item(reading_id)
    assert item is not None
    return item


# --- the queue ------------------------------------------------------------------------------------


def test_an_item_comes_out_as_it_went_in(desk):
    new = new_item()
    put = desk.put_items("v1", [new])
    assert (put.items, put.waiting, put.outdated, put.removed) == (1, 1, 0, 0)
    item = desk.next_item("Awa")
    assert NewItem(**{name: getattr(item, name) for name in NewItem.__slots__}) == new
    assert (item.occurrences, item.decision, item.last_decision) == (1, None, None)
    assert item.claimed_by == "Awa"
    assert item.claimed_until > datetime.now(UTC) + timedelta(minutes=9)
    assert desk.item("there is none") is None


def test_what_would_teach_most_comes_first(desk):
    teaches = [0.1, 0.9, 0.5]
    items = [new_item(n, nko=f"ߞ{'ߊ' * n}", teaches=each) for n, each in enumerate(teaches)]
    desk.put_items("v1", items)
    assert [item.teaches for item in queue(desk)] == [0.9, 0.5, 0.1]


def test_a_text_that_occurs_often_comes_first_until_someone_decided_on_it_once(desk):
    rare = new_item(0, nko="ߓߟߏ", teaches=0.6)
    often = [new_item(n, f"v{n}", nko="ߒߞߏ", teaches=0.5) for n in range(1, 5)]
    desk.put_items("v1", [rare, *[one for one in often if one.video_id == "v1"]])
    for one in often[1:]:
        desk.put_items(one.video_id, [one])
    first = queue(desk)[0]
    assert (first.nko, first.occurrences, first.priority) == ("ߒߞߏ", 4, 1.5)
    taken = desk.decide(decision(first), first.last_decision)
    assert queue(desk)[0].nko == "ߓߟߏ"
    assert {item.priority for item in queue(desk) if item.nko == "ߒߞߏ"} == {0.5}
    desk.undo(taken, "Awa")
    assert queue(desk)[0].nko == "ߒߞߏ"


def test_readings_without_text_are_not_one_text(desk):
    desk.put_items("v1", [new_item(n, nko="") for n in range(8)])
    assert {item.priority for item in queue(desk)} == {0.6}


def test_a_text_that_is_gone_from_a_video_counts_less_elsewhere(desk):
    desk.put_items("v1", [new_item(0)])
    desk.put_items("v2", [new_item(0, "v2")])
    assert sorted(item.priority for item in queue(desk)) == [0.6, 1.2]
    put = desk.put_items("v2", [new_item(1, "v2", nko="ߓߟߏ")])
    assert put.removed == 1
    assert {item.priority for item in queue(desk)} == {0.6}


def test_two_reviewers_never_get_the_same_item(desk):
    desk.put_items("v1", [new_item(n) for n in range(4)])
    mine, yours = desk.next_item("Awa"), desk.next_item("Fanta")
    assert mine.reading_id != yours.reading_id
    assert desk.next_item("Awa").reading_id == mine.reading_id, "asked again, the same"
    ahead = desk.next_item("Awa", [mine.reading_id])
    assert ahead.reading_id not in (mine.reading_id, yours.reading_id)
    assert desk.release(mine.reading_id, "Fanta") is False
    assert desk.release(mine.reading_id, "Awa") is True
    assert desk.next_item("Fanta").reading_id in (mine.reading_id, yours.reading_id)


def test_many_reviewers_at_the_same_moment_share_the_queue(desk):
    people, each = 6, 5
    desk.put_items("v1", [new_item(n) for n in range(people * each)])
    start = Barrier(people)

    def review(name: str) -> list[str]:
        start.wait()
        got: list[str] = []
        for _ in range(each):
            item = desk.next_item(name, got)
            assert item is not None
            got.append(item.reading_id)
        return got

    with ThreadPoolExecutor(people) as pool:
        handed = [one for got in pool.map(review, "abcdef") for one in got]
    assert len(handed) == len(set(handed)) == people * each
    assert desk.next_item("late") is None


def test_an_item_that_nobody_decided_on_in_time_is_free_again(desk, database):
    desk.put_items("v1", [new_item()])
    desk.next_item("Awa")
    assert desk.next_item("Fanta") is None
    with database.connect() as conn:
        conn.execute("update reviews.items set claimed_until = now() - interval '1 second'")
    assert desk.next_item("Fanta").claimed_by == "Fanta"


def test_what_was_skipped_and_then_vanished_changes_nothing(desk):
    desk.put_items("v1", [new_item()])
    assert desk.next_item("Awa", ["gone"]).reading_id == new_item().reading_id


def test_a_reviewer_has_a_name(desk):
    with pytest.raises(ValueError, match="name"):
        desk.next_item(" ")
    with pytest.raises(ValueError, match="name"):
        desk.undo(1, "\0")


def test_putting_items_again_changes_nothing(desk):
    items = [new_item(n) for n in range(3)]
    desk.put_items("v1", items)
    claimed = desk.next_item("Awa")
    assert desk.put_items("v1", items).removed == 0
    assert told(desk, claimed.reading_id) == claimed
    assert desk.put_items("v1", []).removed == 3
    assert desk.next_item("Awa") is None


# --- deciding -------------------------------------------------------------------------------------


def test_a_decision_says_who_when_before_and_after(desk):
    desk.put_items("v1", [new_item()])
    item = desk.next_item("Awa")
    taken = desk.decide(
        decision(item, "correct", nko="ߓߟߏ", english="arm", note="the mark"), item.last_decision
    )
    (entry,) = desk.history(item.reading_id)
    assert (entry.id, entry.by, entry.verdict, entry.origin) == (
        taken,
        "Awa",
        "correct",
        "explorer",
    )
    assert entry.at == datetime(2026, 11, 24, 12, tzinfo=UTC)
    assert (entry.seen, entry.english_was, entry.french_was) == ("ߒߞߏ", "hello “you”", None)
    assert (entry.nko, entry.english, entry.french, entry.note) == ("ߓߟߏ", "arm", None, "the mark")
    now = told(desk, item.reading_id)
    assert now.decision == entry.decision
    assert (now.last_decision, now.claimed_by) == (taken, None)
    assert desk.next_item("Awa") is None


def test_whoever_decides_second_is_told_who_was_first_and_overwrites_nothing(desk):
    desk.put_items("v1", [new_item()])
    item = desk.next_item("Awa")
    first = desk.decide(decision(item, "accept", "Fanta"), None)
    with pytest.raises(
        AlreadyDecided, match=r"Fanta accepted this reading at 2026-11-24 12:00"
    ) as it:
        desk.decide(decision(item, "reject"), item.last_decision)
    assert (it.value.by, it.value.decision_id) == ("Fanta", first)
    assert len(desk.history(item.reading_id)) == 1
    second = desk.decide(decision(item, "reject"), it.value.decision_id)
    assert told(desk, item.reading_id).decision.by == "Awa"
    assert [entry.id for entry in desk.history(item.reading_id)] == [first, second]


def test_of_many_who_decide_at_the_same_moment_one_does(desk):
    desk.put_items("v1", [new_item()])
    item = told(desk, new_item().reading_id)
    start = Barrier(6)

    def attempt(name: str) -> int | str:
        start.wait()
        try:
            return desk.decide(decision(item, "accept", name), item.last_decision)
        except AlreadyDecided as error:
            return error.by

    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(attempt, "abcdef"))
    (entry,) = desk.history(item.reading_id)
    assert Counter(outcomes) == {entry.id: 1, entry.by: 5}


def test_people_who_decide_on_places_of_one_text_do_not_stand_in_each_others_way(desk):
    items = [new_item(n) for n in range(24)]
    desk.put_items("v1", items)

    def work(name: str) -> int:
        done = 0
        while (item := desk.next_item(name)) is not None:
            desk.decide(decision(item, "accept", name), item.last_decision)
            done += 1
            if done == 3:
                desk.put_items("v1", items)
        return done

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(work, ["Awa", "Fanta", "Sira", "Mariam"]))
    assert sum(done) == 24
    assert desk.progress().decided == 24
    assert all(len(desk.history(item.reading_id)) == 1 for item in items)


def test_a_decision_that_is_sent_again_is_found_done(desk):
    desk.put_items("v1", [new_item()])
    item = desk.next_item("Awa")
    first = desk.decide(decision(item), None)
    later = decision(item, at="2026-11-24T12:00:05Z")
    assert desk.decide(later, None) == first
    with pytest.raises(AlreadyDecided):
        desk.decide(decision(item, note="but"), None)
    assert len(desk.history(item.reading_id)) == 1


def test_a_decision_that_nobody_took_cannot_have_been_seen(desk):
    with pytest.raises(PermanentFailure, match="not one on this reading"):
        desk.decide(decision(new_item()), 7)


def test_a_clock_that_goes_backwards_puts_nothing_before_what_was_seen(desk):
    desk.put_items("v1", [new_item()])
    item = desk.next_item("Awa")
    first = desk.decide(decision(item, "accept"), None)
    desk.decide(decision(item, "reject", at="2020-01-01"), first)
    assert told(desk, item.reading_id).decision.verdict == "reject"
    assert desk.decisions()[-1].moment == datetime(2026, 11, 24, 12, tzinfo=UTC)


# --- taking back ----------------------------------------------------------------------------------


def test_what_is_taken_back_stays_in_the_history_and_what_was_before_counts_again(desk):
    desk.put_items("v1", [new_item()])
    item = desk.next_item("Awa")
    first = desk.decide(decision(item, "accept", "Fanta"), None)
    second = desk.decide(decision(item, "reject"), first)
    undone = desk.undo(second, "Sira")
    assert desk.undo(second, "Sira") == undone, "twice is once"
    assert told(desk, item.reading_id).last_decision == first
    assert [decided.by for decided in desk.decisions()] == ["Fanta"]
    desk.undo(first, "Fanta")
    assert told(desk, item.reading_id).decision is None
    assert desk.next_item("Awa").reading_id == item.reading_id
    history = desk.history(item.reading_id)
    assert [(entry.verdict, entry.undone) for entry in history if entry.undoes is None] == [
        ("accept", True),
        ("reject", True),
    ]
    assert [(entry.by, entry.undoes) for entry in history if entry.undoes is not None] == [
        ("Sira", second),
        ("Fanta", first),
    ]


def test_nobody_takes_back_what_somebody_decided_after(desk):
    item = new_item()
    desk.put_items("v1", [item])
    first = desk.decide(decision(item), None)
    second = desk.decide(decision(item, "reject", "Fanta"), first)
    with pytest.raises(AlreadyDecided, match="Fanta rejected"):
        desk.undo(first, "Awa")
    undone = desk.undo(second, "Fanta")
    with pytest.raises(AlreadyDecided, match="Awa accepted"):
        desk.decide(decision(item, "correct", nko="ߓߟߏ"), second)
    desk.undo(first, "Awa")
    with pytest.raises(AlreadyDecided, match="took back the decision"):
        desk.decide(decision(item, "correct", nko="ߓߟߏ"), first)
    for missing in (undone, 10_000):
        with pytest.raises(PermanentFailure, match="no decision"):
            desk.undo(missing, "Awa")


@pytest.mark.parametrize(
    "statement",
    [
        "update reviews.decisions set reviewer = 'somebody else'",
        "delete from reviews.decisions",
        "truncate reviews.decisions cascade",
        """insert into reviews.decisions (id, reading_id, verdict, reviewer, decided_at, origin, seen)
        values (1, 'x', 'accept', 'Awa', now(), 'file', '')""",
    ],
)
def test_the_database_itself_keeps_what_was_decided(desk, database, statement):
    desk.put_items("v1", [new_item()])
    desk.decide(decision(new_item()), None)
    with database.connect() as conn, pytest.raises(psycopg.Error):
        conn.execute(statement)
    assert len(desk.history(new_item().reading_id)) == 1


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
def test_nobody_but_the_owner_sees_the_review(desk, database, role):
    desk.put_items("v1", [new_item()])
    for table in ("items", "decisions", "queue"):
        with database.connect() as conn:
            conn.execute(f"set role {role}")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute(f"select * from reviews.{table}")


# --- read again -----------------------------------------------------------------------------------


def test_read_again_with_another_text_the_item_returns_and_the_decision_is_kept(desk):
    item = new_item()
    desk.put_items("v1", [item])
    taken = desk.decide(decision(item), None)
    put = desk.put_items("v1", [replace(item, nko="ߓߟߏ")])
    assert (put.waiting, put.outdated) == (1, 1)
    again = desk.next_item("Fanta")
    assert (again.nko, again.decision, again.last_decision) == ("ߓߟߏ", None, taken)
    assert desk.progress().outdated == 1
    with pytest.raises(AlreadyDecided):
        desk.decide(decision(again), None)
    desk.decide(decision(again, "reject"), again.last_decision)
    assert desk.put_items("v1", [item]).waiting == 0, "the first decision is on this text"
    assert told(desk, item.reading_id).decision.verdict == "accept"
    assert len(desk.history(item.reading_id)) == 2


def test_a_decision_on_a_text_that_changed_meanwhile_is_kept_and_decides_nothing(desk):
    item = new_item()
    desk.put_items("v1", [item])
    before_me = desk.next_item("Awa")
    desk.put_items("v1", [replace(item, nko="ߓߟߏ")])
    desk.decide(decision(before_me), before_me.last_decision)
    assert told(desk, item.reading_id).decision is None
    assert len(desk.history(item.reading_id)) == 1


def test_a_reading_that_is_gone_keeps_its_decisions(desk):
    item = new_item()
    desk.put_items("v1", [item])
    desk.decide(decision(item), None)
    desk.put_items("v1", [])
    assert desk.decisions() == [decision(item)]
    assert desk.put_items("v1", [item]).waiting == 0


def test_a_correction_that_was_overruled_does_not_settle_what_is_read_again(desk):
    item, again = new_item(nko="ߒߞߏ"), new_item(nko="ߓߟߏ")
    desk.put_items("v1", [item])
    first = desk.decide(decision(item, "correct", nko="ߓߟߏ"), None)
    second = desk.decide(decision(item, "correct", "Fanta", nko="ߓߏ߲"), first)
    put = desk.put_items("v1", [again])
    assert (put.waiting, put.outdated) == (1, 1)
    assert told(desk, item.reading_id).decision is None
    desk.undo(second, "Fanta")
    assert told(desk, item.reading_id).decision.by == "Awa"


# --- import ---------------------------------------------------------------------------------------


def test_what_was_decided_elsewhere_is_added_once(desk):
    items = [new_item(n) for n in range(3)]
    desk.put_items("v1", items)
    taken = [decision(item, at=f"2026-11-24T12:00:0{n}Z") for n, item in enumerate(items)]
    assert desk.import_decisions([*taken, taken[0]], "file") == Imported(new=3, known=1)
    assert desk.import_decisions(taken, "label studio").new == 0
    assert desk.next_item("Awa") is None
    assert {entry.origin for item in items for entry in desk.history(item.reading_id)} == {"file"}


def test_what_was_taken_back_here_does_not_come_back_with_a_file(desk):
    item = new_item()
    desk.put_items("v1", [item])
    desk.undo(desk.decide(decision(item), None), "Awa")
    assert desk.import_decisions([decision(item)], "file").known == 1
    assert told(desk, item.reading_id).decision is None


def test_an_older_decision_that_is_imported_stands_before_a_newer_one(desk):
    item = new_item()
    desk.put_items("v1", [item])
    here = desk.decide(decision(item), None)
    older = decision(item, "reject", "Fanta", at="2026-11-23T00:00:00Z")
    newer = decision(item, "correct", "Sira", at="2026-11-25T00:00:00Z", nko="ߓߟߏ")
    desk.import_decisions([older], "file")
    assert told(desk, item.reading_id).last_decision == here
    desk.import_decisions([newer], "file")
    assert told(desk, item.reading_id).decision.by == "Sira"
    assert [one.by for one in desk.decisions()] == ["Fanta", "Awa", "Sira"]


def test_decisions_on_readings_that_are_not_queued_yet_wait_for_them(desk):
    desk.import_decisions([decision(new_item())], "file")
    assert desk.put_items("v1", [new_item()]).waiting == 0


# --- what is told of it ---------------------------------------------------------------------------


def test_progress_counts_what_waits_and_who_decided_what(desk):
    assert desk.progress().agreement is None
    gates = ["needs_review", "needs_review", "needs_review", "needs_review", "accepted", "rejected"]
    items = [new_item(n, gate=gate) for n, gate in enumerate(gates)]
    desk.put_items("v1", items)
    desk.decide(decision(items[0]), None)
    desk.decide(decision(items[1], "reject"), None)
    desk.decide(decision(items[2], "correct", "Fanta", nko="ߓߟߏ"), None)
    desk.decide(decision(items[4], "correct", "Awa", nko="ߒߞߏ ", english="N'Ko"), None)
    progress = desk.progress()
    assert (progress.waiting, progress.unchecked, progress.decided) == (1, 1, 4)
    assert progress.by_reviewer == {"Awa": 3, "Fanta": 1}
    assert progress.by_verdict == {"correct": 2, "accept": 1, "reject": 1}
    assert progress.agreement == 0.5


def test_the_videos_that_changed_since_a_look_are_told_with_the_last_change(desk):
    one, two = new_item(0, "v1"), new_item(0, "v2")
    for item in (one, two):
        desk.put_items(item.video_id, [item])
    first = desk.decide(decision(one), None)
    second = desk.decide(decision(two), None)
    assert desk.changed_videos(0) == {"v1": first, "v2": second}
    third = desk.undo(first, "Awa")
    assert desk.changed_videos(second) == {"v1": third}
    assert desk.changed_videos(third) == {}
    assert desk.decided([one.reading_id]).last == third
    assert desk.decided([one.reading_id]).decisions == []
    assert desk.decided(["there is none"]).last == 0


# --- any order of things --------------------------------------------------------------------------

steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("decide"),
            st.sampled_from(["accept", "correct", "reject"]),
            st.sampled_from(["Awa", "Fanta"]),
        ),
        st.tuples(st.just("undo"), st.sampled_from(["Awa", "Fanta"])),
        st.tuples(st.just("read"), st.sampled_from(["ߒߞߏ", "ߓߟߏ", ""])),
        st.tuples(st.just("import"), st.integers(0, 9)),
    ),
    max_size=12,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
def test_whatever_happens_no_decision_is_lost_and_the_queue_is_right(
    desk: ReviewDesk, database: Store, done: list[tuple]
) -> None:
    forget_reviews(database)
    text, expected, stack = "ߒߞߏ", [], []
    desk.put_items("v1", [new_item(nko=text)])
    for number, (what, *how) in enumerate(done):
        item = told(desk, new_item().reading_id)
        now = f"2026-11-24T12:{number:02}:00+00:00"
        if what == "read":
            text = how[0]
            desk.put_items("v1", [new_item(nko=text)])
        elif what == "undo" and stack:
            desk.undo(item.last_decision, how[0])
            stack.pop()
        elif what == "decide":
            verdict, by = how
            nko = {"nko": "ߓߟߏ"} if verdict == "correct" else {}
            # Never before what it was decided after.
            at = max([now, *(each.at for each in stack)])
            one = decision(item, verdict, by, at=at, **nko)
            desk.decide(one, item.last_decision)
            expected.append(one)
            stack.append(one)
        elif what == "import":
            one = decision(item, "accept", "Sira", at=f"2026-11-2{how[0]}T00:00:00+00:00")
            if desk.import_decisions([one], "file").new:
                expected.append(one)
                stack.append(one)
                stack.sort(key=lambda each: each.moment)
    entries = desk.history(new_item().reading_id)
    kept = [entry.decision for entry in entries if entry.undoes is None]
    assert Counter(kept) == Counter(expected)
    assert desk.decisions() == stack
    item = told(desk, new_item().reading_id)
    assert item.decision == in_effect(stack, text)
    assert (desk.next_item("Awa") is None) == (item.decision is not None)
