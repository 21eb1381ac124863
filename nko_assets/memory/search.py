"""Search: what a query is, the rows it finds by their words and by their meaning, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

from nko_assets.failures import ConfigurationError
from nko_assets.memory.columns import vector_text
from nko_assets.memory.embeddings import Embedder
from nko_assets.memory.rows import MOTIF_TYPES, PHASES, Vector
from nko_assets.nko import normalize, words
from nko_assets.reading.language import ROMANIZED, language_shares

NKO = "nqo"
TYPES = ("turn", *MOTIF_TYPES)
MOST_RESULTS = 100
LONGEST_QUERY = 1_000
"""Characters of a normalized query."""
Trouble = Literal["nothing_asked", "too_long"]
TOLD: Final[Mapping[Trouble, tuple[str, str]]] = {
    "nothing_asked": ("There is nothing to search for.", "Give a word or a sentence."),
    "too_long": (
        "The query is too long.",
        f"At most {LONGEST_QUERY:,} characters are searched for.",
    ),
}
"""What is wrong with a query, and what to do."""
# From which a text in Latin letters is taken for romanized N'Ko, which sentence models do not know.
SURELY_ROMANIZED = 0.5
LETTERS_OF_ROMANIZED = frozenset("ɛɔɲŋ")
"""English and French have none of them."""


class Memory(Protocol):
    """Whatever can call a function of the memory: a `MemoryStore` does."""

    def call(self, function: str, arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The rows that `function` gives."""
        ...


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked: the text, its language, and what its vector is compared with.

    `meaning` is compared with translations, and with the N'Ko of rows that have none; `nko` with
    the N'Ko of all rows. Both are None where no model knows the language.
    """

    text: str
    language: str
    meaning: Vector | None
    nko: Vector | None


@dataclass(frozen=True, slots=True)
class Hit:
    """A turn or a motif that was found.

    `type` is turn, vocabulary, phrase or pattern; `phase` is that of a turn. `words` are those of
    the query that it holds, folded, rarest first; `whole` says that it is the query and nothing
    else; `similarity` is the cosine of the meanings, None when it was found by words alone.
    """

    type: str
    id: str
    score: float
    nko: str
    latin: str
    english: str | None
    french: str | None
    video_id: str | None
    title: str | None
    url: str | None
    frame_id: str | None
    timestamp_ms: int | None
    phase: str | None
    source: str
    licence: str
    words: tuple[str, ...]
    whole: bool
    similarity: float | None

    @property
    def why(self) -> str:
        """Why it was found, for people."""
        reasons = []
        if self.whole:
            reasons.append("the same words")
        elif self.words:
            reasons.append("words: " + ", ".join(self.words))
        if self.similarity is not None:
            reasons.append(f"meaning: {self.similarity:.2f}")
        return "; ".join(reasons)


def trouble_with(text: str) -> Trouble | None:
    """Why `text` cannot be searched for; None when it can."""
    return _trouble(_asked(text))


def _asked(text: str) -> str:
    return " ".join(normalize(text).split())


def _trouble(asked: str) -> Trouble | None:
    if not any(map(str.isalnum, asked)):
        return "nothing_asked"
    return "too_long" if len(asked) > LONGEST_QUERY else None


def understand(text: str, embedder: Embedder) -> Query:
    """What `text` asks for: N'Ko with or without tones, Latin with or without accents, or a language.

    Raises ConfigurationError when it is empty or longer than `LONGEST_QUERY`.
    """
    asked = _asked(text)
    trouble = _trouble(asked)
    if trouble is not None:
        raise ConfigurationError(*TOLD[trouble])
    if words(asked):
        return Query(asked, NKO, None, embedder.embed_nko([asked])[0])
    if LETTERS_OF_ROMANIZED.intersection(asked.lower()):
        return Query(asked, ROMANIZED, None, None)
    shares = language_shares(asked)
    language = max(shares, key=lambda name: shares[name])
    if shares[ROMANIZED] > SURELY_ROMANIZED:
        return Query(asked, ROMANIZED, None, None)
    return Query(asked, language, embedder.embed_english([asked])[0], None)


def search(
    memory: Memory,
    embedder: Embedder,
    text: str,
    *,
    video: str | None = None,
    types: Sequence[str] | None = None,
    phase: str | None = None,
    limit: int = 20,
) -> list[Hit]:
    """The best `limit` turns and motifs for `text`, best first.

    `video` is the id of the one to look in; `types` some of `TYPES`; `phase` one of `PHASES`, which
    only turns have. Raises ConfigurationError for what is none of these, and what `memory` raises.
    """
    if unknown := sorted(set(types or ()) - set(TYPES)):
        raise ConfigurationError(
            f"There is no type {', '.join(unknown)}.", f"There are {', '.join(TYPES)}."
        )
    if phase is not None and phase not in PHASES:
        raise ConfigurationError(f"There is no phase {phase}.", f"There are {', '.join(PHASES)}.")
    if not 1 <= limit <= MOST_RESULTS:
        raise ConfigurationError(
            f"{limit} results cannot be asked for.", f"From 1 to {MOST_RESULTS} can."
        )
    query = understand(text, embedder)
    rows = memory.call(
        "memory_search",
        {
            "query_text": query.text,
            "query_embedding": None if query.meaning is None else vector_text(query.meaning),
            "query_nko_embedding": None if query.nko is None else vector_text(query.nko),
            "in_video": video,
            "of_types": list(types) if types else None,
            "in_phase": phase,
            "max_results": limit,
        },
    )
    return [_hit(row) for row in rows]


def _hit(row: Mapping[str, Any]) -> Hit:
    content, matched = row["content"], row["matched"] or ()
    similarity = row["similarity"]
    return Hit(
        type=row["type"],
        id=str(row["id"]),
        score=row["score"],
        nko=content["nko_text"],
        latin=content["latin"],
        english=content.get("english"),
        french=content.get("french"),
        video_id=row["video_id"],
        title=row["title"],
        url=row["url"],
        frame_id=row["frame_id"],
        timestamp_ms=row["timestamp_ms"],
        phase=row["phase"],
        source=row["source"],
        licence=row["licence"],
        words=tuple(word for word in matched if not word.startswith("=")),
        whole=any(word.startswith("=") for word in matched),
        similarity=None if similarity is None else float(similarity),
    )
