import pytest

from nko_assets.reading.gemini.content import Row
from nko_assets.reading.gemini.suspicion import find_fault, find_loop, find_loop_in_part
from nko_assets_tests.shared import SHARED, needs_shared

GREETINGS = ("ߌ ߣߌ߫ ߛߐ߰ߡߊ߬", "ߌ ߣߌ߫ ߕߟߋ߬", "ߌ ߣߌ߫ ߥߎߙߊ߫", "ߌ ߣߌ߫ ߛߣߍ߫", "ߌ ߣߌ߫ ߗߋ߫")


def made(nko="", **fields):
    empty = dict.fromkeys(("latin", "english", "french", "gloss"), "")
    return Row(nko, **{**empty, "pos": None, "legibility": "clear", **fields})


def status_of(*rows):
    fault = find_fault(rows)
    return fault and fault.status


def test_greetings_that_begin_alike_are_no_loop():
    assert status_of(*(made(text) for text in GREETINGS)) is None


def test_the_same_row_may_come_thrice_but_not_four_times():
    assert status_of(*[made(GREETINGS[0])] * 3) is None
    assert status_of(*[made(GREETINGS[0])] * 4) == "loop"
    assert status_of(*[made("ߓ")] * 6) is None


def test_the_same_word_with_other_translations_is_no_loop():
    glosses = ("good", "well", "nice", "fine", "kind", "sound")
    assert status_of(*(made("ߢߌ߬", english=gloss) for gloss in glosses)) is None


def test_a_long_text_that_repeats_a_phrase_is_a_loop():
    assert find_loop([f"{GREETINGS[0]} " * 12])
    assert find_loop([" ".join(GREETINGS) + " " + " ".join(reversed(GREETINGS))]) is None


def test_rows_in_turn_are_a_loop():
    assert find_loop(GREETINGS[:2] * 5)
    assert find_loop(GREETINGS[:2] * 4) is None
    assert find_loop([*GREETINGS, *GREETINGS[:2]]) is None


def test_many_rows_that_differ_in_a_number_alone_are_a_loop():
    numbered = [f"{' '.join(GREETINGS[:2])} {number}" for number in range(60)]
    assert "compress" in (find_loop(numbered) or "")
    assert find_loop(numbered[:8]) is None


def test_a_loop_is_seen_in_an_answer_that_broke_off():
    assert find_loop_in_part('{"rows":[' + '{"nko":"ߓߊߓߊ","english":"x"},' * 9)
    assert find_loop_in_part('{"rows":[{"nko":"' + "ߓߊߓߊ " * 90)
    rows = ",".join(f'{{"nko":"{text}","latin":"","english":""}}' for text in GREETINGS)
    assert find_loop_in_part(f'{{"frame_id":"x:1","rows":[{rows}') is None
    assert find_loop_in_part("") is None


@pytest.mark.parametrize(
    "aside",
    [
        "good morning (Wait, the second row differs)",
        "[unclear]",
        "</think>hello",
        "thoughtThe slide",
        "(hmm) hello",
    ],
)
def test_reasoning_in_a_translation_is_a_leak(aside):
    for name in ("english", "french", "gloss"):
        assert status_of(made(GREETINGS[0], **{name: aside})) == "leaked_thought"


@pytest.mark.parametrize(
    "text",
    ["I think so.", "Wait for me!", "The first word is long.", "Here is the book", "no, actually"],
)
def test_sentences_of_a_lesson_are_no_leak(text):
    assert status_of(made(GREETINGS[0], english=text)) is None


def test_one_row_of_another_script_is_left_to_the_review():
    rows = [made(text) for text in GREETINGS]
    assert status_of(*rows, made("سلام")) is None
    assert status_of(*rows[:1], made("سلام")) == "wrong_script"


def test_rows_without_nko_do_not_count_as_another_script():
    assert status_of(made(english="Lesson 10"), made(french="Leçon 10")) is None


@needs_shared
@pytest.mark.parametrize("rows_a_frame", [1, 8, 30])
@pytest.mark.parametrize(
    "name", ["flores_nqo_dev", "nicolingua_kalo_mory_diane_parallel_001", "cldr_nqo_names"]
)
def test_no_real_text_is_taken_for_a_fault(name, rows_a_frame):
    path = SHARED / "data" / f"{name}.tsv"
    head, *lines = path.read_text(encoding="utf-8").rstrip("\n").split("\n")[:1200]
    rows = [dict(zip(head.split("\t"), line.split("\t"), strict=True)) for line in lines]
    read = [made(each["nko"], english=each["english"], french=each["french"]) for each in rows]
    for start in range(0, len(read), rows_a_frame):
        assert find_fault(read[start : start + rows_a_frame]) is None
