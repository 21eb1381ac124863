# ruff: noqa: T201 - this module is a command line, and prints its results.
"""Command line of the fitting package: `python -m nko_assets.reading.trust.fitting pages.jsonl`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from nko_assets.failures import NkoError
from nko_assets.files import write_atomically
from nko_assets.reading.trust.dictionary import load_dictionary
from nko_assets.reading.trust.fitting.fit import fit_models, table
from nko_assets.reading.trust.fitting.pages import read_pages
from nko_assets.reading.trust.model import WEIGHTS


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit on the pages that the command line names; 2 for a failure that a person can mend."""
    parser = argparse.ArgumentParser(prog="python -m nko_assets.reading.trust.fitting")
    parser.add_argument("pages", type=Path, help="what nko_assets.sample.known_pages wrote")
    parser.add_argument("--dictionary", type=Path, required=True, help="as NKO_DICTIONARY")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--to", type=Path, default=WEIGHTS)
    chosen = parser.parse_args(arguments)
    try:
        dictionary = load_dictionary(chosen.dictionary)
        fitted, strata = fit_models(read_pages(chosen.pages), dictionary, chosen.seed)
    except NkoError as failure:
        print(failure, file=sys.stderr)
        return 2
    write_atomically(chosen.to, fitted.to_json().encode())
    print(table(fitted, strata))
    return 0


if __name__ == "__main__":
    sys.exit(main())
