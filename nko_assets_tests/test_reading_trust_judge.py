"""Two tables in, a confidence and a reason in words for each entry out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nko_assets.reading.answers import Entry, Line, Reading, readings_table
from nko_assets.reading.review import review
from nko_assets.reading.trust.dictionary import Dictionary
from nko_assets.reading.trust.judge import Comparison, compare_readings

GREETING, TEACHER = "ߌ ߣߌ߫ ߛߐ߰ߡߊ߬", "ߞߊ߬ߙߊ߲߬ߡߐ߮ ߟߎ߬"
BOX = (10, 20, 200, 50)


def line(place: int, text: str, confidence: float = 0.999, script: str = "nko") -> Line:
    language = "nqo" if script == "nko" else "en"
    return Line(place, BOX, script, language, text, text, confidence)


def entry(nko: str, **over: object) -> Entry:
    return replace(Entry(0, "phrase", nko, nko, None, None, None, None, (), 0.5, None), **over)


def reading(
    number: int, *entries: Entry, lines: tuple[Line, ...] = (), status: str = "ok"
) -> Reading:
    return Reading(
        frame_id=f"v:{number}",
        video_id="v",
        timestamp_ms=number,
        status=status,
        reason="" if status == "ok" else "nothing was read",
        lines=lines,
        entries=entries,
        confidence=0.95,
        reader="gemini",
        model="m",
        request_hash="0" * 64,
    )


def compared(first: list[Reading], second: list[Reading], dictionary=None) -> Comparison:
    return compare_readings(readings_table(first), readings_table(second), dictionary)


def agreed(count: int) -> tuple[list[Reading], list[Reading]]:
    """Frames on which both readers agree, numbered from 100."""
    numbers = range(100, 100 + count)
    return (
        [reading(n, entry(GREETING)) for n in numbers],
        [reading(n, lines=(line(0, GREETING),)) for n in numbers],
    )


def judged(nko: str, *lines: Line, dictionary=None, **over: object):
    """The trust in one entry among frames on which both readers agree."""
    first, second = agreed(9)
    found = compared(
        [reading(0, entry(nko, **over)), *first], [reading(0, lines=lines), *second], dictionary
    )
    return found.entries["v:0", 0]


def test_agreement_is_trusted_and_lends_the_place():
    trust = judged(GREETING, line(0, TEACHER), line(1, GREETING))
    assert trust.confidence > 0.9
    assert trust.box == BOX


def test_lines_in_other_scripts_are_not_compared():
    latin = line(0, "i ni sɔɔma", script="latin")
    assert judged(GREETING, latin).weakest == (
        "the offline reader read nothing like it on this frame"
    )


def test_a_disagreement_names_what_the_offline_reader_read():
    trust = judged("ߌ ߣߎ߫ ߛߐ߰ߡߎ߬", line(0, GREETING))
    assert trust.confidence < 0.5
    assert trust.weakest == f"the offline reader read “{GREETING}”"


def test_other_marks_are_named_as_what_they_are():
    trust = judged("ߌ ߣߌ߬ ߛߐ߰ߡߊ߬", line(0, GREETING))
    assert trust.weakest.startswith("the offline reader read other tone or nasal marks")


def test_a_word_that_no_dictionary_has_is_named():
    dictionary = Dictionary([GREETING])
    trust = judged("ߡߋߙߌߓߊ", line(0, "ߡߋߙߌߓߊ"), dictionary=dictionary)
    assert trust.weakest == "not in the dictionary: “ߡߋߙߌߓߊ”"


def test_a_romanization_of_something_else_is_told():
    trust = judged(GREETING, line(0, GREETING), latin_shown="karamɔɔ lu")
    assert trust.weakest == "the romanization read beside it spells something else"


def test_lines_that_only_the_offline_reader_read_are_found():
    unsure = line(2, "ߒߞߏ ߓߟߏ", 0.4)
    found = compared(
        [reading(0, entry(GREETING))],
        [reading(0, lines=(line(0, GREETING), line(1, TEACHER), unsure))],
    )
    assert found.missed == {"v:0": (TEACHER,)}


def test_a_frame_that_the_second_reader_lacks_has_nothing_to_agree_with():
    found = compared([reading(0, entry(GREETING))], [])
    assert found.entries["v:0", 0].confidence < 0.9


def test_a_video_without_entries_compares_to_nothing():
    found = compared([reading(0, status="no_text")], [reading(0)])
    assert found == Comparison({}, {})


# --- in the review --------------------------------------------------------------------------


def reviewed(first: list[Reading], second: list[Reading]):
    seen = {one.frame_id: 0 for one in first}
    found = compared(first, second)
    return review(readings_table(first), seen, "CC0-1.0", accept=0.9, compared=found)


def test_the_gate_takes_the_measured_confidence_and_gives_its_reason():
    first, second = agreed(9)
    wrong = reading(0, entry("ߌ ߣߎ߫ ߛߐ߰ߡߎ߬", confidence=0.99))
    rows = reviewed([wrong, *first], [reading(0, lines=(line(0, GREETING),)), *second])
    row = rows.row(0, named=True)
    assert row["decision"] == "needs_review"
    assert row["reason"].startswith("confidence 0.")
    assert row["reason"].endswith(f"is below 0.90: the offline reader read “{GREETING}”")
    assert row["confidence"] < 0.5
    assert rows["decision"].to_list()[1:] == ["accepted"] * 9
    assert rows["box"].to_list()[1:] == [list(BOX)] * 9


def test_a_frame_read_as_empty_on_which_the_offline_reader_read_something_waits():
    rows = reviewed([reading(0, status="no_text")], [reading(0, lines=(line(0, GREETING),))])
    row = rows.row(0, named=True)
    assert (row["decision"], row["confidence"]) == ("needs_review", None)
    assert row["reason"] == f"no N'Ko was read, but the offline reader read “{GREETING}”"


@pytest.mark.parametrize("status", ["max_tokens", "loop"])
def test_a_failure_stays_a_failure(status):
    rows = reviewed([reading(0, status=status)], [reading(0, lines=(line(0, GREETING),))])
    assert rows["decision"].to_list() == ["rejected"]
