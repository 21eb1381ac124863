"""Batch jobs as the Gemini API tells of them: states, counts, errors, files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

Json = Mapping[str, object]


class RemoteState(StrEnum):
    """Where a job stands at the service."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    PARTIALLY_SUCCEEDED = "partially_succeeded"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """Whether the job has ended: nothing about it changes any more."""
        return self not in (RemoteState.PENDING, RemoteState.RUNNING)


@dataclass(frozen=True, slots=True)
class RemoteJob:
    """A batch job of the service; `service_name` is its address there ("batches/…")."""

    service_name: str
    display_name: str
    model: str
    state: RemoteState
    created_at: datetime
    result_file: str | None = None
    """The file with the answers ("files/…"); a job that expired or failed has none."""
    ended_at: datetime | None = None
    """When the job ended, where the service says it; the answers are kept from then on."""
    error: str = ""
    succeeded: int | None = None
    failed: int | None = None


# The documented states begin with BATCH_STATE_; the client's own begin with JOB_STATE_ and are more.
_STATES = {
    "UNSPECIFIED": RemoteState.PENDING,
    "QUEUED": RemoteState.PENDING,
    "PENDING": RemoteState.PENDING,
    "PAUSED": RemoteState.PENDING,
    "RUNNING": RemoteState.RUNNING,
    "UPDATING": RemoteState.RUNNING,
    "CANCELLING": RemoteState.RUNNING,
    "SUCCEEDED": RemoteState.SUCCEEDED,
    "PARTIALLY_SUCCEEDED": RemoteState.PARTIALLY_SUCCEEDED,
    "FAILED": RemoteState.FAILED,
    "EXPIRED": RemoteState.EXPIRED,
    "CANCELLED": RemoteState.CANCELLED,
}


def operations_in(answer: object) -> Iterator[Json]:
    """The batch operations in an answer of the API: one, a page of them, or none.

    Inlined answers of other people's jobs are left out: they may be as large as the jobs are.
    """
    if not isinstance(answer, dict):
        return
    listed = answer.get("operations")
    for operation in listed if isinstance(listed, list) else [answer]:
        if isinstance(operation, dict) and str(operation.get("name", "")).startswith("batches/"):
            kept = ("name", "done", "error")
            metadata = {
                name: value
                for name, value in _mapping(operation.get("metadata")).items()
                if name != "output"
            }
            yield {name: operation[name] for name in kept if name in operation} | {
                "metadata": metadata,
                "responsesFile": _result_file(operation),
            }


def job_of(operation: Json) -> RemoteJob:
    """A job from one of `operations_in`.

    Raises `KeyError` or `ValueError` when the operation does not say when it was made.
    """
    metadata = _mapping(operation.get("metadata"))
    error = _mapping(operation.get("error"))
    ended = metadata.get("endTime")
    stats = _mapping(metadata.get("batchStats"))
    result_file = operation.get("responsesFile")
    return RemoteJob(
        service_name=str(operation["name"]),
        display_name=str(metadata.get("displayName", "")),
        model=str(metadata.get("model", "")).removeprefix("models/"),
        state=_state(str(metadata.get("state", "")), bool(operation.get("done")), bool(error)),
        created_at=datetime.fromisoformat(str(metadata["createTime"])),
        result_file=result_file if isinstance(result_file, str) else None,
        ended_at=datetime.fromisoformat(str(ended)) if ended else None,
        error=str(error.get("message", "")) or (f"code {error['code']}" if "code" in error else ""),
        # The API writes 64-bit numbers as text, and leaves out those that are zero.
        succeeded=int(str(stats.get("successfulRequestCount", 0))) if stats else None,
        failed=int(str(stats.get("failedRequestCount", 0))) if stats else None,
    )


def _state(name: str, done: bool, error: bool) -> RemoteState:
    """Return the state for its name; one that is not known yet is as far as `done` says."""
    known = _STATES.get(name.removeprefix("BATCH_STATE_").removeprefix("JOB_STATE_"))
    if known in (RemoteState.SUCCEEDED, RemoteState.PARTIALLY_SUCCEEDED) and not done:
        # Its results may not be written yet, or not all of them.
        return RemoteState.RUNNING
    if known is not None and (known.final or not done):
        return known
    if done:
        return RemoteState.FAILED if error else RemoteState.SUCCEEDED
    return RemoteState.RUNNING


def _result_file(operation: Json) -> str | None:
    """Find the file of answers, which the API names in the metadata, in the response or in both."""
    response = _mapping(operation.get("response"))
    output = _mapping(_mapping(operation.get("metadata")).get("output"))
    for place in (output, response, _mapping(response.get("output"))):
        name = place.get("responsesFile")
        if isinstance(name, str) and name:
            return name
    return None


def _mapping(value: object) -> Json:
    return value if isinstance(value, dict) else {}
