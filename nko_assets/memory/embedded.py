"""Rows with their embeddings: the meaning by a sentence model, the N'Ko by its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from nko_assets.memory.embeddings import Embedder, Vectors
from nko_assets.memory.rows import Motif, Turn, Vector

_R = TypeVar("_R", Turn, Motif)


def embedded(rows: Sequence[_R], embedder: Embedder) -> tuple[_R, ...]:
    """`rows` with the embeddings of their translation and of their N'Ko, where they have them."""
    meanings = _vectors([row.content["translation"] for row in rows], embedder.embed_english)
    texts = _vectors([row.content["nko_text"] for row in rows], embedder.embed_nko)
    return tuple(
        replace(
            row,
            embedding=meaning,
            nko_embedding=text,
            embedding_model=None if meaning is None and text is None else embedder.model,
        )
        for row, meaning, text in zip(rows, meanings, texts, strict=True)
    )


def _vectors(
    texts: Sequence[str | None], embed: Callable[[Sequence[str]], Vectors]
) -> list[Vector | None]:
    """The vector of each text, None for none; the same text is embedded once."""
    distinct = list(dict.fromkeys(text for text in texts if text))
    if not distinct:
        return [None] * len(texts)
    known = dict(zip(distinct, embed(distinct), strict=True))
    return [known[text] if text else None for text in texts]
