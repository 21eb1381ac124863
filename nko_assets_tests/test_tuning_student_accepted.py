"""Which student is in use is said by one file, and checked against the weights."""

from __future__ import annotations

import pytest

from nko_assets.failures import ConfigurationError
from nko_assets.files import sha256_of, write_atomically
from nko_assets.tuning.student.accepted import (
    WEIGHTS_FILE,
    accepted,
    accepted_file,
    accepted_weights,
    student_folder,
)


def put(folder, content: bytes) -> str:
    write_atomically(folder / "weights", content)
    digest = sha256_of(folder / "weights")
    write_atomically(student_folder(folder, digest) / WEIGHTS_FILE, content)
    return digest


def test_nobody_is_in_use_before_one_was_accepted(tmp_path):
    put(tmp_path, b"one")
    assert accepted_weights(tmp_path) is None


def test_the_last_one_accepted_is_in_use(tmp_path):
    for content in (b"one", b"two"):
        digest = put(tmp_path, content)
        write_atomically(accepted_file(tmp_path), accepted(digest))
    weights = accepted_weights(tmp_path)
    assert weights is not None
    assert weights.read_bytes() == b"two"


def test_weights_that_are_gone_are_told_and_never_replaced_by_others(tmp_path):
    digest = put(tmp_path, b"one")
    write_atomically(accepted_file(tmp_path), accepted(digest))
    (student_folder(tmp_path, digest) / WEIGHTS_FILE).unlink()
    with pytest.raises(ConfigurationError, match="accepted student"):
        accepted_weights(tmp_path)
