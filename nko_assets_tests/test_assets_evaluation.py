"""The step `evaluation`: measured before anything is tuned, blocked by contamination, and decisive."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nko_assets.checks import CheckFailed
from nko_assets.failures import PermanentFailure, TransientFailure
from nko_assets.lineage import CORPUS_STEPS, REQUESTED_STEPS, STEPS
from nko_assets.reading.ledger import BudgetExceeded, money
from nko_assets.resources.chat import registry_of
from nko_assets.schemas.readings import Readings
from nko_assets.steps import Performed, perform
from nko_assets.tuning.evaluation.frozen_test import read_frozen_test
from nko_assets.tuning.examples import examples
from nko_assets.tuning.registry import Model
from nko_assets_tests.servers.gemini_chat import Answer, ChatServer, Trouble
from nko_assets_tests.tables import made
from nko_assets_tests.tuning_examples import sentences
from nko_assets_tests.tuning_rows import ID, side
from nko_assets_tests.workbench import Workbench, check, entry_of

TUNED, BASE, OTHER = "gemini-3.5-flash-lite", "gemini-2.5-flash", "gemini-2.5-flash-lite"
DATASET = "0" * 32
COUNT = 30  # sentences of validation, each asked both ways
FEW = 2  # examples of a task outside of the frozen test, which is always asked whole
HELD_OUT = sentences(40 + COUNT)[40:]
RIGHT = {one.nko[0]: one.answer for one in HELD_OUT} | {one.answer: one.nko[0] for one in HELD_OUT}
HARD = "that is hard to say"

Said = Callable[[str, str], Answer]
"""What a model (its name) answers to a question."""


def rows(video_id: str, given) -> list[dict[str, str]]:
    return [
        {
            "id": ID.format(int(one.id[:8], 16)),
            "nko": one.nko[0],
            "english": one.answer,
            "video_id": video_id,
            "frame_id": f"{video_id}:5000",
        }
        for one in given
    ]


def lay_out(bench: Workbench, trained_on=(("ߖߌ", "water"),)) -> Workbench:
    """Splits of two videos, the readings of one, and the file that models were trained on."""
    root = bench.lake.root
    (root / "splits").mkdir(parents=True)
    side(root / "splits" / "train", nko_english=rows("v1", sentences(40)))
    side(root / "splits" / "validation", nko_english=rows("v2", HELD_OUT))
    bench.put("gemini_results", "v1", made(Readings, {"video_id": "v1"}))
    written = [root / "splits" / name / "nko_english.jsonl" for name in ("train", "validation")]
    bench.lake.save_record("splits", "", "f" * 64, written, {}, [])
    folder = root / "tuning" / "dataset" / DATASET / "gemini"
    folder.mkdir(parents=True)
    turns = [
        [
            {"role": "user", "parts": [{"text": nko}]},
            {"role": "model", "parts": [{"text": english}]},
        ]
        for nko, english in trained_on
    ]
    lines = [json.dumps({"contents": each}, ensure_ascii=False) for each in turns]
    (folder / "train.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    validated_with(bench, [])
    return bench


def validated_with(bench: Workbench, ids: list[str]) -> None:
    """Write down which examples of validation the tuner was given."""
    rows = [{"id": one, "side": "validation", "gemini": None} for one in ids]
    path = bench.lake.root / "tuning" / "dataset" / DATASET / "examples.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def tuned(bench: Workbench, digest: str = "a", model: str = TUNED, base: str | None = BASE) -> None:
    facts = {"digest": digest * 64, "tuner": "vertex", "model": model, "base": base}
    (bench.lake.root / "tuning" / "tuned.json").write_text(
        json.dumps(facts | {"dataset": DATASET, "usd": None}), encoding="utf-8"
    )


def make(bench: Workbench) -> Performed:
    return perform(STEPS["evaluation"], bench.context("", "v1"), STEPS)


@pytest.fixture
def bench_of(tmp_path, monkeypatch, store) -> Iterator[Callable[..., tuple[Workbench, ChatServer]]]:
    """A bench with a tuned model, and the server behind which all models of Gemini answer."""
    servers = ExitStack()

    def bench(said: Said, trained_on=(("ߖߌ", "water"),), **settings):
        server = ChatServer(lambda question, _: said(server.asked[-1][0], question))
        servers.enter_context(server)
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", server.url)
        given = {"gemini_api_key": server.key, "reader": "offline", "evaluation_examples": FEW}
        made = Workbench(tmp_path, entry_of("v1"), **(given | settings))
        made.workshop = replace(made.workshop, store=lambda: store)
        tuned(lay_out(made, trained_on))
        return made, server

    with servers:
        yield bench


def wins(model: str, question: str) -> Answer:
    return RIGHT.get(question, "x") if model == TUNED else HARD


def test_it_is_made_only_when_asked_for():
    assert STEPS["evaluation"] in REQUESTED_STEPS
    assert STEPS["evaluation"] not in CORPUS_STEPS


def test_without_a_tuned_model_the_offline_reader_and_the_lookup_are_measured(tmp_path):
    bench = lay_out(Workbench(tmp_path, entry_of("v1")))

    outcome = bench.work("evaluation", "", "v1")

    document = json.loads(outcome.files[tmp_path / "reports" / "evaluation.json"])
    assert {(one["model"], one["benchmark"]) for one in document["tasks"]} == {
        ("nearest training text", "validation"),
        ("nearest training text", "frozen_test"),
        ("offline reader", "drawn_lines"),
        ("offline reader", "drawn_unseen"),
    }
    assert document["accuracy"] is None
    assert document["decision"] is None
    assert "nko tune" in document["absent"]["a tuned model"]
    assert check(outcome, "no_contamination").passed
    assert not check(outcome, "accuracy_85").passed
    assert read_frozen_test(tmp_path / "tuning" / "frozen_test").tasks == {
        "english_to_nko": COUNT,
        "nko_to_english": COUNT,
    }


def test_no_picture_of_train_is_looked_at(tmp_path):
    """They would be gigabytes, for comparing texts."""
    bench = lay_out(Workbench(tmp_path, entry_of("v1")))
    pictures = [{"id": ID.format(7_000), "image": "no picture at all"}]
    side(tmp_path / "splits" / "train", nko_english=rows("v1", sentences(40)), ocr_samples=pictures)

    outcome = bench.work("evaluation", "", "v1")

    assert check(outcome, "no_contamination").passed


def test_a_model_that_wins_becomes_the_one_in_use_and_is_not_asked_again(bench_of, store):
    bench, server = bench_of(wins, evaluation_examples=COUNT)

    performed = make(bench)
    calls = len(server.asked)
    again = make(bench)

    facts = performed.record.facts
    assert facts["accuracy"] == 1
    assert facts["decision"].startswith("promoted: it beats")
    registry = registry_of(bench.workshop.settings)
    assert registry.champion == Model("a" * 64, TUNED, TUNED, "vertex", BASE, DATASET)
    (decision,) = registry.decisions
    assert {rival.name for rival in decision.rivals} == {BASE, "nearest training text"}
    page = (bench.lake.root / "reports" / "evaluation.html").read_text(encoding="utf-8")
    assert "Promoted, and now in use" in page
    passed = {one["name"] for one in performed.record.checks if one["passed"]}
    assert {"no_contamination", "answered", "accuracy_85", "better_than_base"} <= passed
    assert not again.made
    assert len(server.asked) == calls
    with store.connect() as conn:
        assert money(conn, datetime.now(UTC)).spent_usd > 0


def test_a_test_that_helped_to_choose_the_checkpoint_is_told_on_the_page_and_in_the_decision(
    bench_of,
):
    bench, _ = bench_of(wins)
    chosen = examples(bench.lake.root / "splits" / "validation")
    validated_with(bench, [example.id for example in chosen[:7]])

    performed = make(bench)

    told = f"7 of the {2 * COUNT} examples of the frozen test were also in the validation"
    assert told in performed.record.facts["decision"]
    page = (bench.lake.root / "reports" / "evaluation.html").read_text(encoding="utf-8")
    assert f"Beware: {told}" in page


def test_a_model_that_is_as_good_as_its_base_is_not_taken(bench_of):
    bench, _ = bench_of(lambda _model, question: RIGHT.get(question, "x"))

    performed = make(bench)

    assert performed.record.facts["decision"].startswith("kept: it is not better for sure")
    assert registry_of(bench.workshop.settings).champion is None
    assert performed.record.facts["accuracy"] == 1
    better = next(one for one in performed.record.checks if one["name"] == "better_than_base")
    assert not better["passed"]


def test_a_later_model_has_to_beat_the_champion(bench_of):
    bench, server = bench_of(wins)
    make(bench)
    tuned(bench, "b", OTHER)

    performed = make(bench)

    assert performed.record.facts["decision"].startswith(f"kept: it is worse than {TUNED}")
    registry = registry_of(bench.workshop.settings)
    assert registry.champion is not None
    assert registry.champion.digest == "a" * 64
    assert [one.verdict for one in registry.decisions] == ["promoted", "kept"]
    assert {model for model, _ in server.asked} == {TUNED, BASE, OTHER}


@pytest.mark.parametrize(
    ("planted", "kind"),
    [
        ((HELD_OUT[3].nko[0], "anything"), "same"),
        (("How do you read " + HELD_OUT[3].nko[0] + "?", "So."), "same"),
    ],
)
def test_a_benchmark_that_was_trained_on_blocks_and_nobody_is_asked(bench_of, planted, kind):
    bench, server = bench_of(wins, trained_on=[("ߖߌ", "water"), planted])

    with pytest.raises(CheckFailed, match="no_contamination") as failure:
        make(bench)

    assert f"{kind} in train.jsonl:2" in str(failure.value)
    assert "Run `nko tune`: it tunes anew, without them." in str(failure.value)
    assert server.asked == []
    assert bench.lake.record("evaluation") is None
    assert registry_of(bench.workshop.settings).decisions == []


def test_flores_that_was_trained_on_blocks_too(bench_of, tmp_path):
    english = "The museum will open its doors to the public on the second Monday of next year"
    table = tmp_path / "flores.tsv"
    table.write_text(f"id\tnko\tenglish\n1\tߒߞߏ ߛߓߍ\t{english}\n", encoding="utf-8")
    bench, server = bench_of(wins, trained_on=[(english.lower(), "ߖߌ")], flores=table)
    with pytest.raises(CheckFailed, match=r"flores.* or leave NKO_FLORES out\."):
        make(bench)
    assert server.asked == []


def test_flores_is_asked_when_the_user_points_to_it(bench_of, tmp_path):
    table = tmp_path / "flores.tsv"
    table.write_text("id\tnko\tenglish\n1\tߒߞߏ ߛߓߍ\tto write N'Ko\n", encoding="utf-8")
    bench, server = bench_of(wins, flores=table)

    make(bench)

    asked = {request["contents"][0]["parts"][-1]["text"] for _, request in server.asked}
    assert {"ߒߞߏ ߛߓߍ", "to write N'Ko"} <= asked
    document = json.loads((bench.lake.root / "reports" / "evaluation.json").read_bytes())
    assert "not the whole devtest" in str(document["benchmarks"])


def test_without_the_file_that_it_was_trained_on_nothing_is_measured(bench_of):
    bench, server = bench_of(wins)
    tuned(bench)
    (bench.lake.root / "tuning" / "dataset" / DATASET / "gemini" / "train.jsonl").unlink()
    with pytest.raises(PermanentFailure, match="was trained on cannot be read"):
        make(bench)
    assert server.asked == []


def test_questions_without_an_answer_are_told_and_nothing_is_decided(bench_of):
    refused = {one.answer for one in HELD_OUT}

    def said(model, question):
        if model == TUNED and question in refused:
            return {"promptFeedback": {"blockReason": "OTHER"}}
        return wins(model, question)

    bench, server = bench_of(said, evaluation_examples=COUNT)

    performed = make(bench)

    facts = performed.record.facts
    assert facts["accuracy"] is None, "nothing is known of a task without an answer"
    accuracy = next(one for one in performed.record.checks if one["name"] == "accuracy_85")
    assert accuracy["message"] == "Too many questions of validation have no answer."
    asked = [json.dumps(one, sort_keys=True) for one in server.asked]
    assert len(asked) == len(set(asked)), "no refusal was paid twice"
    assert facts["decision"] == f"undecided: {len(refused)} of {2 * COUNT} questions have no answer"
    answered = next(one for one in performed.record.checks if one["name"] == "answered")
    assert not answered["passed"]
    document = json.loads((bench.lake.root / "reports" / "evaluation.json").read_bytes())
    ours = [one for one in document["tasks"] if one["role"] == "tuned"]
    assert sum(one["failed"] for one in ours if one["benchmark"] == "validation") == len(refused)
    assert "blocked: OTHER" in str(ours)


def test_a_service_that_is_away_leaves_no_evaluation_and_is_asked_again(bench_of):
    lost = {one.answer for one in HELD_OUT[:4]}
    away = set(lost)

    def said(model, question):
        return Trouble() if model == TUNED and question in away else wins(model, question)

    bench, server = bench_of(said)
    with pytest.raises(TransientFailure, match=r"did not answer .* questions of"):
        make(bench)
    assert bench.lake.record("evaluation") is None
    assert registry_of(bench.workshop.settings).decisions == []

    away.clear()
    before = len(server.asked)
    performed = make(bench)

    assert performed.record.facts["decision"].startswith("promoted")
    again = [request for request in server.asked[before:] if request in server.asked[:before]]
    texts = {request["contents"][-1]["parts"][-1]["text"] for _, request in again}
    assert texts, "what failed is asked again"
    assert texts <= lost, "what was answered is kept"


def test_a_base_that_can_be_asked_later_is_measured_then(bench_of):
    bench, _ = bench_of(wins)
    identity, with_key = STEPS["evaluation"].identity, bench.workshop
    settings = bench.workshop.settings.model_copy(update={"gemini_api_key": None})
    bench.workshop = replace(with_key, settings=settings)
    before = identity(bench.context("", "v1"))
    assert before == identity(bench.context("", "v1"))
    bench.workshop = with_key
    assert identity(bench.context("", "v1")) != before


def test_a_champion_that_was_trained_on_the_frozen_test_is_no_measure(bench_of):
    bench, server = bench_of(lambda model, question: HARD if model == BASE else RIGHT.get(question))
    old = "1" * 32
    folder = bench.lake.root / "tuning" / "dataset" / old / "gemini"
    folder.mkdir(parents=True)
    turns = [{"role": "user", "parts": [{"text": HELD_OUT[0].nko[0]}]}]
    (folder / "train.jsonl").write_text(json.dumps({"contents": turns}), encoding="utf-8")
    champion = {"digest": "c" * 64, "name": OTHER, "model": OTHER, "tuner": "vertex"}
    registry = bench.lake.root / "tuning" / "models.json"
    registry.write_text(
        json.dumps({"champion": champion | {"base": BASE, "dataset": old}, "decisions": []}),
        encoding="utf-8",
    )

    performed = make(bench)

    decision = performed.record.facts["decision"]
    assert decision.startswith("promoted: it beats nearest training text by")
    assert f"{OTHER} is no measure: it was trained on 2 examples of the frozen test" in decision
    assert {model for model, _ in server.asked} == {TUNED, BASE}
    (recorded,) = registry_of(bench.workshop.settings).decisions
    assert recorded.champion == OTHER
    document = json.loads((bench.lake.root / "reports" / "evaluation.json").read_bytes())
    assert "2 examples of the frozen test" in document["absent"][f"the champion {OTHER}"]
    assert not make(bench).made


def test_the_frozen_test_is_asked_whole_however_few_examples_are_wanted(bench_of):
    bench, _ = bench_of(wins)
    make(bench)
    document = json.loads((bench.lake.root / "reports" / "evaluation.json").read_bytes())
    asked = {one["name"]: one["asked"] for one in document["benchmarks"]}
    assert asked["frozen_test"] == 2 * COUNT
    assert asked["validation"] == 2 * FEW


def test_a_budget_that_is_used_up_ends_it_and_a_higher_one_goes_on_where_it_was(bench_of):
    bench, server = bench_of(wins, budget_usd=0.02)
    with pytest.raises(BudgetExceeded):
        make(bench)
    before = len(server.asked)
    assert before > 0
    assert bench.lake.record("evaluation") is None

    settings = bench.workshop.settings.model_copy(update={"budget_usd": 100.0})
    bench.workshop = replace(bench.workshop, settings=settings)
    make(bench)

    questions = [json.dumps(one, sort_keys=True) for one in server.asked]
    assert len(questions) == len(set(questions)), "nothing was paid twice"


def test_a_base_that_cannot_be_asked_is_named_and_keeps_nobody_from_being_measured(bench_of):
    bench, _ = bench_of(wins)
    tuned(bench, base="/no/such/base")

    outcome = bench.work("evaluation", "", "v1")

    assert "/no/such/base" in outcome.facts["decision"]
    assert outcome.facts["decision"].startswith("undecided")
    assert registry_of(bench.workshop.settings).champion is None
    document = json.loads(outcome.files[bench.lake.root / "reports" / "evaluation.json"])
    assert "There is no model /no/such/base" in document["absent"]["the base /no/such/base"]
    assert document["accuracy"]["accuracy"]["value"] == 1


def test_every_answer_is_kept_for_reading(bench_of):
    odd = Trouble(400, "INVALID_ARGUMENT", "what an odd picture")
    bench, _ = bench_of(
        lambda _model, question: HARD if question in RIGHT else odd, evaluation_examples=COUNT
    )
    make(bench)
    path = bench.lake.root / "reports" / "evaluation_answers.jsonl"
    answers = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
    ours = [one for one in answers if one["role"] == "tuned" and one["benchmark"] == "validation"]
    assert len(ours) == 2 * COUNT
    assert {one["answer"] for one in ours} == {HARD}
    into_nko = [one["fault"] for one in ours if one["task"] == "english_to_nko"]
    assert set(into_nko) == {"wrong_script"}
    pictures = [one for one in answers if one["role"] == "tuned" and one["task"] == "read_line"]
    assert pictures
    assert all("what an odd picture" in one["failure"] for one in pictures)


def test_the_frozen_test_outgrown_by_validation_is_told(tmp_path):
    bench = lay_out(Workbench(tmp_path, entry_of("v1")))
    bench.work("evaluation", "", "v1")
    # Another channel, five times as large.
    many = sentences(40 + 5 * COUNT)[40:]
    side(Path(tmp_path) / "splits" / "validation", nko_english=rows("v2", many))

    outcome = bench.work("evaluation", "", "v1")

    assert not check(outcome, "frozen_test_is_wide").passed
    assert "Move tuning/frozen_test away" in check(outcome, "frozen_test_is_wide").message
