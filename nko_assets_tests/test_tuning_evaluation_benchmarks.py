"""Benchmarks: the same questions for everybody, and lines whose text nobody can have seen."""

from __future__ import annotations

import random
import tracemalloc
from dataclasses import replace

from nko_assets.nko import normalize
from nko_assets.reading.recognizer import WEIGHTS
from nko_assets.tuning.chat_model import Conversation
from nko_assets.tuning.evaluation.baselines import LineReader, NearestTraining
from nko_assets.tuning.evaluation.benchmarks import (
    benchmark,
    distinct,
    drawn_lines,
    parallel_examples,
)
from nko_assets.tuning.evaluation.harness import ask_all
from nko_assets.tuning.evaluation.scores import judged, task_scores
from nko_assets.tuning.prompts import ask
from nko_assets_tests.tuning_examples import example, sentences

MORNING, EVENING = "ߌ ߣߌ߫ ߛߐ߰ߡߊ߬", "ߌ ߣߌ߫ ߥߎߙߊ߫"


def test_of_many_examples_everybody_is_asked_the_same_few():
    given = [*sentences(50), *sentences(50, task="english_to_nko")]
    shuffled = list(given)
    random.Random(1).shuffle(shuffled)
    one = benchmark("validation", "", "", given, limit=10)
    other = benchmark("validation", "", "", shuffled, limit=10)
    assert one.examples == other.examples
    assert one.digest == other.digest
    assert len(one.examples) == 20
    assert one.whole == {"english_to_nko": 50, "nko_to_english": 50}


def test_a_question_that_stands_in_several_examples_is_asked_once():
    twice = [
        example("nko_to_english", MORNING, answer, references=("good morning", "morning"))
        for answer in ("good morning", "morning")
    ]
    lines = [example("read_line", picture, "ߒߞߏ") for picture in ("one", "two")]
    assert len(list(distinct(twice))) == 1
    assert len(list(distinct(lines))) == 2


def test_pictures_that_are_not_asked_are_not_held():
    size, many = 20_000, 500

    def lines():
        for number in range(many):
            one = example("read_line", str(number), "ߒߞߏ")
            yield replace(one, image=number.to_bytes(2, "big") * (size // 2))

    tracemalloc.start()
    test = benchmark("validation", "", "", lines(), limit=10)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert (len(test.examples), test.whole) == (10, {"read_line": many})
    assert most < many * size / 5


def test_parallel_rows_are_asked_both_ways():
    one, other = parallel_examples([("1", MORNING, "good morning")], "flores")
    assert (one.task, one.answer) == ("nko_to_english", "good morning")
    assert (other.task, other.answer) == ("english_to_nko", MORNING)
    assert one.nko == other.nko == (MORNING,)
    assert one.id != other.id


def test_drawn_lines_say_what_they_say_and_the_offline_reader_reads_them():
    lines = drawn_lines(("dejavu",))
    assert len(lines) >= 20
    assert {one.task for one in lines} == {"read_line"}
    assert all(one.image and one.image.startswith(b"\xff\xd8") for one in lines)
    assert all(normalize(one.answer) == one.answer for one in lines)
    assert {face.video_id for face in lines} == {"drawn/dejavu"}

    test = benchmark("drawn_lines", "Drawn", "", lines, limit=20)
    run = ask_all(LineReader(WEIGHTS), "reader", test, lambda _: None)
    (score,) = task_scores(run, judged(run), None, ())
    assert score.transcription is not None
    # 1.1 % were measured; a wrong crop or a text that is not what was drawn costs far more.
    assert score.transcription.cer.value < 0.05


def test_the_reader_of_lines_needs_a_picture():
    asked = Conversation(ask("read_line"))
    (answer,) = LineReader(WEIGHTS).answer([asked])
    assert answer.failure == "no picture was given"


def test_the_nearest_training_text_answers_what_is_most_like_the_question():
    model = NearestTraining(
        [
            example("nko_to_english", MORNING, "good morning"),
            example("nko_to_english", EVENING, "good evening"),
            example("english_to_nko", "thank you", "ߌ ߣߌ߫ ߗߋ߫"),
        ]
    )
    asked = [
        Conversation(ask("nko_to_english", EVENING.replace("\u07eb", "") + " ߹")),
        Conversation(ask("english_to_nko", "Thank you!")),
        Conversation(ask("define_word", "ߛߏ")),
    ]
    answers = model.answer(asked)
    assert [one.text for one in answers] == ["good evening", "ߌ ߣߌ߫ ߗߋ߫", None]
    assert answers[2].failure == "training has no example of define_word"
