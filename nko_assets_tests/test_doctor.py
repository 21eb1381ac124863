"""What `nko doctor` finds, and that looking changes nothing."""

from __future__ import annotations

import pytest

from nko_assets import doctor
from nko_assets.doctor import NOT_USED_YET, examine
from nko_assets.settings import load_settings


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


def test_credentials_that_nothing_uses_are_named_and_not_shown(tmp_path, monkeypatch):
    for name in NOT_USED_YET:
        monkeypatch.setenv(name, "SECRET")
    text = " ".join(map(str, examine(load_settings(data=tmp_path, source="sample"))))
    assert all(name in text for name in NOT_USED_YET)
    assert "SECRET" not in text
