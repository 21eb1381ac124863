"""Embeddings: texts of different languages as points of one space, near each other when they mean the same.

English and French go through a sentence model, N'Ko through a model distilled from it
(`nko_assets.memory.training`), because sentence models know no N'Ko letter.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from nko_assets.failures import ConfigurationError
from nko_assets.memory.nko_model import NkoModel
from nko_assets.memory.rows import DIMENSIONS
from nko_assets.memory.sentence_model import SHIPPED, SentenceModel, sentence_model

WEIGHTS = Path(__file__).parent / "weights"
CONFIG = "model.json"

# Of any text about anything: a model that does not know most of these knows no N'Ko.
PROBE = tuple(
    "ߒߞߏ ߛߐ߰ߡߊ߬ ߕߟߋ߬ ߥߎߙߊ߫ ߛߣߍ߫ ߞߍ߲ߘߍ ߛߓߍ ߓߟߏ ߖߌ ߥߟߊ߬ߘߊ ߞߊ߬ߙߊ߲ ߞߎߡߊ ߘߋ߲ ߡߎ߬ߛߏ ߗߍ߬ ߝߊ ߓߊ ߟߏ߲ ߞߊߙߏ ߛߏ".split()  # noqa: SIM905 - words read best as running text
)
MOST_UNKNOWN = 0.5
LEAST_DISTINCT = 0.9

Vectors = np.ndarray
"""float32 (texts, DIMENSIONS), each row of unit length."""


class Embedder(Protocol):
    """Turns texts into points of one space."""

    @property
    def model(self) -> str:
        """Which models made a vector: vectors of different models do not compare."""
        ...

    def embed_english(self, texts: Sequence[str]) -> Vectors:
        """What `texts`, English or French, mean."""
        ...

    def embed_nko(self, texts: Sequence[str]) -> Vectors:
        """What `texts`, N'Ko with or without tone marks, mean."""
        ...


class WordEncoder(Protocol):
    """A model that may or may not know the words of a language."""

    def unknown_share(self, words: Sequence[str]) -> float:
        """The share of `words` that reach the model as unknown, wholly or in part."""
        ...

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One vector for each text."""
        ...


class DistilledEmbedder:
    """A sentence model and the N'Ko model that was distilled from it."""

    def __init__(self, sentences: SentenceModel, nko: NkoModel) -> None:
        """Both write vectors of `DIMENSIONS` numbers."""
        self._sentences = sentences
        self._nko = nko

    @property
    def model(self) -> str:
        """The names of both."""
        return f"{self._sentences.name}, {self._nko.name}"

    def embed_english(self, texts: Sequence[str]) -> Vectors:
        """What `texts`, English or French, mean."""
        return self._sentences.embed(texts)

    def embed_nko(self, texts: Sequence[str]) -> Vectors:
        """What `texts`, N'Ko with or without tone marks, mean."""
        return self._nko.embed(texts)


def load_embedder(folder: Path = WEIGHTS) -> DistilledEmbedder:
    """The models in `folder`: an N'Ko model, and beside it the name of its sentence model.

    `folder` is what `python -m nko_assets.memory.training train --out` writes, by default the
    models that ship with the package. Raises ConfigurationError when one is missing, knows no
    N'Ko, or writes vectors of another size.
    """
    nko = NkoModel.load(folder)
    require_nko(nko)
    return DistilledEmbedder(sentence_model(teacher_of(folder)), nko)


def teacher_of(folder: Path) -> str:
    """The sentence model from which the N'Ko model in `folder` was distilled."""
    path = folder / CONFIG
    if not path.is_file():
        raise ConfigurationError(
            f"There are no embedding models in {folder}: {CONFIG} is missing.",
            "Make them with `python -m nko_assets.memory.training train`.",
        )
    return json.loads(path.read_text(encoding="utf-8"))["teacher"]


def write_config(folder: Path, teacher: str) -> None:
    """Say beside an N'Ko model in `folder` from which sentence model it was distilled."""
    (folder / CONFIG).write_text(json.dumps({"teacher": teacher}) + "\n", encoding="utf-8")


def require_nko(model: WordEncoder, words: Sequence[str] = PROBE) -> None:
    """Refuse a model to which N'Ko `words`, all different, are unknown or all the same.

    Raises ConfigurationError. all-MiniLM-L6-v2, for one, reads every N'Ko word as unknown and
    would give a whole memory one vector.
    """
    unknown = model.unknown_share(words)
    if unknown > MOST_UNKNOWN:
        raise ConfigurationError(
            f"The model does not know {unknown:.0%} of common N'Ko words.",
            "Distil one that does: `python -m nko_assets.memory.training train`.",
        )
    vectors = np.unique(np.round(model.embed(words), 4), axis=0)
    if vectors.shape[1] != DIMENSIONS:
        raise ConfigurationError(
            f"The N'Ko model writes vectors of {vectors.shape[1]} numbers, and the memory keeps "
            f"{DIMENSIONS}.",
            f"Distil it from a sentence model of that size, such as {SHIPPED}.",
        )
    if len(vectors) < LEAST_DISTINCT * len(words):
        raise ConfigurationError(
            f"The model gives {len(words)} N'Ko words only {len(vectors)} different vectors.",
            "Distil it anew: `python -m nko_assets.memory.training train`.",
        )
