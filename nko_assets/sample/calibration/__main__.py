# ruff: noqa: T201 - this module is a command line, and prints its results.
"""Command line of the package: `python -m nko_assets.sample.calibration pages | fit`."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from nko_assets.failures import NkoError
from nko_assets.files import write_atomically
from nko_assets.reading.trust.dictionary import load_dictionary
from nko_assets.reading.trust.model import WEIGHTS
from nko_assets.sample.calibration.draw import invented_texts, known_pages, real_texts
from nko_assets.sample.calibration.fit import fit_models, table
from nko_assets.sample.calibration.pages import read_pages, write_pages

log = logging.getLogger(__name__)

_TEXTS_A_VIDEO = 200  # more than a video shows, since what does not fit on a page is passed over


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m nko_assets.sample.calibration")
    commands = parser.add_subparsers(dest="command", required=True)
    pages = commands.add_parser("pages", help="draw frames with known text and read them")
    pages.add_argument("--out", type=Path, required=True, help="JSONL file of pages")
    pages.add_argument(
        "--text",
        type=Path,
        nargs="*",
        default=[],
        help="TSV with a column nko, perhaps english; without one, every word is invented",
    )
    pages.add_argument("--videos", type=int, default=45, help="of 20 pages each")
    fit = commands.add_parser("fit", help="fit the models on pages and measure them")
    fit.add_argument("pages", type=Path)
    fit.add_argument("--dictionary", type=Path, required=True, help="as NKO_DICTIONARY")
    fit.add_argument("--to", type=Path, default=WEIGHTS)
    for command in (pages, fit):
        command.add_argument("--seed", type=int, default=1)
    return parser


def _pages(arguments: argparse.Namespace) -> None:
    seed, videos = arguments.seed, arguments.videos
    real = real_texts(arguments.text, seed)
    invented = invented_texts(_TEXTS_A_VIDEO * videos, seed)
    pages = known_pages(real, invented, videos=videos, seed=seed)
    log.info("%d pages in %s", write_pages(pages, arguments.out), arguments.out)


def _fit(arguments: argparse.Namespace) -> None:
    dictionary = load_dictionary(arguments.dictionary)
    fitted, strata = fit_models(read_pages(arguments.pages), dictionary, arguments.seed)
    write_atomically(arguments.to, fitted.to_json().encode())
    print(table(fitted, strata))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command (of `arguments`, else of the command line); 2 for what a person can mend."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    chosen = _parser().parse_args(arguments)
    try:
        {"pages": _pages, "fit": _fit}[chosen.command](chosen)
    except NkoError as failure:
        print(failure, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
