"""The N'Ko model: the mean of one learned vector for each piece of a text, without tone marks.

What is kept is what a sentence-transformers `StaticEmbedding` over a Unigram tokenizer is, with
its table in 8 bits, so that it needs neither torch nor more than a lookup.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array  # type: ignore[import-untyped]
from tokenizers import Tokenizer

from nko_assets.failures import ConfigurationError
from nko_assets.files import atomic_path
from nko_assets.nko import normalize, strip_tones

TABLE = "nko_static.npz"
TOKENIZER = "nko_tokenizer.json"
UNKNOWN = "<unk>"


def plain(text: str) -> str:
    """N'Ko as the model reads it: normalized, without tones, other scripts in lower case."""
    return strip_tones(normalize(text)).lower()


def pieces_of(tokenizer: Tokenizer, texts: Sequence[str]) -> list[list[int]]:
    """The ids of the pieces of each text, at least one."""
    encoded = tokenizer.encode_batch_fast(list(map(plain, texts)), add_special_tokens=False)
    unknown: int = tokenizer.token_to_id(UNKNOWN)  # type: ignore[assignment]
    return [one.ids or [unknown] for one in encoded]


class NkoModel:
    """Texts to unit vectors; no state between calls."""

    def __init__(self, tokenizer: Tokenizer, table: np.ndarray, scales: np.ndarray) -> None:
        """`table` is int8 (pieces, dimensions), `scales` float32 (pieces,): their product is meant."""
        self._tokenizer = tokenizer
        self._vectors = table.astype(np.float32) * scales[:, None]
        self._unknown = tokenizer.token_to_id(UNKNOWN)
        digest = hashlib.sha256(table.tobytes() + scales.tobytes()).hexdigest()
        self.name = f"nko-static-{digest[:8]}"

    @classmethod
    def load(cls, folder: Path) -> NkoModel:
        """The model in `folder`; raises ConfigurationError where there is none."""
        for name in (TABLE, TOKENIZER):
            if not (folder / name).is_file():
                raise ConfigurationError(
                    f"The N'Ko embedding model is not whole: {folder / name} is missing.",
                    "Reinstall the package, or make it with "
                    "`python -m nko_assets.memory.training train`.",
                )
        with np.load(folder / TABLE) as arrays:
            table, scales = arrays["table"], arrays["scales"].astype(np.float32)
        return cls(Tokenizer.from_file(str(folder / TOKENIZER)), table, scales)

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """float32 (texts, dimensions), rows of unit length."""
        if not texts:
            return np.zeros((0, self._vectors.shape[1]), np.float32)
        pieces = pieces_of(self._tokenizer, texts)
        ends = np.cumsum([0, *map(len, pieces)])
        ones = np.ones(ends[-1], np.float32)
        # Counts times vectors, which needs no copy of the vectors of each text.
        counts = csr_array((ones, np.concatenate(pieces), ends), (len(texts), len(self._vectors)))
        sums = counts @ self._vectors
        return sums / np.linalg.norm(sums, axis=1, keepdims=True).clip(min=1e-12)

    def unknown_share(self, words: Sequence[str]) -> float:
        """The share of `words` with a piece that was not learned."""
        pieces = pieces_of(self._tokenizer, words)
        return sum(self._unknown in ids for ids in pieces) / len(words)


def write_nko_model(folder: Path, tokenizer: Tokenizer, vectors: np.ndarray) -> None:
    """Put the model with `vectors`, float32 (pieces, dimensions), into `folder`, in 8 bits."""
    # No less than what half precision can hold.
    scales = (np.abs(vectors).max(axis=1) / 127).clip(min=1e-4).astype(np.float16)
    table = np.round(vectors / scales.astype(np.float32)[:, None]).clip(-127, 127).astype(np.int8)
    with atomic_path(folder / TABLE) as temporary, temporary.open("wb") as file:
        np.savez(file, table=table, scales=scales)
    with atomic_path(folder / TOKENIZER) as temporary:
        temporary.write_text(tokenizer.to_str(), encoding="utf-8")
