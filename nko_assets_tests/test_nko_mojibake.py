"""Wrong decodings are undone exactly or refused, and other languages left in peace."""

import csv

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nko_assets.nko import characters as c
from nko_assets.nko import is_mojibake, repair
from nko_assets_tests.shared import SHARED, needs_shared

GREETING = "ߌ ߣߌ߫ ߛߐ߰ߡߊ߬"
LOSSLESS = ["latin-1", "mac_roman", "cp437", "cp850", "koi8-r", "cp866", "iso-8859-15"]


@pytest.mark.parametrize("codec", LOSSLESS)
def test_an_encoding_without_gaps_is_undone(codec):
    broken = GREETING.encode().decode(codec)
    assert is_mojibake(broken)
    assert (repair(broken).status, repair(broken).text) == ("repaired", GREETING)


@settings(max_examples=60)
@given(
    st.lists(st.sampled_from(list(c.VOWELS) + list(c.CONSONANTS)), min_size=2, max_size=12),
    st.sampled_from(["latin-1", "mac_roman", "koi8-r"]),
)
def test_any_letters_come_back(letters, codec):
    text = "".join(letters)
    assert repair(text.encode().decode(codec)).text == text


def test_windows_1252_that_kept_its_undefined_bytes_is_undone():
    broken = "".join(
        bytes([byte]).decode("cp1252") if byte not in b"\x81\x8d\x8f\x90\x9d" else chr(byte)
        for byte in GREETING.encode()
    )
    result = repair(broken)
    assert (result.status, result.text, result.codec) == ("repaired", GREETING, "windows-1252")


def test_windows_1252_that_lost_letters_is_refused_not_guessed():
    broken = GREETING.encode().decode("cp1252", "replace")
    assert "\ufffd" in broken
    assert (repair(broken).status, repair(broken).text) == ("lost", broken)


def test_windows_1251_lacks_one_byte_so_what_was_lost_is_known():
    broken = "ߘߌ߫ ߘߐ߫".encode().decode("cp1251", "replace")
    assert "\ufffd" in broken
    assert (repair(broken).status, repair(broken).text) == ("repaired", "ߘߌ߫ ߘߐ߫")


@pytest.mark.parametrize("codec", ["latin-1", "cp1252"])
def test_text_decoded_wrongly_twice_is_undone_twice(codec):
    text = "ߣߌ߫ ߞߊ߬"
    broken = text
    for _ in range(2):
        broken = broken.encode().decode(codec)
    assert repair(broken).text == text


def test_lost_no_break_spaces_are_not_guessed():
    broken = "ߠߌ߲ ߠߊ߫".encode().decode("latin-1").replace("\u00a0", " ")
    assert repair(broken).status == "lost"


def test_lost_control_characters_are_not_guessed():
    broken = "".join(ch for ch in GREETING.encode().decode("latin-1") if ch in "ß ")
    assert repair(broken).status == "lost"


@pytest.mark.parametrize(
    "text",
    [
        GREETING,
        "ߒߞߏ ß",
        "",
        "Die Straße ist weiß, groß",
        "“ß” heißt Eszett",
        "Я иду домой",
        "объявление, съезд",
        "reﬂect the ﬂow",
        "▀▄▀▄",
        "é à ç",
        "السلام",
    ],
)
def test_sound_text_of_any_language_is_left_as_it_is(text):
    assert repair(text).status == "sound"
    assert repair(text).text == text


@settings(max_examples=100)
@given(st.text(max_size=20))
def test_whatever_comes_is_repaired_or_returned_as_it_is(text):
    result = repair(text)
    assert result.status == "repaired" or result.text == text


@needs_shared
def test_every_fixture_is_repaired_or_refused_as_it_should_be():
    path = SHARED / "data" / "mojibake_fixtures.tsv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    assert len(rows) == 32
    for row in rows:
        result = repair(row["mojibake"])
        gone = row["mis_decoded_as"].startswith("cp1252-lossy") and "\ufffd" in row["mojibake"]
        assert result.status == ("lost" if gone else "repaired"), row
        assert result.text == (row["mojibake"] if gone else row["original"]), row


@needs_shared
@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("flores_nqo_dev", ("nko", "english", "french", "bambara_latn", "dyula_latn")),
        ("nllb_seed_nqo", ("nko", "english", "bambara_latn")),
    ],
)
def test_no_human_line_is_taken_for_mojibake(name, columns):
    with (SHARED / "data" / f"{name}.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    assert rows
    assert [row["id"] for row in rows if any(is_mojibake(row[name]) for name in columns)] == []
