"""The models that could be tuned, with what is known of each and what is not.

Facts with their source; `KNOWN_ON` says when they were looked up. Prices are elsewhere: those of
Vertex AI in `vertex_prices`, of answers in `reading.gemini.prices`, of hardware in `costs`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

KNOWN_ON: Final = "2026-11-25"

Where = Literal["vertex", "open"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One model.

    `parameters` are billions, None where the maker does not say. `tokenizer` names its rates in
    `tokens.RATES`. `permissive` says whether tuned weights may be passed on under terms of one's
    own choice. `pictures` says whether tuning can teach it to read lines. `preset` is the open
    trainer's configuration for it, if there is one.
    """

    name: str
    family: str
    where: Where
    parameters: float | None
    tokenizer: str
    licence: str
    permissive: bool
    pictures: bool
    source: str
    unknown: tuple[str, ...] = ()
    preset: str | None = None


_VERTEX: Final = "docs.cloud.google.com, About supervised fine-tuning for Gemini models"
_TERMS: Final = "Google Cloud terms; the tuned model stays at Google"
_HIDDEN: Final = (
    "Its tokenizer is not published: tokens are counted at the rates of Gemma's.",
    "How much N'Ko it has seen.",
)
_UNPRICED: Final = "What Google asks for tuning it: the documentation lists it, without a price."
_LLAMA: Final = "Llama Community License: its name has to be kept, uses are restricted"
_GEMMA: Final = "Gemma Terms of Use: restrictions on use pass on to whoever gets the weights"
_READ_LITTLE: Final = "How much N'Ko it has seen; its tokenizer suggests hardly any."

CANDIDATES: Final = (
    *(
        Candidate(
            name, "Gemini", "vertex", None, "gemma3", _TERMS, False, True, _VERTEX, _HIDDEN + more
        )
        for name, more in (
            ("gemini-2.5-flash-lite", ()),
            ("gemini-2.5-flash", ()),
            ("gemini-2.5-pro", ()),
            ("gemini-3.5-flash-lite", (_UNPRICED,)),
            ("gemini-3.5-flash", (_UNPRICED,)),
        )
    ),
    Candidate(
        "SmolLM2-135M-Instruct",
        "SmolLM2",
        "open",
        0.135,
        "smollm2",
        "Apache-2.0",
        True,
        False,
        "huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct",
        ("Whether so small a model can learn more than the phrases it is shown.",),
        preset="smollm2",
    ),
    *(
        Candidate(
            name,
            "Qwen",
            "open",
            parameters,
            "qwen3",
            "Apache-2.0",
            True,
            False,
            f"huggingface.co/Qwen/{name}",
            (_READ_LITTLE,),
            preset=preset,
        )
        for name, parameters, preset in (
            ("Qwen3-1.7B", 1.7, None),
            ("Qwen3-4B-Instruct-2507", 4.0, "qwen3"),
            ("Qwen3-8B", 8.2, None),
        )
    ),
    *(
        Candidate(
            name,
            "Gemma",
            "open",
            parameters,
            "gemma3",
            _GEMMA,
            False,
            False,
            f"huggingface.co/google/{name}",
            (_READ_LITTLE,),
        )
        for name, parameters in (
            ("gemma-3-1b-it", 1.0),
            ("gemma-3-4b-it", 4.3),
            ("gemma-3-12b-it", 12.2),
        )
    ),
    *(
        Candidate(
            name,
            "Llama",
            "open",
            parameters,
            "llama3",
            _LLAMA,
            False,
            False,
            f"huggingface.co/meta-llama/{name}",
            (_READ_LITTLE,),
        )
        for name, parameters in (
            ("Llama-3.2-1B-Instruct", 1.24),
            ("Llama-3.2-3B-Instruct", 3.21),
            ("Llama-3.1-8B-Instruct", 8.03),
        )
    ),
    Candidate(
        "Mistral-Nemo-Instruct-2407",
        "Mistral",
        "open",
        12.2,
        "mistral_nemo",
        "Apache-2.0",
        True,
        False,
        "huggingface.co/mistralai/Mistral-Nemo-Instruct-2407",
        (_READ_LITTLE,),
    ),
)
"""Every candidate, those of one family from small to large."""
