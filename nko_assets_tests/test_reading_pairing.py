"""N'Ko finds its translations in the layouts that lessons have, and nothing else becomes one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nko_assets.reading.answers import Line
from nko_assets.reading.pairing import pair
from nko_assets.sample.lessons import lessons
from nko_assets.sample.truth import truth_for
from nko_assets_tests.slides_of_lines import LATIN_SIZE, SIZE, Slide, partners

# nicolingua-0005 (CC-BY-SA-4.0) and CLDR 48 (Unicode-3.0).
WORDS = (
    ("ߓߏ߲", "house", "maison", "bon"),
    ("ߖߌ", "water", "eau", "ji"),
    ("ߘߋ߲", "child", "enfant", "den"),
    ("ߞߐ߬ߓߊ߬ߟߏ߲", "Monday", "lundi", "kɔbalon"),
    ("ߟߍߙߊ", "book", "livre", "lɛra"),
)
PHRASES = (
    ("ߌ ߣߌ߫ ߛߐ߰ߡߊ߬", "good morning", "bonjour", "i ni sɔɔma"),
    ("ߌ ߣߌ߫ ߥߎߙߊ߫", "good evening", "bonsoir", "i ni wura"),
    ("ߌ ߣߌ߫ ߗߋ߫", "thank you", "merci", "i ni ce"),
    ("ߌ ߞߊ߫ ߞߍ߲ߘߍ߫ ؟", "how are you?", "comment vas-tu ?", "i ka kɛndɛ?"),
)


def english(rows):
    return {nko: (text, None, None) for nko, text, _, _ in rows}


def test_two_columns_are_paired_row_by_row():
    slide = Slide()
    for row, (nko, text, _, _) in enumerate(WORDS):
        slide.put(nko, 1200, 100 + 80 * row, "right")
        slide.put(text, 80, 108 + 80 * row)
    lines, entries = pair(slide.lines)
    assert partners(entries) == english(WORDS)
    assert [line.language for line in lines] == ["nqo", "en"] * len(WORDS)


def test_three_columns_give_both_languages_whatever_their_order():
    for left, right in ((2, 1), (1, 2)):
        slide = Slide()
        for row, word in enumerate(WORDS):
            slide.put(word[0], 1200, 100 + 80 * row, "right")
            slide.put(word[right], 500, 108 + 80 * row)
            slide.put(word[left], 80, 108 + 80 * row)
        expected = {nko: (one, two, None) for nko, one, two, _ in WORDS}
        assert partners(pair(slide.lines)[1]) == expected


@pytest.mark.parametrize("align", ["left", "right", "middle"])
def test_lines_under_each_other_belong_to_the_n_ko_above_them(align):
    slide = Slide()
    for row, (nko, one, two, latin) in enumerate(PHRASES):
        top = 60 + 170 * row
        slide.put(nko, 640, top, align)
        for place, text in enumerate((latin, one, two)):
            slide.put(text, 640, top + SIZE + 8 + 34 * place, align)
    expected = {nko: (one, two, latin) for nko, one, two, latin in PHRASES}
    assert partners(pair(slide.lines)[1]) == expected


def test_translations_over_their_n_ko_are_told_by_the_space_between_groups():
    slide = Slide()
    for row, (nko, one, _, _) in enumerate(PHRASES):
        slide.put(one, 640, 60 + 150 * row, "middle")
        slide.put(nko, 640, 60 + 150 * row + LATIN_SIZE + 8, "middle")
    assert partners(pair(slide.lines)[1]) == english(PHRASES)


def test_a_table_keeps_its_labels_numbers_and_page_number_out_of_the_pairs():
    slide = Slide()
    slide.put("Français", 80, 40)
    slide.put("English", 450, 40)
    for row, (nko, one, two, _) in enumerate(WORDS):
        top = 110 + 80 * row
        slide.put("߁߂߃߄߅"[row], 1220, top, "right")
        slide.put(nko, 1050, top, "right")
        slide.put(one, 450, top + 8)
        slide.put(two, 80, top + 8)
    slide.put("12", 640, 680, "middle", 18)
    lines, entries = pair(slide.lines)
    told = partners(entries)
    assert {nko: told[nko] for nko, *_ in WORDS} == {w[0]: (w[1], w[2], None) for w in WORDS}
    assert all(told[digit] == (None, None, None) for digit in "߁߂߃߄߅")
    assert lines[-1].language == "und"


def test_a_label_settles_the_language_of_names_that_both_languages_share():
    slide = Slide()
    slide.put("Français", 80, 40)
    for row, (nko, name) in enumerate((("ߡߊ߬ߟߌ߬", "Mali"), ("ߕߜ߭ߏ߫", "Togo"))):
        slide.put(nko, 1200, 110 + 80 * row, "right")
        slide.put(name, 80, 118 + 80 * row)
    slide.put("ߛߏ߫", 1200, 270, "right")
    slide.put("pays", 80, 278)
    told = partners(pair(slide.lines)[1])
    assert told["ߡߊ߬ߟߌ߬"] == (None, "Mali", None)


def test_a_column_settles_the_language_of_a_word_that_both_languages_have():
    slide = Slide()
    rows = [("ߓߏ߲", "maison"), ("ߘߋ߲", "enfant"), ("ߟߍߙߊ", "livre"), ("ߞߣߍ", "place")]
    for row, (nko, text) in enumerate(rows):
        slide.put(nko, 1200, 100 + 80 * row, "right")
        slide.put(text, 80, 108 + 80 * row)
    assert partners(pair(slide.lines)[1])["ߞߣߍ"] == (None, "place", None)


def test_speakers_of_a_dialogue_translate_nothing():
    slide = Slide()
    for row, (nko, text, _, _) in enumerate(PHRASES):
        right = row % 2 == 0
        x, align = (1150, "right") if right else (100, "left")
        slide.put("Fanta:" if right else "Musa:", x, 50 + 160 * row, align, 20)
        slide.put(nko, x, 78 + 160 * row, align)
        slide.put(text, x, 126 + 160 * row, align)
    assert partners(pair(slide.lines)[1]) == english(PHRASES)


def test_who_says_a_line_is_no_part_of_its_translation():
    slide = Slide()
    for row, (nko, text, _, _) in enumerate(PHRASES):
        slide.put(nko, 1150, 60 + 150 * row, "right")
        slide.put(f"{'AB'[row % 2]}: {text}", 1150, 108 + 150 * row, "right")
    assert partners(pair(slide.lines)[1]) == english(PHRASES)


def test_brackets_around_a_translation_are_no_part_of_it():
    slide = Slide()
    slide.put("ߓߏ߲", 1200, 100, "right")
    slide.put("(house)", 1080, 108, "right")
    slide.put("ߖߌ", 1200, 200, "right")
    slide.put("water (to drink)", 1080, 208, "right")
    told = partners(pair(slide.lines)[1])
    assert told == {"ߓߏ߲": ("house", None, None), "ߖߌ": ("water (to drink)", None, None)}


def test_a_line_with_both_languages_gives_both():
    slide = Slide()
    for row, (nko, one, two, _) in enumerate(WORDS):
        slide.put(nko, 1200, 100 + 80 * row, "right")
        slide.put(f"{one} / {two}", 80, 108 + 80 * row)
    slide.put("ߞߊ߲", 1200, 600, "right")
    slide.put("neck / voice", 80, 608)
    told = partners(pair(slide.lines)[1])
    assert told.pop("ߞߊ߲") == ("neck / voice", None, None)
    assert told == {nko: (one, two, None) for nko, one, two, _ in WORDS}


def test_cards_with_a_word_and_its_translations_do_not_mix():
    slide = Slide()
    for place, (nko, one, two, _) in enumerate(WORDS):
        x, y = 1080 - 430 * (place % 3), 100 + 170 * (place // 3)
        slide.put(nko, x, y, "middle")
        slide.put(one, x, y + 46, "middle")
        slide.put(two, x, y + 78, "middle")
    expected = {nko: (one, two, None) for nko, one, two, _ in WORDS}
    assert partners(pair(slide.lines)[1]) == expected


def test_a_cell_that_is_empty_leaves_its_place_empty():
    slide = Slide()
    for row, (nko, one, two, _) in enumerate(WORDS):
        slide.put(nko, 1200, 100 + 80 * row, "right")
        if row != 2:
            slide.put(one, 500, 108 + 80 * row)
        if row != 3:
            slide.put(two, 80, 108 + 80 * row)
    expected = {nko: (one, two, None) for nko, one, two, _ in WORDS}
    expected[WORDS[2][0]] = (None, WORDS[2][2], None)
    expected[WORDS[3][0]] = (WORDS[3][1], None, None)
    assert partners(pair(slide.lines)[1]) == expected


def test_titles_and_remarks_in_latin_script_translate_no_line():
    slide = Slide()
    slide.put("Lesson 4: The house", 640, 30, "middle", 34)
    for row, (nko, text, _, _) in enumerate(WORDS):
        slide.put(nko, 1200, 120 + 80 * row, "right")
        slide.put(text, 80, 128 + 80 * row)
    slide.put("Remarque : cette leçon continue demain matin.", 80, 620)
    assert partners(pair(slide.lines)[1]) == english(WORDS)


def test_the_bar_of_a_window_and_its_page_counter_stay_alone():
    slide = Slide()
    slide.put("lesson-07.pdf", 100, 8, height=18)
    slide.put("2 / 14", 1200, 8, height=18)
    for row, (nko, text, _, _) in enumerate(WORDS[:2]):
        slide.put(nko, 1200, 60 + 80 * row, "right")
        slide.put(text, 80, 68 + 80 * row)
    lines, entries = pair(slide.lines)
    assert partners(entries) == english(WORDS[:2])
    assert [line.language for line in lines[:2]] == ["und", "und"]


def test_a_heading_in_french_over_an_english_list_stays_french():
    slide = Slide()
    slide.put("ߞߊ߬ߙߊ߲߬ߕߊ", 1200, 30, "right", 46)
    slide.put("école", 80, 40)
    for row, (nko, text, _, _) in enumerate(PHRASES):
        slide.put(nko, 1200, 130 + 90 * row, "right")
        slide.put(text, 80, 138 + 90 * row)
    told = partners(pair(slide.lines)[1])
    assert told["ߞߊ߬ߙߊ߲߬ߕߊ"] == (None, "école", None)
    assert told["ߌ ߣߌ߫ ߗߋ߫"] == ("thank you", None, None)


def test_two_lists_side_by_side_do_not_mix():
    slide = Slide()
    for row, (one, two) in enumerate(zip(WORDS[:2], WORDS[2:4], strict=True)):
        top = 100 + 90 * row
        slide.put(one[0], 1230, top, "right")
        slide.put(one[1], 720, top + 8)
        slide.put(two[0], 620, top, "right")
        slide.put(two[1], 60, top + 8)
    assert partners(pair(slide.lines)[1]) == english(WORDS[:4])


def test_a_broken_sentence_with_a_translation_is_one_entry_and_without_one_two():
    nko = ("ߡߐ߱ ߟߋ߬ ߓߍߓߊ߮ ߝߋ߲ ߓߍ߯ ߘߐ߫ ߝߌ߬ߛߊ߬ߡߊ߲ ߘߌ߫ ߜߘߍ ߟߎ߬ ߦߟߌߟߊ", "ߢߊߝߐ ߘߐ߫")
    slide = Slide()
    slide.put(nko[0], 1200, 100, "right")
    slide.put(nko[1], 1200, 150, "right")
    assert [entry.nko for entry in pair(slide.lines)[1]] == list(nko)
    slide.put("Everything is better when it is explained.", 1200, 200, "right")
    (entry,) = pair(slide.lines)[1]
    assert entry.nko == " ".join(nko)
    assert entry.english == "Everything is better when it is explained."
    assert entry.box == (slide.lines[0].box[0], 100, 1200, 190)


def test_an_entry_is_as_sure_as_the_least_sure_line_it_rests_on():
    slide = Slide()
    slide.put("ߓߏ߲", 1200, 100, "right")
    slide.put("house", 80, 108)
    first, second = slide.lines
    doubtful = Line(1, second.box, "latin", "und", "house", "house", 0.4)
    (entry,) = pair([first, doubtful])[1]
    assert entry.confidence == 0.4


def test_a_slide_in_one_script_has_no_pairs():
    slide = Slide()
    slide.put("Class notices", 80, 50)
    assert pair(slide.lines) == (
        (Line(0, slide.lines[0].box, "latin", "en", "Class notices", "Class notices", 0.9),),
        (),
    )
    assert pair([]) == ((), ())


def test_lines_without_boxes_cannot_be_paired():
    with pytest.raises(ValueError, match="layout"):
        pair([Line(0, (), "nko", "nqo", "ߓߏ߲", "ߓߏ߲", 0.9)])


box = st.tuples(
    st.integers(0, 1200), st.integers(0, 650), st.integers(1, 300), st.integers(4, 80)
).map(lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3]))
line = st.tuples(
    box,
    st.sampled_from(
        [
            ("nko", "ߓߏ߲"),
            ("nko", "߁"),
            ("mixed", "ߓߏ߲ a"),
            ("latin", "house"),
            ("latin", "English"),
            ("latin", "bon"),
            ("latin", "7"),
            ("other", ""),
            ("other", "x"),
        ]
    ),
)


@settings(max_examples=150)
@given(st.lists(line, max_size=12))
def test_whatever_the_layout_each_line_is_kept_and_used_once(drawn):
    lines = [
        Line(number, place, script, "und", text, text, 0.9)
        for number, (place, (script, text)) in enumerate(drawn)
    ]
    told, entries = pair(lines)
    assert [(one.line, one.box, one.text) for one in told] == [
        (one.line, one.box, one.text) for one in lines
    ]
    nko = [one for one in lines if one.script in ("nko", "mixed")]
    assert sorted(entry.line for entry in entries) == [one.line for one in nko]
    used = [t for e in entries for t in (e.english, e.french, e.latin_shown) if t is not None]
    latin = [one.text for one in lines if one.script == "latin"]
    assert all(used.count(text) <= latin.count(text) for text in used)


def test_known_pairs_of_the_sample_channel_are_found_when_its_lines_are_read_right():
    right = total = 0
    for video_id in lessons():
        for slide in truth_for(video_id).slides:
            lines = [
                Line(number, known.box, known.script, "und", known.text, known.text, 0.9)
                for number, known in enumerate(slide.lines)
            ]
            entries = {entry.line: entry for entry in pair(lines)[1]}
            for known in slide.entries:
                entry = entries.get(known.line)
                wanted = (known.english, known.french, known.latin_shown)
                got = entry and (entry.english, entry.french, entry.latin_shown)
                total += 1
                right += got == wanted
    assert total > 200
    assert right / total >= 0.95
