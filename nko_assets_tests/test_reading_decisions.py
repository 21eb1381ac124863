"""The file of human decisions: append-only lines that are read back whole or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nko_assets.failures import ConfigurationError
from nko_assets.reading.decisions import VERDICTS, HumanDecision, parse_decisions

some_text = st.text(min_size=1).filter(str.strip)
decisions = st.builds(
    HumanDecision,
    reading_id=some_text,
    verdict=st.sampled_from(VERDICTS),
    by=some_text,
    at=some_text,
    seen=st.text(),
    nko=st.none() | some_text,
    english=st.none() | st.text(),
    french=st.none() | st.text(),
    note=st.none() | st.text(),
)


@given(st.lists(decisions, max_size=5))
def test_decisions_come_back_from_the_file_as_they_were(taken):
    written = "".join(decision.to_json_line() for decision in taken)
    assert parse_decisions(written.split("\n")) == taken


@pytest.mark.parametrize(
    "line",
    [
        "not json",
        "[]",
        '{"reading_id": "x"}',
        '{"reading_id": "x", "verdict": "maybe", "by": "F", "at": "now", "seen": ""}',
        '{"reading_id": "x", "verdict": "accept", "by": " ", "at": "now", "seen": ""}',
        '{"reading_id": "x", "verdict": "correct", "by": "F", "at": "now", "seen": "", "nko": ""}',
        '{"reading_id": "x", "verdict": "accept", "by": 7, "at": "now", "seen": ""}',
        '{"reading_id": "x", "verdict": "accept", "by": "F", "at": "now", "seen": "", "more": 1}',
    ],
)
def test_a_line_that_cannot_be_understood_is_named_and_never_passed_over(line):
    with pytest.raises(ConfigurationError, match=r"Line 2 .* decisions"):
        parse_decisions(["", line])


def test_a_line_cut_off_by_a_crash_is_named():
    whole = HumanDecision("x", "accept", "Fanta", "2026-11-24", "ߓߏ߲").to_json_line()
    with pytest.raises(ConfigurationError, match="Line 2"):
        parse_decisions([whole, whole[:20]])


@pytest.mark.parametrize(
    ("verdict", "nko", "right"),
    [
        ("accept", None, True),
        ("correct", None, True),
        ("correct", "ߒߞߏ ", True),
        ("correct", "ߓߟߏ", False),
        ("reject", None, False),
    ],
)
def test_a_decision_says_whether_the_text_was_read_right(verdict, nko, right):
    decision = HumanDecision("id", verdict, "Awa", "2026-11-24", "ߒߞߏ", nko=nko)
    assert decision.read_right is right
