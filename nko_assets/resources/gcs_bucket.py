"""A bucket of Google Cloud Storage: created once, checked by CRC-32C, told apart when it fails.

Every object is created with `ifGenerationMatch=0`, so two runs never overwrite each other and an
answer that was lost does no harm: the second attempt finds the first one's object. A file larger
than 8 MiB goes in blocks and goes on from the last one that arrived; one retry system, the
client's own, with an end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nko_assets.failures import ConfigurationError, NkoError, PermanentFailure, TransientFailure
from nko_assets.resources.bucket import crc32c, same_content

if TYPE_CHECKING:
    from google.cloud import storage

_BLOCK: Final = 8 << 20
# Up to here asking whether an object is there takes as long as sending it.
_SMALL: Final = 256 << 10
_PATIENCE_S: Final = 120.0
_AGAIN: Final = "Run it again: what has arrived is not sent a second time."


def cloud_client(project: str | None) -> Callable[[], storage.Client]:
    """What opens the client of dagster-gcp's `GCSResource` when it is first needed."""

    def opened() -> storage.Client:
        # Here, because importing it takes a second, which a run without a bucket need not wait.
        from dagster_gcp import GCSResource

        return GCSResource(project=project).get_client()

    return opened


class GcsBucket:
    """The objects below `gs://name/folder`.

    `client` opens the connection at the first call. Each call is tried again for `patience_s`
    seconds where the service says that it may be.
    """

    def __init__(
        self, address: str, client: Callable[[], storage.Client], *, patience_s: float = _PATIENCE_S
    ) -> None:
        self._address = address.rstrip("/")
        self._name, _, folder = self._address.removeprefix("gs://").partition("/")
        self._folder = f"{folder}/" if folder else ""
        self._open = client
        self._opened: storage.Client | None = None
        self._patience_s = patience_s

    @property
    def address(self) -> str:
        """`gs://name/folder`."""
        return self._address

    def uri(self, key: str) -> str:
        """The `gs://` address of the object."""
        return f"{self._address}/{key}"

    def held(self, prefix: str) -> Mapping[str, str]:
        """Every object below the folder that begins with `prefix`, by pages of 1,000."""
        with self._failures(f"listing {self.uri(prefix)}"):
            blobs = self._bucket().list_blobs(
                prefix=self._folder + prefix,
                fields="items(name,crc32c),nextPageToken",
                timeout=60,
                retry=self._retry(),
            )
            return {blob.name.removeprefix(self._folder): blob.crc32c for blob in blobs}

    def put(self, key: str, content: bytes | Path, content_type: str) -> str:
        """Create the object, or find it there with the same content."""
        from google.api_core.exceptions import PreconditionFailed

        ours, uri = crc32c(content), self.uri(key)
        with self._failures(f"sending {uri}"):
            blob = self._bucket().blob(self._folder + key, chunk_size=_BLOCK)
            if _size(content) > _SMALL and self._checksum(blob) is not None:
                same_content(uri, blob.crc32c, ours)
                return uri
            try:
                self._create(blob, content, content_type)
            except PreconditionFailed:
                # It was made meanwhile, perhaps by an attempt of ours whose answer was lost.
                self._checksum(blob)
                same_content(uri, blob.crc32c, ours)
                return uri
            if blob.crc32c != ours:
                blob.delete(if_generation_match=blob.generation, retry=self._retry())
                raise TransientFailure(f"{uri} arrived damaged and was removed.", _AGAIN)
        return uri

    def _create(self, blob: storage.Blob, content: bytes | Path, content_type: str) -> None:
        # With the precondition every attempt is safe to repeat.
        how: dict[str, Any] = {
            "content_type": content_type,
            "if_generation_match": 0,
            "checksum": "crc32c",
            "timeout": 60,
            "retry": self._retry(),
        }
        if isinstance(content, bytes):
            blob.upload_from_string(content, **how)
        else:
            blob.upload_from_filename(str(content), **how)

    def _checksum(self, blob: storage.Blob) -> str | None:
        """The CRC-32C of the object as it is now; None when there is none."""
        from google.api_core.exceptions import NotFound

        try:
            blob.reload(timeout=60, retry=self._retry())
        except NotFound:
            # The same answer for an object and for a bucket: sending will tell.
            return None
        return blob.crc32c

    def _bucket(self) -> storage.Bucket:
        if self._opened is None:
            self._opened = self._open()
        return self._opened.bucket(self._name)

    def _retry(self) -> Any:
        from google.cloud.storage.retry import DEFAULT_RETRY

        return DEFAULT_RETRY.with_timeout(self._patience_s)

    @contextmanager
    def _failures(self, what: str) -> Iterator[None]:
        """Turn what the client raises into one clear sentence."""
        try:
            yield
        except NkoError:
            raise
        except Exception as error:
            failure = _failure(error, self._address, self._name, what)
            if failure is None:
                raise
            # What the client said may repeat the key that it was given in place of a file.
            raise failure from None


def _size(content: bytes | Path) -> int:
    return len(content) if isinstance(content, bytes) else content.stat().st_size


def _failure(error: Exception, address: str, bucket: str, what: str) -> NkoError | None:
    """The failure for an error of the client; None for what is a mistake of ours."""
    from google.api_core import exceptions as api
    from google.auth import exceptions as auth
    from google.cloud.storage.exceptions import DataCorruption
    from requests import exceptions as http

    from nko_assets.resources.google_login import LOG_IN, told

    said = told(error) if isinstance(error, auth.GoogleAuthError) else _said(error)
    doing = what.capitalize()
    failures: list[tuple[tuple[type[Exception], ...], NkoError]] = [
        (
            (auth.DefaultCredentialsError, auth.RefreshError, api.Unauthorized),
            ConfigurationError(
                f"Google Cloud does not know who is {what} ({said}).",
                LOG_IN,
            ),
        ),
        (
            (api.Forbidden,),
            ConfigurationError(
                f"{doing} is not permitted ({said}).",
                "Give the account the role Storage Object User (roles/storage.objectUser) on "
                f"gs://{bucket}, and see that the project's billing is on.",
            ),
        ),
        (
            (api.NotFound,),
            ConfigurationError(
                f"There is no bucket gs://{bucket}.",
                f"Create it (gcloud storage buckets create gs://{bucket}), or correct NKO_BUCKET.",
            ),
        ),
        ((DataCorruption,), TransientFailure(f"{doing} damaged it on the way.", _AGAIN)),
        (
            (
                api.TooManyRequests,
                api.ServerError,
                api.RetryError,
                auth.TransportError,
                http.RequestException,
                ConnectionError,
            ),
            TransientFailure(f"{address} did not answer while {what} ({said}).", _AGAIN),
        ),
        (
            (api.GoogleAPICallError,),
            PermanentFailure(f"{doing} was refused ({said}).", "Correct NKO_BUCKET."),
        ),
    ]
    return next((failure for kinds, failure in failures if isinstance(error, kinds)), None)


def _said(error: Exception) -> str:
    """What the service says, on one line without the address of the request."""
    said = getattr(error, "message", None) or str(error) or type(error).__name__
    return str(said).rpartition(": ")[2].splitlines()[0][:200].rstrip(".")
