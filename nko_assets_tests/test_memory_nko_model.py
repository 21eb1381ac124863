"""The N'Ko model as it is kept: what writing and reading it back changes."""

import numpy as np
import pytest

from nko_assets.failures import ConfigurationError
from nko_assets.memory.embeddings import WEIGHTS
from nko_assets.memory.nko_model import NkoModel, pieces_of, plain, write_nko_model

MODEL = NkoModel.load(WEIGHTS)


def test_eight_bits_keep_the_direction_of_a_vector(tmp_path):
    vectors = np.random.default_rng(1).standard_normal((16_000, 384)).astype(np.float32)
    write_nko_model(tmp_path, MODEL._tokenizer, vectors)
    texts = ["ߖߌ", "ߌ ߣߌ߫ ߛߐ߰ߡߊ߬", "ߞߊ߬ߙߊ߲"]
    expected = np.stack([vectors[ids].mean(axis=0) for ids in pieces_of(MODEL._tokenizer, texts)])
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    assert (NkoModel.load(tmp_path).embed(texts) * expected).sum(axis=1).min() > 0.9999


def test_a_piece_that_was_never_moved_is_kept(tmp_path):
    vectors = np.ones((16_000, 384), np.float32)
    vectors[5] = 0
    write_nko_model(tmp_path, MODEL._tokenizer, vectors)
    assert np.isfinite(NkoModel.load(tmp_path).embed(["ߖߌ"])).all()


def test_the_name_follows_the_weights(tmp_path):
    write_nko_model(tmp_path, MODEL._tokenizer, np.ones((16_000, 384), np.float32))
    assert NkoModel.load(tmp_path).name != MODEL.name


def test_a_text_is_read_without_tones_and_capitals():
    assert plain("ߌ ߣߌ߫ ߛߐ߰ߡߊ߬ Mali") == "ߌ ߣߌ ߛߐߡߊ mali"


def test_a_text_without_a_piece_is_unknown():
    assert pieces_of(MODEL._tokenizer, [""]) == [[MODEL._unknown]]
    assert MODEL.unknown_share(["漢", "ߖߌ"]) == 0.5


def test_a_folder_without_weights_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match=r"nko_static\.npz is missing"):
        NkoModel.load(tmp_path)
