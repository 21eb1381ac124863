"""Train and validation: no video and no text, nor one nearly the same, on both sides.

Whole videos are put into validation in the order of a seeded hash, as many as come closest to the
share of rows that is wanted. Texts that both sides show (a greeting of every lesson) would join
all videos into one: instead such a text stays on the side that shows it more often, and the rows
of the other side that hold it are excluded, with the reason. When that leaves validation short of
its share, more videos are held out; when it has less than half of it even so, further such texts
move to validation, those that cost train the fewest rows first. So validation is not empty,
however alike the videos are.

A new video may change the side of another one: figures of two versions of the corpus are to be
compared on the videos that are in validation in both.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from nko_assets.corpus.exports import (
    CONVERSATIONS,
    NKO_ENGLISH,
    OCR_SAMPLES,
    SEVERAL_TEXTS,
    SYNTHETIC,
    TEXT_COLUMNS,
    VOCABULARY,
)
from nko_assets.corpus.jsonl import iter_jsonl, write_jsonl
from nko_assets.corpus.readings import accepted_entries
from nko_assets.corpus.similar import LONG_ENOUGH, SIMILARITY, NearDuplicates, fold
from nko_assets.corpus.vocabulary import vocabulary
from nko_assets.failures import PermanentFailure
from nko_assets.schemas.corpus import SplitAssignments

TRAIN: Final = "train"
VALIDATION: Final = "validation"
EXCLUDED: Final = "excluded"

_READINGS: Final = "readings"  # no file: they decide which words a side has
_WEIGHED: Final = (NKO_ENGLISH, CONVERSATIONS, OCR_SAMPLES)  # share is of their rows

_CLOSE_ENOUGH: Final = 0.8  # of the share

_STAYS: Final = "its video and its texts are on this side"
_SHARED: Final = {
    TRAIN: "validation has its text or one nearly the same",
    VALIDATION: "train has its text or one nearly the same",
}
_NO_SYNTHETIC: Final = "synthetic rows are kept out of validation"
_NO_SIDE: Final = "its readings are excluded, or the other side has it as a text"


@dataclass(frozen=True, slots=True)
class Splits:
    """The side of each row, and the words of each side.

    `assignments` follows `SplitAssignments`. `vocabulary` has a table of `Vocabulary` for train
    and validation: each built from the readings of its side alone, so that no frequency, example
    or source speaks of the other. `note` says why validation is empty, when it has to be.
    """

    assignments: pl.DataFrame
    vocabulary: Mapping[str, pl.DataFrame]
    validation_videos: tuple[str, ...]
    note: str = ""


@dataclass(slots=True)
class _Row:
    file: str
    id: str
    video_id: str
    texts: tuple[str, ...]
    home: str = TRAIN
    clusters: frozenset[str] = frozenset()
    foreign: int = 0  # clusters that belong to the other side


def split_corpus(
    files: Mapping[str, pl.DataFrame],
    reviewed: pl.DataFrame,
    *,
    seed: str = "nko",
    share: float = 0.1,
) -> Splits:
    """Decide the side of every row.

    `files` maps the names of `TEXT_COLUMNS` to their tables, of which only `id`, `video_id` and
    the column with the text are looked at (pictures may be left out). `reviewed`
    (`ReviewedReadings`) gives the readings from which the words of each side come. The order of
    rows does not matter. Raises `PermanentFailure` when there is no row at all.
    """
    rows = _rows(files, reviewed)
    weights = Counter(row.video_id for row in rows if row.file in _WEIGHED)
    if not weights:
        raise PermanentFailure(
            "There are no rows to split.", "Accept some readings first, see reviewed_readings."
        )
    held_out = _assign(rows, weights, seed, share, share)
    left = _share_left(rows)
    if 0 < left < _CLOSE_ENOUGH * share:
        # Much of validation was shared with train: hold out as many more videos as make up for it.
        held_out = _assign(rows, weights, seed, share, share * min(share / left, 2))
    words = _words_by_side(rows, reviewed)
    decided = [_decision(row) for row in rows if row.file != _READINGS]
    decided += _word_decisions(files[VOCABULARY], words)
    table = pl.DataFrame(decided, schema=SplitAssignments.polars_schema(), orient="row")
    return Splits(
        table.sort("file", "side", "id"),
        words,
        tuple(sorted(held_out)),
        _note(held_out, rows),
    )


def write_splits(splits: Splits, training: Path, folder: Path) -> dict[str, dict[str, int]]:
    """Write `train/`, `validation/` and `excluded.jsonl` to `folder` from the files in `training`.

    Rows are copied one at a time, whatever their size. Returns the number of rows by side and
    file. Raises `PermanentFailure` when a file does not hold the rows that were decided on.
    """
    sides = {
        (file, identity): side
        for file, identity, side in splits.assignments.select("file", "id", "side").iter_rows()
    }
    counts: dict[str, dict[str, int]] = {TRAIN: {}, VALIDATION: {}}
    for side, written in counts.items():
        for file in TEXT_COLUMNS:
            if side == VALIDATION and file == SYNTHETIC:
                continue
            rows = (
                splits.vocabulary[side].iter_rows(named=True)
                if file == VOCABULARY
                else _rows_of(training / f"{file}.jsonl", file, side, sides)
            )
            written[file] = write_jsonl(folder / side / f"{file}.jsonl", rows)
    excluded = splits.assignments.filter(pl.col("side") == EXCLUDED)
    write_jsonl(folder / "excluded.jsonl", excluded.iter_rows(named=True))
    return counts


def _rows_of(
    path: Path, file: str, side: str, sides: Mapping[tuple[str, str], str]
) -> Iterator[dict[str, Any]]:
    for number, row in iter_jsonl(path):
        decided = sides.get((file, row["id"]))
        if decided is None:
            raise PermanentFailure(
                f"Line {number} of {path} is a row that no side was decided for.",
                "Materialize splits again: the file is newer than the decision.",
            )
        if decided == side:
            yield row


def _rows(files: Mapping[str, pl.DataFrame], reviewed: pl.DataFrame) -> list[_Row]:
    rows = []
    for file, column in TEXT_COLUMNS.items():
        if file == VOCABULARY:
            continue
        for identity, video_id, text in files[file].select("id", "video_id", column).iter_rows():
            texts = text.split("\n") if file in SEVERAL_TEXTS else [text]
            rows.append(_Row(file, identity, video_id, tuple(texts)))
    readings = accepted_entries(reviewed).select("reading_id", "video_id", "nko")
    rows += [
        _Row(_READINGS, identity, video_id, (nko,))
        for identity, video_id, nko in readings.iter_rows()
    ]
    return sorted(rows, key=lambda row: (row.file, row.id))


def _hash(seed: str, name: str) -> bytes:
    return hashlib.sha256(f"{seed}\x1f{name}".encode()).digest()


def _assign(
    rows: Sequence[_Row], weights: Mapping[str, int], seed: str, share: float, wanted: float
) -> set[str]:
    """Put videos with the share `wanted` of rows into validation and settle what is shared."""
    held_out = _validation_videos(weights, seed, wanted)
    for row in rows:
        row.home = VALIDATION if row.video_id in held_out else TRAIN
    _cluster(rows)
    _settle(rows, share, seed)
    return held_out


def _share_left(rows: Sequence[_Row]) -> float:
    """The share that validation has of the rows that are not excluded."""
    left = Counter(row.home for row in rows if row.file in _WEIGHED and not row.foreign)
    return left[VALIDATION] / max(left.total(), 1)


def _validation_videos(weights: Mapping[str, int], seed: str, share: float) -> set[str]:
    """Videos in the order of their hash, each taken when that brings the rows closer to `share`.

    When none does, the smallest is taken. A single video stays in train.
    """
    wanted = share * sum(weights.values())
    chosen: set[str] = set()
    held = 0
    for video_id in sorted(weights, key=lambda name: _hash(seed, name)):
        if held + weights[video_id] / 2 <= wanted:
            chosen.add(video_id)
            held += weights[video_id]
    if not chosen and len(weights) > 1:
        chosen.add(min(weights, key=lambda name: (weights[name], _hash(seed, name))))
    return chosen


def _cluster(rows: Sequence[_Row]) -> None:
    """Give each row the clusters of its texts: texts of validation with all that are like them.

    Texts that are like none of validation's are clusters of their own, since only what lies on
    both sides matters.
    """
    folds = {text: fold(text) for row in rows for text in row.texts}
    index = NearDuplicates(sorted(set(folds.values())))
    leaders: dict[str, str] = {}

    def leader(one: str) -> str:
        while (above := leaders.get(one, one)) != one:
            one = above
        return one

    held_out = {folds[text] for row in rows if row.home == VALIDATION for text in row.texts}
    for one in sorted(held_out):
        if len(one) >= LONG_ENOUGH:
            for _, other in index.like(one):
                low, high = sorted((leader(one), leader(other)))
                leaders[high] = low
    for row in rows:
        row.clusters = frozenset(leader(folds[text]) for text in row.texts)


def _settle(rows: Sequence[_Row], share: float, seed: str) -> None:
    """Choose the side of each cluster, and mark the rows that hold one of the other side."""
    shown: defaultdict[str, Counter[str]] = defaultdict(Counter)
    weighed: defaultdict[str, list[_Row]] = defaultdict(list)
    for row in rows:
        for cluster in row.clusters:
            shown[cluster][row.home] += row.file != SYNTHETIC
            if row.file in _WEIGHED:
                weighed[cluster].append(row)
    sides = {
        cluster: VALIDATION if count[VALIDATION] > count[TRAIN] else TRAIN
        for cluster, count in shown.items()
    }
    left: Counter[str] = Counter()
    for row in rows:
        row.foreign = sum(sides[cluster] != row.home for cluster in row.clusters)
        left[row.home] += row.file in _WEIGHED and row.foreign == 0

    def move(cluster: str, side: str) -> None:
        sides[cluster] = side
        for row in weighed[cluster]:
            before = row.foreign
            row.foreign += 1 if row.home != side else -1
            left[row.home] += (row.foreign == 0) - (before == 0)

    movable = sorted(
        (c for c, count in shown.items() if count[VALIDATION] and sides[c] == TRAIN),
        key=lambda c: (shown[c][TRAIN] - shown[c][VALIDATION], _hash(seed, c)),
    )
    for cluster in movable:
        if left[VALIDATION] >= share / 2 * left.total():
            break
        move(cluster, VALIDATION)
        if not left[TRAIN]:
            move(cluster, TRAIN)
    for row in rows:
        row.foreign = sum(sides[cluster] != row.home for cluster in row.clusters)


def _decision(row: _Row) -> dict[str, str]:
    side, reason = row.home, _STAYS
    if row.file == SYNTHETIC and row.home == VALIDATION:
        side, reason = EXCLUDED, _NO_SYNTHETIC
    elif row.foreign:
        side, reason = EXCLUDED, _SHARED[row.home]
    return {
        "file": row.file,
        "id": row.id,
        "video_id": row.video_id,
        "nko": "\n".join(row.texts),
        "side": side,
        "reason": reason,
    }


def _words_by_side(rows: Sequence[_Row], reviewed: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """The words of the readings left on each side; one that both have stays in train."""
    words: dict[str, pl.DataFrame] = {}
    texts: dict[str, list[str]] = {TRAIN: [], VALIDATION: []}
    for side, held in texts.items():
        left = [row for row in rows if row.home == side and not row.foreign]
        readings = [row.id for row in left if row.file == _READINGS]
        words[side] = vocabulary(reviewed.filter(pl.col("reading_id").is_in(readings))).rows
        held += [
            text for row in left if side == TRAIN or row.file != SYNTHETIC for text in row.texts
        ]
    words[TRAIN] = _without(words[TRAIN], texts[VALIDATION])
    words[VALIDATION] = _without(words[VALIDATION], [*texts[TRAIN], *words[TRAIN]["word"]])
    return words


def _without(words: pl.DataFrame, texts: Sequence[str]) -> pl.DataFrame:
    """The words that are not, and are not nearly, among `texts`."""
    folded = [fold(word) for word in words["word"]]
    # A text that is much longer than every word is like none of them.
    longest = max(map(len, folded), default=0) / SIMILARITY
    index = NearDuplicates(one for one in map(fold, texts) if len(one) <= longest)
    return words.filter(pl.Series([not index.like(one) for one in folded], dtype=pl.Boolean))


def _word_decisions(
    vocabulary_table: pl.DataFrame, words: Mapping[str, pl.DataFrame]
) -> list[dict[str, str]]:
    side_of = {identity: side for side, table in words.items() for identity in table["id"]}
    return [
        {
            "file": VOCABULARY,
            "id": identity,
            "video_id": video_id,
            "nko": word,
            "side": side_of.get(identity, EXCLUDED),
            "reason": _STAYS if identity in side_of else _NO_SIDE,
        }
        for identity, video_id, word in vocabulary_table.select(
            "id", "video_id", "word"
        ).iter_rows()
    ]


def _note(held_out: Collection[str], rows: Sequence[_Row]) -> str:
    if not held_out:
        return "validation is empty: all rows come from one video"
    if not any(row.home == VALIDATION and row.file in _WEIGHED and not row.foreign for row in rows):
        return "validation is empty: the videos held out show nothing that the others do not"
    return ""
