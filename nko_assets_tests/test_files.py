"""Atomic writes."""

import errno
import os

import pytest

from nko_assets.failures import ConfigurationError
from nko_assets.files import (
    atomic_path,
    disk_errors,
    make_folder,
    sha256_of,
    write_atomically,
)


def test_a_write_that_fails_half_way_leaves_the_old_file_and_no_trace(tmp_path):
    path = tmp_path / "table.parquet"
    write_atomically(path, b"old")

    def write_half() -> None:
        with atomic_path(path) as temporary:
            temporary.write_bytes(b"half of the new o")
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        write_half()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_folders_on_the_way_are_made(tmp_path):
    write_atomically(tmp_path / "a" / "b" / "c.txt", b"x")
    assert (tmp_path / "a" / "b" / "c.txt").read_bytes() == b"x"


def test_a_file_that_holds_the_data_already_is_not_written_again(tmp_path):
    path = tmp_path / "videos.json"
    write_atomically(path, b"[]")
    os.utime(path, ns=(0, 0))
    write_atomically(path, b"[]")
    assert path.stat().st_mtime_ns == 0
    write_atomically(path, b"{}")
    assert path.read_bytes() == b"{}"


def test_a_full_disk_is_told_in_one_sentence(tmp_path):
    with (
        pytest.raises(ConfigurationError, match=r"disk is full.*Free some space"),
        atomic_path(tmp_path / "big"),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_folder_that_must_not_be_written_is_told(tmp_path):
    refused = PermissionError(errno.EACCES, "Permission denied", str(tmp_path))
    with pytest.raises(ConfigurationError, match="cannot be written"), disk_errors(tmp_path):
        raise refused


def test_a_socket_that_is_not_permitted_is_no_fault_of_the_disk(tmp_path):
    refused = PermissionError(errno.EPERM, "Operation not permitted")
    with pytest.raises(PermissionError), disk_errors(tmp_path):
        raise refused


def test_a_file_in_place_of_a_folder_is_told(tmp_path):
    (tmp_path / "data").write_text("")
    for folder in (tmp_path / "data", tmp_path / "data" / ".dagster"):
        with pytest.raises(ConfigurationError, match=r"/data is a file, and a folder is needed"):
            make_folder(folder)


def test_a_link_that_leads_nowhere_in_place_of_a_folder_is_told(tmp_path):
    (tmp_path / "data").symlink_to(tmp_path / "gone")
    with pytest.raises(ConfigurationError, match="data is a file, and a folder is needed"):
        make_folder(tmp_path / "data")


def test_the_hash_is_of_the_content(tmp_path):
    write_atomically(tmp_path / "x", b"abc")
    assert sha256_of(tmp_path / "x").startswith("ba7816bf")
