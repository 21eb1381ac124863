"""`nko import` on the command line: its options, what it prints, and its exit codes."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from nko_assets import cli
from nko_assets.resources.store import Store
from nko_assets_tests.memory_places import address_of, empty


@pytest.fixture
def nko(
    tmp_path: Path,
    database: Store,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., tuple[int, str, str]]:
    empty(database)
    for name in list(os.environ):
        if name.startswith(("NKO_", "SUPABASE_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("NKO_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("NKO_STORE_URL", _url(address_of(database)))

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["nko", "import", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        return int(end.value.code or 0), *capsys.readouterr()

    return run


def _url(conninfo: str) -> str:
    given = psycopg.conninfo.conninfo_to_dict(conninfo)
    return (
        f"postgresql://{given['user']}@/{given['dbname']}?host={given['host']}&port={given['port']}"
    )


def test_what_was_imported_and_what_was_not_is_told(
    tmp_path: Path, nko: Callable[..., tuple[int, str, str]]
) -> None:
    file = tmp_path / "words.tsv"
    file.write_text("entrée\tsens\nߖߌ\teau\nwater\teau\n", encoding="utf-8")
    columns = ("--nko-column", "entrée", "--french-column", "sens")
    code, out, _ = nko(file, "--source", "a [dictionary]", "--licence", "CC0", *columns)
    assert code == 0
    assert "1 motifs of a [dictionary] are in the memory (Postgres)." in out
    assert "1 lines were rejected: no_nko 1." in out
    assert str(tmp_path / "data" / "imports" / "words.tsv.rejected.jsonl") in out
    code, out, _ = nko(file, "--source", "a [dictionary]", "--licence", "CC0", *columns, "--json")
    assert code == 0
    assert json.loads(out)["changed"] == 0


def test_a_wrong_column_is_named_with_those_there_are(
    tmp_path: Path, nko: Callable[..., tuple[int, str, str]]
) -> None:
    file = tmp_path / "words.tsv"
    file.write_text("lemma\tgloss\nߖߌ\teau\n", encoding="utf-8")
    code, out, err = nko(file, "--source", "d", "--licence", "CC0")
    assert (code, out) == (2, "")
    assert "the columns are lemma, gloss" in err
    assert "--nko-column" in err


def test_an_import_of_nothing_fails(
    tmp_path: Path, nko: Callable[..., tuple[int, str, str]]
) -> None:
    file = tmp_path / "words.jsonl"
    file.write_text('{"nko": "water", "french": "eau"}\n', encoding="utf-8")
    code, _, err = nko(file, "--source", "d", "--licence", "CC0")
    assert code == 1
    assert "No line of" in err
