"""The evaluation: the tuned model beside the base, the lookup, the reader in use and the champion."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from nko_assets.assets.evaluation_checks import CHECKS, checks, checks_of_nothing, facts
from nko_assets.corpus.splits import TRAIN, VALIDATION
from nko_assets.failures import ConfigurationError, NotReady
from nko_assets.files import sha256_of
from nko_assets.reading.training.lines import TRAINED_FACES
from nko_assets.resources.chat import open_chat, registry_of
from nko_assets.resources.reader import reader_weights
from nko_assets.sample.lessons import lessons
from nko_assets.sample.score import compare_lines
from nko_assets.steps import Context, Outcome, Step
from nko_assets.tuning.chat_model import Answer, ChatModel, Conversation
from nko_assets.tuning.dataset import validated_with
from nko_assets.tuning.evaluation.baselines import LineReader, NearestTraining
from nko_assets.tuning.evaluation.benchmarks import (
    DRAWN_QUALITY,
    Benchmark,
    benchmark,
    drawn_lines,
    parallel_examples,
)
from nko_assets.tuning.evaluation.contamination import (
    Seen,
    contamination,
    kept_out,
    training_texts,
)
from nko_assets.tuning.evaluation.flores import read_flores
from nko_assets.tuning.evaluation.frozen_test import FrozenTest, frozen_test
from nko_assets.tuning.evaluation.harness import Role, Run, ask_all, require_answers
from nko_assets.tuning.evaluation.page import render_evaluation
from nko_assets.tuning.evaluation.report import (
    Evaluation,
    LessonLines,
    Scored,
    answer_rows,
    evaluation_json,
    score_runs,
)
from nko_assets.tuning.evaluation.scores import difference
from nko_assets.tuning.evaluation.transcription import added_line, line_errors, score_errors
from nko_assets.tuning.evaluation.translation import signatures
from nko_assets.tuning.examples import Example, examples, iter_examples
from nko_assets.tuning.prompts import prompts_digest
from nko_assets.tuning.registry import Decision, Model, Registry, Rival, decide
from nko_assets.tuning.tuned import Tuned, read_tuned
from nko_assets.typeset import TYPEFACES

_DRAWN_NOTE = (
    f"Invented words drawn in {{}}, filmed in H.264 (CRF {DRAWN_QUALITY}) and cut out: what they "
    "say is known, so that no reader is its own judge, and no model can guess it."
)


def _tuned(context: Context) -> Tuned | None:
    path = context.lake.root / "tuning" / "tuned.json"
    return read_tuned(path) if path.exists() else None


def _identity(context: Context) -> Mapping[str, Any]:
    tuned, registry = _tuned(context), registry_of(context.settings)
    flores = context.settings.flores
    files = sorted(flores.rglob("*")) if flores and flores.is_dir() else [flores] if flores else []
    return {
        "tuned": tuned.digest if tuned else "",
        "champion": _former(tuned, registry) if tuned else "",
        # What was not measured for want of a key or a folder is, once that is there.
        "absent": sorted(_rivals(context, tuned, registry.champion)[1]) if tuned else [],
        "flores": [sha256_of(path) for path in files if path.is_file()],
        "examples": context.settings.evaluation_examples,
        "reader": sha256_of(reader_weights(context.settings)),
        "prompts": prompts_digest(),
    }


def _evaluate(context: Context) -> Outcome:
    tuned = _tuned(context)
    registry = registry_of(context.settings)
    champion = registry.champion
    splits = context.lake.root / "splits"
    frozen = frozen_test(
        context.lake.root / "tuning" / "frozen_test", iter_examples(splits / VALIDATION)
    )
    out = kept_out(
        iter_examples(splits / TRAIN, pictures=False),
        iter_examples(splits / VALIDATION, pictures=False),
        frozen,
    )
    train = [one for one in examples(splits / TRAIN, pictures=False) if one.id not in out]
    shared = _validated_with_test(context, tuned, frozen) if tuned else ""
    tests = _benchmarks(context, frozen, shared)
    trained_on = _trained_on(context, tuned) if tuned else _shown(train)
    found = contamination(Seen(trained_on), tests)
    if found:
        # What was seen in training proves nothing, so nobody is asked, and nothing is paid.
        return Outcome(checks=checks_of_nothing(found))
    aside = _set_aside(context, champion, tests) if tuned and not _same(tuned, champion) else ""
    rival = None if aside else champion
    models, absent = _models(context, tuned, rival, train)
    if tuned and champion and aside:
        absent[f"the champion {champion.name}"] = f"{aside}."
    scored = score_runs(_runs(context, models, tests))
    decision = None
    if tuned and not _same(tuned, champion):
        decision = _decide(_model_of(tuned, models), rival, frozen, scored)
        if champion and aside:
            decision = replace(
                decision,
                champion=champion.name,
                reason=f"{decision.reason}; {champion.name} is no measure: {aside}",
            )
        if shared:
            decision = replace(decision, reason=f"{decision.reason}; {shared}")
        registry.record(decision)
    evaluation = Evaluation(
        tuned=_model_of(tuned, models) if tuned else None,
        champion=registry.champion,
        dataset=tuned.dataset if tuned else "",
        frozen_test=frozen.digest,
        benchmarks=tuple(tests),
        tasks=scored.tasks,
        accuracies=scored.accuracies,
        decision=decision,
        decisions=tuple(registry.decisions),
        lesson_lines=_lesson_lines(context),
        absent=absent,
        shown=scored.shown,
        signatures=signatures(),
    )
    validation = sum(1 for _ in iter_examples(splits / VALIDATION, pictures=False))
    reports = context.lake.root / "reports"
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in answer_rows(scored)]
    return Outcome(
        files={
            reports / "evaluation.html": render_evaluation(evaluation).encode(),
            reports / "evaluation.json": evaluation_json(evaluation).encode(),
            reports / "evaluation_answers.jsonl": "".join(lines).encode(),
        },
        checks=checks(evaluation, frozen, validation),
        facts=facts(evaluation, frozen, reports / "evaluation.html"),
    )


def _benchmarks(context: Context, frozen: FrozenTest, shared: str) -> list[Benchmark]:
    limit = context.settings.evaluation_examples
    tests = [
        benchmark(
            "validation",
            "Validation",
            "The tenth of the lessons that never trains. What a line says there is what the "
            "pipeline's reader and reviewers made of it.",
            iter_examples(context.lake.root / "splits" / VALIDATION),
            limit=limit,
        ),
        benchmark(
            "frozen_test",
            "Frozen test",
            f"Chosen once from {frozen.chosen_from:,} examples of validation, and the same ever "
            f"since: it decides between models.{f' Beware: {shared}.' if shared else ''}",
            frozen.examples,
            limit=len(frozen.examples),
        ),
    ]
    if context.settings.flores:
        flores = read_flores(context.settings.flores)
        tests.append(
            benchmark(
                "flores",
                flores.title,
                f"{len(flores.rows):,} sentences of news and encyclopedia, none of the channel.",
                parallel_examples(flores.rows, "flores"),
                limit=limit,
                foreign=True,
            )
        )
    strange = tuple(name for name in TYPEFACES if name not in TRAINED_FACES)
    for name, title, faces in (
        ("drawn_lines", "Drawn lines", TRAINED_FACES),
        ("drawn_unseen", "Drawn lines, strange typeface", strange),
    ):
        tests.append(
            benchmark(
                name,  # type: ignore[arg-type]
                title,
                _DRAWN_NOTE.format(", ".join(faces)),
                drawn_lines(faces),
                limit=limit,
            )
        )
    return [test for test in tests if test.examples]


def _models(
    context: Context, tuned: Tuned | None, champion: Model | None, train: Sequence[Example]
) -> tuple[list[tuple[Role, ChatModel]], dict[str, str]]:
    """Everything that is measured, with its role, and what cannot be asked, with the reason."""
    models: list[tuple[Role, ChatModel]] = [
        ("baseline", NearestTraining(train)),
        ("reader", _reader(context)),
    ]
    settings, store = context.settings, context.workshop.store
    if tuned is None:
        return models, {"a tuned model": "None has been tuned yet: run `nko tune`."}
    # It has to be there: an evaluation without it would answer another question.
    models.append(("tuned", open_chat(tuned.model, settings, store, base=tuned.base)))
    rivals, absent = _rivals(context, tuned, champion)
    return models + rivals, absent


def _rivals(
    context: Context, tuned: Tuned, champion: Model | None
) -> tuple[list[tuple[Role, ChatModel]], dict[str, str]]:
    """The base of `tuned` and the champion, and which of them cannot be asked, with the reason."""
    settings, store = context.settings, context.workshop.store
    models: list[tuple[Role, ChatModel]] = []
    absent: dict[str, str] = {}
    others: list[tuple[Role, str | None, str | None]] = [("base", tuned.base, None)]
    if champion and not _same(tuned, champion):
        others.append(("champion", champion.model, champion.base))
    for role, spec, base in others:
        if spec is None:
            absent["the base model"] = "It was tuned from nothing."
            continue
        try:
            models.append((role, open_chat(spec, settings, store, base=base)))
        except ConfigurationError as error:
            absent[f"the {role} {spec}"] = str(error)
    return models, absent


def _reader(context: Context) -> LineReader:
    """The offline reader with the weights in use, by a name that tells them apart."""
    named = context.settings.reader_weights
    name = f"offline reader ({Path(named).name})" if named else "offline reader"
    return LineReader(reader_weights(context.settings), name)


def _runs(
    context: Context, models: Sequence[tuple[Role, ChatModel]], tests: Sequence[Benchmark]
) -> list[Run]:
    """Every model on every benchmark that asks what it can do.

    The offline reader is no judge of validation, whose lines it has read itself. Raises
    `TransientFailure` when a service is away.
    """

    def go_on() -> None:
        if context.stopped.is_set():
            raise NotReady("The evaluation was interrupted.", "Start it again to go on.")

    own = {"validation", "frozen_test"}
    known: dict[str, dict[Conversation, Answer]] = {model.name: {} for _, model in models}
    runs = []
    for role, model in models:
        for test in tests:
            if not (role == "reader" and test.name in own):
                run = ask_all(model, role, test, context.say, known=known[model.name], go_on=go_on)
                require_answers(run)
                runs.append(run)
    return runs


def _validated_with_test(context: Context, tuned: Tuned, frozen: FrozenTest) -> str:
    """That the tuner chose the checkpoint with a part of the frozen test; "" where it did not."""
    folder = context.lake.root / "tuning" / "dataset" / tuned.dataset
    both = validated_with(folder, _shape(tuned)) & {example.id for example in frozen.examples}
    if not both:
        return ""
    return (
        f"{len(both)} of the {len(frozen.examples)} examples of the frozen test were also in the "
        "validation that the tuner was given, as validation has too few others, so that its "
        "checkpoint may have been chosen by them"
    )


def _shape(tuned: Tuned | Model) -> str:
    return "gemini" if tuned.tuner == "vertex" else "chat"


def _trained_on(context: Context, tuned: Tuned | Model) -> Iterator[tuple[str, str]]:
    dataset = context.lake.root / "tuning" / "dataset" / tuned.dataset
    return training_texts(dataset / _shape(tuned) / "train.jsonl")


def _set_aside(context: Context, champion: Model | None, tests: Sequence[Benchmark]) -> str:
    """Why nothing follows from what the champion scores; "" where it may be compared with."""
    if champion is None:
        return ""
    frozen = [test for test in tests if test.name == "frozen_test"]
    found = contamination(Seen(_trained_on(context, champion)), frozen)
    if not found:
        return ""
    return f"it was trained on {len(found)} examples of the frozen test, such as “{found[0].text}”"


def _shown(train: Sequence[Example]) -> Iterator[tuple[str, str]]:
    for example in train:
        for turn in example.messages:
            if turn.role != "system":
                yield example.id, turn.content


def _same(tuned: Tuned | None, champion: Model | None) -> bool:
    return tuned is not None and champion is not None and tuned.digest == champion.digest


def _former(tuned: Tuned, registry: Registry) -> str | None:
    """The champion that `tuned` has to beat, or had to before it became the champion itself."""
    champion = registry.champion
    if champion is None or not _same(tuned, champion):
        return champion.name if champion else None
    won = [one for one in registry.decisions if one.challenger.digest == tuned.digest]
    return won[-1].champion if won else None


def _model_of(tuned: Tuned, models: Sequence[tuple[Role, ChatModel]]) -> Model:
    name = next(model.name for role, model in models if role == "tuned")
    return Model(tuned.digest, name, tuned.model, tuned.tuner, tuned.base, tuned.dataset)


def _decide(
    challenger: Model, champion: Model | None, frozen: FrozenTest, scored: Scored
) -> Decision:
    """Compare on the frozen test: with the champion, or where there is none with what is free."""
    on_test = [pair for pair in scored.answers if pair[0].benchmark.name == "frozen_test"]
    ours = [pair for pair in on_test if pair[0].role == "tuned"]
    mine = ours[0][1] if ours else ()
    wanted: set[Role] = {"champion"} if champion else {"base", "baseline"}
    rivals = [
        Rival(run.model, difference(mine, theirs)) for run, theirs in on_test if run.role in wanted
    ]
    if champion and not rivals:
        rivals = [Rival(champion.name, None)]
    measured = {run.role for run, _ in on_test}
    if not champion and challenger.base and "base" not in measured:
        # Nobody knows whether tuning made it better, whatever else it beats.
        rivals.append(Rival(challenger.base, None))
    asked = len(ours[0][0].results) if ours else 0
    return decide(
        challenger,
        champion,
        frozen.digest,
        rivals,
        asked=asked,
        failed=asked - len(mine),
        at=datetime.now(UTC),
    )


def _lesson_lines(context: Context) -> LessonLines | None:
    """The pipeline's reader against the known text of the sample; None for every other source."""
    ours = [video_id for video_id in context.video_ids if video_id in lessons()]
    if not ours:
        return None
    readings = pl.concat(context.lake.read_table("gemini_results", one) for one in ours)
    compared = compare_lines(readings)
    errors = [
        added_line(read) if expected is None else line_errors(read or "", expected)
        for expected, read in compared.select("expected", "read").iter_rows()
    ]
    score = score_errors(errors)
    if score is None:
        return None
    return LessonLines(
        reader=" and ".join(sorted(set(readings["model"]))),
        lines=compared.filter(pl.col("expected").is_not_null()).height,
        missed=compared.filter(pl.col("expected").is_not_null() & pl.col("read").is_null()).height,
        score=score,
    )


STEPS = (
    Step(
        name="evaluation",
        group="tuning",
        description=(
            "The tuned model on validation, the frozen test and FLORES, beside the base model and "
            "what costs nothing; it becomes the model in use when it wins for sure."
        ),
        work=_evaluate,
        per_video=False,
        inputs=("splits", "gemini_results"),
        after=("tuning_metrics",),
        on_request=True,
        code_version="3",
        identity=_identity,
        checks=CHECKS,
        kinds=("html", "json"),
    ),
)
