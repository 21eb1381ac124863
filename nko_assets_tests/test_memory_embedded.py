"""Rows get the embedding of what they mean and of what they say, where they have them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from nko_assets.memory.embedded import embedded
from nko_assets.memory.embeddings import load_embedder
from nko_assets_tests.memory_rows import content, motif, turn


class Counting:
    """The real embedder, which also notes what it is asked for."""

    def __init__(self) -> None:
        self._embedder = load_embedder()
        self.model = self._embedder.model
        self.asked: list[str] = []

    def embed_english(self, texts: Sequence[str]) -> np.ndarray:
        self.asked += texts
        return self._embedder.embed_english(texts)

    def embed_nko(self, texts: Sequence[str]) -> np.ndarray:
        self.asked += texts
        return self._embedder.embed_nko(texts)


def test_a_text_is_embedded_once_and_nothing_is_not() -> None:
    rows = [
        replace(turn("v1", number, model=None), content=content(nko, english))
        for number, (nko, english) in enumerate(
            [("ߒߞߏ", "N'Ko"), ("ߒߞߏ", None), ("", None), ("ߛߓߍ", "N'Ko")]
        )
    ]
    embedder = Counting()

    found = embedded(rows, embedder)

    assert sorted(embedder.asked) == sorted(["N'Ko", "ߒߞߏ", "ߛߓߍ"])
    assert [row.embedding is None for row in found] == [False, True, True, False]
    assert [row.nko_embedding is None for row in found] == [False, False, True, False]
    assert [row.embedding_model for row in found] == [embedder.model] * 2 + [None, embedder.model]
    assert np.allclose(np.linalg.norm(found[0].embedding), 1, atol=1e-3)


def test_motifs_are_embedded_in_the_same_way() -> None:
    (found,) = embedded([motif("ߒߞߏ", english="writing")], load_embedder())

    again = load_embedder().embed_english(["writing"])[0]
    assert np.allclose(found.embedding, again, atol=1e-6)


def test_no_rows_ask_for_nothing() -> None:
    assert embedded([], load_embedder()) == ()
