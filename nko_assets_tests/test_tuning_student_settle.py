"""The student goes from the shipped weights as far as nothing of rendered lines is forgotten."""

from __future__ import annotations

import pytest

from nko_assets.reading.recognizer import WEIGHTS

torch = pytest.importorskip("torch", reason="needs the extra train")

from nko_assets.reading.training.plan import SHARES  # noqa: E402
from nko_assets.reading.training.restore import restore  # noqa: E402
from nko_assets.tuning.student.settle import settle  # noqa: E402


def test_weights_that_forget_nothing_are_taken_whole():
    said: list[str] = []
    network, share = settle(WEIGHTS, restore(WEIGHTS), said.append, lines=32)
    assert share == SHARES[0]
    assert len(said) == 1
    ours, theirs = network.state_dict(), restore(WEIGHTS).state_dict()
    assert all(torch.allclose(ours[name], theirs[name], atol=1e-6) for name in ours)


def test_of_weights_that_forget_as_little_is_taken_as_there_is():
    forgetful = restore(WEIGHTS)
    with torch.no_grad():
        forgetful.classes.bias[1] += 40  # everything becomes a space, also half of the way
    said: list[str] = []
    network, share = settle(WEIGHTS, forgetful, said.append, lines=32)
    assert share == SHARES[-1]
    assert len(said) == len(SHARES)
    half = restore(WEIGHTS).classes.bias[1] + 40 * share
    assert network.classes.bias[1].item() == pytest.approx(half.item(), abs=1e-4)
