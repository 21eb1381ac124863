"""Secrets stay secret when things fail: all that a failing command prints and writes is searched."""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import google.auth
import psycopg
import pytest
from google.auth.exceptions import DefaultCredentialsError
from pydantic import SecretStr

from nko_assets import cli
from nko_assets.failures import ConfigurationError, TransientFailure
from nko_assets.resources.gcs_bucket import GcsBucket, cloud_client
from nko_assets.resources.store import Store
from nko_assets.resources.supabase_memory import SupabaseMemory
from nko_assets.resources.vertex_errors import failure_of
from nko_assets.settings import load_settings
from nko_assets_tests.channels import write_channel
from nko_assets_tests.memory_places import address_of
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
        code = end.value.code or 0
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


@pytest.mark.parametrize("around", [" {}", "{} ", "{}\n", "{}\r\n"])
def test_a_key_copied_with_what_was_around_it_is_that_key(
    tmp_path: Path, nko: Nko, words: Path, postgrest: PostgrestServer, around: str
) -> None:
    key = postgrest.key("service_role")
    given = {"SUPABASE_URL": postgrest.url, "SUPABASE_SERVICE_KEY": around.format(key)}
    code, printed = nko(given, "import", words, "--source", "d", "--licence", "CC0")
    assert code == 0
    assert_unseen(tmp_path, printed, key)


def test_a_key_that_no_header_can_carry_is_not_repeated(postgrest: PostgrestServer) -> None:
    memory = SupabaseMemory(postgrest.url, SecretStr(f"{KEY}\n{KEY}"))
    with pytest.raises(TransientFailure) as caught:
        memory.counts()
    assert KEY not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "password",
    [
        "a@{}",
        "{}@b",
        "a/{}",
        "12/{}",
        "{}/b",
        "a@{}:c",
        "a@b/{}",
        "a?@{}",
        "a@b?{}",
        "a%{}",
        "a@,{}",
    ],
)
@pytest.mark.parametrize("command", [["import", "words.tsv"], ["doctor", "--json"]])
def test_a_password_that_the_address_cannot_hold_as_it_is_is_not_told(
    tmp_path: Path, nko: Nko, words: Path, password: str, command: list[str]
) -> None:
    address = f"postgresql://postgres:{password.format(PASSWORD)}@{NOWHERE}/postgres"
    origin = ["--source", "d", "--licence", "CC0"] if command[0] == "import" else []
    code, printed = nko({"NKO_STORE_URL": address}, *command, *origin)
    assert code in (1, 2)
    assert b"%40" in printed
    assert b"Traceback" not in printed
    assert_unseen(tmp_path, printed, PASSWORD)


@pytest.mark.parametrize("password", ["a#{}", "a?{}", "a:{}", "%40{}"])
def test_the_doctor_names_the_host_and_nothing_of_a_password_with_signs(
    nko: Nko, database: Store, password: str
) -> None:
    at = psycopg.conninfo.conninfo_to_dict(address_of(database))
    user = f"{at['user']}:{password.format(PASSWORD)}"
    address = f"postgresql://{user}@/{at['dbname']}?host={at['host']}&port={at['port']}"
    _, printed = nko({"NKO_STORE_URL": address}, "doctor", "--json")
    assert f"the Postgres database at {at['host']} (NKO_STORE_URL)".encode() in printed
    assert PASSWORD.encode() not in printed


@pytest.mark.parametrize("form", [str, lambda key: base64.b64encode(key.encode()).decode()])
def test_a_key_of_google_in_place_of_its_file_is_not_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, form: Callable[[str], str]
) -> None:
    """Google's client repeats what the variable holds as the name of a file that is not there."""
    held = form(json.dumps({"type": "service_account", "private_key": KEY}))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", held)
    bucket = GcsBucket("gs://lessons", cloud_client("project"), patience_s=0)
    with pytest.raises(ConfigurationError) as caught:
        bucket.held("")
    with pytest.raises(DefaultCredentialsError) as raised:
        google.auth.default()
    for failure in (caught.value, failure_of(raised.value, "a job")):
        assert isinstance(failure, ConfigurationError)
        assert held[:30] not in f"{failure.message} {failure.next_step}"
        assert "path of a service account's key file" in failure.next_step
        assert failure.__cause__ is None


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
