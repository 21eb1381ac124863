"""The decision on each reading: normalized, romanized, validated, gated, and overruled by people.

One row an entry, one row a frame that gave none; what is rejected stays in the table with its
reason.
"""

from __future__ import annotations

import unicodedata
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from nko_assets.failures import PermanentFailure
from nko_assets.nko import normalize, rejected, romanize, validate
from nko_assets.reading.answers import entry_kind
from nko_assets.reading.decisions import HumanDecision, in_effect
from nko_assets.reading.trust.judge import Comparison, Trust
from nko_assets.schemas.readings import ReviewedReadings

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "readings.nko-assets")
GATE = "gate"
"""Who decided when no person did."""


def reading_id(frame_id: str, entry: int) -> str:
    """The id of an entry of a frame; -1 for the row of a frame without entries."""
    return str(uuid.uuid5(NAMESPACE, f"{frame_id}#{entry}"))


def review(
    readings: pl.DataFrame,
    first_seen: Mapping[str, int],
    licence: str,
    *,
    accept: float,
    decisions: Sequence[HumanDecision] = (),
    compared: Comparison | None = None,
) -> pl.DataFrame:
    """Decide on every row of a `Readings` table; returns a `ReviewedReadings` table.

    `first_seen` gives, for each frame_id, the milliseconds at which its text first appeared.
    `licence` is the note that travels with each row. `accept` is the least confidence, 0 to 1, that
    an entry needs to be accepted without a person looking at it. `decisions` come oldest first: of
    several on one reading the last counts that is on the text read now. `compared` is what another reader's lines say of these readings: its
    confidence then stands in place of the reader's own. Raises PermanentFailure when a frame is unknown to `first_seen`.
    """
    taken: dict[str, list[HumanDecision]] = {}
    for decision in decisions:
        taken.setdefault(decision.reading_id, []).append(decision)
    rows: list[dict[str, object]] = []
    for reading in readings.iter_rows(named=True):
        frame_id = reading["frame_id"]
        if frame_id not in first_seen:
            raise PermanentFailure(
                f"Frame {frame_id} was read but is not among the unique frames.",
                "Materialize gemini_results of this video again.",
            )
        common = {
            "frame_id": frame_id,
            "video_id": reading["video_id"],
            "timestamp_ms": reading["timestamp_ms"],
            "first_seen_ms": first_seen[frame_id],
            "reader": reading["reader"],
            "model": reading["model"],
            "licence": licence,
        }
        if reading["entries"] and reading["status"] == "ok":
            for ordinal, entry in enumerate(reading["entries"]):
                identity = reading_id(frame_id, ordinal)
                trust = compared.entries[frame_id, ordinal] if compared else None
                decided = _review_entry(entry, accept, taken.get(identity, []), trust)
                rows.append({**common, "reading_id": identity, "entry": ordinal, **decided})
        else:
            identity = reading_id(frame_id, -1)
            rows.append(
                {**common, "reading_id": identity, "entry": -1, **_review_frame(reading, compared)}
            )
    return pl.DataFrame(rows, schema=ReviewedReadings.polars_schema())


def _review_frame(reading: Mapping[str, Any], compared: Comparison | None) -> dict[str, object]:
    """The decision on a frame that gave no entry."""
    decision, reason = _frame_decision(reading)
    missed = compared.missed.get(reading["frame_id"], ()) if compared else ()
    if decision == "no_text" and missed:
        decision = "needs_review"
        reason = f"no N'Ko was read, but the offline reader read “{missed[0]}”"
    return {
        "kind": "frame",
        "nko": "",
        "nko_raw": "",
        "latin": "",
        "box": [],
        "confidence": None if compared else reading["confidence"],
        "signals": [],
        "decision": decision,
        "reason": reason,
        "decided_by": GATE,
    }


def _frame_decision(reading: Mapping[str, Any]) -> tuple[str, str]:
    status, why = str(reading["status"]), str(reading["reason"])
    if status == "no_text":
        return "no_text", why
    if status != "ok":
        return "rejected", f"{status}: {why}"
    scripts = [line["script"] for line in reading["lines"]]
    if "nko" in scripts or "mixed" in scripts:
        return "needs_review", "N'Ko lines were read, but no entry came of them"
    return "no_text", f"no N'Ko among the {len(scripts)} lines of the frame"


def _review_entry(
    entry: Mapping[str, Any],
    accept: float,
    taken: Sequence[HumanDecision],
    trust: Trust | None,
) -> dict[str, object]:
    nko = normalize(str(entry["nko"]))
    english = _clean(entry["english"])
    values = {
        "nko": nko,
        "latin_shown": _clean(entry["latin_shown"]),
        "english": english,
        "english_by": None if english is None else entry["english_by"],
        "french": _clean(entry["french"]),
    }
    human = in_effect(taken, nko)
    if human and human.verdict == "correct":
        values |= _correction(human)
    signals, severity = _signals(values)
    confidence = trust.confidence if trust else entry["confidence"]
    if human:
        decision, reason = _human_decision(human, values)
        by = human.by
    else:
        decision, reason = _gate_decision(values["nko"], confidence, severity, accept)
        if trust and trust.weakest and decision == "needs_review":
            reason += f": {trust.weakest}"
        by = GATE
        if taken:
            signals.append("stale_decision")
            if decision == "accepted":
                decision = "needs_review"
            reason = f"{taken[-1].by} decided on another text than is read now; {reason}"
    return {
        **values,
        "kind": entry_kind(values["nko"] or ""),
        "nko_raw": entry["nko_raw"],
        "latin": romanize(values["nko"] or ""),
        "pos": _clean(entry["pos"]),
        "box": entry["box"] or (trust.box if trust else ()),
        "confidence": confidence,
        "signals": signals,
        "decision": decision,
        "reason": reason,
        "decided_by": by,
    }


def _clean(text: object) -> str | None:
    """Text of another script: NFC, single spaces, null when nothing remains."""
    if text is None:
        return None
    return " ".join(unicodedata.normalize("NFC", str(text)).split()) or None


def _correction(human: HumanDecision) -> dict[str, str | None]:
    corrected: dict[str, str | None] = {}
    if human.nko is not None:
        corrected["nko"] = normalize(human.nko)
    for name, text in (("english", human.english), ("french", human.french)):
        if text is not None:
            corrected[name] = _clean(text)
    if "english" in corrected:
        corrected["english_by"] = "person" if corrected["english"] else None
    return corrected


def _signals(values: Mapping[str, str | None]) -> tuple[list[str], str | None]:
    """The names of the signals raised, and the worst severity among them."""
    signals = validate(values["nko"] or "", english=values["english"], latin=values["latin_shown"])
    worst = "reject" if rejected(signals) else "review" if signals else None
    return [signal.name for signal in signals], worst


def _human_decision(human: HumanDecision, values: Mapping[str, str | None]) -> tuple[str, str]:
    note = f": {human.note}" if human.note else ""
    if human.verdict == "reject":
        return "rejected", f"rejected by {human.by}{note}"
    if not values["nko"]:
        return "rejected", f"{human.by} kept it, but there is no N'Ko text in it{note}"
    how = "corrected" if human.verdict == "correct" else "accepted"
    return "accepted", f"{how} by {human.by}{note}"


def _gate_decision(
    nko: str | None, confidence: float | None, severity: str | None, accept: float
) -> tuple[str, str]:
    if not nko:
        return "rejected", "no N'Ko text remains after normalizing"
    if severity == "reject":
        return "rejected", "not N'Ko as people write it: see signals"
    if severity == "review":
        return "needs_review", "signals were raised: see signals"
    if confidence is None:
        return "needs_review", "the reader gave no confidence"
    if confidence < accept:
        return "needs_review", f"confidence {confidence:.2f} is below {accept:.2f}"
    return "accepted", f"confidence {confidence:.2f}, no signals"
