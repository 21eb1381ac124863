"""Turns hold what is accepted on each kept frame, in the order of the lesson."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from nko_assets.memory.rows import turn_id
from nko_assets.memory.turns import turns
from nko_assets.schemas.frames import UniqueFrames
from nko_assets.schemas.readings import Readings
from nko_assets_tests.builders import reading, reviewed
from nko_assets_tests.tables import made

GREETING = "ߌ ߣߌ߫ ߛߐ߰ߡߊ߬"


def frames(*statuses: str) -> pl.DataFrame:
    """Frames of video v1, five seconds apart, in no order."""
    rows = [
        {
            "frame_id": f"v1:{5000 * number}",
            "video_id": "v1",
            "frame": number,
            "timestamp_ms": 5000 * number,
            "first_seen_ms": 5000 * number - 1000 if number else 0,
            "status": status,
            "represented_by": f"v1:{5000 * number}" if status == "kept" else None,
        }
        for number, status in enumerate(statuses)
    ]
    return made(UniqueFrames, *reversed(rows))


def said(nko: str, english: str | None = "something", frame: int = 0, **over: Any) -> dict:
    return reading(nko, english, video_id="v1", timestamp_ms=5000 * frame, **over)


def seen(frame: int, *texts: str, status: str = "ok") -> dict[str, Any]:
    line = {"line": 0, "box": [], "language": "nqo", "confidence": 0.9, "script": "nko"}
    return {
        "frame_id": f"v1:{5000 * frame}",
        "timestamp_ms": 5000 * frame,
        "status": status,
        "reason": "" if status == "ok" else status,
        "lines": [line | {"text": text, "raw": text} for text in texts],
    }


def test_each_kept_frame_is_a_turn_in_order() -> None:
    found = turns(frames("kept", "repeat", "kept", "blank", "kept"), reviewed(said("ߒߞߏ")))

    assert [turn.trajectory_depth for turn in found] == [0, 2, 4]
    assert [turn.timestamp_ms for turn in found] == [0, 9000, 19000]
    assert found[0].id == turn_id("v1:0")
    assert found[1].content["nko_text"] == ""
    assert found[1].salience_score == 0


def test_text_is_what_is_accepted_and_every_reading_is_an_entry() -> None:
    (turn,) = turns(
        frames("kept"),
        reviewed(
            said("ߒߞߏ", "N'Ko", entry=1, french="le N'Ko"),
            said(GREETING, None, entry=0, french="bonjour"),
            said("ߛߓߍ", "writing", entry=2, decision="needs_review"),
            said("ߞߏ", "thing", entry=3, decision="rejected"),
        ),
    )

    assert turn.content["nko_text"] == f"{GREETING}\nߒߞߏ"
    assert turn.content["latin"] == "i ni sɔɔma\nnko"
    assert turn.content["translation"] == "bonjour\nN'Ko"
    assert turn.content["english"] == "N'Ko"
    assert turn.content["french"] == "bonjour\nle N'Ko"
    assert [entry["decision"] for entry in turn.content["entries"]] == [
        "accepted",
        "accepted",
        "needs_review",
        "rejected",
    ]


def test_a_turn_without_any_translation_has_none() -> None:
    (turn,) = turns(frames("kept"), reviewed(said("ߒߞߏ", None)))

    assert turn.content["translation"] is None


def test_a_person_who_accepts_validates_a_turn() -> None:
    (turn,) = turns(frames("kept"), reviewed(said("ߒߞߏ", decided_by="Fanta")))

    assert turn.trajectory_phase == "validation"
    assert (turn.outcomes.mean, turn.outcomes.count) == (1.0, 1)


def test_a_person_who_rejects_validates_nothing() -> None:
    (turn,) = turns(frames("kept"), reviewed(said("ߒߞߏ", decided_by="Fanta", decision="rejected")))

    assert turn.trajectory_phase == "extraction"
    assert turn.content["nko_text"] == ""
    assert (turn.outcomes.mean, turn.outcomes.count) == (0.0, 1)


def test_a_second_reader_who_reads_the_same_validates_a_turn() -> None:
    rows = reviewed(said(GREETING), said("ߒߞߏ", frame=1), said("ߛߓߍ", frame=2))
    second = made(Readings, seen(0, f"{GREETING}."), seen(1, "ߞߏ"), seen(2, status="expired"))

    found = turns(frames("kept", "kept", "kept"), rows, second)

    assert [turn.trajectory_phase for turn in found] == ["validation", "extraction", "extraction"]
    assert [turn.outcomes.count for turn in found] == [2, 2, 1]
    assert [round(turn.outcomes.mean, 9) for turn in found] == [0.95, 0.45, 0.9]


def test_one_doubtful_text_keeps_a_turn_in_extraction() -> None:
    (turn,) = turns(frames("kept"), reviewed(said("ߒߞߏ", decided_by="Fanta"), said("ߞߏ", entry=1)))

    assert turn.trajectory_phase == "extraction"


def test_outcomes_are_those_that_the_entries_name() -> None:
    (turn,) = turns(
        frames("kept"),
        reviewed(
            said("ߒߞߏ", confidence=0.95),
            said("ߛߓߍ", entry=1, confidence=0.4, decision="needs_review"),
            said("ߞߏ", entry=2, confidence=None),
        ),
    )

    named = [outcome for entry in turn.content["entries"] for outcome in entry["outcomes"]]
    assert named == [0.95, 0.4]
    assert turn.outcomes.count == 2
    assert turn.outcomes.variance == pytest.approx(np.var(named))


def test_what_is_new_explained_and_sure_is_salient() -> None:
    rows = reviewed(
        said(GREETING, "good morning", confidence=1.0),
        said(GREETING, "good morning", frame=1, confidence=1.0),
        said("ߒߞߏ", None, frame=2, confidence=0.9),
    )

    new, repeated, bare = (turn.salience_score for turn in turns(frames(*["kept"] * 3), rows))

    assert new == 1.0
    assert repeated == pytest.approx(2 / 3, abs=1e-6)
    assert bare == pytest.approx((1 + 0 + 0.9) / 3, abs=1e-6)
