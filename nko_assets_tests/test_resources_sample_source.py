"""The sample channel as a source."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from nko_assets.channel import is_file_safe
from nko_assets.failures import PermanentFailure
from nko_assets.resources.sample_source import SampleSource
from nko_assets.sample.lessons import lessons
from nko_assets.sample.video import fingerprint_in


def test_the_source_lists_every_lesson() -> None:
    source = SampleSource()
    entries = source.list_videos()
    assert [entry.video_id for entry in entries] == list(lessons())
    assert len(entries) == source.expected_videos
    assert all(is_file_safe(entry.video_id) and entry.fingerprint for entry in entries)
    assert len({entry.fingerprint for entry in entries}) == len(entries)
    assert {entry.source for entry in entries} == {"sample"}


def test_the_source_replaces_a_stale_file_and_keeps_a_current_one(tmp_path: Path) -> None:
    source, said = SampleSource(), list[str]()
    entry = min(source.list_videos(), key=lambda listed: listed.duration_s or 0)
    stale = tmp_path / f"{entry.video_id}.mp4"
    stale.write_bytes(b"an older rendering")
    path = source.fetch(entry, tmp_path, said.append)
    assert path == stale
    assert fingerprint_in(path) == entry.fingerprint
    rendered = path.stat()
    assert source.fetch(entry, tmp_path, said.append).stat().st_mtime_ns == rendered.st_mtime_ns
    assert len(said) == 2


def test_the_source_refuses_a_video_it_does_not_have(tmp_path: Path) -> None:
    entry = SampleSource().list_videos()[0]
    stranger = replace(entry, video_id="x")
    with pytest.raises(PermanentFailure, match="no video 'x'"):
        SampleSource().fetch(stranger, tmp_path, lambda _: None)
