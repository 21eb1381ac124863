"""What speaks for an entry and against it, one feature at a time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nko_assets.nko.characters import LETTERS, MARKS
from nko_assets.reading.trust.dictionary import Dictionary
from nko_assets.reading.trust.evidence import (
    FEATURES,
    WITH_DICTIONARY,
    Claim,
    Evidence,
    Frame,
    SeenLine,
    evidence_of,
)

GREETING, WELCOME = "ߌ ߣߌ߫ ߛߐ߰ߡߊ߬", "ߌ ߣߌ߫ ߛߣߍ߫"
TEACHER = "ߞߊ߬ߙߊ߲߬ߡߐ߮ ߟߎ߬"
nko = st.text(alphabet=LETTERS + MARKS + " ", min_size=1, max_size=30)


def evidence(claim: Claim | str, *seen: SeenLine | str, dictionary=None) -> Evidence:
    """The evidence on one claim, alone on its frame."""
    lines = [SeenLine(one, 0.99) if isinstance(one, str) else one for one in seen]
    claims = [Claim(claim) if isinstance(claim, str) else claim]
    ((found,),) = evidence_of([Frame(claims, lines)], dictionary)
    return found


def test_the_very_same_text_is_the_same():
    found = evidence(GREETING, TEACHER, GREETING)
    assert found.same
    assert found.features["edits"] == found.features["surely_other"] == 0
    assert found.features["same_and_sure"] > 0.8
    assert (found.read, found.lines) == (GREETING, range(1, 2))


def test_another_tone_is_no_other_letter():
    found = evidence("ߌ ߣߌ߬ ߛߐ߰ߡߊ߬", GREETING)
    assert (found.same, found.same_letters) == (False, True)
    assert found.features["marks_differ"] > 0


def test_nothing_alike_is_unmatched():
    found = evidence(TEACHER, WELCOME)
    assert found.features["unmatched"] == 1
    assert found.read is None
    assert found.box == ()


def test_a_confident_reading_of_something_else_weighs_more():
    unsure = evidence(GREETING, SeenLine(WELCOME, 0.5))
    sure = evidence(GREETING, SeenLine(WELCOME, 0.99))
    assert 0 < unsure.features["surely_other"] < sure.features["surely_other"] <= 1


def test_a_sentence_over_several_lines_is_found_in_them():
    found = evidence(
        f"{GREETING} {TEACHER}",
        WELCOME,
        SeenLine(GREETING, 0.9, (10, 10, 90, 30)),
        SeenLine(TEACHER, 0.7, (5, 40, 80, 60)),
    )
    assert found.same
    assert found.sureness == 0.7
    assert found.lines == range(1, 3)
    assert found.box == (5, 10, 90, 60)


def test_a_line_that_is_only_somewhat_alike_lends_no_place():
    assert evidence("ߞߊ߬ߙߊ߲ ߛߓߍ", SeenLine("ߞߊ߬ߙߊ߲ ߟߎ߬", 0.9, (0, 0, 9, 9))).box == ()


def test_entries_in_another_order_than_their_lines_are_told():
    lines = [SeenLine(text, 0.9) for text in (GREETING, TEACHER, WELCOME)]
    claims = [Claim(GREETING), Claim(WELCOME), Claim(TEACHER)]
    (found,) = evidence_of([Frame(claims, lines)])
    assert sum(one.features["out_of_order"] for one in found) == 1
    assert found[0].features["out_of_order"] == 0


def test_several_entries_of_one_line_are_in_order():
    line = SeenLine(GREETING, 0.9)
    (found,) = evidence_of([Frame([Claim(GREETING), Claim(GREETING)], [line])])
    assert all(one.features["out_of_order"] == 0 for one in found)


def test_the_company_of_an_entry_is_the_rest_of_its_video():
    good = Frame([Claim(GREETING)], [SeenLine(GREETING, 0.9)])
    bad = Frame([Claim(TEACHER)], [SeenLine(WELCOME, 0.9)])
    among_good = evidence_of([bad, *[good] * 9])[0][0]
    among_bad = evidence_of([bad] * 10)[0][0]
    assert among_good.features["company"] > 0.8 > 0.2 > among_bad.features["company"]
    assert among_good.features["company_same"] > among_bad.features["company_same"]


def test_a_romanization_counts_only_where_one_is_shown():
    assert evidence(GREETING, GREETING).features["latin_shown"] == 0
    right = evidence(Claim(GREETING, "i ni sɔɔma"), GREETING).features
    wrong = evidence(Claim(GREETING, "karamɔɔ lu"), GREETING).features
    assert right["latin_shown"] == wrong["latin_shown"] == 1
    assert right["latin_differs"] < 0.3 < wrong["latin_differs"]


def test_an_entry_much_shorter_than_its_english_is_told():
    english = "The teacher greets everybody in the morning and asks how they are"
    assert evidence(Claim(GREETING, None, english)).features["length_off"] > 1
    assert evidence(Claim(GREETING, None, "good morning")).features["length_off"] == 0


def test_signals_of_the_validator_count():
    assert evidence(GREETING).features["signals"] == 0
    assert evidence("ߌ ߣߌ߫ o ߛߐ߰ߡߊ߬ا").features["signals"] > 0


def test_without_a_dictionary_there_is_no_feature_of_one():
    assert evidence(GREETING).features.keys() == FEATURES.keys()


def test_with_a_dictionary_unknown_words_count_and_are_named():
    found = evidence("ߌ ߣߌ߫ ߛߣߍ߫", GREETING, dictionary=Dictionary([GREETING]))
    assert found.features.keys() == FEATURES.keys() | WITH_DICTIONARY.keys()
    assert found.features["unknown_words"] == pytest.approx(1 / 3)
    assert found.features["known_better"] == pytest.approx(-1 / 3)
    assert found.unknown == ("ߛߣߍ߫",)


def test_a_frame_that_the_offline_reader_did_not_read_has_evidence_too():
    assert evidence(GREETING).features["unmatched"] == 1


@given(st.lists(nko, max_size=4), st.lists(nko, max_size=4))
def test_every_feature_of_every_text_is_a_number_in_bounds(claims, lines):
    frame = Frame([Claim(text) for text in claims], [SeenLine(text, 0.5) for text in lines])
    (found,) = evidence_of([frame])
    assert len(found) == len(claims)
    for one in found:
        assert one.features.keys() == FEATURES.keys()
        assert all(0 <= value < 10 for value in one.features.values())
