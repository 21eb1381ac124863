# ruff: noqa: T201 - this module is a command line, and prints its results.
"""Command line of the open trainer: `python -m nko_assets.tuning.trainer --config tiny …`.

On several GPUs: `accelerate launch -m nko_assets.tuning.trainer …` with the same arguments.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

from nko_assets.failures import NkoError
from nko_assets.tuning.trainer.configuration import load, presets
from nko_assets.tuning.trainer.training import Order, train


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m nko_assets.tuning.trainer", description="Tune an open model on examples."
    )
    parser.add_argument(
        "--config", default="tiny", help=f"preset ({', '.join(presets())}) or a TOML file"
    )
    rows = "JSONL of chat messages"
    parser.add_argument("--train", type=Path, required=True, help=f"{rows} to learn")
    parser.add_argument("--validation", type=Path, required=True, help=f"{rows} held out")
    parser.add_argument("--out", type=Path, required=True, help="folder for curves and the model")
    parser.add_argument(
        "--resume", action="store_true", help="go on where a training in --out was broken off"
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, and print what came of it as JSON; 2 for a failure that a person can mend."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("nko_assets").setLevel(logging.INFO)
    # What libraries tell each other of their next versions is not for who trains.
    warnings.filterwarnings("ignore", module="transformers|trl|peft")
    chosen = _parser().parse_args(arguments)
    try:
        order = Order(load(chosen.config), chosen.train, chosen.validation, chosen.out.resolve())
        outcome = train(order, resume=chosen.resume)
    except NkoError as failure:
        print(failure, file=sys.stderr)
        return 2
    from accelerate import PartialState

    if PartialState().is_main_process:
        print(json.dumps(outcome, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
