"""Reading the configuration."""

from pathlib import Path

import pytest

from nko_assets.failures import ConfigurationError
from nko_assets.settings import KEY_VARIABLES, PROJECT_VARIABLE, Settings, load_settings

SECRET = "S3CR3T"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch, tmp_path):
    import os

    for name in list(os.environ):
        if name.startswith(("NKO_", "SUPABASE_")) or name in (*KEY_VARIABLES, PROJECT_VARIABLE):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_nothing_configured_is_the_sample_channel_in_the_folder_data(tmp_path):
    settings = load_settings()
    assert settings.source == "sample"
    assert settings.data == tmp_path / "data"
    assert settings.reader_in_use == "offline"


@pytest.mark.parametrize("name", KEY_VARIABLES)
def test_a_key_of_gemini_makes_gemini_the_reader_unless_another_is_named(monkeypatch, name):
    monkeypatch.setenv(name, SECRET)
    assert load_settings().reader_in_use == "gemini"
    assert load_settings(reader="offline").reader_in_use == "offline"
    assert load_settings().gemini_api_key.get_secret_value() == SECRET


def test_a_bucket_and_a_project_make_vertex_the_tuner_unless_another_is_named(monkeypatch):
    assert load_settings().tuner_in_use == "open"
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "lessons-1")
    assert load_settings().tuner_in_use == "open"
    monkeypatch.setenv("NKO_BUCKET", "lessons/tuning/")
    assert load_settings().tuner_in_use == "vertex"
    assert load_settings(tuner="open").tuner_in_use == "open"
    assert load_settings().bucket == "gs://lessons/tuning"


def test_who_configures_the_open_trainer_hands_over_no_paid_job(monkeypatch):
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "lessons-1")
    monkeypatch.setenv("NKO_BUCKET", "lessons")
    assert load_settings(tuning_config=None).tuner_in_use == "vertex"
    assert load_settings(tuning_config="smollm2").tuner_in_use == "open"
    monkeypatch.setenv("NKO_TUNING_CONFIG", "smollm2")
    assert load_settings().tuner_in_use == "open"
    assert load_settings(tuner="vertex").tuner_in_use == "vertex"


def test_a_bucket_alone_is_for_uploads_when_the_open_tuner_is_named(monkeypatch):
    monkeypatch.setenv("NKO_BUCKET", "gs://lessons")
    assert load_settings(tuner="open").bucket == "gs://lessons"


def test_models_and_configurations_in_folders_keep_their_meaning_elsewhere(tmp_path):
    settings = load_settings(
        translator="models/one", reader_weights="weights", tuning_config="mine.toml", flores="f.tsv"
    )
    assert settings.translator == str(tmp_path / "models/one")
    assert settings.reader_weights == str(tmp_path / "weights")
    assert settings.tuning_config == str(tmp_path / "mine.toml")
    assert settings.flores == tmp_path / "f.tsv"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("translator", "none"),
        ("translator", "current"),
        ("translator", "projects/1/locations/us-central1/endpoints/2"),
        ("reader_weights", "student"),
        ("tuning_config", "smollm2"),
    ],
)
def test_what_names_a_choice_and_no_folder_is_kept(name, value):
    assert getattr(load_settings(**{name: value}), name) == value


def test_of_two_keys_the_one_that_names_the_service_wins(monkeypatch):
    monkeypatch.setenv("GOOGLE_API_KEY", "other")
    monkeypatch.setenv("GEMINI_API_KEY", SECRET)
    assert load_settings().gemini_api_key.get_secret_value() == SECRET


def test_a_line_end_is_no_part_of_a_key_or_an_address(monkeypatch):
    given = {
        "GEMINI_API_KEY": SECRET,
        "SUPABASE_URL": "https://x.supabase.co",
        "SUPABASE_SERVICE_KEY": SECRET,
        "NKO_STORE_URL": f"postgresql://user:{SECRET}@host/db",
        "NKO_FAILURE_WEBHOOK": f"https://hooks.example.org/{SECRET}",
        "NKO_EXPLORER_TOKEN": SECRET,
    }
    for name, value in given.items():
        monkeypatch.setenv(name, f" {value}\r\n")
    settings = load_settings()
    secrets = (
        settings.gemini_api_key,
        settings.supabase_service_key,
        settings.store_url,
        settings.failure_webhook,
        settings.explorer_token,
    )
    kept = [settings.supabase_url, *(secret.get_secret_value() for secret in secrets)]
    assert sorted(kept) == sorted(given.values())


def test_secrets_are_in_no_representation(monkeypatch):
    monkeypatch.setenv("GEMINI_API_KEY", SECRET)
    monkeypatch.setenv("NKO_STORE_URL", f"postgresql://user:{SECRET}@host/db")
    monkeypatch.setenv("NKO_FAILURE_WEBHOOK", f"https://hooks.example.org/{SECRET}")
    settings = load_settings()
    assert SECRET not in f"{settings!r} {settings} {settings.model_dump()} {settings.__dict__}"


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"NKO_READER": "gemini"}, "GEMINI_API_KEY is not set"),
        ({"NKO_SECOND_READING": "0.1"}, "NKO_SECOND_READING is for Gemini"),
        (
            {"GEMINI_API_KEY": "k", "NKO_READER": "offline", "NKO_SECOND_READING": "0.1"},
            "NKO_SECOND_READING is for Gemini",
        ),
        ({"NKO_BUDGET_USD": "5", "NKO_DAILY_BUDGET_USD": "6"}, "NKO_DAILY_BUDGET_USD is above"),
        ({"NKO_BUDGET_USD": "-1"}, "NKO_BUDGET_USD"),
        ({"NKO_BUDGET_USD": "nan"}, "NKO_BUDGET_USD"),
        ({"GEMINI_API_KEY": f"{SECRET} {SECRET}"}, "GEMINI_API_KEY: a key is one word"),
        ({"GEMINI_API_KEY": f"{SECRET}…"}, "GEMINI_API_KEY: a key is one word"),
        (
            {
                "SUPABASE_URL": "https://x.supabase.co",
                "SUPABASE_SERVICE_KEY": f"{SECRET}\n{SECRET}",
            },
            "SUPABASE_SERVICE_KEY: a key is one word",
        ),
        (
            {"SUPABASE_URL": "https://x.supabase.co", "SUPABASE_SERVICE_KEY": f"{SECRET}…"},
            "SUPABASE_SERVICE_KEY: a key is one word",
        ),
        (
            {"SUPABASE_URL": f"https://{SECRET}@x.supabase.co", "SUPABASE_SERVICE_KEY": "k"},
            "SUPABASE_URL: it looks like https://",
        ),
        (
            {"SUPABASE_URL": f"https://a:{SECRET}℀@x.supabase.co", "SUPABASE_SERVICE_KEY": "k"},
            "SUPABASE_URL: it looks like https://",
        ),
        ({"NKO_STORE_URL": " "}, "NKO_STORE_URL: it looks like"),
        ({"NKO_FAILURE_WEBHOOK": f"https://u:{SECRET}℀@x.org/"}, "NKO_FAILURE_WEBHOOK: it has to"),
        ({"NKO_FAILURE_WEBHOOK": f"https://u:{SECRET}/x@x.org/"}, "NKO_FAILURE_WEBHOOK: it has to"),
        ({"NKO_FAILURE_WEBHOOK": f"https://x.org/{SECRET} x"}, "NKO_FAILURE_WEBHOOK: it has to"),
        ({"NKO_SOURCE": f"https://u:{SECRET}℀@x.org/"}, "NKO_SOURCE: it begins like a URL"),
        ({"NKO_STORE_URL": f"mysql://user:{SECRET}@host"}, "NKO_STORE_URL: it looks like"),
        ({"NKO_FAILURE_WEBHOOK": f"ftp://{SECRET}"}, "NKO_FAILURE_WEBHOOK: it has to begin"),
        ({"SUPABASE_URL": "https://x.supabase.co"}, "SUPABASE_SERVICE_KEY is not: Supabase takes"),
        ({"SUPABASE_SERVICE_KEY": SECRET}, "SUPABASE_URL is not: Supabase takes both"),
        (
            {"SUPABASE_URL": "x.supabase.co", "SUPABASE_SERVICE_KEY": SECRET},
            "SUPABASE_URL: it looks like https://",
        ),
        ({"NKO_BUCKET": "gs://lessons"}, "NKO_BUCKET is set and GOOGLE_CLOUD_PROJECT is not"),
        ({"NKO_BUCKET": "s3://lessons", "GOOGLE_CLOUD_PROJECT": "p"}, "gs://name/folder"),
        ({"NKO_TUNER": "vertex", "GOOGLE_CLOUD_PROJECT": "p"}, "NKO_BUCKET: set it"),
        ({"NKO_TUNER": "vertex", "NKO_BUCKET": "lessons"}, "GOOGLE_CLOUD_PROJECT is not"),
        ({"SUPABASE_DB_URL": f"mysql://user:{SECRET}@host"}, "it looks like postgresql://"),
    ],
)
def test_what_is_half_set_or_makes_no_sense_is_refused(monkeypatch, variables, told):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as failure:
        load_settings()
    assert told in str(failure.value)
    assert SECRET not in str(failure.value)


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


@pytest.mark.parametrize("key", ["SUPABASE_SERVICE_KEY", "SUPABASE_SERVICE_ROLE_KEY"])
def test_a_supabase_project_is_known_by_its_own_variables(monkeypatch, key):
    monkeypatch.setenv("SUPABASE_URL", "https://project.supabase.co/")
    monkeypatch.setenv(key, SECRET)
    monkeypatch.setenv("SUPABASE_DB_URL", f"postgresql://postgres:{SECRET}@host:5432/postgres")
    settings = load_settings()
    assert settings.supabase_url == "https://project.supabase.co"
    assert settings.supabase_service_key.get_secret_value() == SECRET
    assert settings.store_url.get_secret_value().endswith("@host:5432/postgres")
    assert SECRET not in f"{settings!r} {settings.model_dump()}"
