"""Parallel files of others: every line becomes a row or says why not."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nko_assets.failures import ConfigurationError
from nko_assets.memory.imports import Imported, imported_motifs, read_parallel
from nko_assets_tests.shared import SHARED, needs_shared

HEADER = "id\tnko\tenglish\tfrench\n"


def read(text: str | bytes, **options: object) -> Imported:
    data = text if isinstance(text, bytes) else text.encode()
    given = {"source": "nicolingua", "licence": "CC-BY-SA-4.0"} | options
    return read_parallel(data, **given)  # type: ignore[arg-type]


def statuses(imported: Imported) -> list[str]:
    return [row.status for row in imported.rejected]


def test_a_row_carries_its_text_its_latin_its_meanings_and_where_it_is_from() -> None:
    (row,) = read(HEADER + "1\tߌ ߣߌ߫ ߗߋ߫\tthank you\tmerci\n").rows
    assert (row.line, row.nko, row.latin) == (2, "ߌ ߣߌ߫ ߗߋ߫", "i ni ce")
    assert (row.english, row.french) == ("thank you", "merci")
    assert (row.source, row.licence) == ("nicolingua", "CC-BY-SA-4.0")


def test_words_and_phrases_are_told_apart() -> None:
    rows = read("nko\tfrench\nߖߌ\teau\nߌ ߞߊ߫ ߞߍ߲ߘߍ߫؟\tcomment vas-tu?\n").rows
    assert [row.motif_type for row in rows] == ["vocabulary", "phrase"]


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("NKO\tEnglish", "english"),
        ("nqo_Nkoo\teng_Latn", "english"),
        (" N’Ko \tFrançais", "french"),
        ("ߒߞߏ\tfra Latn", "french"),
        ("word\tmeaning", "english"),
    ],
)
def test_columns_are_found_by_the_names_they_usually_have(header: str, field: str) -> None:
    (row,) = read(f"{header}\nߖߌ\teau\n").rows
    assert getattr(row, field) == "eau"


def test_a_column_with_another_name_can_be_named() -> None:
    columns = {"nko": "entrée", "french": "sens"}
    (row,) = read("entrée\tsens\nߖߌ\teau\n", columns=columns).rows
    assert (row.nko, row.french) == ("ߖߌ", "eau")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("\ufeff \n", "empty"),
        ("lemma\tgloss\nߖߌ\teau\n", "no column with N'Ko; the columns are lemma, gloss"),
        ("nko\tipa\nߖߌ\tjí\n", "no column with a translation"),
        ("ߖߌ\teau\nߛߓߍ\técrire\n", "is a row, not a header"),
        ("nko,french\nߖߌ,eau\n", "separated by commas"),
        ("nko\tfrench\tfrench\nߖߌ\teau\teau\n", "Two columns are called french"),
        ("nko\tfrench\tfra\nߖߌ\teau\teau\n", "could both be french"),
        (b"nko\tfrench\n\xff\xfeau\n"[0:11] + b"\xe9t\xe9\n", "Line 2 of the file is not UTF-8"),
        ('{"a": "b"}\n', "no column with N'Ko; the columns are a"),
        ("{\n", "no column with N'Ko; the columns are none"),
    ],
)
def test_a_file_that_cannot_be_understood_says_why_and_what_to_do(
    text: str | bytes, says: str
) -> None:
    with pytest.raises(ConfigurationError, match=says) as caught:
        read(text)
    assert caught.value.next_step


def test_a_named_column_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="no column entrée; the columns are nko, french"):
        read("nko\tfrench\nߖߌ\teau\n", columns={"nko": "entrée"})


@pytest.mark.parametrize("missing", ["source", "licence"])
def test_rows_without_source_or_licence_are_not_taken(missing: str) -> None:
    with pytest.raises(ConfigurationError, match=f"name the {missing}"):
        read(HEADER + "1\tߖߌ\twater\teau\n", **{missing: None})


def test_a_row_that_names_its_own_licence_keeps_it_and_one_that_names_none_is_rejected() -> None:
    text = "nko\tfrench\tlicense\nߖߌ\teau\tCC0\nߛߓߍ\técrire\t\n"
    imported = read(text, licence=None)
    assert [row.licence for row in imported.rows] == ["CC0"]
    assert statuses(imported) == ["no_licence"]
    assert [row.licence for row in read(text).rows] == ["CC0", "CC-BY-SA-4.0"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_byte_order_marks_and_line_ends_of_every_system_are_read(encoding: str, end: str) -> None:
    text = end.join(["nko\tenglish", "ߖߌ\twater", "", "ߛߓߍ\tto write", ""])
    imported = read(text.encode(encoding))
    assert [(row.line, row.nko, row.english) for row in imported.rows] == [
        (2, "ߖߌ", "water"),
        (4, "ߛߓߍ", "to write"),
    ]
    assert not imported.rejected


def test_a_line_separator_inside_a_text_ends_no_row() -> None:
    (row,) = read("nko\tenglish\nߖߌ\tfresh\u2028water\x85here\n").rows
    assert row.english == "fresh\nwater\nhere"


def test_quotation_marks_of_plain_tsv_stay() -> None:
    text = 'nko\tenglish\nߖߌ\t"Water", he said\nߛߓߍ\t"write"\nߒߞߏ\tan open " mark\n'
    assert [row.english for row in read(text).rows] == [
        '"Water", he said',
        '"write"',
        'an open " mark',
    ]


def test_an_opening_quotation_mark_does_not_swallow_the_lines_that_follow() -> None:
    text = 'nko\tenglish\nߖߌ\t"Water\nߛߓߍ\twrite\nߒߞߏ\t"N\'Ko\n'
    assert [row.english for row in read(text).rows] == ['"Water', "write", "\"N'Ko"]


def test_cells_that_a_spreadsheet_quoted_are_unquoted() -> None:
    text = 'nko\tenglish\nߖߌ\t"He said ""water"""\n"ߛߓߍ"\twrite\n'
    assert [row.english for row in read(text).rows] == ['He said "water"', "write"]


def test_a_quoted_cell_may_hold_tabs_and_line_ends() -> None:
    imported = read('"nko"\t"english"\n"ߖߌ"\t"water,\tor\nrain"\n"ߛߓߍ"\t"write"\n')
    assert [(row.line, row.english) for row in imported.rows] == [
        (2, "water, or\nrain"),
        (4, "write"),
    ]


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.text(st.characters(codec="utf-8"))), min_size=1)
)
def test_whatever_a_spreadsheet_quotes_every_row_is_accounted_for(
    cells: list[tuple[str, str]],
) -> None:
    written = io.StringIO()
    writer = csv.writer(written, delimiter="\t", quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(["id", "nko", "english"])
    writer.writerows([(name, "ߖߌ", text) for name, text in cells])
    imported = read(written.getvalue().encode())
    assert len(imported.rows) + len(imported.rejected) == len(cells)


@given(st.text(st.characters(codec="utf-8")))
def test_no_text_whatsoever_breaks_the_reader(text: str) -> None:
    try:
        imported = read("nko\tenglish\n" + text)
    except ConfigurationError:
        return
    assert all(row.reason for row in imported.rejected)


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("\twater", "empty"),
        ("ߖߌ\t", "no_translation"),
        ("ߖߌ\t—", "no_translation"),
        ("water\tߖߌ", "no_nko"),
        ("ji\twater", "no_nko"),
        ("ماء\twater", "wrong_script"),
        ("؟؟\twater", "empty"),
        ("߁߂\ttwelve", "no_word"),
        ("ߖߌ\tߛߓߍ ߞߊ߬ߙߊ߲", "translation_in_nko"),
        ("ߖߌfߌ\twater", "lookalike_letter"),
        ("ߖߖߖߖ\twater", "triple_letter"),
        ("ߖߌ", "cells"),
        ("ߖߌ\twater\train", "cells"),
        ("ߖ\ufffdߌ\twater", "replacement_character"),
    ],
)
def test_a_line_that_is_no_row_is_rejected_with_its_reason(line: str, status: str) -> None:
    imported = read(f"nko\tenglish\n{line}\nߛߓߍ\twrite\n")
    assert [row.nko for row in imported.rows] == ["ߛߓߍ"]
    (rejected,) = imported.rejected
    assert (rejected.line, rejected.status) == (2, status)
    assert rejected.reason
    assert any(rejected.content.values())


def test_a_wrongly_decoded_text_is_repaired_or_rejected() -> None:
    good = "ߒߞߏ ߛߓߍ"
    broken = good.encode().decode("latin-1")
    assert read(f"nko\tenglish\n{broken}\twriting N'Ko\n").rows[0].nko == good
    lost = good.encode().decode("cp1252", errors="replace")
    assert statuses(read(f"nko\tenglish\n{lost}\twriting N'Ko\n")) == ["mojibake"]


def test_the_same_pair_again_is_rejected_and_another_meaning_is_a_row() -> None:
    imported = read("nko\tenglish\nߖߌ\twater\nߖߌ.\tWater!\nߖߌ\train\nߖߌ߬\twater\n")
    assert [(row.nko, row.english) for row in imported.rows] == [
        ("ߖߌ", "water"),
        ("ߖߌ", "rain"),
        ("ߖߌ߬", "water"),
    ]
    (rejected,) = imported.rejected
    assert (rejected.line, rejected.status, rejected.reason) == (
        3,
        "duplicate",
        "the same as line 2",
    )


def test_the_same_pair_of_another_source_is_a_row_of_its_own() -> None:
    imported = read("nko\tenglish\tsource\nߖߌ\twater\ta\nߖߌ\twater\tb\nߖߌ\twater\ta\n")
    assert [row.source for row in imported.rows] == ["a", "b"]
    (rejected,) = imported.rejected
    assert (rejected.line, rejected.reason) == (4, "the same as line 2")


def test_json_lines_are_read_with_what_is_no_row_rejected() -> None:
    lines = [
        json.dumps({"nko": "ߖߌ", "english": "water", "licence": "CC0"}, ensure_ascii=False),
        json.dumps({"nko": "ߛߓߍ", "french": "écrire"}),
        json.dumps({"nko": None, "english": "fire"}),
        "",
        "{broken",
        "[1]",
        json.dumps({"nko": 3, "english": "three"}),
        json.dumps({"nko": ["ߖߌ"], "english": None}),
        '{"nko": "ߖߌ", "english": "wa\\ud800ter"}',
    ]
    imported = read("\ufeff" + "\r\n".join(lines))
    assert [(row.line, row.nko, row.english, row.french, row.licence) for row in imported.rows] == [
        (1, "ߖߌ", "water", None, "CC0"),
        (2, "ߛߓߍ", None, "écrire", "CC-BY-SA-4.0"),
    ]
    assert [(row.line, row.status) for row in imported.rejected] == [
        (3, "empty"),
        (5, "no_object"),
        (6, "no_object"),
        (7, "not_text"),
        (8, "not_text"),
        (9, "not_text"),
    ]


def test_languages_kept_together_under_one_name_are_found() -> None:
    (row,) = read(json.dumps({"id": 1, "translation": {"nqo": "ߖߌ", "fr": "eau"}})).rows
    assert (row.nko, row.french) == ("ߖߌ", "eau")


def test_rows_become_motifs_with_the_same_ids_each_time() -> None:
    text = "nko\tenglish\tfrench\nߖߌ\twater\teau\nߌ ߞߊ߫ ߞߍ߲ߘߍ߫؟\t\tcomment vas-tu?\n"
    word, phrase = imported_motifs(read(text).rows)
    assert [word, phrase] == imported_motifs(read(text).rows)
    assert (word.motif_type, word.source, word.licence) == (
        "vocabulary",
        "nicolingua",
        "CC-BY-SA-4.0",
    )
    assert word.content == {
        "nko_text": "ߖߌ",
        "latin": "ji",
        "translation": "water",
        "english": "water",
        "french": "eau",
    }
    assert phrase.content["translation"] == "comment vas-tu?"
    assert phrase.nko_key == "ߌ ߞߊ߫ ߞߍ߲ߘߍ߫"
    assert word.frame_id is None


def test_two_meanings_of_a_word_and_two_sources_are_different_motifs() -> None:
    text = "nko\tenglish\nߖߌ\twater\nߖߌ\train\n"
    motifs = [
        *imported_motifs(read(text).rows),
        *imported_motifs(read(text, source="another").rows),
    ]
    assert len({motif.id for motif in motifs}) == 4


def test_nothing_is_imported_as_read_from_the_lessons() -> None:
    imported = read("nko\tenglish\nߖߌ\twater\n", source="lessons")
    assert statuses(imported) == ["source"]


@needs_shared
@pytest.mark.parametrize(
    ("name", "rows", "rejected"),
    [
        ("flores_nqo_dev", 997, 0),
        ("nicolingua_kalo_mory_diane_parallel_001", 6_727, 274),
        ("cldr_nqo_names", 970, 38),
    ],
)
def test_published_files_are_read_whole(name: str, rows: int, rejected: int) -> None:
    assert SHARED is not None
    imported = read((SHARED / "data" / f"{name}.tsv").read_bytes())
    assert (len(imported.rows), len(imported.rejected)) == (rows, rejected)
    assert set(statuses(imported)) <= {"duplicate"}
