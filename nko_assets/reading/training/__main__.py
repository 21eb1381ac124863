# ruff: noqa: T201 - this module is a command line, and prints its results.
"""Command line of the training package: `python -m nko_assets.reading.training train | export | …`."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from nko_assets.failures import NkoError
from nko_assets.reading.recognizer import WEIGHTS, NkoRecognizer
from nko_assets.typeset import TYPEFACES

log = logging.getLogger(__name__)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m nko_assets.reading.training")
    commands = parser.add_subparsers(dest="command", required=True)

    train = commands.add_parser("train", help="train, or go on from the checkpoint in --out")
    train.add_argument("--out", type=Path, required=True, help="folder of the checkpoint")
    train.add_argument(
        "--text",
        type=Path,
        nargs="*",
        default=[],
        help="N'Ko text: TSV with a column nko (english and french are used too), or plain lines",
    )
    train.add_argument(
        "--exclude",
        type=Path,
        nargs="*",
        default=[],
        help="text that must not be trained on, in the same formats",
    )
    train.add_argument("--steps", type=int, default=12_000)
    train.add_argument("--seed", type=int, default=1)

    export = commands.add_parser("export", help="write the weights of a checkpoint as ONNX")
    export.add_argument("checkpoint", type=Path)
    export.add_argument("--to", type=Path, default=WEIGHTS)

    evaluate = commands.add_parser("evaluate", help="measure error rates on H.264 slides")
    evaluate.add_argument(
        "--text", type=Path, nargs="+", help="held-out N'Ko text; without it, invented words"
    )
    evaluate.add_argument(
        "--weights", type=Path, default=WEIGHTS, help="other weights than the shipped ones"
    )
    evaluate.add_argument("--typefaces", nargs="+", default=list(TYPEFACES), choices=TYPEFACES)
    evaluate.add_argument("--slides", type=int, default=10, help="slides in each typeface")
    evaluate.add_argument("--crf", type=int, nargs="+", default=[28, 32])
    evaluate.add_argument(
        "--recognizer-only", action="store_true", help="true boxes, without detection: quick"
    )
    evaluate.add_argument("--json", action="store_true")
    return parser


def _train(arguments: argparse.Namespace) -> None:
    from nko_assets.reading.training.plan import TrainingPlan
    from nko_assets.reading.training.text import read_lines
    from nko_assets.reading.training.trainer import Trainer

    excluded = set(read_lines(arguments.exclude))
    nko = [line for line in read_lines(arguments.text) if line not in excluded]
    latin = [
        line for column in ("english", "french") for line in read_lines(arguments.text, column)
    ]
    plan = TrainingPlan(seed=arguments.seed, steps=arguments.steps)
    trainer = Trainer(arguments.out, plan, nko, latin)
    log.info("%d N'Ko lines, %d others, text %s", len(nko), len(latin), trainer.texts)
    log.info("CER %.2f %%", 100 * trainer.run())


def _export(arguments: argparse.Namespace) -> None:
    from nko_assets.reading.training.export import export

    log.info("%s: %d bytes", arguments.to, export(arguments.checkpoint, arguments.to))


def _evaluate(arguments: argparse.Namespace) -> None:
    from nko_assets.reading.training.evaluate import evaluate, offline_reader, table
    from nko_assets.reading.training.text import invented_lines, read_lines

    recognizer = NkoRecognizer(arguments.weights)
    reader = None if arguments.recognizer_only else offline_reader(arguments.weights)
    texts = read_lines(arguments.text) if arguments.text else invented_lines(400, seed=0)
    reports = [
        report
        for crf in arguments.crf
        for report in evaluate(
            recognizer,
            list(dict.fromkeys(texts)),
            faces=arguments.typefaces,
            slides=arguments.slides,
            crf=crf,
            reader=reader,
        )
    ]
    if arguments.json:
        print(json.dumps([asdict(report) for report in reports], indent=2))
    else:
        print(table(reports))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command (of `arguments`, else of the command line); 0 when it did what it should, 2 for a failure that a person can mend."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    chosen = _parser().parse_args(arguments)
    commands = {"train": _train, "export": _export, "evaluate": _evaluate}
    try:
        commands[chosen.command](chosen)
    except NkoError as failure:
        print(failure, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
