"""How well texts find their translations in the space of the embeddings, and how fast they get there."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nko_assets.memory.embeddings import PROBE, Vectors
from nko_assets.memory.nko_model import NkoModel
from nko_assets.memory.sentence_model import SentenceModel
from nko_assets.memory.training.pairs import Pair


@dataclass(frozen=True, slots=True)
class Retrieval:
    """How often the translation is the nearest of all candidates, and among the nearest ten."""

    asked: str
    first: float
    among_ten: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a model does on pairs it has not seen. Speeds are texts a CPU second."""

    model: str
    candidates: int
    retrieval: tuple[Retrieval, ...]
    nko_speed: float
    sentence_speed: float
    unknown_share: float


def evaluate(nko: NkoModel, sentences: SentenceModel, pairs: Sequence[Pair]) -> Evaluation:
    """Measure on `pairs`, each of which has English; French is measured where all have it.

    Beside it stands what a sentence model makes of the raw N'Ko.
    """
    texts = [pair.nko for pair in pairs]
    start = time.process_time()
    points = nko.embed(texts)
    nko_seconds = time.process_time() - start
    start = time.process_time()
    english = sentences.embed([pair.english or "" for pair in pairs])
    sentence_seconds = time.process_time() - start
    asked = [
        retrieval("N'Ko → English", points, english),
        retrieval("English → N'Ko", english, points),
        retrieval("raw N'Ko through the sentence model → English", sentences.embed(texts), english),
    ]
    if all(pair.french for pair in pairs):
        french = sentences.embed([pair.french or "" for pair in pairs])
        asked += [
            retrieval("French → N'Ko", french, points),
            retrieval("French → English", french, english),
        ]
    return Evaluation(
        model=f"{sentences.name}, {nko.name}",
        candidates=len(pairs),
        retrieval=tuple(asked),
        nko_speed=len(texts) / nko_seconds,
        sentence_speed=len(texts) / sentence_seconds,
        unknown_share=nko.unknown_share(PROBE),
    )


def retrieval(asked: str, queries: Vectors, candidates: Vectors) -> Retrieval:
    """Rank `candidates` for each of `queries`, of which the one in the same place is right.

    What is as near as the right one counts as nearer, so equal vectors find nothing.
    """
    similar = queries @ candidates.T
    own = np.diagonal(similar)[:, None]
    # The right one is as near as itself.
    nearer = (similar >= own).sum(axis=1) - 1
    return Retrieval(asked, float((nearer < 1).mean()), float((nearer < 10).mean()))


def table(evaluation: Evaluation) -> str:
    """The evaluation as plain text."""
    lines = [f"{evaluation.model}, {evaluation.candidates} candidates", ""]
    lines += [f"{'':48}{'R@1':>8}{'R@10':>8}"]
    lines += [f"{one.asked:48}{one.first:8.3f}{one.among_ten:8.3f}" for one in evaluation.retrieval]
    lines += [
        "",
        (
            f"N'Ko {evaluation.nko_speed:,.0f} sentences a CPU second, "
            f"English {evaluation.sentence_speed:,.0f}"
        ),
        f"unknown N'Ko words: {evaluation.unknown_share:.1%}",
    ]
    return "\n".join(lines)
