"""Two readers' tables of one video to a confidence for each entry, and what speaks against it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from nko_assets.nko import normalize
from nko_assets.reading.trust.dictionary import Dictionary
from nko_assets.reading.trust.evidence import Claim, Evidence, Frame, SeenLine, evidence_of
from nko_assets.reading.trust.model import Fitted, TrustModel, load

# From this confidence on, a line that only the offline reader read is a line that was missed.
_SURE = 0.9
# A single sign may be a bullet or a speck.
_SHORTEST = 2


@dataclass(frozen=True, slots=True)
class Trust:
    """The probability that an entry's N'Ko is exactly right, and its weakest point in words.

    `read` is what the offline reader read in its place, None when nothing is like it; `same` tells
    that it is the very same; `box` is where it read it, empty when it read something else.
    """

    confidence: float
    weakest: str
    same: bool = False
    box: tuple[int, ...] = ()
    read: str | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """What comparing the readings of one video says.

    `entries` holds the trust in each entry by frame_id and place among the frame's entries,
    `missed` the lines that only the offline reader read, and surely, by frame_id.
    """

    entries: Mapping[tuple[str, int], Trust]
    missed: Mapping[str, tuple[str, ...]]


# Features that one sentence is about.
_ASPECTS = {
    "agreement": (
        *("same_and_sure", "marks_differ", "edits", "unmatched"),
        *("surely_other", "most_surely_other", "other_in_company"),
    ),
    "order": ("out_of_order",),
    "signals": ("signals",),
    "latin": ("latin_shown", "latin_differs"),
    "length": ("length_off", "length"),
    "company": ("company", "company_same"),
    "dictionary": ("unknown_words", "known_better"),
}


def compare_readings(
    readings: pl.DataFrame,
    second: pl.DataFrame,
    dictionary: Dictionary | None = None,
    fitted: Fitted | None = None,
) -> Comparison:
    """Compare one video's `Readings` with the offline reader's `Readings` of the same frames.

    A frame that `second` lacks has nothing to agree with. `fitted` are the packaged models unless
    others are given.
    """
    fitted = fitted or load()
    model = fitted.with_dictionary if dictionary is not None else fitted.without_dictionary
    seen = {row["frame_id"]: _seen(row["lines"]) for row in second.iter_rows(named=True)}
    rows = list(readings.select("frame_id", "entries").iter_rows())
    frames = [
        Frame([_claim(entry) for entry in entries or ()], seen.get(frame_id, ()))
        for frame_id, entries in rows
    ]
    trusts: dict[tuple[str, int], Trust] = {}
    missed: dict[str, tuple[str, ...]] = {}
    found = evidence_of(frames, dictionary)
    for (frame_id, _), frame, evidences in zip(rows, frames, found, strict=True):
        for number, evidence in enumerate(evidences):
            trusts[frame_id, number] = Trust(
                model.probability(evidence),
                weakest_point(model, evidence),
                evidence.same,
                evidence.box,
                evidence.read,
            )
        if lines := _missed(frame, evidences):
            missed[frame_id] = lines
    return Comparison(trusts, missed)


def _missed(frame: Frame, evidences: Sequence[Evidence]) -> tuple[str, ...]:
    covered = {place for evidence in evidences for place in evidence.lines}
    return tuple(
        line.text
        for place, line in enumerate(frame.seen)
        if place not in covered and line.confidence >= _SURE and len(line.text) >= _SHORTEST
    )


def weakest_point(model: TrustModel, evidence: Evidence) -> str:
    """What lowers the confidence most, in words; empty when nothing does."""
    pulls = {aspect: model.pull(evidence, names) for aspect, names in _ASPECTS.items()}
    weakest = min(pulls, key=pulls.__getitem__)
    return _in_words(weakest, evidence) if pulls[weakest] < 0 else ""


def _in_words(aspect: str, evidence: Evidence) -> str:
    if aspect == "agreement":
        return _disagreement(evidence)
    if aspect == "dictionary":
        if evidence.unknown:
            return f"not in the dictionary: “{' '.join(evidence.unknown)}”"
        return f"the dictionary knows more words of what the offline reader read: “{evidence.read}”"
    return {
        "order": "it stands in another order than the lines that the offline reader read",
        "signals": "signals were raised",
        "latin": "the romanization read beside it spells something else",
        "length": "its length does not fit its translation, or it is long",
        "company": "on this video the two readers seldom agree",
    }[aspect]


def _disagreement(evidence: Evidence) -> str:
    if evidence.read is None:
        return "the offline reader read nothing like it on this frame"
    if evidence.same:
        return f"the offline reader read the same, but with confidence {evidence.sureness:.2f}"
    if evidence.same_letters:
        return f"the offline reader read other tone or nasal marks: “{evidence.read}”"
    return f"the offline reader read “{evidence.read}”"


def _claim(entry: Mapping[str, Any]) -> Claim:
    return Claim(normalize(entry["nko"]), entry["latin_shown"], entry["english"])


def _seen(lines: list[Mapping[str, Any]] | None) -> list[SeenLine]:
    return [
        SeenLine(normalize(line["text"]), line["confidence"], tuple(line["box"]))
        for line in lines or ()
        if line["script"] in ("nko", "mixed")
    ]
