"""What becomes of each reading: accepted, for review, rejected, always with its reason."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nko_assets.failures import PermanentFailure
from nko_assets.reading.answers import Entry, Line, Reading, readings_table
from nko_assets.reading.decisions import HumanDecision
from nko_assets.reading.review import reading_id, review
from nko_assets.schemas.base import schema_failures
from nko_assets.schemas.readings import READING_STATUSES, ReviewedReadings

LINE = Line(0, (0, 0, 9, 9), "nko", "nqo", "ߓߏ߲", "ߓߏ߲", 0.95)
ENTRY = Entry(0, "word", "ߓߏ߲", "ߓߏ߲", None, "house", None, None, (0, 0, 9, 9), 0.95, "frame")
READING = Reading(
    frame_id="clip:0",
    video_id="clip",
    timestamp_ms=0,
    status="ok",
    reason="",
    lines=(LINE,),
    entries=(ENTRY,),
    confidence=0.95,
    reader="offline",
    model="weights",
    request_hash="0" * 64,
)
SEEN = {"clip:0": 0}


def reviewed(*entries, accept=0.9, decisions=(), **changes):
    reading = replace(READING, entries=entries, **changes)
    table = review(readings_table([reading]), SEEN, "CC0", accept=accept, decisions=decisions)
    assert schema_failures(ReviewedReadings, table) == []
    return table.to_dicts()


def test_a_sure_reading_is_accepted_and_romanized_by_rule():
    (row,) = reviewed(ENTRY)
    assert (row["decision"], row["decided_by"]) == ("accepted", "gate")
    assert (row["nko"], row["latin"], row["english"]) == ("ߓߏ߲", "bon", "house")
    assert row["licence"] == "CC0"


def test_the_gate_divides_accepted_from_review():
    entry = replace(ENTRY, confidence=0.8)
    assert reviewed(entry, accept=0.8)[0]["decision"] == "accepted"
    (row,) = reviewed(entry, accept=0.81)
    assert row["decision"] == "needs_review"
    assert row["reason"] == "confidence 0.80 is below 0.81"


def test_text_is_normalized_and_the_raw_text_kept():
    raw = "ߛߐ߰\u200fߡߊ\u0303"
    (row,) = reviewed(replace(ENTRY, nko=raw, nko_raw=raw))
    assert row["nko"] == "ߛߐ߰ߡߊ߬"
    assert row["nko_raw"] == raw


def test_damaged_text_is_rejected_however_sure_the_reader_is():
    (row,) = reviewed(replace(ENTRY, nko="ߓߓߓߓߓߓߓߓ", confidence=1.0))
    assert row["decision"] == "rejected"
    assert "triple_letter" in row["signals"]


def test_a_romanization_that_spells_another_word_sends_the_entry_to_review():
    assert reviewed(replace(ENTRY, latin_shown="bon"))[0]["decision"] == "accepted"
    (row,) = reviewed(replace(ENTRY, latin_shown="kunnafoni"))
    assert row["decision"] == "needs_review"
    assert row["signals"] == ["latin_disagrees"]


def test_an_entry_without_n_ko_is_rejected_not_dropped():
    (row,) = reviewed(replace(ENTRY, nko=" ", nko_raw=" "))
    assert row["decision"] == "rejected"
    assert row["reason"] == "no N'Ko text remains after normalizing"


@pytest.mark.parametrize("status", [s for s in READING_STATUSES if s not in ("ok", "no_text")])
def test_a_failed_reading_is_rejected_with_its_status_as_the_reason(status):
    (row,) = reviewed(status=status, reason="what happened", lines=())
    assert (row["entry"], row["kind"]) == (-1, "frame")
    assert (row["decision"], row["reason"]) == ("rejected", f"{status}: what happened")


def test_a_frame_without_text_and_one_in_latin_script_alone_are_no_text():
    (blank,) = reviewed(status="no_text", reason="nothing is on it", lines=())
    assert (blank["decision"], blank["reason"]) == ("no_text", "nothing is on it")
    (latin,) = reviewed(lines=(replace(LINE, script="latin", language="en"),))
    assert (latin["decision"], latin["reason"]) == (
        "no_text",
        "no N'Ko among the 1 lines of the frame",
    )


def test_n_ko_without_an_entry_is_looked_at():
    (row,) = reviewed()
    assert row["decision"] == "needs_review"


def test_entries_keep_their_order_and_have_ids_that_do_not_change():
    rows = reviewed(ENTRY, replace(ENTRY, nko="ߖߌ"))
    assert [row["entry"] for row in rows] == [0, 1]
    assert [row["reading_id"] for row in rows] == [reading_id("clip:0", n) for n in (0, 1)]
    assert rows == reviewed(ENTRY, replace(ENTRY, nko="ߖߌ"))


def test_a_frame_that_no_unique_frame_knows_stops_the_review():
    with pytest.raises(PermanentFailure, match="clip:0"):
        review(readings_table([READING]), {}, "CC0", accept=0.9)


def human(verdict, seen="ߓߏ߲", **changes):
    return HumanDecision(reading_id("clip:0", 0), verdict, "Fanta", "2026-11-24", seen, **changes)


def test_a_person_overrules_the_gate():
    doubtful = replace(ENTRY, confidence=0.1)
    (row,) = reviewed(doubtful, decisions=[human("accept", note="clear enough")])
    assert (row["decision"], row["decided_by"]) == ("accepted", "Fanta")
    assert row["reason"] == "accepted by Fanta: clear enough"
    (row,) = reviewed(ENTRY, decisions=[human("reject")])
    assert (row["decision"], row["decided_by"]) == ("rejected", "Fanta")


def test_a_correction_replaces_what_was_read_and_is_validated_too():
    correction = human("correct", nko="ߖߌ\u0303", english="water", french="")
    (row,) = reviewed(replace(ENTRY, french="maison"), decisions=[correction])
    assert (row["nko"], row["latin"], row["english"], row["french"]) == ("ߖߌ߬", "ji", "water", None)
    assert row["nko_raw"] == "ߓߏ߲"
    assert row["reason"] == "corrected by Fanta"


def test_the_last_decision_of_several_counts():
    (row,) = reviewed(ENTRY, decisions=[human("reject"), human("accept")])
    assert row["decision"] == "accepted"


def test_a_decision_on_the_text_that_is_read_now_counts_though_a_later_one_is_on_another():
    later = human("reject", seen="ߖߌ")
    (row,) = reviewed(ENTRY, decisions=[human("accept"), later])
    assert (row["decision"], row["signals"]) == ("accepted", [])


def test_a_decision_on_another_text_no_longer_applies_and_says_so():
    (row,) = reviewed(ENTRY, decisions=[human("accept", seen="ߖߌ")])
    assert row["decision"] == "needs_review"
    assert row["signals"] == ["stale_decision"]
    assert "Fanta decided on another text" in row["reason"]


def test_a_correction_still_applies_once_the_reader_reads_what_it_says():
    correction = human("correct", seen="ߓߏ", nko="ߓߏ߲", english="a house")
    (row,) = reviewed(ENTRY, decisions=[correction])
    assert (row["decision"], row["english"]) == ("accepted", "a house")


def test_a_person_cannot_accept_a_text_that_is_not_there():
    (row,) = reviewed(replace(ENTRY, nko=""), decisions=[human("accept", seen="")])
    assert row["decision"] == "rejected"


def test_decisions_on_other_readings_change_nothing():
    other = HumanDecision(reading_id("clip:5000", 0), "reject", "Fanta", "2026-11-24", "ߓߏ߲")
    assert reviewed(ENTRY, decisions=[other]) == reviewed(ENTRY)


def test_no_readings_give_an_empty_table_of_the_right_type():
    table = review(readings_table([]), {}, "CC0", accept=0.9)
    assert table.schema == ReviewedReadings.polars_schema()


texts = st.text(alphabet="ߊߓߞߟߡ߲߫߬ .؟aé1\u200f\n", max_size=12)
entries = st.lists(
    st.builds(
        lambda nko, latin, english, sure: replace(
            ENTRY, nko=nko, nko_raw=nko, latin_shown=latin, english=english, confidence=sure
        ),
        texts,
        st.none() | texts,
        st.none() | texts,
        st.floats(0, 1),
    ),
    max_size=4,
)


@given(entries)
def test_whatever_was_read_each_entry_has_one_valid_row(read):
    rows = reviewed(*read)
    assert len(rows) == max(len(read), 1)


def test_english_that_a_person_corrects_is_theirs_and_the_readers_own_stays_the_readers():
    own = replace(ENTRY, english="a home", english_by="reader")
    assert reviewed(own)[0]["english_by"] == "reader"
    fixed = HumanDecision(
        reading_id("clip:0", 0), "correct", "Fanta", "2026-11-24", "ߓߏ߲", english="house"
    )
    row = reviewed(own, decisions=[fixed])[0]
    assert (row["english"], row["english_by"]) == ("house", "person")
