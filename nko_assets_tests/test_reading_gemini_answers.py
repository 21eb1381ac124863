import pytest
from hypothesis import given
from hypothesis import strategies as st

from nko_assets.nko import normalize
from nko_assets.nko.characters import CONSONANTS, SHORT_HIGH, SHORT_LOW, VOWELS
from nko_assets.reading.gemini.answers import judge, parse_result, read_stored
from nko_assets.schemas.readings import READING_STATUSES
from nko_assets_tests.gemini_lines import FRAME_ID, as_text, content, line, response, result, row

GREETING = "ߌ ߣߌ߫ ߛߐ߰ߡߊ߬"
SYLLABLE = st.tuples(
    st.sampled_from(list(CONSONANTS)),
    st.sampled_from(list(VOWELS)),
    st.sampled_from(["", SHORT_HIGH, SHORT_LOW]),
).map("".join)
WORD = st.lists(SYLLABLE, min_size=1, max_size=4).map("".join)
TEXT = st.lists(WORD, min_size=1, max_size=4).map(" ".join)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)
FIELD = st.sampled_from(
    ["frame_id", "frame_type", "rows", "nko", "english", "gloss", "confidence", "unread", "pos"]
)


def judged(answer, **keywords):
    return judge(parse_result(line(answer, **keywords)), FRAME_ID)


class TestReading:
    def test_what_the_frame_shows_becomes_lines_and_entries(self):
        read = judged(
            content(
                row("ߒߞߏ", latin="nko", english="N'Ko", french="N’ko", pos="name"),
                row(english="Lesson 10"),
            )
        )
        assert read.status == "ok"
        assert read.reason == ""
        assert [(each.line, each.script, each.language, each.text) for each in read.lines] == [
            (0, "nko", "nqo", "ߒߞߏ"),
            (1, "latin", "nqo-Latn", "nko"),
            (2, "latin", "en", "N'Ko"),
            (3, "latin", "fr", "N’ko"),
            (4, "latin", "en", "Lesson 10"),
        ]
        (entry,) = read.entries
        assert (entry.line, entry.kind, entry.nko, entry.latin_shown) == (0, "word", "ߒߞߏ", "nko")
        assert (entry.english, entry.english_by, entry.french) == ("N'Ko", "frame", "N’ko")
        assert (entry.pos, entry.box) == ("name", ())

    def test_a_translation_of_the_reader_is_marked_and_is_no_line(self):
        read = judged(content(row(GREETING, gloss="good morning")))
        assert [(each.english, each.english_by) for each in read.entries] == [
            ("good morning", "reader")
        ]
        assert [each.language for each in read.lines] == ["nqo"]

    def test_what_the_frame_shows_goes_before_what_the_reader_thinks(self):
        (entry,) = judged(content(row(GREETING, english="hello", gloss="good morning"))).entries
        assert (entry.english, entry.english_by) == ("hello", "frame")

    def test_an_entry_without_english_says_so(self):
        (entry,) = judged(content(row(GREETING))).entries
        assert (entry.english, entry.english_by) == (None, None)

    def test_the_raw_text_is_kept_beside_the_normalized_one(self):
        raw = "ߞߍ\u07eb\u07f2\u200f ߞߍ"
        read = judged(content(row(raw)))
        assert (read.lines[0].text, read.lines[0].raw) == (normalize(raw), raw)
        assert (read.entries[0].nko, read.entries[0].nko_raw) == (normalize(raw), raw)

    def test_a_text_that_breaks_on_the_frame_is_one_line(self):
        (read,) = judged(content(row("ߌ ߣߌ߫\nߛߣߍ߫"))).lines
        assert read.text == "ߌ ߣߌ߫ ߛߣߍ߫"

    @pytest.mark.parametrize(
        ("nko", "kind"), [("ߒߞߏ", "word"), (GREETING, "phrase"), (GREETING + ".", "sentence")]
    )
    def test_the_kind_of_an_entry_follows_from_its_text(self, nko, kind):
        assert [entry.kind for entry in judged(content(row(nko))).entries] == [kind]

    def test_a_row_of_both_scripts_is_mixed(self):
        assert judged(content(row(f"{GREETING} (WhatsApp)"))).lines[0].script == "mixed"

    def test_latin_in_a_field_of_nko_is_no_entry(self):
        read = judged(content(row(GREETING), row("ߒߞߏ"), row("PDF")))
        assert [(each.script, each.language) for each in read.lines] == [
            ("nko", "nqo"),
            ("nko", "nqo"),
            ("latin", "und"),
        ]
        assert len(read.entries) == 2

    def test_the_word_of_the_model_is_a_signal_and_never_enough(self):
        read = judged(content(row(GREETING, legibility="clear"), confidence=1))
        assert read.model_confidence == 1
        assert {each.confidence for each in (*read.lines, *read.entries)} == {0.5}

    def test_what_is_hard_to_read_is_trusted_less(self):
        stated = ("clear", "partly", "poor", "superb", "")
        rows = [row(f"ߒߞߏ {place}", legibility=how) for place, how in enumerate(stated)]
        read = judged(content(*rows))
        assert [each.confidence for each in read.entries] == [0.5, 0.25, 0.1, 0.25, 0.25]

    def test_the_usage_is_counted_apart(self):
        read = judged(content(row(GREETING)))
        assert (read.input_tokens, read.output_tokens, read.thinking_tokens) == (2218, 214, 61)

    def test_a_failure_costs_what_it_cost(self):
        read = judged("nonsense")
        assert (read.status, read.input_tokens, read.output_tokens) == ("malformed", 2218, 214)

    @given(st.lists(TEXT, min_size=1, max_size=6, unique=True))
    def test_whatever_nko_is_answered_is_read_as_it_is(self, texts):
        read = judged(content(*(row(text) for text in texts)))
        assert read.status == "ok", read.reason
        assert [entry.nko for entry in read.entries] == [normalize(text) for text in texts]

    @given(st.lists(TEXT, min_size=1, max_size=4, unique=True), st.data())
    def test_an_answer_reads_the_same_in_however_many_parts_it_comes(self, texts, data):
        text = as_text(content(*(row(each) for each in texts)))
        cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5)))
        pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
        parts = [{"text": piece} for piece in pieces]
        parts.insert(len(parts) // 2, {"text": "Wait, let me look.", "thought": True})
        whole = judge(parse_result(result(response({"text": text}))), FRAME_ID)
        assert judge(parse_result(result(response(*parts))), FRAME_ID) == whole
        assert whole.status == "ok"


class TestNeverAnEmptySuccess:
    @given(st.text())
    def test_no_line_breaks_the_judge(self, text):
        read = read_stored(text, FRAME_ID)
        assert read.status in set(READING_STATUSES) - {"ok", "no_text"}
        assert read.reason

    @given(JSON)
    def test_no_response_breaks_the_judge(self, anything):
        for given_line in (result(anything), result({"candidates": anything})):
            read = read_stored(given_line, FRAME_ID)
            assert read.status in READING_STATUSES
            assert read.status not in {"ok", "no_text"}
            assert read.reason

    @given(st.text() | JSON.map(as_text))
    def test_no_text_of_an_answer_breaks_the_judge(self, text):
        read = judged(text)
        assert read.status not in {"ok", "no_text"}
        assert read.reason

    @given(st.dictionaries(FIELD, JSON, max_size=6), st.dictionaries(FIELD, JSON, max_size=6))
    def test_whatever_stands_in_the_fields_ok_means_lines(self, fields, of_row):
        read = judged({**content({**row(), **of_row}), **fields, "frame_id": FRAME_ID})
        assert (read.status == "ok") is bool(read.lines)
        assert bool(read.reason) is (read.status != "ok")
        assert read.status in READING_STATUSES

    @given(st.integers(0, 10_000))
    def test_no_beginning_of_an_answer_is_an_answer(self, length):
        text = as_text(content(row(GREETING, english="good morning"), row("ߒߞߏ", gloss="N'Ko")))
        read = judged(text[: length % len(text)])
        assert read.status in {"malformed", "missing"}

    @given(st.text(min_size=1).filter(lambda finish: finish != "STOP"))
    def test_nothing_but_stop_is_a_result(self, finish):
        for answer in (content(row(GREETING)), content(frame_type="no_text")):
            assert judged(answer, finish=finish).status not in {"ok", "no_text"}

    def test_only_the_answer_itself_says_that_there_is_no_text(self):
        assert judged(content(frame_type="no_text")).status == "no_text"
        assert judged(content(frame_type="other")).status == "malformed"
        assert judged(content(frame_type="")).status == "malformed"
        assert judged(content(unread="two lines, too small")).status == "missing"
