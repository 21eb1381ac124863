"""Writing files so that a reader sees the old one or the new one, never a part."""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nko_assets.failures import ConfigurationError


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` to write to; synced and renamed to `path` when the block ends well.

    Raises `ConfigurationError` when the disk is full or the folder cannot be written.
    """
    temporary: Path | None = None
    try:
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=".writing-", suffix=path.suffix)
            os.close(handle)
            temporary = Path(name)
            yield temporary
            # mkstemp makes files private; artefacts get what the umask gives any other file.
            temporary.chmod(0o666 & ~_umask())
            with temporary.open("rb") as written:
                os.fsync(written.fileno())
            temporary.replace(path)
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def make_folder(path: Path) -> None:
    """Make `path` and what leads to it; raises `ConfigurationError` when that is not possible."""
    try:
        with disk_errors(path):
            path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        # A device and a link that leads nowhere stand in the way as well.
        places = (path, *path.parents)
        file = next(place for place in places if os.path.lexists(place) and not place.is_dir())
        raise ConfigurationError(
            f"{file} is a file, and a folder is needed.", "Choose another with --data or NKO_DATA."
        ) from None


def write_atomically(path: Path, data: bytes) -> None:
    """Put `data` at `path` in one step; a file that holds just that is left as it is."""
    if path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data:
        return
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex, read in bounded memory."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn what the disk refuses at `path`, a file or a folder, into one clear sentence."""
    try:
        yield
    except OSError as error:
        failure = disk_failure(error, path)
        if failure is None:
            raise
        raise failure from error


def disk_failure(error: OSError, path: Path) -> ConfigurationError | None:
    """The failure for an error of the disk itself on writing `path`, or None for any other error."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ConfigurationError(
            f"The disk is full: {path} could not be written.",
            "Free some space, or choose a larger disk with --data or NKO_DATA, and run again; "
            "finished videos are kept.",
        )
    if error.errno == errno.EFBIG:
        return ConfigurationError(
            f"{path} would be larger than files may be here.",
            "Choose a folder on another disk with --data or NKO_DATA, or raise the limit (ulimit -f).",
        )
    # Without a file's name it is a socket that was not permitted.
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS) and error.filename is not None:
        return ConfigurationError(
            f"{path} cannot be written ({error.strerror}).",
            "Choose another folder with --data or NKO_DATA, or change its permissions.",
        )
    return None
