"""Folders of weights that are there whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A folder to fill, which takes the place of `path` when the block ends well.

    What was at `path` before is gone for the moment between the two: a folder, unlike a file,
    cannot be replaced in one step.
    """
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".writing-") as temporary:
        filled = Path(temporary) / path.name
        filled.mkdir()
        yield filled
        # Some libraries make weights private; they get what the umask gives any other file.
        mode = filled.stat().st_mode & 0o666
        for file in filled.iterdir():
            file.chmod(mode)
        shutil.rmtree(path, ignore_errors=True)
        filled.replace(path)
