"""From answers to figures, page and decision: failures are counted and count for nothing."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest

from nko_assets.failures import TransientFailure
from nko_assets.tuning.chat_model import Answer
from nko_assets.tuning.evaluation.benchmarks import benchmark
from nko_assets.tuning.evaluation.harness import Role, Run, ask_all, require_answers
from nko_assets.tuning.evaluation.intervals import MOST_FAILED
from nko_assets.tuning.evaluation.page import render_evaluation
from nko_assets.tuning.evaluation.report import (
    Evaluation,
    answer_rows,
    evaluation_json,
    score_runs,
)
from nko_assets.tuning.evaluation.scores import accuracy, difference, judged
from nko_assets.tuning.evaluation.translation import signatures
from nko_assets.tuning.registry import Model, Rival, decide
from nko_assets_tests.chat_models import ScriptedModel
from nko_assets_tests.tuning_examples import example, sentences

EXAMPLES = [
    *sentences(40),
    *sentences(10, task="english_to_nko"),
    example("define_word", "ߛߏ", "house"),
    example("read_line", "a picture", "ߒߞߏ ߛߓߍ"),
]
TEST = benchmark("validation", "Validation", "A note.", EXAMPLES, limit=99)
RIGHT = {one.question[-1].content: one.answer for one in EXAMPLES if one.task != "read_line"}
TUNED = Model("d" * 64, "tuned-1", "/models/one", "open", None, "e" * 32)


def asked(model: ScriptedModel, role: Role, test=TEST) -> Run:
    return ask_all(model, role, test, lambda _: None)


def perfect(name="perfect"):
    return ScriptedModel(lambda one: RIGHT.get(one.messages[-1].content, "ߒߞߏ ߛߓߍ"), name)


def evaluated(*runs: Run, **over) -> Evaluation:
    scored = score_runs(runs)
    given = {
        "tuned": TUNED,
        "champion": None,
        "dataset": TUNED.dataset,
        "frozen_test": "f" * 64,
        "benchmarks": (TEST,),
        "tasks": scored.tasks,
        "accuracies": scored.accuracies,
        "decision": None,
        "decisions": (),
        "lesson_lines": None,
        "absent": {},
        "shown": scored.shown,
        "signatures": signatures(),
    }
    return Evaluation(**(given | over))


def test_a_model_that_answers_everything_right_is_all_right():
    evaluation = evaluated(asked(perfect(), "tuned"))
    assert evaluation.accuracy is not None
    assert evaluation.accuracy.accuracy is not None
    assert evaluation.accuracy.accuracy.value == 1
    assert evaluation.accuracy.accuracy.count == len(EXAMPLES)
    by_task = {one.task: one for one in evaluation.tasks}
    assert by_task["nko_to_english"].translation.chrf.value == pytest.approx(100)
    assert by_task["english_to_nko"].purity.value == 1
    assert by_task["read_line"].transcription.cer.value == 0
    assert not any(one.faults for one in evaluation.tasks)


def test_failures_are_counted_with_their_reason_and_never_as_wrong_answers():
    lost = iter(range(1000))
    model = ScriptedModel(
        lambda one: RIGHT.get(one.messages[-1].content, "ߒߞߏ ߛߓߍ") if next(lost) % 2 else None
    )
    evaluation = evaluated(asked(model, "tuned"))

    assert sum(one.failed for one in evaluation.tasks) == len(EXAMPLES) // 2
    for score in evaluation.tasks:
        assert score.asked - score.failed == (score.score.count if score.score else 0)
        if score.score is not None:
            assert score.score.value == pytest.approx(1)
            assert score.right.value == 1
        if score.failed:
            assert score.failures == {
                "the service answered 503 UNAVAILABLE: overloaded": score.failed
            }
    assert evaluation.accuracies[0].failed == len(EXAMPLES) // 2
    assert evaluation.accuracy is None, "half of the answers do not tell"


def test_a_model_that_never_answers_has_no_figures_at_all():
    evaluation = evaluated(asked(ScriptedModel({}), "tuned"))
    assert evaluation.accuracy is None
    for score in evaluation.tasks:
        assert (score.score, score.right, score.translation, score.transcription) == (None,) * 4
        assert score.failed == score.asked
    page = render_evaluation(evaluation)
    assert "no answer came to any of 40 questions" in page
    assert "unknown" in page


def test_models_are_compared_on_what_both_answered():
    half = ScriptedModel(
        {question: answer for number, (question, answer) in enumerate(RIGHT.items()) if number % 2},
        "half",
    )
    ours, theirs = judged(asked(perfect(), "tuned")), judged(asked(half, "base"))
    found = difference(ours, theirs)
    assert found is not None
    assert found.difference == 0
    assert found.count == len(theirs) < len(ours)


def test_the_tuned_model_stands_against_the_base_and_without_one_against_what_is_free():
    wrong = ScriptedModel(lambda _: "nothing of the kind", "base-1")
    lookup = ScriptedModel(lambda _: "something else", "lookup", tasks=["nko_to_english"])
    reader = ScriptedModel(lambda _: "ߒߞߏ", "reader", tasks=["read_line"])
    runs = [asked(perfect(), "tuned"), asked(lookup, "baseline"), asked(reader, "reader")]

    without = {(one.model, one.task): one for one in score_runs(runs).tasks}
    assert without["perfect", "nko_to_english"].against_model == "lookup"
    assert without["perfect", "nko_to_english"].against.better
    assert without["perfect", "read_line"].against_model == "reader"
    assert without["perfect", "define_word"].against_model is None
    assert without["lookup", "nko_to_english"].against_model is None

    with_base = {
        (one.model, one.task): one for one in score_runs([*runs, asked(wrong, "base")]).tasks
    }
    assert with_base["perfect", "nko_to_english"].against_model == "base-1"
    assert with_base["lookup", "nko_to_english"].against_model == "base-1"
    assert with_base["base-1", "nko_to_english"].against_model is None
    assert len(with_base) == len(without) + 4


def test_what_benchmarks_share_is_asked_once_and_what_may_heal_is_asked_again():
    model = ScriptedModel({"water": "ߖߌ", "blood": Answer(None, "safety: blocked")})
    given = [example("english_to_nko", text, "ߖߌ") for text in ("water", "fire", "blood")]
    known = {}
    for _ in range(2):
        test = benchmark("validation", "", "", given, limit=9)
        run = ask_all(model, "tuned", test, lambda _: None, known=known)
        assert sorted(str(one.answer.text) for one in run.results) == ["None", "None", "ߖߌ"]
    assert sorted(model.asked) == ["blood", "fire", "fire", "water"]


def test_a_run_of_a_service_that_is_away_means_nothing():
    lost = iter(range(1000))
    away = ScriptedModel(lambda _: None if next(lost) % 10 == 0 else "x")
    with pytest.raises(TransientFailure, match=rf"did not answer \d of {len(EXAMPLES)} .*503"):
        require_answers(asked(away, "tuned"))
    require_answers(asked(ScriptedModel(lambda _: Answer(None, "safety: blocked")), "tuned"))
    require_answers(asked(perfect(), "tuned"))


def test_an_accuracy_without_a_whole_task_is_not_known():
    silent = Answer(None, "safety: blocked")

    def said(one):
        return silent if one.image else RIGHT[one.messages[-1].content]

    run = asked(ScriptedModel(said), "tuned")
    lost = sum(one.answer.failure is not None for one in run.results)
    assert lost <= MOST_FAILED * len(run.results)
    assert accuracy(run, judged(run)).accuracy is None


def test_a_model_has_to_answer_every_question():
    class Mute(ScriptedModel):
        def answer(self, conversations):
            return []

    with pytest.raises(ValueError):
        asked(Mute({}), "tuned")


def test_the_run_can_be_ended_between_batches():
    model = perfect()
    calls = iter([None, InterruptedError()])

    def go_on():
        if (stop := next(calls)) is not None:
            raise stop

    with pytest.raises(InterruptedError):
        ask_all(model, "tuned", TEST, lambda _: None, go_on=go_on)
    assert len(model.asked) == 32


def test_every_answer_can_be_read_afterwards():
    runs = [asked(perfect(), "tuned"), asked(ScriptedModel({}), "base")]
    rows = list(answer_rows(score_runs(runs)))
    assert len(rows) == 2 * len(EXAMPLES)
    assert all(row["answer"] is None and row["failure"] for row in rows[len(EXAMPLES) :])
    assert all(row["score"] == pytest.approx(1) and row["right"] for row in rows[: len(EXAMPLES)])
    assert json.dumps(rows, ensure_ascii=False)


class Page(HTMLParser):
    """What is open in a page, to see that it is well formed, and its N'Ko."""

    VOID = frozenset({"meta", "img", "br", "link"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.nko: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_is_well_formed_and_escapes_what_a_model_says():
    evil = ScriptedModel(lambda _: "<script>alert(1)</script> & ߒߞߏ \u202e", "<b>evil</b>")
    decision = decide(TUNED, None, "f" * 64, [Rival("<i>x</i>", None)], asked=9, failed=0,
                      at=datetime(2026, 11, 25, tzinfo=UTC))  # fmt: skip
    evaluation = evaluated(
        asked(evil, "tuned"),
        asked(perfect(), "base"),
        decision=decision,
        decisions=(decision,),
        champion=TUNED,
        absent={"<u>it</u>": "<u>no</u>"},
    )

    page = render_evaluation(evaluation)

    assert Page(page).open == []
    for raw in ("<script>", "<b>evil", "<i>x", "<u>it", "\u202e"):
        assert raw not in page
    assert "30.83" in page
    assert "6.26" in page
    assert 'dir="rtl" lang="nqo"' in page
    assert evaluation.definition.replace("'", "&#39;") in page


def test_the_page_of_nothing_says_that_there_was_nothing():
    page = render_evaluation(evaluated(tuned=None))
    assert "No model has been tuned yet" in page
    assert "Not measured: set NKO_FLORES" in page
    assert Page(page).open == []


def test_the_figures_for_programs_are_those_of_the_page():
    evaluation = evaluated(asked(perfect(), "tuned"), asked(ScriptedModel({}), "base"))
    document = json.loads(evaluation_json(evaluation))
    assert document["accuracy"]["accuracy"]["value"] == 1
    assert len(document["tasks"]) == len(evaluation.tasks) == 8
    assert document["benchmarks"][0]["asked"] == len(EXAMPLES)
    assert document["published"][0]["value"] == 30.83
    assert "NaN" not in evaluation_json(evaluation)


def test_an_answer_is_a_text_or_a_failure():
    for text, failure in ((None, None), ("x", "y")):
        with pytest.raises(ValueError, match="either a text or a failure"):
            Answer(text, failure)
