"""The frozen set is chosen once from what people looked at, and never changes unseen."""

from __future__ import annotations

import json

import pytest

from nko_assets.failures import PermanentFailure
from nko_assets.tuning.student.frozen import (
    LEAST_REAL,
    RENDERED,
    frozen_set,
    read_frozen_set,
    rendered_lines,
)
from nko_assets_tests.student_lines import crop

VALIDATION = [crop(number, f"lesson-{number % 2}") for number in range(LEAST_REAL + 5)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("frozen")
    frozen_set(folder, VALIDATION, ["lesson-0", "lesson-1"])
    return folder


def test_it_holds_real_lines_and_rendered_ones(folder):
    frozen = read_frozen_set(folder)
    assert len(frozen.of("real")) == len(VALIDATION)
    assert len(frozen.of("rendered")) == RENDERED
    assert frozen.videos == {"lesson-0", "lesson-1"}
    assert set(frozen.texts) == {one.text for one in VALIDATION}
    assert {line.encoded for line in frozen.of("real")} == {one.jpeg for one in VALIDATION}


def test_it_is_chosen_once_however_much_is_looked_at_later(folder):
    more = [*VALIDATION, *(crop(number, "lesson-7") for number in range(60, 90))]
    assert frozen_set(folder, more, []) == read_frozen_set(folder)


def test_lines_that_only_readers_agree_on_do_not_test(tmp_path):
    agreed = [crop(number, by="agreement") for number in range(300)]
    with pytest.raises(PermanentFailure, match="there are 0"):
        frozen_set(tmp_path, agreed, [])


def test_too_few_lines_are_told_with_how_many_are_needed_and_where(tmp_path):
    with pytest.raises(PermanentFailure) as failure:
        frozen_set(tmp_path / "frozen", VALIDATION[:3], ["lesson-0", "lesson-1"])
    assert str(LEAST_REAL) in failure.value.message
    assert f"at least {LEAST_REAL - 3} more" in failure.value.next_step
    assert "lesson-0, lesson-1" in failure.value.next_step
    assert not (tmp_path / "frozen").exists()


def test_a_changed_or_lost_set_is_refused(folder, tmp_path):
    chosen = json.loads((folder / "chosen.json").read_text())
    name = f"{chosen['digest']}.jsonl"
    (tmp_path / "chosen.json").write_text(json.dumps(chosen))
    with pytest.raises(PermanentFailure, match="is missing"):
        read_frozen_set(tmp_path)
    (tmp_path / name).write_bytes((folder / name).read_bytes()[:-1])
    with pytest.raises(PermanentFailure, match="was changed"):
        frozen_set(tmp_path, VALIDATION, [])


def test_rendered_lines_are_the_same_each_time_and_can_be_looked_at():
    one, again = rendered_lines(8, seed=3), rendered_lines(8, seed=3)
    assert one == again
    assert all(line.text and min(line.picture().shape) >= 4 for line in one)
    assert rendered_lines(8, seed=4) != one
