"""Format B: exchanges between a learner and a tutor, made from the pairs by template."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from nko_assets.corpus.conversation_templates import SYSTEM, TEMPLATES, Template
from nko_assets.corpus.deduplicate import plain
from nko_assets.corpus.rows import Row, provenance, row_id, typed
from nko_assets.nko import key
from nko_assets.schemas.training import Conversations

# Two of the single-text templates for each pair and language: both directions come up over the
# corpus, and no text is repeated so often that a model learns it by heart.
PER_PAIR: Final = 2
LANGUAGES: Final = {"en": "english", "fr": "french"}
_GROUP = 3


@dataclass(frozen=True, slots=True)
class Taught:
    """One text as a template sees it."""

    nko: str
    latin: str
    meaning: str


def conversations(pairs: pl.DataFrame) -> pl.DataFrame:
    """Exchanges (`Conversations`) about the deduplicated `pairs` (`TranslationPairs`).

    Each pair is taught alone by `PER_PAIR` templates in each language that translates it, chosen
    by a hash of the pair; neighbouring pairs of a video are also taught together. The order of
    `pairs` does not matter.
    """
    rows: list[dict[str, Any]] = []
    for language, column in LANGUAGES.items():
        translated = pairs.filter(pl.col(column).is_not_null())
        for pair in translated.iter_rows(named=True):
            fitting = [template for template in _templates(language, 1) if _fits(template, pair)]
            rows += [
                conversation(template, [pair], column)
                for template in _ranked(fitting, pair["id"])[:PER_PAIR]
            ]
        for group in _groups(translated, column):
            # Three texts make a list of the lesson; the first two of them also a correction.
            for size in range(2, len(group) + 1):
                taught = group[:size]
                seed = "".join(pair["id"] for pair in taught)
                ranked = _ranked(_templates(language, size), seed)
                rows += [conversation(template, taught, column) for template in ranked[:1]]
    return typed(Conversations, rows)


def conversation(
    template: Template, pairs: Sequence[Row], column: str, *, origin: str = "extracted"
) -> dict[str, Any]:
    """One row: `template` filled with `pairs`, whose meanings are in `column`."""
    taught = [Taught(on_one_line(pair["nko"]), pair["latin"], pair[column]) for pair in pairs]
    spoken = [turn.format(*taught) for turn in template.turns]
    return {
        **provenance(pairs),
        **({} if column == "english" else {"english_by": None}),
        "id": row_id("conversation", template.name, *(pair["id"] for pair in pairs)),
        "origin": origin,
        "messages": messages(template.language, spoken),
        "language": template.language,
        "template": template.name,
        "nko": "\n".join(text.nko for text in taught),
    }


def messages(language: str, spoken: Sequence[str]) -> list[dict[str, str]]:
    """The system message, then user and assistant in turn."""
    roles = ("user", "assistant")
    return [
        {"role": "system", "content": SYSTEM[language]},
        *({"role": roles[turn % 2], "content": text} for turn, text in enumerate(spoken)),
    ]


def on_one_line(nko: str) -> str:
    """A text as it stands inside a message, where a line end would end it."""
    return " ".join(nko.split())


def _templates(language: str, texts: int) -> list[Template]:
    return [
        template
        for template in TEMPLATES
        if template.language == language and template.texts == texts
    ]


def _fits(template: Template, pair: Row) -> bool:
    return pair["kind"] in template.kinds


def _ranked(templates: Sequence[Template], seed: str) -> list[Template]:
    """Templates in an order that depends on `seed` alone, not on their place in the list."""
    return sorted(
        templates,
        key=lambda template: hashlib.sha256(f"{seed}{template.name}".encode()).digest(),
    )


def _groups(pairs: pl.DataFrame, column: str) -> Iterator[list[Row]]:
    """Neighbouring pairs of a video, two or three at a time, no two alike in text or meaning."""
    by_video: defaultdict[str, list[Row]] = defaultdict(list)
    for pair in pairs.sort("timestamp_ms", "id").iter_rows(named=True):
        by_video[pair["video_id"]].append(pair)
    for lesson in by_video.values():
        for start in range(0, len(lesson), _GROUP):
            group: list[Row] = []
            for candidate in lesson[start : start + _GROUP]:
                if all(_unlike(candidate, other, column) for other in group):
                    group.append(candidate)
            if len(group) > 1:
                yield group


def _unlike(one: Row, other: Row, column: str) -> bool:
    return key(one["nko"]) != key(other["nko"]) and plain(one[column]) != plain(other[column])
