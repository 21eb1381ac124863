"""How well a reader read the sample channel: its readings against the known text.

Errors are Levenshtein distances over code points of NFC text with spaces collapsed. Lines are
matched to lines so that the sum of errors is least; a missed line costs all its characters, and so
does a line that is not there.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cdist
from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]

from nko_assets.failures import PermanentFailure
from nko_assets.reading.review import GATE
from nko_assets.sample.lessons import lessons
from nko_assets.sample.truth import TruthEntry, TruthSlide, truth_for

PARTNERS = ("latin_shown", "english", "french")

_RECOGNIZABLE = 0.5  # a match with more than half of its characters wrong is no match
_SAME_PARTNER = 0.25  # a Latin line read a little wrong (or by one letter) is still that line

LINE_SCHEMA = pl.Schema(
    {
        "video_id": pl.String,
        "timestamp_ms": pl.Int64,
        "expected": pl.String,  # null for a line that is not on screen
        "read": pl.String,  # null for a line that was missed
        "errors": pl.Int64,
    }
)


@dataclass(frozen=True, slots=True)
class SampleScore:
    """Counts over all frames scored; N'Ko lines only, and pairs of N'Ko with its partners.

    A partner is a romanization, an English or a French text that the slide shows for a N'Ko line.
    """

    frames: int
    characters: int
    character_errors: int
    lines_expected: int
    lines_found: int
    """Matched with at most half of the characters wrong."""
    lines_exact: int
    lines_spurious: int
    """Read where there is no N'Ko line."""
    pairs_expected: int
    pairs_right: int
    """The partner line stands in the right entry, as whatever it was taken for."""
    pairs_named_right: int
    """Also taken for what it is: romanization, English or French."""
    pairs_spurious: int
    """Partners read that the slide does not pair."""

    @property
    def cer(self) -> float:
        """Character error rate: errors over the characters on screen."""
        return self.character_errors / self.characters

    @property
    def pairing(self) -> float:
        """Share of the known pairs that were paired right."""
        return self.pairs_right / self.pairs_expected

    @property
    def naming(self) -> float:
        """Share of the known pairs that were paired right and told apart by language."""
        return self.pairs_named_right / self.pairs_expected


def score_readings(readings: pl.DataFrame) -> SampleScore:
    """Score a `Readings` table; rows of videos that are not of the sample are left out.

    Every row counts, whatever its status: a frame that failed is a frame with every line missed.
    Raises `PermanentFailure` when there is nothing to score against.
    """
    rows = list(_sample_rows(readings))
    compared = compare_lines(readings)
    expected = compared.filter(pl.col("expected").is_not_null())
    pairs = [_score_pairs(slide.entries, row["entries"] or ()) for row, slide in rows]
    characters = int(expected["expected"].str.len_chars().sum())
    pairs_expected = sum(counts[0] for counts in pairs)
    if not characters or not pairs_expected:
        raise PermanentFailure(
            f"The {len(rows)} readings of sample lessons show no N'Ko with a translation.",
            "Score a lesson that has some.",
        )
    found = expected.filter(
        pl.col("read").is_not_null()
        & (pl.col("errors") <= pl.col("expected").str.len_chars() * _RECOGNIZABLE)
    )
    return SampleScore(
        frames=len(rows),
        characters=characters,
        character_errors=int(compared["errors"].sum()),
        lines_expected=expected.height,
        lines_found=found.height,
        lines_exact=found.filter(pl.col("errors") == 0).height,
        lines_spurious=compared.height - expected.height,
        pairs_expected=pairs_expected,
        pairs_right=sum(counts[1] for counts in pairs),
        pairs_named_right=sum(counts[2] for counts in pairs),
        pairs_spurious=sum(counts[3] for counts in pairs),
    )


def compare_lines(readings: pl.DataFrame) -> pl.DataFrame:
    """Each N'Ko line on screen beside the line read for it, and the lines read beyond (LINE_SCHEMA)."""
    compared: list[tuple[str, int, str | None, str | None, int]] = []
    for row, slide in _sample_rows(readings):
        expected = [comparable(line.text) for line in slide.lines if line.script == "nko"]
        read = [
            comparable(line["text"])
            for line in row["lines"] or ()
            if line["script"] in ("nko", "mixed")
        ]
        for left, right in _match(expected, read, _distances(expected, read)):
            one = None if left is None else expected[left]
            other = None if right is None else read[right]
            errors = Levenshtein.distance(one or "", other or "")
            compared.append((row["video_id"], row["timestamp_ms"], one, other, errors))
    return pl.DataFrame(compared, schema=LINE_SCHEMA, orient="row")


def right_entries(reviewed: pl.DataFrame) -> dict[str, bool]:
    """Of each entry of the sample channel, by reading_id, whether a slide shows its very N'Ko.

    `reviewed` follows `ReviewedReadings`. Entries that a person decided on are left out: they may
    have been corrected.
    """
    own = reviewed.filter(
        (pl.col("entry") >= 0)
        & (pl.col("decided_by") == GATE)
        & pl.col("video_id").is_in(list(lessons()))
    )
    columns = ["reading_id", "video_id", "timestamp_ms", "nko"]
    right = {}
    for identity, video_id, timestamp_ms, nko in own.select(columns).iter_rows():
        truth = truth_for(video_id)
        slide = truth.slide_at(min(timestamp_ms, truth.duration_ms - 1))
        shown = {comparable(line.text) for line in slide.lines if line.script == "nko"}
        shown |= {comparable(entry.nko) for entry in slide.entries}
        right[identity] = comparable(nko) in shown
    return right


def comparable(text: str) -> str:
    """The text as it is compared: NFC, spaces collapsed."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def _sample_rows(readings: pl.DataFrame) -> Iterator[tuple[dict[str, Any], TruthSlide]]:
    known = lessons()
    ours = readings.filter(pl.col("video_id").is_in(list(known)))
    if ours.is_empty():
        raise PermanentFailure(
            f"None of the {readings.height} readings belongs to the sample channel.",
            "Read the sample channel first: `nko run --source sample`.",
        )
    columns = ["video_id", "timestamp_ms", "lines", "entries"]
    for row in ours.select(columns).iter_rows(named=True):
        truth = truth_for(row["video_id"])
        # Sampling may take the very last frame a few milliseconds after its start.
        yield row, truth.slide_at(min(row["timestamp_ms"], truth.duration_ms - 1))


def _distances(expected: Sequence[str], read: Sequence[str]) -> np.ndarray:
    if not expected or not read:
        return np.zeros((len(expected), len(read)))
    return cdist(expected, read, scorer=Levenshtein.distance).astype(float)


def _match(
    expected: Sequence[str], read: Sequence[str], costs: np.ndarray
) -> Iterator[tuple[int | None, int | None]]:
    """Pairs of places with the least total cost; what has no partner costs its characters."""
    size = max(len(expected), len(read))
    padded = np.zeros((size, size))
    padded[: len(expected), len(read) :] = np.array([len(text) for text in expected])[:, None]
    padded[len(expected) :, : len(read)] = np.array([len(text) for text in read])[None, :]
    padded[: len(expected), : len(read)] = costs
    for left, right in zip(*linear_sum_assignment(padded), strict=True):
        yield (
            int(left) if left < len(expected) else None,
            int(right) if right < len(read) else None,
        )


def _score_pairs(
    known: Sequence[TruthEntry], read: Sequence[Mapping[str, Any]]
) -> tuple[int, int, int, int]:
    """Pairs expected, right, right in language too, and read but not known."""
    expected_nko = [comparable(entry.nko) for entry in known]
    read_nko = [comparable(entry["nko"]) for entry in read]
    costs = _distances(expected_nko, read_nko)
    for left, entry in enumerate(known):
        for right, other in enumerate(read):
            # The same word may stand on a slide twice: then the place decides.
            costs[left, right] += 0.5 * (1 - _overlap(entry.box, other["box"]))
    matches = dict(_match(expected_nko, read_nko, costs))
    expected = named = misnamed = 0
    for place, entry in enumerate(known):
        partners = {name: text for name in PARTNERS if (text := getattr(entry, name))}
        expected += len(partners)
        match = matches[place]
        if match is None or not _is_recognizable(expected_nko[place], read_nko[match]):
            continue
        found = {name: text for name in PARTNERS if (text := read[match][name])}
        same = [name for name in partners if _is_same(partners[name], found.get(name))]
        named += len(same)
        # Of what is left, a line that was taken for another language is still the right line.
        left_over = [text for name, text in found.items() if name not in same]
        for name in partners.keys() - same:
            taken = next((text for text in left_over if _is_same(partners[name], text)), None)
            if taken is not None:
                left_over.remove(taken)
                misnamed += 1
    claimed = sum(bool(entry[name]) for entry in read for name in PARTNERS)
    return expected, named + misnamed, named, claimed - named - misnamed


def _is_recognizable(expected: str, read: str) -> bool:
    return Levenshtein.distance(expected, read) <= _RECOGNIZABLE * len(expected)


def _is_same(one: str, other: str | None) -> bool:
    """Whether `other` is the partner `one`, though perhaps read a little wrong."""
    if other is None:
        return False
    texts = (comparable(one).casefold(), comparable(other).casefold())
    return Levenshtein.distance(*texts) <= max(1, _SAME_PARTNER * max(map(len, texts)))


def _overlap(one: Sequence[int], other: Sequence[int]) -> float:
    """Intersection over union of two boxes; 0 when one is not given."""
    if len(one) != 4 or len(other) != 4:
        return 0.0
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return width * height / (areas - width * height)
