"""The frozen test is chosen once, stays what it is, and keeps what is like it from training."""

from __future__ import annotations

import json
import random

import pytest

from nko_assets.failures import PermanentFailure
from nko_assets.tuning.evaluation.frozen_test import (
    PER_TASK,
    choose,
    frozen_test,
    guard,
    read_frozen_test,
)
from nko_assets.tuning.prompts import Message, ask
from nko_assets_tests.tuning_examples import example, sentences

BOOK = "ߓߟߐߟߐ߫ ߞߎߘߊ ߣߌ߲߬ ߢߊ߬ߣߌ߲"


def test_it_is_chosen_the_first_time_and_read_ever_after(tmp_path):
    first = frozen_test(tmp_path, sentences(20))

    again = frozen_test(tmp_path, sentences(300, "v9"))

    assert again == first == read_frozen_test(tmp_path)
    assert first.tasks == {"nko_to_english": 20}
    assert first.chosen_from == 20
    assert (tmp_path / f"{first.digest}.jsonl").is_file()


def test_what_would_be_chosen_is_told_without_writing(tmp_path):
    given = sentences(30)
    random.Random(1).shuffle(given)

    assert choose(given).digest == frozen_test(tmp_path, sentences(30)).digest
    assert len(list(tmp_path.iterdir())) == 2


def test_of_many_examples_it_takes_a_lot_of_each_task(tmp_path):
    both = [*sentences(PER_TASK + 50), *sentences(40, task="english_to_nko")]
    test = frozen_test(tmp_path, both)
    assert test.tasks == {"english_to_nko": 40, "nko_to_english": PER_TASK}
    assert test.chosen_from == PER_TASK + 90
    taken = {one.id for one in test.examples if one.task == "nko_to_english"}
    assert taken != {one.id for one in sentences(PER_TASK)}


def test_without_validation_there_is_none_and_nothing_is_written(tmp_path):
    assert frozen_test(tmp_path, []).digest == ""
    assert list(tmp_path.iterdir()) == []
    assert guard(read_frozen_test(tmp_path))(sentences(1)[0]) == ""


def test_pictures_and_several_references_are_kept(tmp_path):
    line = example("read_line", "picture", "ߒߞߏ ߛߓߍ")
    word = example("define_word", "ߛߓߍ", "writing; book", references=("writing; book", "book"))
    frozen_test(tmp_path, [line, word])
    assert set(read_frozen_test(tmp_path).examples) == {line, word}


def test_it_is_asked_in_the_words_of_today(tmp_path):
    old = example("nko_to_english", BOOK, "a new book")
    old = example(
        "nko_to_english",
        BOOK,
        "a new book",
        messages=(Message("system", "Words of yesterday."), *old.messages[1:]),
    )
    frozen_test(tmp_path, [old])
    (read,) = read_frozen_test(tmp_path).examples
    assert read.question == ask("nko_to_english", BOOK)


@pytest.mark.parametrize("harm", ["changed", "missing"])
def test_a_test_that_is_not_what_was_written_is_refused(tmp_path, harm):
    path = tmp_path / f"{frozen_test(tmp_path, sentences(3)).digest}.jsonl"
    if harm == "missing":
        path.unlink()
    else:
        path.write_text(path.read_text(encoding="utf-8") + "{}\n", encoding="utf-8")
    with pytest.raises(PermanentFailure, match=f"was {harm}|is {harm}"):
        frozen_test(tmp_path, sentences(3))


def test_what_is_like_it_never_trains():
    test = choose([example("nko_to_english", BOOK, "a new book", video_id="v1")])
    same = example("english_to_nko", "another meaning", BOOK, video_id="v2")
    nearly = example("nko_to_french", BOOK.replace("ߘ", "ߕ"), "un livre", video_id="v3")
    toneless = example("nko_to_english", BOOK.replace("\u07eb", ""), "book", video_id="v4")
    drill = example("conversation", "How?", "So.", nko=("ߊ", BOOK), video_id="v5")
    video = example("nko_to_english", "ߖߌ", "water", video_id="v1")
    fine = example("nko_to_english", "ߖߌ", "water", video_id="v6")

    why = guard(test)
    reasons = {one.video_id: why(one) for one in (same, nearly, toneless, drill, video)}

    assert why(fine) == ""
    assert "its video v1" in reasons["v1"]
    assert all("nearly this text" in reasons[video] for video in ("v2", "v3", "v4", "v5"))


def test_the_facts_can_be_read_by_people(tmp_path):
    test = frozen_test(tmp_path, sentences(3))
    facts = json.loads((tmp_path / "chosen.json").read_text(encoding="utf-8"))
    assert facts == {
        "digest": test.digest,
        "chosen_from": 3,
        "examples": {"nko_to_english": 3},
    }
