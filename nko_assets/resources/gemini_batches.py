"""The Gemini Batch API through google-genai: files up, jobs made and asked about, results down.

Everything but `create` may be asked again and is, a bounded number of times. `create` costs money,
goes over the wire once, and says `Ambiguous` when nobody can know whether it was heard.
"""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import httpx2
from google import genai
from google.genai import types
from google.genai.errors import APIError
from pydantic import SecretStr

from nko_assets.failures import ConfigurationError, NkoError, TransientFailure
from nko_assets.files import atomic_path, sha256_of
from nko_assets.resources.gemini_errors import (
    WIRE_ERRORS,
    Ambiguous,
    NotFound,
    Throttled,
    failure_of,
)
from nko_assets.resources.gemini_wire import RemoteJob, RemoteState, job_of, operations_in
from nko_assets.resources.patience import patiently

__all__ = [
    "Ambiguous",
    "GeminiBatches",
    "NotFound",
    "RemoteJob",
    "RemoteState",
    "Throttled",
]

T = TypeVar("T")

_TIMEOUT_S = 120.0
_ATTEMPTS = 5
_PAGE = 100
_LABEL_CHARACTERS = 512
_JSONL = "application/jsonl"


class GeminiBatches:
    """The batch jobs and files of one key, at the service or at `base_url`.

    Without `base_url` the client's own GOOGLE_GEMINI_BASE_URL counts. Nothing is asked until a
    method is called. May be used by several threads.
    """

    def __init__(
        self,
        api_key: SecretStr,
        *,
        base_url: str | None = None,
        timeout_s: float = _TIMEOUT_S,
        attempts: int = _ATTEMPTS,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Prepare; `attempts` bounds what may be asked again, `timeout_s` each silence on the wire."""
        # A line end behind it belongs to the file it was kept in.
        key = api_key.get_secret_value().strip()
        if not key:
            raise ConfigurationError(
                "GEMINI_API_KEY is empty.", "Set it, or set NKO_READER=offline."
            )
        self._key = SecretStr(key)
        self._attempts = attempts
        self._sleep = sleep
        self._heard = threading.local()
        self._client = genai.Client(
            # Vertex has other paths, other names and other prices, whatever the environment says.
            vertexai=False,
            api_key=key,
            http_options=types.HttpOptions(
                base_url=base_url,
                api_version="v1beta",
                timeout=int(timeout_s * 1000),
                httpx_client=httpx2.Client(
                    timeout=timeout_s,
                    follow_redirects=True,
                    event_hooks={"response": [self._listen]},
                ),
            ),
        )

    def upload(self, path: Path, file_id: str, label: str) -> str:
        """Put a JSONL file at the service under an id of ours; returns its name, "files/<id>".

        The same file under the same id is used again; another one, or a part of one, is replaced.
        `label` is kept with it, up to 512 characters.
        """
        name = f"files/{file_id}"
        digest = sha256_of(path)
        config = types.UploadFileConfig(
            name=name, display_name=label[:_LABEL_CHARACTERS], mime_type=_JSONL
        )

        def attempt() -> str:
            there = self._file(name)
            if there is not None and not _same(there, digest):
                self._delete(name)
                there = None
            if there is None:
                there = self._client.files.upload(file=path, config=config)
            if not (_same(there, digest) and there.state is types.FileState.ACTIVE):
                raise TransientFailure(
                    f"The service does not have {name} ready yet.", "Run again later."
                )
            return name

        return self._patiently(attempt, f"uploading {name}")

    def label_of(self, file_id: str) -> str | None:
        """The label of an uploaded file, or None when the service has no such file any more."""
        name = f"files/{file_id}"
        there = self._patiently(lambda: self._file(name), f"looking at {name}")
        return None if there is None else there.display_name or ""

    def create(self, model: str, file_name: str, display_name: str) -> RemoteJob:
        """Make a job of an uploaded file, asking once.

        Raises `Ambiguous` when the job may exist all the same, `Throttled` when there are too many,
        `NotFound` when the file is not there any more, `ConfigurationError` when it can never work.
        """
        what = f"the job {display_name}"
        return self._once(
            lambda: self._job(
                self._client.batches.create(
                    model=model,
                    src=types.BatchJobSource(file_name=file_name),
                    config=types.CreateBatchJobConfig(display_name=display_name),
                )
            ),
            what,
            committing=True,
        )

    def jobs(self) -> Iterator[RemoteJob]:
        """Every job of the service, whoever made it, newest first."""
        first = types.ListBatchJobsConfig(page_size=_PAGE)
        found: list[RemoteJob] = []
        pager = self._patiently(lambda: self._client.batches.list(config=first), "the list of jobs")
        while True:
            found += [self._job(job) for job in pager.page]
            if not pager.config.get("page_token"):
                break
            self._patiently(pager.next_page, "the list of jobs")
        # The service says nothing about the order of its list.
        return iter(sorted(found, key=lambda job: job.created_at, reverse=True))

    def find(self, display_name: str) -> RemoteJob | None:
        """The newest job of that name, or None."""
        return next((job for job in self.jobs() if job.display_name == display_name), None)

    def get(self, service_name: str) -> RemoteJob:
        """Ask about one job; raises `NotFound` when the service does not know it."""
        return self._patiently(
            lambda: self._job(self._client.batches.get(name=service_name)), service_name
        )

    def cancel(self, service_name: str) -> None:
        """Ask the service to stop a job; answers that it gave already are paid all the same."""
        self._patiently(
            lambda: self._client.batches.cancel(name=service_name), f"cancelling {service_name}"
        )

    def results(self, job: RemoteJob, folder: Path) -> Iterator[str]:
        """The lines of a job's results, in the service's order; the file is kept in `folder`.

        A file that is there already, whole, is not asked for again. Raises `NotFound` when the job
        has no results, or the service has them no more.
        """
        if job.result_file is None:
            raise NotFound(
                f"{job.display_name} is {job.state} and has no results.", job.error or "Ask again."
            )
        name = job.result_file
        path = folder / f"{name.rpartition('/')[2]}.jsonl"
        if not path.exists():

            def attempt() -> None:
                with atomic_path(path) as temporary:
                    self._client.files.download(file=name, destination=temporary)

            self._patiently(attempt, f"downloading {name}")
        # Lines end at \n alone: the text in them may hold U+2028 and other line separators.
        with path.open("rb") as handle:
            for line in handle:
                text = line.decode("utf-8", errors="replace").strip("\r\n")
                if text:
                    yield text

    def _file(self, name: str) -> types.File | None:
        """Return what the service has under `name`, or None."""
        try:
            return self._client.files.get(name=name)
        except APIError as error:
            if not isinstance(self._failure(error, name), NotFound):
                raise
            return None

    def _delete(self, name: str) -> None:
        """Remove a file from the service, if it is there."""
        try:
            self._client.files.delete(name=name)
        except APIError as error:
            if not isinstance(self._failure(error, name), NotFound):
                raise

    def _listen(self, response: httpx2.Response) -> None:
        """Keep what the client drops of the jobs it is told of: the error and the counts."""
        path = response.url.path
        # Never a download: that is read piece by piece, by whoever asked for it.
        if "batches" not in path.split("/") and not path.endswith(":batchGenerateContent"):
            return
        self._heard.operations = {}
        if response.is_success:
            response.read()
            # What is no JSON the client will complain of.
            with suppress(ValueError):
                self._heard.operations = {
                    str(one["name"]): one for one in operations_in(response.json())
                }

    def _job(self, job: types.BatchJob) -> RemoteJob:
        heard = getattr(self._heard, "operations", {})
        if job.name not in heard:
            raise ValueError("the answer names no job")
        return job_of(heard[job.name])

    def _once(self, call: Callable[[], T], what: str, *, committing: bool = False) -> T:
        try:
            return call()
        except WIRE_ERRORS as error:
            # Without its cause: that holds the request, and the request holds the key.
            raise self._failure(error, what, committing=committing) from None

    def _failure(self, error: Exception, what: str, *, committing: bool = False) -> NkoError:
        return failure_of(error, what, self._key.get_secret_value(), committing=committing)

    def _patiently(self, call: Callable[[], T], what: str) -> T:
        """Ask, and ask again after failures that may heal at once; raise what remains."""
        return patiently(lambda: self._once(call, what), self._attempts, self._sleep)


def _same(file: types.File, digest: str) -> bool:
    """Whether the service's file has the bytes of this SHA-256."""
    # Documented as base64 of the hash; the service sends base64 of its hexadecimal digits.
    said = base64.b64decode(file.sha256_hash or "")
    return said in (digest.encode(), bytes.fromhex(digest))
