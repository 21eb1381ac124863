"""`nko search` on the command line: what it prints, what it refuses, and its exit codes."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from nko_assets import cli
from nko_assets.resources.postgres_memory import PostgresMemory
from nko_assets.resources.store import Store
from nko_assets_tests.memory_places import address_of, empty
from nko_assets_tests.memory_rows import motif, turn, video

Nko = Callable[..., tuple[int, str, str]]


@pytest.fixture
def nko(
    tmp_path: Path,
    database: Store,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Nko:
    empty(database)
    memory = PostgresMemory(lambda: database, "embedded Postgres")
    memory.upsert_videos([video("a", [turn("a", 25, text="ߖߌ ߞߎ߲߬ߓߊ")])])
    memory.upsert_motifs("[words]", [motif("ߖߌ", source="[words]", english="water")])
    for name in list(os.environ):
        if name.startswith(("NKO_", "SUPABASE_")):
            monkeypatch.delenv(name)
    given = psycopg.conninfo.conninfo_to_dict(address_of(database))
    monkeypatch.setenv("NKO_DATA", str(tmp_path / "data"))
    monkeypatch.setenv(
        "NKO_STORE_URL",
        f"postgresql://{given['user']}@/{given['dbname']}?host={given['host']}&port={given['port']}",
    )

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["nko", "search", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
        return int(end.value.code or 0), *capsys.readouterr()

    return run


def test_results_are_told_with_their_place_and_the_reason(nko: Nko) -> None:
    code, out, _ = nko("ߖߌ")
    assert code == 0
    assert "vocabulary of [words] (CC BY 4.0); the same words; meaning: " in out
    assert "turn (extraction) in a at 2:05; words: ߖߌ; meaning: " in out


def test_as_json_every_field_is_there(nko: Nko) -> None:
    code, out, _ = nko("ߖߌ", "--json", "--type", "turn")
    (found,) = json.loads(out)["results"]
    assert code == 0
    assert found["nko"] == "ߖߌ ߞߎ߲߬ߓߊ"
    assert found["frame_id"] == "a:125000"
    assert found["picture"] is None
    assert found["why"].startswith("words: ߖߌ")


def test_nothing_found_is_said(nko: Nko) -> None:
    code, out, _ = nko("ߖߌ", "--video", "a", "--phase", "validation")
    assert (code, out) == (0, "Nothing was found.\n")


def test_a_video_that_nobody_has_is_named(nko: Nko) -> None:
    code, out, err = nko("ߖߌ", "--video", "b")
    assert (code, out) == (2, "")
    assert "No video b is in the memory" in err


def test_an_empty_memory_is_told_from_a_word_that_is_not_there(nko: Nko, database: Store) -> None:
    empty(database)
    code, out, err = nko("ߖߌ")
    assert (code, out) == (2, "")
    assert "The memory (Postgres) is empty" in err
    assert "nko import" in err


def test_searching_where_nothing_ran_makes_nothing_there(
    nko: Nko, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NKO_STORE_URL")
    code, out, err = nko("ߖߌ", "--data", str(tmp_path / "typo"))
    assert (code, out) == (2, "")
    assert "There is no memory in" in err
    assert not (tmp_path / "typo").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["؟"], "nothing to search for"), (["ߖߌ", "--type", "word"], "no type word")],
)
def test_what_cannot_be_asked_is_told_in_a_sentence(
    nko: Nko, arguments: list[str], said: str
) -> None:
    code, out, err = nko(*arguments)
    assert (code, out) == (2, "")
    assert said in err
