"""What `nko doctor` finds, and that looking changes nothing."""

from __future__ import annotations

import pytest

from nko_assets import doctor
from nko_assets.doctor import examine
from nko_assets.settings import KEY_VARIABLES, load_settings
from nko_assets_tests.servers.gcs import BUCKET, gcs_server


@pytest.fixture(autouse=True)
def _no_key(monkeypatch):
    for name in KEY_VARIABLES:
        monkeypatch.delenv(name, raising=False)


def found(what: str, **settings) -> doctor.Finding:
    (finding,) = [item for item in examine(load_settings(**settings)) if item.what == what]
    return finding


def test_everything_is_well_with_the_sample_and_nothing_is_made(tmp_path):
    findings = examine(load_settings(data=tmp_path / "new" / "data", source="sample"))
    assert [item.message for item in findings if not item.well] == []
    assert {"project", "data root", "source", "reader", "N'Ko typesetting"} <= {
        item.what for item in findings
    }
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_of_videos_is_found(tmp_path):
    finding = found("source", data=tmp_path, source=str(tmp_path / "nowhere"))
    assert not finding.well
    assert finding.message == f"There is no folder {tmp_path / 'nowhere'}."
    assert finding.next_step


@pytest.mark.parametrize("below", ["", "deeper"])
def test_a_file_in_place_of_the_data_root_is_found(tmp_path, below):
    (tmp_path / "data").write_text("")
    finding = found("data root", data=tmp_path / "data" / below, source="sample")
    assert not finding.well
    assert "is a file" in finding.message


@pytest.mark.parametrize("source", ["sample", "https://example.org/feed"])
def test_a_disk_without_room_is_found(tmp_path, monkeypatch, source):
    # The disk is not ours, so it may be pretended to be full.
    usage = type("Usage", (), {"free": 3e8})()
    monkeypatch.setattr("shutil.disk_usage", lambda _path: usage)
    finding = found("data root", data=tmp_path, source=source)
    assert not finding.well
    assert "0.3 GB free" in finding.message
    assert "Free some space" in finding.next_step


def test_a_url_is_shown_without_what_may_be_secret(tmp_path):
    source = "https://user:SECRET@example.org/feed?token=SECRET#SECRET"
    text = " ".join(map(str, examine(load_settings(data=tmp_path, source=source))))
    assert "https://example.org/feed through yt-dlp" in text
    assert "SECRET" not in text


def test_the_bucket_is_looked_for_where_one_is_named(tmp_path, monkeypatch):
    assert "bucket" not in {item.what for item in examine(load_settings(data=tmp_path))}
    with gcs_server() as server:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.url)
        given = {"data": tmp_path, "gcp_project": "tests"}
        assert found("bucket", bucket=f"gs://{BUCKET}/nko", **given).well
        missing = found("bucket", bucket="gs://nowhere", **given)
        assert not missing.well
        assert "no bucket gs://nowhere" in missing.message
        assert not server.requests("POST ")


def test_the_doctor_says_which_reader_is_in_use_and_why(tmp_path, monkeypatch):
    assert "no GEMINI_API_KEY or GOOGLE_API_KEY is set" in found("reader", data=tmp_path).message
    monkeypatch.setenv("GOOGLE_API_KEY", "SECRET")
    gemini = found("reader", data=tmp_path)
    assert gemini.message == "gemini, model gemini-3.5-flash-lite: GOOGLE_API_KEY is set"
    offline = found("reader", data=tmp_path, reader="offline")
    assert offline.message.endswith("NKO_READER is offline")
    assert "SECRET" not in " ".join(map(str, examine(load_settings(data=tmp_path))))


def test_a_model_that_nobody_knows_is_found(tmp_path):
    finding = found("reader", data=tmp_path, gemini_api_key="k", model="gemini-0")
    assert not finding.well
    assert "NKO_MODEL" in finding.next_step


@pytest.mark.parametrize(
    ("budgets", "well", "told"),
    [
        ({}, True, "$100.00 for the project, nothing set for a day"),
        ({"budget_usd": 50, "daily_budget_usd": 5}, True, "$5.00 a day"),
        ({"budget_usd": 0}, False, "nothing can be sent"),
        ({"daily_budget_usd": 0}, False, "nothing can be sent"),
    ],
)
def test_budgets_are_told_where_money_can_be_spent(tmp_path, budgets, well, told):
    finding = found("budget", data=tmp_path, gemini_api_key="k", **budgets)
    assert finding.well is well
    assert told in finding.message
    findings = examine(load_settings(data=tmp_path, reader="offline"))
    assert "budget" not in {item.what for item in findings}


def test_a_dictionary_that_is_not_there_is_found(tmp_path):
    finding = found("dictionary", data=tmp_path, gemini_api_key="k", dictionary=tmp_path / "no")
    assert not finding.well
    assert finding.message == f"There is no file {tmp_path / 'no'}."


def test_the_store_is_told_without_making_it(tmp_path):
    finding = found("store", data=tmp_path)
    assert finding.well
    assert "not made yet" in finding.message
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_does_not_answer_is_found_and_its_password_is_not_told(tmp_path):
    finding = found("store", data=tmp_path, store_url="postgresql://u:SECRET@127.0.0.1:1/db")
    assert not finding.well
    assert "does not answer" in finding.message
    assert "SECRET" not in str(finding)


def test_the_open_trainer_and_its_configuration_are_told(tmp_path):
    finding = found("tuner", data=tmp_path)
    assert finding.well
    assert "the open trainer, configuration tiny: no NKO_BUCKET is set" in finding.message
    wrong = found("tuner", data=tmp_path, tuning_config="gigantic")
    assert not wrong.well
    assert "tiny" in wrong.next_step


@pytest.mark.parametrize(("model", "well"), [("gemini-2.5-flash", True), ("gemini-9", False)])
def test_vertex_is_told_with_its_price_or_with_the_models_that_have_one(tmp_path, model, well):
    with gcs_server() as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("STORAGE_EMULATOR_HOST", server.url)
        finding = found(
            "tuner", data=tmp_path, bucket=BUCKET, gcp_project="lessons-1", tuning_model=model
        )
    assert finding.well is well
    assert ("$5 a million tokens, in lessons-1" in finding.message) is well
    assert well or "gemini-2.5-flash" in finding.next_step


def test_nobody_logged_in_at_google_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    finding = found("Google Cloud", data=tmp_path, bucket="lessons", gcp_project="lessons-1")
    assert not finding.well
    assert "gcloud auth application-default login" in finding.next_step
