"""Outcomes in the database are what numpy says of those that count, however they came."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nko_assets.memory.rows import turn_id
from nko_assets.resources.postgres_memory import PostgresMemory
from nko_assets.resources.store import Store
from nko_assets_tests.memory_places import empty
from nko_assets_tests.memory_rows import turn, video

# The square of what is smaller can be too small for the database.
OUTCOME = st.floats(0, 1).map(lambda outcome: round(outcome, 9))
# An app says something about the turn, maybe again; or the video is read anew.
EVENT = st.one_of(st.tuples(st.integers(0, 3), OUTCOME), st.lists(OUTCOME, max_size=3))


@settings(max_examples=25)
@given(st.lists(EVENT, max_size=12))
def test_the_statistics_are_those_of_the_last_words(
    database: Store, events: list[tuple[int, float] | list[float]]
) -> None:
    empty(database)
    memory = PostgresMemory(lambda: database, "embedded Postgres")
    memory.upsert_videos([video("a", [turn("a", 0, outcomes=())])])
    readings: list[float] = []
    said: dict[int, float] = {}
    for number, event in enumerate(events):
        if isinstance(event, tuple):
            who, outcome = event
            memory.record_outcome(turn_id("a:0"), f"learner {who}", outcome)
            said[who] = outcome
        else:
            readings = event
            again = turn("a", 0, text=f"ߞߏ {number}", outcomes=readings)
            memory.upsert_videos([video("a", [again])])

    with database.connect() as conn:
        mean, m2, count = conn.execute(
            "select outcome_mean, outcome_m2, outcome_count from memory_turns"
        ).fetchone() or (None, None, None)
    expected = np.asarray([*readings, *said.values()], dtype=np.float64)
    assert count == len(expected)
    assert mean == pytest.approx(expected.mean() if count else 0.0, abs=1e-12)
    assert m2 / max(1, count) == pytest.approx(expected.var() if count else 0.0, abs=1e-12)
