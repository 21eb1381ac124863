"""A value that is worked out behind the readers' backs."""

from __future__ import annotations

import itertools
import threading
import time

import pytest

from nko_assets.failures import TransientFailure
from nko_assets.web.kept import FRESH_S, OLDEST_S, SHARE, Kept


class Clock:
    """Seconds that go by when a test says so."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def _until(condition) -> None:
    while not condition():
        time.sleep(0.01)


def test_it_is_worked_out_once_for_many_who_ask_at_once() -> None:
    made = itertools.count()
    started = threading.Barrier(8)
    kept = Kept(lambda: next(made))
    found: list[int] = []

    def ask() -> None:
        started.wait()
        found.append(kept())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [0] * 8


def test_who_asks_later_gets_the_old_value_and_soon_a_new_one() -> None:
    made = itertools.count()
    may_go_on = threading.Event()

    def make() -> int:
        number = next(made)
        if number:
            may_go_on.wait()
        return number

    clock = Clock()
    kept = Kept(make, clock)
    assert kept() == 0
    clock.now += FRESH_S + 1
    assert kept() == 0
    may_go_on.set()
    _until(lambda: kept() == 1)


def test_a_failure_is_told_to_who_asks_and_not_for_ever() -> None:
    works = threading.Event()

    def make() -> str:
        if not works.is_set():
            raise TransientFailure("The database does not answer.")
        return "here"

    kept = Kept(make)
    with pytest.raises(TransientFailure):
        kept()
    works.set()
    assert kept() == "here"


@pytest.mark.parametrize("failure", [TransientFailure("It is away."), OSError("disk"), KeyError(1)])
def test_what_fails_later_is_told_once_the_old_value_is_gone(
    failure: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    fails = threading.Event()
    clock = Clock()

    def make() -> str:
        if fails.is_set():
            raise failure
        return "here"

    kept = Kept(make, clock)
    assert kept() == "here"
    fails.set()
    clock.now += FRESH_S + 1

    def told() -> bool:
        try:
            kept()
        except type(failure):
            return True
        return False

    _until(told)
    assert "could not be worked out anew" in caplog.text
    fails.clear()
    assert kept() == "here"


def test_after_a_pause_nobody_is_told_what_was_so_before_it() -> None:
    made = itertools.count()
    clock = Clock()
    kept = Kept(lambda: next(made), clock)
    assert kept() == 0
    clock.now += FRESH_S + OLDEST_S + 1
    assert kept() == 1


def test_a_pause_is_longer_than_what_takes_long_is_kept() -> None:
    made = itertools.count()
    clock = Clock()

    def make() -> int:
        clock.now += 10
        return next(made)

    kept = Kept(make, clock)
    assert kept() == 0
    clock.now += SHARE * 10 - 1
    assert kept() == 0


def test_who_has_changed_something_is_told_what_it_has_become() -> None:
    clock = Clock()
    counted = [0]
    kept = Kept(lambda: counted[0], clock)
    assert kept() == 0
    counted[0] = 1
    assert kept() == 0
    assert kept.anew() == 1
    assert kept() == 1


def test_one_more_is_worked_out_for_all_who_changed_something_meanwhile() -> None:
    made = itertools.count(1)
    ticks = itertools.count()
    asked: list[int] = []
    may_go_on = threading.Event()

    def clock() -> int:
        asked.append(next(ticks))
        return asked[-1]

    def make() -> int:
        may_go_on.wait()
        return next(made)

    kept = Kept(make, clock)
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(kept.anew())) for _ in range(6)]
    for thread in threads:
        thread.start()
    # Each looks at the clock when it asks, and who works it out once more.
    _until(lambda: len(asked) == len(threads) + 1)
    may_go_on.set()
    for thread in threads:
        thread.join()
    assert max(found) <= 2
