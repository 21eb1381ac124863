"""Artefacts and the records of what made them."""

import os

import polars as pl
import pytest

from nko_assets.failures import PermanentFailure
from nko_assets.resources.lake import Failure, Lake, fingerprint


@pytest.fixture
def lake(tmp_path):
    return Lake(tmp_path)


def _save(lake, content=b"x"):
    path = lake.path("frames", "v1")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return lake.save_record("frames", "v1", "f" * 64, [path], {"rows": 3}, [])


def test_a_record_comes_back_as_it_was_saved(lake):
    saved = _save(lake)
    assert lake.record("frames", "v1") == saved
    assert saved.files == {"frames/v1.parquet": 1}


def test_a_record_whose_file_is_gone_or_cut_is_no_record(lake):
    _save(lake, b"whole")
    lake.path("frames", "v1").write_bytes(b"who")
    assert lake.record("frames", "v1") is None
    lake.path("frames", "v1").unlink()
    assert lake.record("frames", "v1") is None


def test_what_is_outdated_stays_in_use_until_it_is_made_again(lake):
    saved = _save(lake)
    assert not saved.outdated
    lake.outdate("frames", "v1")
    old = lake.record("frames", "v1")
    assert old.outdated
    assert (old.content, old.files, old.facts) == (saved.content, saved.files, saved.facts)
    lake.outdate("frames", "v1")
    assert lake.record("frames", "v1").fingerprint != old.fingerprint, "each time is another"
    assert _save(lake) == saved == lake.record("frames", "v1")


def test_what_is_not_there_cannot_be_outdated(lake):
    lake.outdate("frames", "v1")
    assert lake.record("frames", "v1") is None


def test_equal_bytes_give_equal_content_and_others_do_not(lake):
    assert _save(lake, b"a").content == _save(lake, b"a").content
    assert _save(lake, b"a").content != _save(lake, b"b").content


def test_a_fingerprint_does_not_depend_on_the_order_of_its_parts():
    assert fingerprint(a=1, b=[2]) == fingerprint(b=[2], a=1)
    assert fingerprint(a=1, b=[2]) != fingerprint(a=1, b=[3])


def test_a_failure_is_remembered_until_it_is_cleared(lake):
    lake.save_failure("frames", "v1", Failure("PermanentFailure", "it is empty"))
    assert lake.failure("frames", "v1") == Failure("PermanentFailure", "it is empty")
    lake.clear_failure("frames", "v1")
    lake.clear_failure("frames", "v1")
    assert lake.failure("frames", "v1") is None


@pytest.mark.parametrize("note", ["", "{", "[]", '{"kind": "x"}', "\xff"])
def test_a_damaged_note_of_a_failure_is_still_a_failure(lake, note):
    lake.save_failure("frames", "v1", Failure("PermanentFailure", "it is empty"))
    (path,) = lake.root.rglob("*.failed.json")
    path.write_bytes(note.encode("latin-1"))
    failure = lake.failure("frames", "v1")
    assert failure.kind == "PermanentFailure"
    assert "cannot be read" in failure.reason
    assert "Materialize frames again" in failure.reason


def test_a_table_that_was_never_made_is_told_with_the_next_step(lake):
    with pytest.raises(PermanentFailure, match=r"frames of video v9.*Materialize frames first"):
        lake.read_table("frames", "v9")


def test_an_id_that_begins_with_a_dash_or_holds_brackets_is_only_a_name(lake):
    path = lake.path("frames", "-[x]*")
    path.parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame({"a": [1]}).write_parquet(path)
    assert lake.read_table("frames", "-[x]*")["a"].to_list() == [1]


def test_keys_tell_whose_artefact_was_made_and_whose_failed(lake):
    assert lake.keys("frames").done == lake.keys("frames").failed == frozenset()
    _save(lake)
    lake.save_failure("frames", "v1", Failure("PermanentFailure", "broken"))
    lake.save_failure("frames", "v2", Failure("PermanentFailure", "broken"))
    keys = lake.keys("frames")
    assert (keys.done, keys.failed) == ({"v1"}, {"v1", "v2"})


def test_the_latest_failure_of_a_video_is_that_of_any_of_its_artefacts(lake):
    assert lake.latest_failure("v1") is None
    lake.save_failure("frames", "v1", Failure("PermanentFailure", "first"))
    lake.save_failure("video_files", "v1", Failure("TransientFailure", "then"))
    lake.save_failure("frames", "v2", Failure("PermanentFailure", "another video"))
    notes = (lake.root / ".records").glob("*/v1.failed.json")
    for number, path in enumerate(sorted(notes, key=lambda path: path.parent.name)):
        os.utime(path, (number, number))
    assert lake.latest_failure("v1").reason == "then"
