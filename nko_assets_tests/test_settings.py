"""Reading the configuration."""

from pathlib import Path

import pytest

from nko_assets.failures import ConfigurationError
from nko_assets.settings import Settings, load_settings


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch, tmp_path):
    import os

    for name in list(os.environ):
        if name.startswith("NKO_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_nothing_configured_is_the_sample_channel_in_the_folder_data(tmp_path):
    settings = load_settings()
    assert settings.source == "sample"
    assert settings.data == tmp_path / "data"
    assert settings.reader == "offline"


def test_the_environment_is_read_and_an_argument_wins(monkeypatch, tmp_path):
    monkeypatch.setenv("NKO_SOURCE", "@babamamadidiane")
    monkeypatch.setenv("NKO_INTERVAL_S", "2.5")
    assert load_settings().interval_s == 2.5
    assert load_settings().source == "@babamamadidiane"
    assert load_settings(source="sample").source == "sample"
    assert load_settings(source=None).source == "@babamamadidiane"


def test_a_dotenv_file_is_read(tmp_path):
    (tmp_path / ".env").write_text("NKO_SIMILARITY=0.9\nOTHER=1\n")
    assert load_settings().similarity == 0.9


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("NKO_INTERVAL_S", "five", "NKO_INTERVAL_S"),
        ("NKO_SIMILARITY", "1.5", "NKO_SIMILARITY"),
        ("NKO_READER", "oracle", "NKO_READER"),
        ("NKO_SLEEP_MIN_S", "30", "NKO_SLEEP_MIN_S is above NKO_SLEEP_MAX_S"),
    ],
)
def test_a_wrong_value_is_named_with_its_variable(monkeypatch, name, value, expected):
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as failure:
        load_settings()
    assert expected in str(failure.value)
    assert "README" in failure.value.next_step


def test_every_setting_says_what_it_is_for():
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


@pytest.mark.parametrize("source", ["lessons", "./sample", "~/lessons"])
def test_a_folder_of_videos_keeps_its_meaning_in_another_folder(tmp_path, monkeypatch, source):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_settings(source=source).source == str(tmp_path / source.removeprefix("~/"))


@pytest.mark.parametrize("source", ["sample", "@babamamadidiane", "https://example.org/feed"])
def test_what_is_no_folder_is_kept_as_it_is(source):
    assert load_settings(source=f" {source} ").source == source


def test_an_empty_variable_is_an_unset_one(monkeypatch, tmp_path):
    for name in ("NKO_DATA", "NKO_SOURCE", "NKO_WORKERS", "NKO_COOKIES"):
        monkeypatch.setenv(name, "")
    assert load_settings().data == tmp_path / "data"
    assert load_settings().source == "sample"


def test_a_relative_data_folder_is_resolved_once(tmp_path):
    assert load_settings(data=Path("here")).data == tmp_path / "here"
