"""Prompts: one wording for training and asking, and a digest that notices a change of it."""

from __future__ import annotations

import pytest

from nko_assets.tuning import prompts
from nko_assets.tuning.prompts import INTO_NKO, TASKS, ask, prompts_digest


@pytest.mark.parametrize("task", TASKS)
def test_every_task_is_put_by_a_system_turn_and_a_user_turn(task):
    text = "" if task == "read_line" else "ߒߞߏ"
    system, user = ask(task, text)
    assert (system.role, user.role) == ("system", "user")
    assert system.content
    assert user.content


def test_the_text_stands_alone_in_the_users_turn():
    assert ask("nko_to_english", "ߌ ߣߌ߫ ߗߋ߫")[1].content == "ߌ ߣߌ߫ ߗߋ߫"


def test_each_task_is_told_apart_by_its_system_turn():
    assert len({ask(task, "" if task == "read_line" else "x")[0] for task in TASKS}) == len(TASKS)


def test_a_picture_takes_no_text_and_every_other_task_takes_one():
    with pytest.raises(ValueError, match="no text"):
        ask("read_line", "ߒߞߏ")
    with pytest.raises(ValueError, match="takes a text"):
        ask("define_word", "  ")


def test_tasks_that_answer_in_nko_are_tasks():
    assert set(INTO_NKO) < set(TASKS)


def test_the_digest_is_stable_and_covers_every_system_turn():
    assert prompts_digest() == prompts_digest()
    assert len(prompts_digest()) == 64
    assert set(prompts._SYSTEM) == set(TASKS)
