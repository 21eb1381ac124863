import pytest

from nko_assets.reading.gemini.content import Content, Fault, parse_content
from nko_assets_tests.gemini_lines import FRAME_ID, as_text, content, row

GREETING = "ߌ ߣߌ߫ ߛߐ߰ߡߊ߬"


def rows_of(*rows, **fields):
    parsed = parse_content(as_text(content(*rows, **fields)))
    assert isinstance(parsed, Content)
    return parsed.rows


def fault_of(text):
    parsed = parse_content(as_text(text))
    assert isinstance(parsed, Fault)
    return parsed


@pytest.mark.parametrize(
    "around", ["```json\n%s\n```", "```\n%s```", "\ufeff %s \n", "```JSON %s ```"]
)
def test_what_harms_nothing_around_the_answer_is_left_out(around):
    text = as_text(content(row(GREETING)))
    assert parse_content(around % text) == parse_content(text)


@pytest.mark.parametrize("around", ["```json\n%s", "Sure!\n%s", "%s\n%s", "%s }", "[%s]", '"%s"'])
def test_what_would_need_a_guess_is_a_failure(around):
    text = as_text(content(row(GREETING)))
    assert fault_of(around.replace("%s", text)).status in {"malformed", "leaked_thought"}


def test_rows_without_text_are_left_out():
    assert [each.nko for each in rows_of(row(), row(GREETING), row("none"))] == [GREETING]


def test_a_number_is_a_text():
    (read,) = rows_of(row(GREETING, english=24))
    assert read.english == "24"


@pytest.mark.parametrize("nothing", ["null", "None", "N/A", " n/a ", "not shown", None])
def test_words_for_nothing_are_nothing(nothing):
    (read,) = rows_of(row(GREETING, english=nothing, latin=nothing))
    assert (read.english, read.latin) == ("", "")


@pytest.mark.parametrize(("pos", "kept"), [("Noun", "noun"), ("none", None), ("gerund", None)])
def test_a_part_of_speech_is_one_of_the_schema(pos, kept):
    (read,) = rows_of(row(GREETING, pos=pos))
    assert read.pos == kept


@pytest.mark.parametrize(
    ("stated", "share"),
    [(0.9, 0.9), ("0.9", 0.9), (90, 0.9), (1, 1.0), (0, 0.0)]
    + [(other, None) for other in (-1, 101, "high", None, [], float("nan"))],
)
def test_a_confidence_is_a_share_or_nothing(stated, share):
    parsed = parse_content(as_text(content(row(GREETING), confidence=stated)))
    assert isinstance(parsed, Content)
    assert parsed.confidence == share


def test_half_a_surrogate_pair_is_replaced():
    text = as_text(content(row(GREETING, english="@"))).replace("@", "\\ud83d")
    parsed = parse_content(text)
    assert isinstance(parsed, Content)
    assert parsed.rows[0].english == "\ufffd"


def test_the_frame_is_the_one_that_the_answer_names():
    parsed = parse_content(as_text(content(row(GREETING), frame_id=f" {FRAME_ID}\n")))
    assert isinstance(parsed, Content)
    assert parsed.frame_id == FRAME_ID


def test_a_reason_tells_what_is_wrong():
    assert "names no frame" in fault_of({"rows": []}).reason
    assert "list of rows" in fault_of({"frame_id": FRAME_ID, "rows": {}}).reason
    assert "after the JSON" in fault_of(as_text(content()) + "!").reason
    assert "breaks off" in fault_of(as_text(content())[:-1]).reason
