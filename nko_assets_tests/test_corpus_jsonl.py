"""JSON Lines: stable bytes, N'Ko as it is, one line a row whatever the text."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nko_assets.corpus.jsonl import iter_jsonl, read_jsonl, write_jsonl
from nko_assets.corpus.pairs import translation_pairs
from nko_assets.failures import PermanentFailure
from nko_assets.schemas.training import TranslationPairs
from nko_assets_tests.builders import channel


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    pairs = translation_pairs(channel(2, 20), {}).rows
    assert write_jsonl(tmp_path / "a.jsonl", pairs.iter_rows(named=True)) == pairs.height
    assert read_jsonl(tmp_path / "a.jsonl", TranslationPairs).equals(pairs)


def test_columns_can_be_left_out(tmp_path: Path) -> None:
    pairs = translation_pairs(channel(1, 5), {}).rows
    write_jsonl(tmp_path / "a.jsonl", pairs.iter_rows(named=True))
    read = read_jsonl(tmp_path / "a.jsonl", TranslationPairs, without={"context", "french"})
    assert read.equals(pairs.drop("context", "french"))


def test_rows_lie_in_the_order_of_their_ids_whatever_order_they_come_in(tmp_path: Path) -> None:
    pairs = translation_pairs(channel(2, 20), {}).rows
    write_jsonl(tmp_path / "a.jsonl", pairs.iter_rows(named=True))
    write_jsonl(tmp_path / "b.jsonl", reversed(pairs.to_dicts()))
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()


def test_nko_is_not_escaped_and_nulls_are_there(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", [{"id": "1", "nko": "ߒߞߏ", "french": None}])
    assert (tmp_path / "a.jsonl").read_text() == '{"id": "1", "nko": "ߒߞߏ", "french": null}\n'


def test_text_is_written_in_nfc(tmp_path: Path) -> None:
    swapped = "ߊ\u07eb\u07f2"
    write_jsonl(tmp_path / "a.jsonl", [{"id": "1", "nko": swapped}])
    ((_, row),) = iter_jsonl(tmp_path / "a.jsonl")
    assert row["nko"] == unicodedata.normalize("NFC", swapped) != swapped


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), unique=True, max_size=8))
def test_any_text_takes_one_line(tmp_path: Path, texts: list[str]) -> None:
    path = tmp_path / "a.jsonl"
    rows = [{"id": f"{place:03}", "text": text} for place, text in enumerate(texts)]
    write_jsonl(path, rows)
    assert path.read_bytes().count(b"\n") == len(rows)
    read = [row["text"] for _, row in iter_jsonl(path)]
    assert read == [unicodedata.normalize("NFC", text) for text in texts]


def test_line_separators_inside_a_text_do_not_end_a_line(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", [{"id": "1", "text": "one\u2028two\u0085three\rfour"}])
    ((number, row),) = iter_jsonl(tmp_path / "a.jsonl")
    assert (number, row["text"]) == (1, "one\u2028two\u0085three\rfour")


def test_two_rows_with_one_id_are_refused_and_the_old_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    write_jsonl(path, [{"id": "1"}])
    with pytest.raises(PermanentFailure, match="two rows with the id 2"):
        write_jsonl(path, [{"id": "2"}, {"id": "2"}])
    assert [row for _, row in iter_jsonl(path)] == [{"id": "1"}]
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.jsonl"]


def test_a_number_that_json_does_not_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        write_jsonl(tmp_path / "a.jsonl", [{"id": "1", "confidence": float("nan")}])


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"id": "1"}) + "\n{oops\n")
    with pytest.raises(PermanentFailure, match="Line 2 of"):
        list(iter_jsonl(path))
