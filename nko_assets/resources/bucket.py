"""Where tuning files are published: the protocol of buckets, and the one that is a folder.

Objects are content-addressed: a key always holds the same bytes, so what is there is never sent
again, and nothing is ever overwritten.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import BoundedSemaphore
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

import google_crc32c

from nko_assets.failures import PermanentFailure
from nko_assets.files import atomic_path

if TYPE_CHECKING:
    from nko_assets.settings import Settings

JPEG = "image/jpeg"
JSON_LINES = "application/jsonl"

_BLOCK = 1 << 20
SENDERS = 8
_AHEAD = 64  # objects that wait to be sent; more would only take memory


class Bucket(Protocol):
    """A flat store of objects that never change.

    Keys are relative paths with `/`. Every method raises `ConfigurationError` for what the user
    has to change (no such bucket, no credentials, no permission) and `TransientFailure` where
    trying again later may help.
    """

    @property
    def address(self) -> str:
        """Where it is, as people write it: `gs://name/folder`, or a folder."""
        ...

    def uri(self, key: str) -> str:
        """How others name the object `key`."""
        ...

    def held(self, prefix: str) -> Mapping[str, str]:
        """The keys of the folder `prefix` (with its `/`, or "" for all), each with its CRC-32C."""
        ...

    def put(self, key: str, content: bytes | Path, content_type: str) -> str:
        """Have `content` under `key`, sending it unless it is there; returns its URI.

        Raises `PermanentFailure` when something else is there under this key.
        """
        ...


class LocalBucket:
    """A folder laid out as a bucket would be, for when none is configured."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def address(self) -> str:
        """The folder."""
        return str(self._folder)

    def uri(self, key: str) -> str:
        """The key, for an address in the folder: equal data is equal wherever the folder lies."""
        return key

    def held(self, prefix: str) -> Mapping[str, str]:
        """The files of the folder."""
        files = (path for path in (self._folder / prefix).rglob("[!.]*") if path.is_file())
        return {path.relative_to(self._folder).as_posix(): crc32c(path) for path in files}

    def put(self, key: str, content: bytes | Path, content_type: str) -> str:  # noqa: ARG002
        """Write the file unless it is there; the type of its content goes without saying."""
        path = self._folder / key
        if path.is_file():
            same_content(self.uri(key), crc32c(path), crc32c(content))
            return self.uri(key)
        with atomic_path(path) as temporary:
            if isinstance(content, bytes):
                temporary.write_bytes(content)
            else:
                _copy(content, temporary)
        return self.uri(key)


class Publisher:
    """Puts many objects into a bucket in the background; leaving the block waits for all of them.

    What the bucket holds under `prefix` is asked once at the start and not sent again: a
    publication that was broken off goes on where it stopped. The first failure ends it.
    """

    def __init__(self, bucket: Bucket, prefix: str) -> None:
        self._bucket = bucket
        self._prefix = prefix
        self._held = dict(bucket.held(prefix))
        self._pool = ThreadPoolExecutor(SENDERS, thread_name_prefix="publish")
        self._room = BoundedSemaphore(_AHEAD)
        self._failure: BaseException | None = None
        self.sent = 0
        self.skipped = 0

    def __enter__(self) -> Publisher:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=error is not None)
        if error is None and self._failure is not None:
            raise self._failure

    def picture(self, jpeg: bytes) -> str:
        """Have a JPEG in the bucket under the hash of its content; returns its URI at once."""
        key = f"{self._prefix}{hashlib.sha256(jpeg).hexdigest()}.jpg"
        checksum = crc32c(jpeg)
        if self._held.get(key) == checksum:
            self.skipped += 1
            return self._bucket.uri(key)
        if self._failure is not None:
            raise self._failure
        self._held[key] = checksum
        self._room.acquire()
        self.sent += 1
        self._pool.submit(self._bucket.put, key, jpeg, JPEG).add_done_callback(self._done)
        return self._bucket.uri(key)

    def _done(self, future: Future[str]) -> None:
        self._room.release()
        if not future.cancelled() and self._failure is None:
            self._failure = future.exception()


def open_bucket(settings: Settings) -> Bucket:
    """The bucket that the settings name, or the folder of the same layout; sends nothing yet."""
    if settings.bucket is None:
        return LocalBucket(settings.data / "tuning" / "bucket")
    from nko_assets.resources.gcs_bucket import GcsBucket, cloud_client

    return GcsBucket(settings.bucket, cloud_client(settings.gcp_project))


def crc32c(content: bytes | Path) -> str:
    """The CRC-32C of bytes or of a file, in base64 as Google writes it."""
    checksum: Any = google_crc32c.Checksum()  # type: ignore[no-untyped-call]
    if isinstance(content, bytes):
        checksum.update(content)
    else:
        with content.open("rb") as file:
            while block := file.read(_BLOCK):
                checksum.update(block)
    return base64.b64encode(checksum.digest()).decode("ascii")


def same_content(uri: str, there: str | None, ours: str) -> None:
    """Raise `PermanentFailure` unless the checksum of what is at `uri` is ours."""
    if there != ours:
        raise PermanentFailure(
            f"{uri} is there and holds something else.",
            "Objects of this project never change: remove it, or choose another folder in "
            "NKO_BUCKET, and run again.",
        )


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as read, target.open("wb") as written:
        while block := read.read(_BLOCK):
            written.write(block)
