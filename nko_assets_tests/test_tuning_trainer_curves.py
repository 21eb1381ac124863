"""The file of the curves: whole lines only, and cut back to where a training goes on."""

import json

import pytest

from nko_assets.tuning.trainer.curves import append, cut_curve, read_curve


@pytest.fixture
def curve(tmp_path):
    """Two steps, and a third that a kill broke off."""
    path = tmp_path / "metrics.jsonl"
    for step in (10, 20):
        append(path, {"step": step, "loss": 1 / step, "seconds": step / 2})
    with path.open("a") as broken:
        broken.write('{"step": 30, "lo')
    return path


def test_a_line_that_was_broken_off_is_left_out(curve):
    assert [line["step"] for line in read_curve(curve)] == [10, 20]


def test_a_file_that_is_not_there_has_no_lines(tmp_path):
    assert read_curve(tmp_path / "metrics.jsonl") == []


def test_cutting_drops_later_steps_and_returns_the_seconds_until_then(curve):
    assert cut_curve(curve, 10) == 5.0
    assert [json.loads(line)["step"] for line in curve.read_text().splitlines()] == [10]


def test_cutting_before_the_first_step_leaves_an_empty_file(curve):
    assert cut_curve(curve, -1) == 0.0
    assert curve.read_bytes() == b""
