"""Frames as turns: what is accepted on each kept frame, how sure it is, and how much it teaches."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

import polars as pl

from nko_assets.memory.rows import Turn, conversation_id, turn_id
from nko_assets.memory.welford import Outcomes
from nko_assets.nko import key, words
from nko_assets.schemas.translations import TRANSLATOR

_Row = Mapping[str, Any]
_GATE = "gate"  # what `decided_by` says when no person decided


def turns(
    unique_frames: pl.DataFrame,
    reviewed: pl.DataFrame,
    second: pl.DataFrame | None = None,
    translations: pl.DataFrame | None = None,
) -> tuple[Turn, ...]:
    """One turn a kept frame of one video, in order, without embeddings.

    `unique_frames` is a `UniqueFrames` table, `reviewed` the `ReviewedReadings` of it, `second`
    what another reader saw (`Readings`). Text is what is accepted; every reading is an entry with
    its decision. English of a translator (`Translations`) stands where no translation is shown; it
    is marked, and makes a turn easier to find but no more salient. A turn is validated when a
    person accepted, or the second reader also read, each text that is accepted. The salience is the
    mean of three shares: words that no earlier turn had, texts with a translation, and confidence;
    0 where nothing is accepted.
    """
    entries: defaultdict[str, list[_Row]] = defaultdict(list)
    for row in reviewed.filter(pl.col("entry") >= 0).sort("entry").iter_rows(named=True):
        entries[row["frame_id"]].append(row)
    seen_again = _texts(second)
    translated = _translated(translations)
    known: set[str] = set()
    made = []
    for frame in unique_frames.filter(status="kept").sort("frame").iter_rows(named=True):
        frame_id = frame["frame_id"]
        made.append(_turn(frame, entries[frame_id], seen_again.get(frame_id), known, translated))
    return tuple(made)


def _texts(second: pl.DataFrame | None) -> dict[str, set[str]]:
    """The N'Ko that a second reader saw on each frame that it could read."""
    if second is None:
        return {}
    read = second.filter(pl.col("status").is_in(["ok", "no_text"]))
    return {
        row["frame_id"]: {
            key(text)
            for text in (
                *(line["text"] for line in row["lines"] if line["script"] == "nko"),
                *(entry["nko"] for entry in row["entries"]),
            )
        }
        for row in read.iter_rows(named=True)
    }


def _translated(translations: pl.DataFrame | None) -> dict[str, str]:
    """The English that a translator gave, by reading."""
    if translations is None:
        return {}
    given = translations.filter(pl.col("english").is_not_null())
    return dict(given.select("reading_id", "english").iter_rows())


def _turn(
    frame: _Row,
    readings: Sequence[_Row],
    again: set[str] | None,
    known: set[str],
    translated: Mapping[str, str],
) -> Turn:
    """The turn of a frame; `again` is what a second reader saw there, `known` grows by its words.

    `translated` is the English of a translator, by reading.
    """
    entries = [_entry(row, again, translated.get(row["reading_id"])) for row in readings]
    accepted = [entry for entry in entries if entry["decision"] == "accepted"]
    spoken = {key(word) for entry in accepted for word in words(entry["nko"])}
    new = spoken - known
    known |= spoken
    return Turn(
        id=turn_id(frame["frame_id"]),
        conversation_id=conversation_id(frame["video_id"]),
        frame_id=frame["frame_id"],
        timestamp_ms=frame["first_seen_ms"],
        trajectory_depth=frame["frame"],
        trajectory_phase="validation"
        if accepted and all(entry["confirmed_by"] for entry in accepted)
        else "extraction",
        content={
            "nko_text": _lines(accepted, "nko") or "",
            "latin": _lines(accepted, "latin") or "",
            "translation": _lines(accepted, "english", "french"),
            "english": _lines(accepted, "english"),
            "french": _lines(accepted, "french"),
            "entries": entries,
        },
        salience_score=_salience(accepted, len(new) / len(spoken) if spoken else 0.0),
        outcomes=Outcomes.of(outcome for entry in entries for outcome in entry["outcomes"]),
    )


def _entry(row: _Row, again: set[str] | None, translated: str | None) -> dict[str, Any]:
    """A reading as the content of its turn keeps it, with the English of a translator if any.

    Its outcomes are the confidence of the reader or the word of a person, and whether a second
    reader agrees; the statistics of the turn follow from them.
    """
    human = row["decided_by"] != _GATE
    confirmed = [row["decided_by"]] if human and row["decision"] == "accepted" else []
    outcomes = []
    if human:
        outcomes.append(1.0 if row["decision"] == "accepted" else 0.0)
    elif row["confidence"] is not None:
        outcomes.append(row["confidence"])
    if again is not None and row["nko"]:
        agrees = key(row["nko"]) in again
        outcomes.append(1.0 if agrees else 0.0)
        confirmed += ["second reader"] if agrees else []
    return {
        **{
            name: row[name]
            for name in (
                "reading_id",
                "kind",
                "nko",
                "latin",
                "english",
                "english_by",
                "french",
                "confidence",
            )
        },
        **({"english": translated, "english_by": TRANSLATOR} if translated else {}),
        "decision": row["decision"],
        "decided_by": row["decided_by"],
        "confirmed_by": confirmed,
        "outcomes": outcomes,
    }


def _lines(entries: Sequence[_Row], *names: str) -> str | None:
    """The first of `names` that each entry has, one a line and each once; None when none has any."""
    found = (next((entry[name] for name in names if entry[name]), None) for entry in entries)
    return "\n".join(dict.fromkeys(text for text in found if text)) or None


def _salience(accepted: Sequence[_Row], novelty: float) -> float:
    if not accepted:
        return 0.0
    explained = fmean(
        bool(entry["french"] or (entry["english"] and entry["english_by"] != TRANSLATOR))
        for entry in accepted
    )
    sure = fmean(1.0 if entry["confirmed_by"] else entry["confidence"] or 0.0 for entry in accepted)
    return round(fmean((novelty, explained, sure)), 6)
