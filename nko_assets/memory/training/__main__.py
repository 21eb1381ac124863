# ruff: noqa: T201 - this module is a command line, and prints its results.
"""Command line of the training package: `python -m nko_assets.memory.training train | evaluate | …`."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from nko_assets.failures import NkoError
from nko_assets.memory.embeddings import WEIGHTS, teacher_of
from nko_assets.memory.nko_model import NkoModel
from nko_assets.memory.sentence_model import SHIPPED, sentence_model
from nko_assets.memory.training.evaluate import evaluate, table
from nko_assets.memory.training.pairs import read_pairs, split

log = logging.getLogger(__name__)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m nko_assets.memory.training")
    commands = parser.add_subparsers(dest="command", required=True)

    train = commands.add_parser("train", help="distil an N'Ko model from a sentence model")
    pairs = "TSV with columns nko and english or french"
    train.add_argument("--pairs", type=Path, nargs="+", required=True, help=pairs)
    train.add_argument(
        "--exclude", type=Path, nargs="*", default=[], help="pairs that must not be trained on"
    )
    train.add_argument("--out", type=Path, default=WEIGHTS, help="folder of the model")
    train.add_argument(
        "--teacher", default=SHIPPED, help="sentence model: the shipped one, or any by its name"
    )
    train.add_argument("--steps", type=int, default=600)
    train.add_argument("--seed", type=int, default=1)

    measure = commands.add_parser("evaluate", help="how often texts find their translations")
    measure.add_argument("--pairs", type=Path, nargs="+", required=True, help=pairs)
    measure.add_argument("--model", type=Path, default=WEIGHTS, help="folder of the N'Ko model")
    measure.add_argument("--json", action="store_true")

    commands.add_parser(
        "export-sentence-model", help="write all-MiniLM-L6-v2 from its package as ONNX in 8 bits"
    )
    return parser


def _train(arguments: argparse.Namespace) -> None:
    from nko_assets.memory.training.trainer import DistillationPlan, distil

    training, held_out = split(read_pairs(arguments.pairs), read_pairs(arguments.exclude))
    log.info("%d pairs to train on, %d held out", len(training), len(held_out))
    arguments.out.mkdir(parents=True, exist_ok=True)
    sentences = sentence_model(arguments.teacher)
    plan = DistillationPlan(seed=arguments.seed, steps=arguments.steps)
    model = distil(training, sentences, arguments.teacher, arguments.out, plan)
    if told := [pair for pair in held_out if pair.english]:
        print(table(evaluate(model, sentences, told)))


def _evaluate(arguments: argparse.Namespace) -> None:
    pairs = [pair for pair in read_pairs(arguments.pairs) if pair.english]
    sentences = sentence_model(teacher_of(arguments.model))
    evaluation = evaluate(NkoModel.load(arguments.model), sentences, pairs)
    print(json.dumps(asdict(evaluation), indent=2) if arguments.json else table(evaluation))


def _export(_: argparse.Namespace) -> None:
    from nko_assets.memory.training.export import export_sentence_model

    log.info("%d bytes", export_sentence_model())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command (of `arguments`, else of the command line); 0 when it did what it should, 2 for a failure that a person can mend."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    chosen = _parser().parse_args(arguments)
    commands = {"train": _train, "evaluate": _evaluate, "export-sentence-model": _export}
    try:
        commands[chosen.command](chosen)
    except NkoError as failure:
        print(failure, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
