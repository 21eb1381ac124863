"""What is on both sides of a split, found from the written files alone.

A second opinion on `splits`: it shares nothing with it but `nko.key`, reads every text that a row
shows (declared ones and those inside messages and examples), and compares all long texts of the
two sides with each other instead of trusting an index.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cdist

from nko_assets.corpus.jsonl import iter_jsonl
from nko_assets.failures import PermanentFailure
from nko_assets.nko import key

LONG: Final = 12  # letters; among shorter texts one letter is often another word
ALIKE: Final = 0.9
KINDS: Final = ("video", "text", "near_duplicate", "synthetic")

_NKO: Final = "\u07c0-\u07ff"
# From the first N'Ko sign to the last on a line, across other signs but not across Latin letters.
_RUN = re.compile(rf"[{_NKO}](?:(?:[^{_NKO}\n\w]|[0-9])*[{_NKO}])*")
_NOT_A_LETTER = re.compile("[^\u07c0-\u07ea\u07f2-\u07f5\u07fd]")
_BLOCK = 256


@dataclass(frozen=True, slots=True)
class Leak:
    """Something that validation shares with train."""

    kind: str  # one of KINDS
    value: str
    train: str  # "<file>:<id>" of a row, empty for synthetic
    validation: str


@dataclass(frozen=True, slots=True)
class _Side:
    """What the rows of one side show, each with the first row that shows it."""

    videos: Mapping[str, str]
    texts: Mapping[str, str]
    long: Mapping[str, tuple[str, str]]
    synthetic: tuple[str, ...]


def leakage(train: Path, validation: Path) -> list[Leak]:
    """Every video and text of the folder `validation` that the folder `train` has too.

    Texts are compared by `nko.key`, long ones also by the edit similarity of their letters
    without tones; synthetic rows in validation are leaks too. Raises `PermanentFailure` when a
    folder holds no row: nothing was compared then.
    """
    mine, theirs = _read(train), _read(validation)
    leaks = [
        Leak("video", video, mine.videos[video], place)
        for video, place in sorted(theirs.videos.items())
        if video in mine.videos
    ]
    leaks += [
        Leak("text", text, mine.texts[text], place)
        for text, place in sorted(theirs.texts.items())
        if text in mine.texts
    ]
    leaks += _near(mine.long, theirs.long)
    return leaks + [Leak("synthetic", place, "", place) for place in theirs.synthetic]


def _near(
    train: Mapping[str, tuple[str, str]], validation: Mapping[str, tuple[str, str]]
) -> Iterator[Leak]:
    ours, held_out = sorted(train), sorted(validation)
    for start in range(0, len(held_out), _BLOCK) if ours else ():
        block = held_out[start : start + _BLOCK]
        scores = cdist(
            block,
            ours,
            scorer=Levenshtein.normalized_similarity,
            score_cutoff=ALIKE,
            dtype=np.float32,
        )
        for row, column in np.argwhere(scores > 0):
            text, place = validation[block[row]]
            other, other_place = train[ours[column]]
            if text != other:
                yield Leak("near_duplicate", f"{text} ~ {other}", other_place, place)


def _read(folder: Path) -> _Side:
    videos: dict[str, str] = {}
    texts: dict[str, str] = {}
    long: dict[str, tuple[str, str]] = {}
    synthetic: list[str] = []
    rows = 0
    for path in sorted(folder.glob("*.jsonl")):
        for _, row in iter_jsonl(path):
            rows += 1
            place = f"{path.stem}:{row['id']}"
            for video in _videos(row):
                videos.setdefault(video, place)
            for text in _texts(row):
                texts.setdefault(text, place)
                letters = _NOT_A_LETTER.sub("", text)
                if len(letters) >= LONG:
                    long.setdefault(letters, (text, place))
            if row["origin"] == "synthetic":
                synthetic.append(place)
    if not rows:
        raise PermanentFailure(
            f"There are no rows in {folder} to compare.", "Materialize splits first."
        )
    return _Side(videos, texts, long, tuple(synthetic))


def _videos(row: Mapping[str, Any]) -> Iterator[str]:
    yield row["video_id"]
    yield row["frame_id"].rpartition(":")[0]
    for source in row.get("sources", ()):
        yield source["video_id"]


def _texts(row: Mapping[str, Any]) -> Iterator[str]:
    """The key of each text that the row shows; the title of the lesson is no text of the row."""
    shown = [row[name] for name in ("text", "word") if name in row]
    if "messages" in row:
        declared = row["nko"].split("\n")
        shown += declared
        for said in row["messages"]:
            shown += _RUN.findall(_without(said["content"], declared))
    elif "nko" in row:
        shown.append(row["nko"])
    shown += [example["nko"] for example in row.get("examples", ())]
    for text in shown:
        if found := key(text):
            yield found


def _without(content: str, declared: Sequence[str]) -> str:
    """What a message says beside the texts that its row declares."""
    for text in sorted(declared, key=len, reverse=True):
        content = content.replace(text, "\n")
    return content
