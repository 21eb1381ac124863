"""A value that is worked out behind the readers' backs."""

from __future__ import annotations

import itertools
import threading
import time

import pytest

from nko_assets.failures import TransientFailure
from nko_assets.web.kept import Kept


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

    kept = Kept(make)
    assert kept() == 0
    time.sleep(1.1)
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


def test_what_fails_later_is_told_once_the_old_value_is_gone() -> None:
    fails = threading.Event()

    def make() -> str:
        if fails.is_set():
            raise TransientFailure("The database does not answer.")
        return "here"

    kept = Kept(make)
    assert kept() == "here"
    fails.set()
    time.sleep(1.1)

    def told() -> bool:
        try:
            kept()
        except TransientFailure:
            return True
        return False

    _until(told)
