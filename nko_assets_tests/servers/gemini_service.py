"""The service behind the Gemini server of the tests: its files, its jobs, and what was paid for."""

from __future__ import annotations

import base64
import hashlib
import random
import threading
from array import array
from collections import Counter, deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from nko_assets_tests.servers.gemini_answers import (
    AnswerFrame,
    Usage,
    failed,
    frame_of,
    result_lines,
    usage_of,
    whole,
)
from nko_assets_tests.servers.gemini_checks import BadRequest, check_file_id, check_line

_KEPT = timedelta(hours=48)
_OUTPUT = "type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatchOutput"
_BATCH = "type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatch"


class Refused(Exception):
    """An answer other than 200: its code, its status, and what it says."""

    def __init__(self, code: int, status: str, message: str, *details: dict[str, Any]) -> None:
        super().__init__(message)
        self.code = code
        self.body: dict[str, Any] = {"error": {"code": code, "message": message, "status": status}}
        if details:
            self.body["error"]["details"] = list(details)


@dataclass
class StoredFile:
    """A file that was uploaded, or results that were made."""

    name: str
    display_name: str
    mime_type: str
    path: Path
    sha256: str
    generated: bool = False
    created: datetime = field(default_factory=lambda: datetime.now(UTC))

    def told(self, address: str) -> dict[str, Any]:
        """The file as the API tells of it."""
        about = {
            "name": self.name,
            "displayName": self.display_name,
            "mimeType": self.mime_type,
            "sizeBytes": str(self.path.stat().st_size),
            "createTime": _stamp(self.created),
            "updateTime": _stamp(self.created),
            "expirationTime": _stamp(self.created + _KEPT),
            # Base64 of the hexadecimal digits, as the service has it.
            "sha256Hash": base64.b64encode(self.sha256.encode()).decode(),
            "uri": f"{address}/v1beta/{self.name}",
            "state": "ACTIVE",
            "source": "GENERATED" if self.generated else "UPLOADED",
        }
        if self.generated:
            about["downloadUri"] = f"{address}/download/v1beta/{self.name}:download?alt=media"
        return about


@dataclass
class Upload:
    """A resumable upload that has begun."""

    about: dict[str, Any]
    size: int
    mime_type: str
    path: Path
    received: int = 0


@dataclass
class ServedJob:
    """A job that was made, and so paid for."""

    name: str
    display_name: str
    model: str
    file_name: str
    path: Path
    offsets: array[int]
    keys: list[str]
    created: datetime
    state: str = "PENDING"
    polls: int = 0
    result_file: str | None = None
    error: dict[str, Any] | None = None
    succeeded: int = 0
    failed: int = 0
    ended: datetime | None = None
    ending: bool = False

    @property
    def done(self) -> bool:
        """Whether the job has ended, well or not."""
        return self.state not in ("PENDING", "RUNNING")

    def told(self) -> dict[str, Any]:
        """The job as the API tells of it: an operation, 64-bit numbers as text, no zeros."""
        counts = {
            "requestCount": len(self.keys),
            "successfulRequestCount": self.succeeded,
            "failedRequestCount": self.failed,
            "pendingRequestCount": 0 if self.done else len(self.keys),
        }
        metadata: dict[str, Any] = {
            "@type": _BATCH,
            "model": f"models/{self.model}",
            "displayName": self.display_name,
            "createTime": _stamp(self.created),
            "updateTime": _stamp(self.ended or self.created),
            "batchStats": {name: str(count) for name, count in counts.items() if count},
            "state": f"BATCH_STATE_{self.state}",
            "name": self.name,
        }
        operation: dict[str, Any] = {"name": self.name, "metadata": metadata}
        if self.ended:
            metadata["endTime"] = _stamp(self.ended)
            operation["done"] = True
        if self.result_file:
            metadata["output"] = {"responsesFile": self.result_file}
            operation["response"] = {"@type": _OUTPUT, "responsesFile": self.result_file}
        if self.error:
            operation["error"] = self.error
        return operation


@dataclass(frozen=True)
class Ending:
    """How a job ends: its state, what it says, and the share of its requests that it does.

    `lost`: they are done, and no file of results is made.
    """

    state: str = "SUCCEEDED"
    message: str = ""
    share: float = 1.0
    lost: bool = False


# The codes of google.rpc.Code in the error of an operation.
_ENDING_CODES = {"FAILED": (13, "Internal error."), "EXPIRED": (4, "The batch expired."), "CANCELLED": (1, "The operation was cancelled.")}  # fmt: skip


class Service:
    """Files and jobs, on disk where they are large; every method may be called by any thread."""

    def __init__(
        self,
        answer: AnswerFrame,
        folder: Path,
        *,
        models: Collection[str],
        shuffled: bool,
        seed: int,
        polls_to_end: int | None,
        max_open_jobs: int,
    ) -> None:
        self.lock = threading.RLock()
        self.files: dict[str, StoredFile] = {}
        self.uploads: dict[str, Upload] = {}
        self.jobs: dict[str, ServedJob] = {}
        self.paid: Counter[str] = Counter()
        self.charged: Counter[str] = Counter()
        self.usage: Counter[tuple[str, Usage]] = Counter()
        self.endings: deque[Ending] = deque()
        self._answer = answer
        self._folder = folder
        self._models = models
        self._shuffled = shuffled
        self._random = random.Random(seed)
        self._polls_to_end = polls_to_end
        self._max_open_jobs = max_open_jobs
        self._made = 0

    def begin_upload(self, about: dict[str, Any], size: int, mime_type: str) -> str:
        """Begin an upload; returns its id."""
        with self.lock:
            # The client writes `display_name` here; the service takes both spellings.
            about = {_camel(field): value for field, value in about.items()}
            name = about.get("name") or f"files/{self._next_id()}"
            check_file_id(name.removeprefix("files/"))
            if name in self.files:
                raise Refused(409, "ALREADY_EXISTS", f"File {name} already exists.")
            upload_id = self._next_id()
            path = self._folder / f"upload-{upload_id}"
            path.touch()
            self.uploads[upload_id] = Upload({**about, "name": name}, size, mime_type, path)
            return upload_id

    def finish_upload(self, upload_id: str) -> StoredFile:
        """Make a file of an upload that is complete."""
        with self.lock:
            upload = self.uploads.pop(upload_id)
            with upload.path.open("rb") as handle:
                digest = hashlib.file_digest(handle, "sha256").hexdigest()
            name = upload.about["name"]
            if name in self.files:
                raise Refused(409, "ALREADY_EXISTS", f"File {name} already exists.")
            shown = upload.about.get("displayName", "")
            self.files[name] = StoredFile(name, shown, upload.mime_type, upload.path, digest)
            return self.files[name]

    def file(self, name: str) -> StoredFile:
        """A file by its name; what is not there is refused as the service does it, with 403."""
        with self.lock:
            if name not in self.files:
                raise Refused(
                    403,
                    "PERMISSION_DENIED",
                    f"You do not have permission to access the File {name.removeprefix('files/')} "
                    "or it may not exist.",
                )
            return self.files[name]

    def delete_file(self, name: str) -> None:
        """Forget a file."""
        with self.lock:
            self.file(name)
            del self.files[name]

    def create(self, model: str, batch: dict[str, Any]) -> ServedJob:
        """Make a job of an uploaded file: from here on its requests are paid for."""
        display_name = batch.get("displayName")
        source = batch.get("inputConfig", {}).get("fileName")
        if model not in self._models:
            raise Refused(
                404,
                "NOT_FOUND",
                f"models/{model} is not found for API version v1beta, or is not supported for "
                "batchGenerateContent. Call ListModels to see the list of available models.",
            )
        if not display_name or not source:
            raise BadRequest(
                "* BatchGenerateContentRequest.batch: display_name and input_config are required\n"
            )
        file = self.file(source)
        if file.mime_type not in ("application/jsonl", "jsonl"):
            raise BadRequest(f"Unsupported file type: {file.mime_type}.")
        with self.lock:
            if sum(not job.done for job in self.jobs.values()) >= self._max_open_jobs:
                raise Refused(429, "RESOURCE_EXHAUSTED", "Too many concurrent batch jobs.")
        offsets, keys = array("q"), []
        place = 0
        with file.path.open("rb") as handle:
            for line in handle:
                if line.strip():
                    keys.append(check_line(line, model)[0])
                    offsets.append(place)
                place += len(line)
        if not keys:
            raise BadRequest("The input file has no requests.")
        with self.lock:
            job = ServedJob(
                name=f"batches/{self._next_id()}",
                display_name=display_name,
                model=model,
                file_name=source,
                path=file.path,
                offsets=offsets,
                keys=keys,
                created=datetime.now(UTC),
            )
            self.jobs[job.name] = job
            self.paid.update(keys)
            return job

    def job(self, name: str) -> ServedJob:
        """A job by its name."""
        with self.lock:
            if name not in self.jobs:
                raise Refused(404, "NOT_FOUND", "Requested entity was not found.")
            return self.jobs[name]

    def poll(self, name: str) -> ServedJob:
        """A job by its name, nearer to its end by one question."""
        job = self.job(name)
        with self.lock:
            if not job.done:
                job.polls += 1
                job.state = "RUNNING"
            due = self._polls_to_end is not None and job.polls >= self._polls_to_end
        if due and not job.done:
            self.finish(name)
        return job

    def cancel(self, name: str) -> None:
        """Stop a job; one that has ended stays as it is."""
        job = self.job(name)
        if not job.done:
            self.finish(name, Ending("CANCELLED", share=0.0))

    def finish(self, name: str, ending: Ending | None = None) -> None:
        """Bring a job to its end, with results where its ending has any."""
        job = self.job(name)
        with self.lock:
            if job.ending:
                return
            job.ending = True
            ending = ending or (self.endings.popleft() if self.endings else Ending())
        bad = ending.state in _ENDING_CODES
        if bad:
            code, message = _ENDING_CODES[ending.state]
            job.error = {"code": code, "message": ending.message or message}
        if ending.share or not bad:
            result_file = self._results(job, ending.share)
            job.result_file = None if ending.lost else result_file
        job.ended = datetime.now(UTC)
        job.state = ending.state

    def _results(self, job: ServedJob, share: float) -> str:
        """Answer a job's requests one after the other and store the lines as a file."""
        order = list(range(len(job.offsets)))
        if self._shuffled:
            self._random.shuffle(order)
        name = f"files/batch-{job.name.rpartition('/')[2]}"
        path = self._folder / f"results-{job.name.rpartition('/')[2]}"
        digest = hashlib.sha256()
        answered = order[: round(len(order) * share)]
        with path.open("wb") as out:
            for line in self._answered(job, answered):
                out.write(line)
                digest.update(line)
        job.failed += len(order) - len(answered)
        with self.lock:
            shown = f"Results of {job.display_name}"
            self.files[name] = StoredFile(
                name, shown, "application/jsonl", path, digest.hexdigest(), generated=True
            )
        return name

    def _answered(self, job: ServedJob, order: list[int]) -> Iterator[bytes]:
        with job.path.open("rb") as handle:
            for number in order:
                handle.seek(job.offsets[number])
                key, request = check_line(handle.readline(), job.model)
                answer = whole(self._answer(*frame_of(request), request), job.model)
                if failed(answer):
                    job.failed += 1
                else:
                    job.succeeded += 1
                    with self.lock:
                        self.charged[key] += 1
                        self.usage[job.model, usage_of(answer)] += 1
                for line in result_lines(key, answer, job.model):
                    yield line.encode() + b"\n"

    def _next_id(self) -> str:
        with self.lock:
            self._made += 1
            return f"{self._made:06}{self._random.getrandbits(48):012x}"


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def _stamp(moment: datetime) -> str:
    # Nine digits, as the service writes them.
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z"
