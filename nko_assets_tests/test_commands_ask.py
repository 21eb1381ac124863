"""`nko ask` on the command line: who answers, in which direction, and what is said without a model."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import psycopg
import pytest

from nko_assets import cli
from nko_assets.commands.ask import ASKABLE
from nko_assets.nko import romanize
from nko_assets.resources.store import Store
from nko_assets.tuning.prompts import TASKS
from nko_assets.tuning.registry import Model
from nko_assets_tests.memory_places import address_of
from nko_assets_tests.servers.gemini_chat import ChatServer, Trouble, response

Nko = Callable[..., tuple[int, str, str]]
MORNING, GEMINI = "ߌ ߣߌ߫ ߛߐ߰ߡߊ߬", "gemini-2.5-flash"


def said(question, request):
    if question == "nothing":
        return Trouble(400, "INVALID_ARGUMENT", "the question is too odd")
    if question == "loop":
        return "ߞߏ߫ ߞߏ߫ ߞߏ߫ ߞߏ߫ ߞߏ߫"
    if question == "a novel":
        return response(MORNING, "MAX_TOKENS")
    return "good morning" if question == MORNING else MORNING


@pytest.fixture
def server():
    with ChatServer(said) as opened:
        yield opened


@pytest.fixture
def nko(tmp_path: Path, store: Store, server, monkeypatch, capsys) -> Nko:
    for name in list(os.environ):
        if name.startswith(("NKO_", "SUPABASE_", "GEMINI_", "GOOGLE_")):
            monkeypatch.delenv(name)
    given = psycopg.conninfo.conninfo_to_dict(address_of(store))
    monkeypatch.setenv("NKO_DATA", str(tmp_path / "data"))
    monkeypatch.setenv(
        "NKO_STORE_URL",
        f"postgresql://{given['user']}@/{given['dbname']}?host={given['host']}&port={given['port']}",
    )
    monkeypatch.setenv("GEMINI_API_KEY", server.key)
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", server.url)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["nko", "ask", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
        return int(end.value.code or 0), *capsys.readouterr()

    return run


def test_english_goes_into_nko_with_its_latin_and_the_model_is_named(nko, server):
    code, out, err = nko("good morning", "--model", GEMINI)
    assert (code, out) == (0, f"{MORNING}\n{romanize(MORNING)}\n")
    assert f"{GEMINI}, english to nko:" in err
    assert server.asked[0][1]["contents"][0]["parts"][0]["text"] == "good morning"


def test_nko_goes_into_english(nko):
    code, out, _ = nko(MORNING, "--model", GEMINI, "--json")
    answer = json.loads(out)
    assert code == 0
    assert answer["answer"] == "good morning"
    assert (answer["model"], answer["task"]) == (GEMINI, "nko_to_english")
    assert answer["warning"] is None
    assert answer["latin"] is None
    assert answer["tokens_in"] > 0


def test_another_task_is_asked_for_by_name(nko, server):
    code, _, err = nko("What is this?", "--model", GEMINI, "--task", "conversation")
    assert code == 0
    assert "conversation" in err
    assert "N'Ko" in str(server.asked[0][1]["systemInstruction"])


def test_a_broken_answer_is_shown_with_a_warning(nko):
    code, out, err = nko("loop", "--model", GEMINI)
    assert code == 0
    assert "ߞߏ߫ ߞߏ߫" in out
    assert "no good answer: it says the same over and over" in err


def test_an_answer_that_was_cut_off_is_shown_with_a_warning_each_time(nko, server):
    for _ in range(2):
        code, out, err = nko("a novel", "--model", GEMINI)
        assert (code, out) == (0, f"{MORNING}\n{romanize(MORNING)}\n")
        assert "it did not come to an end and was cut off" in err
    assert len(server.asked) == 1
    assert "was cut off" in json.loads(nko("a novel", "--model", GEMINI, "--json")[1])["warning"]


def test_without_a_tuned_model_it_says_what_to_do(nko):
    code, out, err = nko("good morning")
    assert (code, out) == (2, "")
    assert "No tuned model is in use yet" in err
    assert "nko tune" in err


def test_the_champion_is_asked_when_there_is_one(nko, tmp_path):
    champion = Model("d" * 64, "tuned", GEMINI, "vertex", GEMINI, "e" * 32)
    path = tmp_path / "data" / "tuning" / "models.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"champion": asdict(champion), "decisions": []}), encoding="utf-8")
    code, out, _ = nko("good morning")
    assert code == 0
    assert MORNING in out


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("x", "--model", "/no/such/folder"), "There is no model /no/such/folder"),
        (("x", "--model", GEMINI, "--task", "sing"), "There is no task sing"),
        ((" ", "--model", GEMINI), "There is nothing to ask"),
        (("x", "--model", "gemini-0-unknown"), "no Gemini model that this release knows"),
    ],
)
def test_what_cannot_be_asked_is_said_in_one_sentence(nko, arguments, why):
    code, out, err = nko(*arguments)
    assert (code, out) == (2, "")
    assert why in err
    assert "Traceback" not in err


def test_a_question_that_is_refused_has_no_answer(nko):
    code, out, err = nko("nothing", "--model", GEMINI)
    assert (code, out) == (1, "")
    assert "did not answer" in err
    assert "too odd" in err


def test_a_gemini_is_not_asked_without_a_key(nko, monkeypatch):
    monkeypatch.delenv("GEMINI_API_KEY")
    code, _, err = nko("x", "--model", GEMINI)
    assert code == 2
    assert "asked with a key, and there is none" in err


def test_a_folder_without_a_model_is_said_to_have_none(nko, tmp_path):
    code, _, err = nko("x", "--model", str(tmp_path))
    assert code == 2
    assert "no model" in err or "Install the extra" in err


def test_everything_but_pictures_can_be_asked():
    assert set(ASKABLE) == set(TASKS) - {"read_line"}
