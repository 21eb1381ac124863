"""Human decisions: what can be one, what text it is about, and lines that are read back whole."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nko_assets.failures import ConfigurationError
from nko_assets.reading.decisions import VERDICTS, HumanDecision, in_effect, parse_decisions

# What a database takes as text.
characters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
any_text = st.text(characters)
some_text = st.text(characters, min_size=1).filter(str.strip)
decisions = st.builds(
    HumanDecision,
    reading_id=some_text,
    verdict=st.sampled_from(VERDICTS),
    by=some_text,
    at=st.datetimes(timezones=st.timezones()).map(datetime.isoformat),
    seen=any_text,
    nko=st.none() | some_text,
    english=st.none() | any_text,
    french=st.none() | any_text,
    note=st.none() | any_text,
)


@given(st.lists(decisions, max_size=5))
def test_decisions_come_back_from_the_file_as_they_were(taken):
    written = "".join(decision.to_json_line() for decision in taken)
    assert parse_decisions(written.split("\n"), "file") == taken


@pytest.mark.parametrize(
    "line",
    [
        "not json",
        "[" * 100_000,
        "[]",
        '{"reading_id": "x"}',
        '{"reading_id": "x", "verdict": "accept", "by": "F", "at": "today", "seen": ""}',
        '{"reading_id": "x", "verdict": "accept", "by": "F", "at": "0001-01-01T00:00+14:00", "seen": ""}',
        '{"reading_id": "x", "verdict": "accept", "by": "F", "at": "2026-11-24", "seen": "\\u0000"}',
        '{"reading_id": "x", "verdict": "accept", "by": "F", "at": "2026-11-24", "seen": "\\ud800"}',
        '{"reading_id": "x", "verdict": "maybe", "by": "F", "at": "2026-11-24", "seen": ""}',
        '{"reading_id": "x", "verdict": "accept", "by": " ", "at": "2026-11-24", "seen": ""}',
        '{"reading_id": "x", "verdict": "correct", "by": "F", "at": "2026-11-24", "seen": "", "nko": ""}',
        '{"reading_id": "x", "verdict": "accept", "by": 7, "at": "2026-11-24", "seen": ""}',
        '{"reading_id": "x", "verdict": "accept", "by": "F", "at": "2026-11-24", "seen": "", "more": 1}',
    ],
)
def test_a_line_that_cannot_be_understood_is_named_and_never_passed_over(line):
    with pytest.raises(ConfigurationError, match=r"Line 2 of taken.jsonl is no review decision"):
        parse_decisions(["", line], "taken.jsonl")


def test_a_line_cut_off_by_a_crash_is_named():
    whole = HumanDecision("x", "accept", "Fanta", "2026-11-24", "ߓߏ߲").to_json_line()
    with pytest.raises(ConfigurationError, match="Line 2"):
        parse_decisions([whole, whole[:20]], "taken.jsonl")


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


def test_a_decision_is_about_the_text_that_was_seen_and_the_one_it_was_corrected_to():
    corrected = HumanDecision("id", "correct", "Awa", "2026-11-24", "ߒߞߏ", nko="ߓߟߏ")
    assert in_effect([corrected], "ߒߞߏ") is corrected
    assert in_effect([corrected], "ߓߟߏ") is corrected
    assert in_effect([corrected], "ߓߏ߲") is None
    accepted = HumanDecision("id", "accept", "Awa", "2026-11-24", "ߒߞߏ", nko="ߓߟߏ")
    assert in_effect([accepted], "ߓߟߏ") is None, "it corrected nothing"


@pytest.mark.parametrize("overruling", ["accept", "correct", "reject"])
def test_a_correction_that_was_overruled_does_not_come_back_to_life(overruling):
    nko = "ߓߏ߲" if overruling == "correct" else None
    first = HumanDecision("id", "correct", "Awa", "2026-11-24", "ߒߞߏ", nko="ߓߟߏ")
    other = HumanDecision("id", "reject", "Awa", "2026-11-25", "ߘߏ߫")
    later = HumanDecision("id", overruling, "Fanta", "2026-11-26", "ߒߞߏ ", nko=nko)
    assert in_effect([first, other], "ߓߟߏ") is first, "that was about another text"
    assert in_effect([first, other, later], "ߓߟߏ") is None
    assert in_effect([first, other, later], "ߒߞߏ") is later
    if nko:
        assert in_effect([first, other, later], nko) is later


def test_what_was_decided_on_the_corrected_text_itself_stays_in_effect():
    seen = HumanDecision("id", "accept", "Sira", "2026-11-23", "ߓߟߏ")
    first = HumanDecision("id", "correct", "Awa", "2026-11-24", "ߒߞߏ", nko="ߓߟߏ")
    later = HumanDecision("id", "reject", "Fanta", "2026-11-26", "ߒߞߏ")
    assert in_effect([seen, first, later], "ߓߟߏ") is seen


def test_the_last_decision_on_the_text_that_is_read_now_is_in_effect():
    first = HumanDecision("id", "accept", "Awa", "2026-11-24", "ߒߞߏ")
    second = HumanDecision("id", "reject", "Fanta", "2026-11-25", "ߒߞߏ")
    other = HumanDecision("id", "accept", "Sira", "2026-11-26", "ߓߟߏ")
    assert in_effect([first, second, other], "ߒߞߏ") is second
    assert in_effect([first, second, other], "ߓߟߏ") is other
    assert in_effect([first, second, other], "ߓߏ߲") is None


def test_a_time_without_a_zone_is_taken_as_utc():
    plain = HumanDecision("id", "accept", "Awa", "2026-11-24T12:00:00", "")
    zoned = HumanDecision("id", "accept", "Awa", "2026-11-24T13:00:00+01:00", "")
    assert plain.moment == zoned.moment
