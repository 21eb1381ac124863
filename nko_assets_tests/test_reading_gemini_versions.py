import hashlib

import pytest

from nko_assets.failures import ConfigurationError
from nko_assets.reading.gemini import versions
from nko_assets_tests.gemini_lines import content, row

# What was asked once is never changed: another wording is another version.
USED = {"v1": "3c95133d1f7a3b1796c9274d8672051709ab0a09ec00f64e365c34d0bfcae925"}


@pytest.mark.parametrize("version", USED)
def test_a_version_that_was_used_stays_what_it_was(version):
    assert versions.prompt_digest(version) == USED[version]


def test_the_digest_is_a_sha256():
    assert len(bytes.fromhex(versions.prompt_digest())) == hashlib.sha256().digest_size


def test_the_schema_is_one_list_of_flat_rows():
    schema = versions.answer_schema()
    nested = {name for name, field in schema["properties"].items() if "properties" in field}
    lists = {name: field for name, field in schema["properties"].items() if "items" in field}
    assert nested == set()
    assert set(lists) == {"rows"}
    fields = lists["rows"]["items"]["properties"]
    assert all(field["type"] == "STRING" for field in fields.values())


def test_everything_is_required_and_in_order_and_the_frame_comes_first():
    schema = versions.answer_schema()
    of_row = schema["properties"]["rows"]["items"]
    for each in (schema, of_row):
        assert each["required"] == each["propertyOrdering"] == list(each["properties"])
    assert schema["required"][0] == "frame_id"
    assert set(content(row())) == set(schema["required"])
    assert set(row()) == set(of_row["required"])


def test_the_prompt_speaks_of_every_field():
    schema = versions.answer_schema()
    fields = {*schema["properties"], *schema["properties"]["rows"]["items"]["properties"]}
    for field in fields - {"rows"}:
        assert f"`{field}`" in versions.prompt_text()


def test_the_prompt_names_every_mark_of_nko():
    for mark in range(0x07EB, 0x07F4):
        assert chr(mark) in versions.prompt_text()


def test_the_prompt_shows_no_text_that_could_be_answered_back():
    nko = [
        word
        for word in versions.prompt_text().split()
        if len([c for c in word if "\u07ca" <= c <= "\u07ea"]) > 1
    ]
    assert nko == []


@pytest.mark.parametrize("hint", ["loop", "recitation", "safety", "script"])
def test_every_hint_has_its_words(hint):
    assert versions.hint_text(hint).endswith(".")
    assert versions.hint_text("") == ""


def test_an_unknown_version_says_what_to_do():
    with pytest.raises(ConfigurationError, match="v1"):
        versions.prompt_text("v0")
