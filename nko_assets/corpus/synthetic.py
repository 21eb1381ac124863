"""Further exchanges derived by rule from accepted pairs, marked synthetic, never for validation.

Only derivations that are certainly true: spelling word by word, a word left out, tones put back,
words put back in order, digits converted.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import polars as pl

from nko_assets.corpus.conversations import LANGUAGES, messages, on_one_line
from nko_assets.corpus.rows import Row, provenance, row_id, typed
from nko_assets.nko import romanize, strip_tones, words
from nko_assets.schemas.training import Conversations

GAP: Final = "…"
_DIGIT = re.compile("[߀-߉]")
# A whole number: no part of a decimal, a time or a date.
_NUMBER = re.compile("(?<![߀-߉])(?<![߀-߉][.,:/])[߀-߉]+(?![.,:/]?[߀-߉])")

# What a derivation shows beside its text; splits keep these on one side too.
_TEXTS: Final = ("word", "number", "gapped", "toneless", "shuffled")

# Instructions and answers by language; `{nko}`, `{latin}`, `{meaning}` are the pair's.
_WORDING: Final = {
    "spell": {
        "en": (
            "Transcribe word by word: {nko}",
            "{spelled}\n{spelled_latin}\nTogether: “{meaning}”.",
        ),
        "fr": (
            "Transcris mot à mot : {nko}",
            "{spelled}\n{spelled_latin}\nEnsemble : « {meaning} ».",
        ),
    },
    "cloze": {
        "en": (
            "Complete this text of the lesson, which means “{meaning}”: {gapped}",
            "The missing word is {word} ({word_latin}).\nThe whole text: {nko} ({latin}).",
        ),
        "fr": (
            "Complète ce texte de la leçon, qui veut dire « {meaning} » : {gapped}",
            "Le mot qui manque est {word} ({word_latin}).\nLe texte entier : {nko} ({latin}).",
        ),
    },
    "tones": {
        "en": (
            "Put back the tone marks of the lesson: {toneless}\nIt means “{meaning}”.",
            "{nko} ({latin})",
        ),
        "fr": (
            "Remets les tons de la leçon : {toneless}\nCela veut dire « {meaning} ».",
            "{nko} ({latin})",
        ),
    },
    "order": {
        "en": (
            "Put these words in order: {shuffled}\nTogether they mean “{meaning}”.",
            "{nko} ({latin})",
        ),
        "fr": (
            "Remets ces mots dans l'ordre : {shuffled}\nEnsemble : « {meaning} ».",
            "{nko} ({latin})",
        ),
    },
    "digits": {
        "en": (
            "Which number is {number} in “{meaning}”, {nko} ({latin})?",
            "{number} is {value}.",
        ),
        "fr": (
            "Quel nombre est {number} dans « {meaning} », {nko} ({latin}) ?",
            "{number} est {value}.",
        ),
    },
}


def synthetic_examples(pairs: pl.DataFrame) -> pl.DataFrame:
    """Exchanges (`Conversations`, origin synthetic) derived from `pairs` (`TranslationPairs`)."""
    rows = [
        _row(pair, language, column, name, facts)
        for pair in pairs.with_columns(
            pl.col("nko").map_elements(on_one_line, return_dtype=pl.String)
        ).iter_rows(named=True)
        for language, column in LANGUAGES.items()
        if pair[column] is not None
        for name, derive in _DERIVATIONS.items()
        if (facts := derive(pair)) is not None
    ]
    return typed(Conversations, rows)


def _row(pair: Row, language: str, column: str, name: str, facts: dict[str, str]) -> dict[str, Any]:
    known = {"nko": pair["nko"], "latin": pair["latin"], "meaning": pair[column], **facts}
    shown = [pair["nko"], *(facts[part] for part in _TEXTS if part in facts)]
    return {
        **provenance([pair]),
        **({} if column == "english" else {"english_by": None}),
        "id": row_id("synthetic", name, language, pair["id"]),
        "origin": "synthetic",
        "messages": messages(language, [turn.format(**known) for turn in _WORDING[name][language]]),
        "language": language,
        "template": f"synthetic/{language}/{name}",
        "nko": "\n".join(dict.fromkeys(shown)),
    }


def _spell(pair: Row) -> dict[str, str] | None:
    spelled = words(pair["nko"])
    if len(spelled) < 2 or _DIGIT.search(pair["nko"]):  # a number is no word, yet is read aloud
        return None
    # N'Ko and Latin on lines of their own: a word alone on a line would be a text by itself.
    return {
        "spelled": " · ".join(spelled),
        "spelled_latin": " · ".join(romanize(word) for word in spelled),
    }


def _cloze(pair: Row) -> dict[str, str] | None:
    """Leave out one word that occurs once in a text of three or more."""
    text = pair["nko"]
    present = words(text)
    single = [word for word in present if present.count(word) == 1 and text.count(word) == 1]
    if len(present) < 3 or not single:
        return None
    word = single[_choice(pair["id"]) % len(single)]
    return {"gapped": text.replace(word, GAP), "word": word, "word_latin": romanize(word)}


def _tones(pair: Row) -> dict[str, str] | None:
    toneless = strip_tones(pair["nko"])
    return None if toneless == pair["nko"] else {"toneless": toneless}


def _order(pair: Row) -> dict[str, str] | None:
    """Shuffle by hash the words of a text of four or more without inner punctuation."""
    pieces = pair["nko"].split(" ")
    if len(pieces) < 4 or [*_words_of(pieces)] != pieces:
        return None
    shuffled = sorted(
        pieces, key=lambda word: hashlib.sha256((pair["id"] + word).encode()).digest()
    )
    return None if shuffled == pieces else {"shuffled": " / ".join(shuffled)}


def _words_of(pieces: list[str]) -> Iterator[str]:
    for piece in pieces:
        yield from words(piece)


def _digits(pair: Row) -> dict[str, str] | None:
    number = _NUMBER.search(pair["nko"])
    return None if number is None else {"number": number[0], "value": str(int(number[0]))}


def _choice(seed: str) -> int:
    return int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big")


_DERIVATIONS: Final[dict[str, Callable[[Row], dict[str, str] | None]]] = {
    "spell": _spell,
    "cloze": _cloze,
    "tones": _tones,
    "order": _order,
    "digits": _digits,
}
