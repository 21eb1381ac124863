"""Asking again: as often as allowed, as late as the service wants, and never what cannot heal."""

from __future__ import annotations

import pytest

from nko_assets.failures import ConfigurationError, TransientFailure
from nko_assets.resources.gemini_errors import Throttled
from nko_assets.resources.patience import LONGEST_WAIT_S, patiently


class Service:
    """Fails with `failures`, one after the other, then answers; remembers how long it was left."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.asked = 0
        self.waits: list[float] = []

    def __call__(self) -> str:
        self.asked += 1
        if self.failures:
            raise self.failures.pop(0)
        return "here"


def passing(count: int) -> list[Exception]:
    return [TransientFailure("It is busy.") for _ in range(count)]


def test_what_heals_is_asked_again_with_waits_between():
    service = Service(*passing(3))
    assert patiently(service, 5, service.waits.append) == "here"
    assert service.asked == 4
    assert len(service.waits) == 3
    assert max(service.waits) <= LONGEST_WAIT_S


def test_what_does_not_heal_is_asked_so_often_and_no_more():
    service = Service(*passing(9))
    with pytest.raises(TransientFailure, match="busy"):
        patiently(service, 5, service.waits.append)
    assert service.asked == 5


def test_what_cannot_heal_is_asked_once():
    service = Service(ConfigurationError("The key is wrong.", "Set another."))
    with pytest.raises(ConfigurationError):
        patiently(service, 5, service.waits.append)
    assert service.asked == 1


def test_a_service_is_left_for_as_long_as_it_asks():
    service = Service(Throttled("Not so fast.", "Wait.", wait_s=40.0))
    assert patiently(service, 5, service.waits.append) == "here"
    assert service.waits[0] >= 40


def test_a_service_that_asks_for_too_long_is_left_to_another_time():
    service = Service(Throttled("Not so fast.", "Wait.", wait_s=LONGEST_WAIT_S + 1))
    with pytest.raises(Throttled):
        patiently(service, 5, service.waits.append)
    assert service.asked == 1
