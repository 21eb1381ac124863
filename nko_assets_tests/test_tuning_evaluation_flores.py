"""FLORES is read from a table or a folder, and what is not the whole devtest is not called so."""

from __future__ import annotations

import json

import pytest

from nko_assets.failures import ConfigurationError
from nko_assets.tuning.evaluation.flores import DEVTEST_ROWS, read_flores
from nko_assets_tests.shared import SHARED, needs_shared

NKO, ENGLISH = "ߌ ߣߌ߫ ߛߐ߰ߡߊ߬", "good morning"


def table(rows, header="id\tnko\tenglish"):
    return "\n".join([header, *("\t".join(row) for row in rows)]) + "\n"


def test_a_table_is_read_by_its_header(tmp_path):
    path = tmp_path / "flores.tsv"
    rows = [("dev-1", ENGLISH, "bonjour", NKO), ("dev-2", 'a "quote', "", NKO)]
    path.write_text(table(rows, "id\tenglish\tfrench\tnko"), encoding="utf-8")

    found = read_flores(path)

    assert found.rows == (("dev-1", NKO, ENGLISH), ("dev-2", NKO, 'a "quote'))
    assert not found.is_devtest
    assert "not the whole devtest" in found.title


@pytest.mark.parametrize("kept", [DEVTEST_ROWS, DEVTEST_ROWS - 1])
def test_only_all_of_devtest_is_called_devtest(tmp_path, kept):
    path = tmp_path / "flores.tsv"
    rows = [(f"devtest-{number}", NKO, ENGLISH) for number in range(kept)]
    path.write_text(table(rows), encoding="utf-8")
    assert read_flores(path).is_devtest == (kept == DEVTEST_ROWS)


def test_a_folder_of_lines_is_paired_by_line_and_devtest_comes_first(tmp_path):
    for part, english in (("dev", "other"), ("devtest", ENGLISH)):
        (tmp_path / part).mkdir()
        (tmp_path / part / f"nqo_Nkoo.{part}").write_text(f"{NKO}\n", encoding="utf-8")
        (tmp_path / part / f"eng_Latn.{part}").write_text(f"{english}\n", encoding="utf-8")
    assert read_flores(tmp_path).rows == (("0", NKO, ENGLISH),)


def test_a_folder_of_jsonl_is_paired_by_id(tmp_path):
    folder = tmp_path / "devtest"
    folder.mkdir()
    for name, texts in (("nqo_Nkoo", {1: NKO, 2: "ߒߞߏ"}), ("eng_Latn", {2: "N'Ko", 1: ENGLISH})):
        lines = [json.dumps({"id": key, "text": text}) for key, text in texts.items()]
        (folder / f"{name}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    assert read_flores(tmp_path).rows == (("1", NKO, ENGLISH), ("2", "ߒߞߏ", "N'Ko"))


def test_sides_that_do_not_match_are_refused(tmp_path):
    (tmp_path / "nqo_Nkoo.devtest").write_text(f"{NKO}\n{NKO}\n", encoding="utf-8")
    (tmp_path / "eng_Latn.devtest").write_text(f"{ENGLISH}\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="do not have the same 2 and 1 sentences"):
        read_flores(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("nothing", None, "There is nothing at"),
        ("flores.tsv", "id\tfrench\n1\tbonjour\n", "names no english, no nko"),
        ("flores.tsv", "id\tnko\tenglish\n1\t\t\n", "There is no sentence in"),
        ("folder/eng_Latn.devtest", "x\n", "has no file for nqo_Nkoo"),
        ("folder/nqo_Nkoo.jsonl", "no json\n", "has no file for eng_Latn"),
    ],
)
def test_what_is_no_flores_is_refused_with_what_is_expected(tmp_path, name, content, said):
    path = tmp_path / name
    if content is not None:
        path.parent.mkdir(exist_ok=True)
        path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=said) as failure:
        read_flores(tmp_path / name.split("/", maxsplit=1)[0])
    assert "nqo_Nkoo" in failure.value.next_step


def test_jsonl_that_is_none_is_refused(tmp_path):
    (tmp_path / "nqo_Nkoo.jsonl").write_text('{"id": 1}\n', encoding="utf-8")
    (tmp_path / "eng_Latn.jsonl").write_text('{"id": 1, "text": "x"}\n', encoding="utf-8")
    with pytest.raises(ConfigurationError, match="is no JSONL of rows with id and text"):
        read_flores(tmp_path)


@needs_shared
def test_the_dev_part_is_read_whole():
    assert SHARED is not None
    found = read_flores(SHARED / "data" / "flores_nqo_dev.tsv")
    assert len(found.rows) == 997
    assert not found.is_devtest
