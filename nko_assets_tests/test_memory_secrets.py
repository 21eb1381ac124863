"""Secrets stay secret when things fail: all that a failing command prints and writes is searched."""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import pytest

from nko_assets import cli
from nko_assets.settings import load_settings
from nko_assets_tests.channels import write_channel
from nko_assets_tests.servers.postgrest import PostgrestServer

# Nothing listens on this port of one's own machine.
NOWHERE = "127.0.0.1:9"
PASSWORD = "Pa55w0rd-never-to-be-seen"
KEY = "eyJhbGciOiJIUzI1NiJ9.bmV2ZXItdG8tYmUtc2Vlbg.c2lnbmF0dXJlLW5ldmVyLXNlZW4"
WEBHOOK = f"http://{NOWHERE}/hook/t0ken-never-to-be-seen"

DATABASE = {"NKO_STORE_URL": f"postgresql://nko:{PASSWORD}@{NOWHERE}/postgres"}
PROJECT = {"SUPABASE_URL": f"http://{NOWHERE}", "SUPABASE_SERVICE_KEY": KEY}


def traces(*secrets: str) -> Iterator[bytes]:
    """How a secret may be written down."""
    for secret in secrets:
        for form in (secret, quote(secret), base64.b64encode(secret.encode()).decode()):
            yield form.encode()
            yield json.dumps(form)[1:-1].encode()


class Nko:
    """The command line over a data root of its own; each call gives exit code and all output."""

    def __init__(
        self,
        folder: Path,
        monkeypatch: pytest.MonkeyPatch,
        capture: pytest.CaptureFixture[str],
    ) -> None:
        self._monkeypatch = monkeypatch
        self._capture = capture
        for name in list(os.environ):
            if name.startswith(("NKO_", "SUPABASE_", "GEMINI_")):
                monkeypatch.delenv(name)
        monkeypatch.setenv("NKO_DATA", str(folder / "data"))
        monkeypatch.setenv("NKO_READER", "offline")
        monkeypatch.chdir(folder)

    def __call__(self, given: Mapping[str, str], *arguments: object) -> tuple[int, bytes]:
        for name, value in given.items():
            self._monkeypatch.setenv(name, value)
        self._monkeypatch.setattr(sys, "argv", ["nko", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        code = end.value.code
        assert isinstance(code, int)
        return code, "".join(self._capture.readouterr()).encode()


@pytest.fixture
def nko(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Nko:
    return Nko(tmp_path, monkeypatch, capfd)


def assert_unseen(folder: Path, printed: bytes, *secrets: str) -> None:
    forms = set(traces(*secrets))
    assert [form for form in forms if form in printed] == []
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
            assert [form for form in forms if form in content] == [], path


@pytest.fixture
def words(tmp_path: Path) -> Path:
    path = tmp_path / "words.tsv"
    path.write_text("nko\tfrench\nߖߌ\teau\n", encoding="utf-8")
    return path


def test_a_run_that_cannot_store_what_it_read_tells_no_secret(tmp_path: Path, nko: Nko) -> None:
    lessons = write_channel(tmp_path / "lessons", 1)
    given = PROJECT | {"NKO_FAILURE_WEBHOOK": WEBHOOK}
    code, printed = nko(given, "run", "--source", lessons)
    assert code == 1
    assert b"memory_" in printed
    assert b"Supabase" in printed
    assert_unseen(tmp_path, printed, KEY, WEBHOOK)


@pytest.mark.parametrize("given", [DATABASE, PROJECT], ids=["database", "project"])
def test_an_import_that_fails_tells_no_secret(
    tmp_path: Path, nko: Nko, words: Path, given: dict[str, str]
) -> None:
    code, printed = nko(given, "import", words, "--source", "d", "--licence", "CC0")
    assert code == 1
    assert b"nko: " in printed
    assert b"Traceback" not in printed
    assert_unseen(tmp_path, printed, PASSWORD, KEY)


def test_a_key_that_a_project_refuses_is_not_repeated(
    tmp_path: Path, nko: Nko, words: Path, postgrest: PostgrestServer
) -> None:
    forged = postgrest.key("service_role", "another secret that is long enough for HMAC-SHA-256")
    given = {"SUPABASE_URL": postgrest.url, "SUPABASE_SERVICE_KEY": forged}
    code, printed = nko(given, "import", words, "--source", "d", "--licence", "CC0")
    assert code == 2
    assert b"SUPABASE_SERVICE_KEY" in printed
    assert_unseen(tmp_path, printed, forged, *forged.split("."))


@pytest.mark.parametrize(
    "given",
    [
        {"SUPABASE_SERVICE_KEY": KEY},
        {"NKO_STORE_URL": f"mysql://nko:{PASSWORD}@{NOWHERE}/x"},
        {"NKO_STORE_URL": f"postgresql://nko:{PASSWORD}@{NOWHERE}:x/postgres"},
        {"SUPABASE_URL": f"http://nko:{PASSWORD}@{NOWHERE}", "SUPABASE_SERVICE_KEY": KEY},
        {"SUPABASE_URL": PASSWORD, "SUPABASE_SERVICE_KEY": KEY},
    ],
    ids=["half", "another database", "no port", "password in a URL", "no URL"],
)
def test_a_wrong_setting_is_named_and_not_repeated(
    tmp_path: Path, nko: Nko, words: Path, given: dict[str, str]
) -> None:
    code, printed = nko(given, "import", words, "--source", "d", "--licence", "CC0")
    assert code in (1, 2)
    assert b"Traceback" not in printed
    assert_unseen(tmp_path, printed, PASSWORD, KEY)


@pytest.mark.parametrize("command", [["doctor"], ["doctor", "--json"], ["status"]])
def test_what_is_configured_is_told_without_secrets(
    tmp_path: Path, nko: Nko, command: list[str]
) -> None:
    _, printed = nko(DATABASE | PROJECT | {"NKO_FAILURE_WEBHOOK": WEBHOOK}, *command)
    assert b"Traceback" not in printed
    assert_unseen(tmp_path, printed, PASSWORD, KEY, WEBHOOK)


def test_settings_and_what_is_made_of_them_show_no_secret(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from nko_assets.workshop import open_workshop

    for name, value in (DATABASE | PROJECT | {"NKO_DATA": str(tmp_path)}).items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    workshop = open_workshop(settings)
    shown = "\n".join(
        form(thing)
        for thing in (settings, workshop, workshop.memory, workshop.store)
        for form in (repr, str, lambda each: repr(vars(each)) if hasattr(each, "__dict__") else "")
    )
    shown += settings.model_dump_json()
    assert [form for form in traces(PASSWORD, KEY) if form in shown.encode()] == []
