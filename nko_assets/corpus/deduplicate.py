"""One row for one phrase: duplicates of text between frames and videos, exact and nearly so.

Dropping a row loses what it says, so a row is dropped only when its translation is that of the
row that stays: a drill sentence that differs from another in one letter and in its meaning is no
duplicate. Rows that differ by tones alone are never dropped, since a tone is meaning (definite
and indefinite may share a translation); they are reported, and where one with the same
translation is better attested, the other is marked doubtful for a person to look at.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from nko_assets.corpus.rows import Row, rejection, row_id, typed
from nko_assets.corpus.similar import LONG_ENOUGH, NearDuplicates, fold, letters
from nko_assets.nko import key, strip_tones, tone_key
from nko_assets.schemas.corpus import RejectedRows, ToneVariants
from nko_assets.schemas.training import TranslationPairs

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Deduplicated:
    """Pairs kept (`TranslationPairs`), dropped (`RejectedRows`), and `ToneVariants` among them."""

    kept: pl.DataFrame
    dropped: pl.DataFrame
    tone_variants: pl.DataFrame


@dataclass(slots=True)
class _Candidate:
    """A pair that stands for `readings` pairs with its text and translation."""

    row: Row
    readings: int = 1

    @property
    def strength(self) -> tuple[int, float]:
        return self.readings, _confidence(self.row)


def deduplicate(pairs: pl.DataFrame) -> Deduplicated:
    """Keep one row of `pairs` for each text and translation, whatever order they come in.

    Of exact duplicates (`nko.key` and translation) the one with more languages, then with the
    highest confidence, stays. Of near-duplicates (see `similar`) with the same translation the
    one read most often, then with the highest confidence, stays.
    """
    dropped: list[dict[str, Any]] = []
    distinct = _drop_exact(list(pairs.iter_rows(named=True)), dropped)
    kept = _drop_near(distinct, dropped)
    # What a dropped row stood for now has the row that was kept instead.
    instead = {row["id"]: row["kept_id"] for row in dropped}
    for row in dropped:
        row["kept_id"] = instead.get(row["kept_id"], row["kept_id"])
    return Deduplicated(
        kept=typed(TranslationPairs, [candidate.row for candidate in kept]),
        dropped=typed(RejectedRows, dropped),
        tone_variants=typed(ToneVariants, _tone_variants(kept)),
    )


def same_translation(one: Row, other: Row) -> bool:
    """Whether two rows agree in every language that both have, and have one in common.

    Case, punctuation and spacing do not count.
    """
    shared = [
        (plain(one[language]), plain(other[language]))
        for language in ("english", "french")
        if one[language] is not None and other[language] is not None
    ]
    return bool(shared) and all(mine == theirs for mine, theirs in shared)


def plain(translation: str) -> str:
    """A translation without case, punctuation and spacing, for comparison."""
    return " ".join(_WORD.findall(translation.casefold()))


def _drop_exact(rows: Sequence[Row], dropped: list[dict[str, Any]]) -> list[_Candidate]:
    kept: defaultdict[str, list[_Candidate]] = defaultdict(list)
    for row in sorted(rows, key=_richest_first):
        same_text = kept[key(row["nko"])]
        for candidate in same_text:
            if same_translation(candidate.row, row):
                candidate.readings += 1
                dropped.append(
                    rejection(
                        row,
                        row["id"],
                        "duplicate",
                        "the same text with the same translation is kept from another frame",
                        candidate.row["id"],
                    )
                )
                break
        else:
            same_text.append(_Candidate(row))
    return [candidate for same_text in kept.values() for candidate in same_text]


def _drop_near(candidates: list[_Candidate], dropped: list[dict[str, Any]]) -> list[_Candidate]:
    """Compare each with those kept so far, best attested first, so that no chain drifts."""
    kept: list[_Candidate] = []
    by_fold: defaultdict[str, list[_Candidate]] = defaultdict(list)
    index = NearDuplicates()
    for candidate in sorted(candidates, key=lambda one: (-one.readings, _richest_first(one.row))):
        folded = fold(candidate.row["nko"])
        twin = None
        if len(folded) >= LONG_ENOUGH:
            twin = next(
                (
                    other
                    for _, near in index.like(folded)
                    for other in by_fold[near]
                    if same_translation(other.row, candidate.row)
                    and not differ_by_tone_alone(other.row["nko"], candidate.row["nko"])
                ),
                None,
            )
            if twin is None:
                index.add(folded)
        if twin is None:
            kept.append(candidate)
            by_fold[folded].append(candidate)
        else:
            dropped.append(
                rejection(
                    candidate.row,
                    candidate.row["id"],
                    "near_duplicate",
                    "nearly the same text with the same translation is better attested",
                    twin.row["id"],
                )
            )
    return kept


def differ_by_tone_alone(one: str, other: str) -> bool:
    """Whether two texts have the same letters with different tones."""
    mine, theirs = letters(one), letters(other)
    return mine != theirs and strip_tones(mine) == strip_tones(theirs)


def _tone_variants(kept: Sequence[_Candidate]) -> list[dict[str, Any]]:
    families: defaultdict[str, list[_Candidate]] = defaultdict(list)
    for candidate in kept:
        families[tone_key(candidate.row["nko"])].append(candidate)
    variants = []
    for toneless, family in families.items():
        if len({key(member.row["nko"]) for member in family}) < 2:
            continue
        forms = [_form(member, family) for member in family]
        forms.sort(key=lambda form: (-form["readings"], form["nko"], form["id"]))
        same = any(_rivals(member, family) for member in family)
        variants.append(
            {
                "id": row_id("tone variants", toneless),
                "toneless": toneless,
                "verdict": "same_translation" if same else "minimal_pair",
                "forms": forms,
            }
        )
    return variants


def _form(member: _Candidate, family: Sequence[_Candidate]) -> dict[str, Any]:
    return {
        **{name: member.row[name] for name in ("id", "nko", "latin", "english", "french")},
        "readings": member.readings,
        "confidence": member.row["confidence"],
        "doubtful": any(rival.strength > member.strength for rival in _rivals(member, family)),
    }


def _rivals(member: _Candidate, family: Sequence[_Candidate]) -> list[_Candidate]:
    """The other spellings in the family that have the member's translation."""
    return [
        other
        for other in family
        if key(other.row["nko"]) != key(member.row["nko"])
        and same_translation(other.row, member.row)
    ]


def _richest_first(row: Row) -> tuple[Any, ...]:
    languages = sum(row[language] is not None for language in ("english", "french"))
    return (
        -languages,
        row["english_by"] == "reader",  # a translation that was shown is better than a made one
        -_confidence(row),
        row["video_id"],
        row["timestamp_ms"],
        row["frame_id"],
        row["id"],
    )


def _confidence(row: Row) -> float:
    """Confidence for ranking; an unknown one ranks last."""
    return -1.0 if row["confidence"] is None else float(row["confidence"])
