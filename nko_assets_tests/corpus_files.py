"""The whole corpus from reviewed readings, as the assets write it, for tests of files and splits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from nko_assets.corpus.conversations import conversations
from nko_assets.corpus.deduplicate import deduplicate
from nko_assets.corpus.exports import EXPORTS
from nko_assets.corpus.jsonl import write_jsonl
from nko_assets.corpus.ocr_samples import ocr_samples
from nko_assets.corpus.pairs import translation_pairs
from nko_assets.corpus.splits import Splits, split_corpus, write_splits
from nko_assets.corpus.synthetic import synthetic_examples
from nko_assets.corpus.vocabulary import vocabulary
from nko_assets_tests.builders import frame_jpeg


@dataclass(frozen=True)
class Corpus:
    """Everything made from some readings."""

    reviewed: pl.DataFrame
    files: dict[str, pl.DataFrame]
    splits: Splits


def corpus_of(reviewed: pl.DataFrame) -> Corpus:
    """Make all training files and decide the sides."""
    pairs = deduplicate(translation_pairs(reviewed, {}).rows).kept
    made = {
        "nko_english": pairs,
        "conversations": conversations(pairs),
        "ocr_samples": ocr_samples(reviewed, frame_jpeg).rows,
        "vocabulary": vocabulary(reviewed).rows,
        "synthetic": synthetic_examples(pairs),
    }
    assert made.keys() == EXPORTS.keys()
    return Corpus(reviewed, made, split_corpus(made, reviewed))


def write_corpus(corpus: Corpus, root: Path) -> dict[str, dict[str, int]]:
    """Write `training/` and `splits/` under `root`; returns the rows by side and file."""
    for name, table in corpus.files.items():
        write_jsonl(root / "training" / f"{name}.jsonl", table.iter_rows(named=True))
    return write_splits(corpus.splits, root / "training", root / "splits")
