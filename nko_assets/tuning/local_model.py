"""A chat model in a folder on this machine: tuned here, or any that transformers can load."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nko_assets.failures import ConfigurationError
from nko_assets.tuning.chat_model import OUTPUT_TOKENS, Answer, Conversation
from nko_assets.tuning.prompts import TASKS, Task

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

CARD: Final = "nko.json"  # the trainer puts one beside the weights: what the model is made of
_TASKS: Final = frozenset(TASKS) - {"read_line"}
# Who says a phrase of at most 64 tokens four times and more on end never comes to an end.
_CIRCLES: Final = 256
_PHRASE: Final = 64
_LOOK_EVERY: Final = 32


class LocalModel:
    """Answers with the likeliest token at each step, so the same question has the same answer.

    Questions are answered `batch` at a time, the longest together, each with at most `max_tokens`
    tokens and within the context of the model. An answer that comes to that bound, or only says the
    same again and again, is cut there and given as far as it went: what does not end is what this
    model says, and no failure of a service. Nothing is loaded before the first question.
    """

    def __init__(self, folder: Path, *, batch: int = 16, max_tokens: int = OUTPUT_TOKENS) -> None:
        """Raises `ConfigurationError` when `folder` holds no model, or nothing can load it."""
        missing = [
            library
            for library in ("torch", "transformers")
            if importlib.util.find_spec(library) is None
        ]
        if missing:
            raise ConfigurationError(
                f"A model on this machine needs {' and '.join(missing)}, not installed here.",
                "Install the extra: pip install -e '.[train]'",
            )
        if not (folder / "config.json").is_file():
            raise ConfigurationError(
                f"{folder} holds no model: there is no config.json.",
                "Name the folder `model` that `nko tune` made, or one with a model of transformers.",
            )
        self._folder = folder
        self._batch = batch
        self._max_tokens = max_tokens

    @cached_property
    def name(self) -> str:
        """Base and digest of a model that was tuned here, else the name of the folder."""
        card = self._folder / CARD
        if card.is_file():
            return json.loads(card.read_text(encoding="utf-8"))["name"]
        return self._folder.absolute().name

    @property
    def tasks(self) -> frozenset[Task]:
        """All but those about pictures."""
        return _TASKS

    def answer(self, conversations: Sequence[Conversation]) -> list[Answer]:
        """One answer for each conversation, in their order.

        Raises `ConfigurationError` when the weights cannot be loaded.
        """
        answers: dict[int, Answer] = {}
        prompts: dict[int, list[int]] = {}
        for place, conversation in enumerate(conversations):
            tokens = self._prompt(conversation)
            if conversation.image is not None:
                answers[place] = Answer(None, "this model reads no pictures")
            elif len(tokens) >= self._context:
                answers[place] = Answer(
                    None,
                    f"the question has {len(tokens)} tokens, and with the answer the model takes "
                    f"{self._context}",
                )
            else:
                prompts[place] = tokens
        by_length = sorted(prompts, key=lambda place: (len(prompts[place]), place))
        for start in range(0, len(by_length), self._batch):
            places = by_length[start : start + self._batch]
            said = self._generate([prompts[place] for place in places])
            answers |= dict(zip(places, said, strict=True))
        return [answers[place] for place in range(len(conversations))]

    def _prompt(self, conversation: Conversation) -> list[int]:
        turns = [{"role": turn.role, "content": turn.content} for turn in conversation.messages]
        text = self._tokenizer.apply_chat_template(
            turns, tokenize=False, add_generation_prompt=True
        )
        return self._tokenizer(text, add_special_tokens=False)["input_ids"]

    def _generate(self, prompts: Sequence[list[int]]) -> Iterator[Answer]:
        import torch

        padded = self._tokenizer.pad({"input_ids": list(prompts)}, return_tensors="pt")
        width = padded["input_ids"].shape[1]
        room = [min(self._max_tokens, self._context - len(prompt)) for prompt in prompts]
        cut: dict[int, int] = {}  # row → tokens that it had said

        def stop(tokens: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
            said = tokens.shape[1] - width
            look = said >= _CIRCLES and said % _LOOK_EVERY == 0
            for row, limit in enumerate(room):
                if said >= limit or (look and _circles(tokens[row, -_CIRCLES:].tolist())):
                    cut.setdefault(row, said)
            return torch.tensor([row in cut for row in range(len(room))], device=tokens.device)

        with torch.inference_mode():
            output = self._model.generate(
                **padded.to(self._model.device),
                do_sample=False,
                num_beams=1,
                temperature=None,
                top_p=None,
                top_k=None,
                max_new_tokens=max(room),
                stopping_criteria=[stop],
            )
        for row, (prompt, said) in enumerate(zip(prompts, output[:, width:].tolist(), strict=True)):
            tokens = said[: cut.get(row)]
            ends = [place for place, token in enumerate(tokens) if token in self._ends]
            tokens = tokens[: ends[0] + 1] if ends else tokens
            text = self._tokenizer.decode(tokens, skip_special_tokens=True).strip()
            yield Answer(text, tokens_in=len(prompt), tokens_out=len(tokens), cut=not ends)

    @cached_property
    def _tokenizer(self) -> PreTrainedTokenizerFast:
        from transformers import AutoTokenizer

        tokenizer = self._load(AutoTokenizer)
        if tokenizer.chat_template is None:
            raise ConfigurationError(
                f"The model in {self._folder} has no chat template.",
                "Name a model that was made for chat.",
            )
        tokenizer.padding_side = "left"  # the answer begins where the question ends
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.eos_token
        return tokenizer

    @cached_property
    def _model(self) -> PreTrainedModel:
        import torch
        from transformers import AutoModelForCausalLM

        gpu = torch.cuda.is_available()
        dtype = torch.bfloat16 if gpu else torch.float32
        model = self._load(AutoModelForCausalLM, dtype=dtype)
        return model.to("cuda" if gpu else "cpu").eval()

    def _load(self, kind: Any, **options: Any) -> Any:
        from transformers.utils import logging

        logging.disable_progress_bar()
        try:
            return kind.from_pretrained(self._folder, local_files_only=True, **options)
        except (OSError, ValueError) as error:
            raise ConfigurationError(
                f"The model in {self._folder} cannot be loaded: {error}",
                "Tune it again, or name another folder.",
            ) from error

    @property
    def _context(self) -> int:
        return self._model.config.get_text_config().max_position_embeddings

    @cached_property
    def _ends(self) -> frozenset[int]:
        given = self._model.generation_config.eos_token_id
        ends = given if isinstance(given, list) else [given, self._tokenizer.eos_token_id]
        return frozenset(end for end in ends if end is not None)


def _circles(tokens: Sequence[int]) -> bool:
    """Whether `tokens` are one phrase of at most `_PHRASE` over and over."""
    return any(tokens[size:] == tokens[:-size] for size in range(1, _PHRASE + 1))
