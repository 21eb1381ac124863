"""Vertex AI's tuning jobs on the loopback, as google-genai speaks to them, with every kind of trouble.

    with VertexServer(polls_to_end=2) as server:
        server.fail("tuningJobs.create", "drop_after")
        service = VertexTunings("lessons-1", "us-central1", base_url=server.url, credentials=...)
        ...
        assert len(server.jobs) == 1

A job ends after `polls_to_end` questions about it, or with `server.finish()`. The server also gives
out tokens (`token_uri` of a service account) and serves the experiment that a job's metrics are in.
"""

from __future__ import annotations

import json
import re
import socket
import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from itertools import count
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from nko_assets_tests.servers.gemini_faults import Fault, Faults, How
from nko_assets_tests.servers.loopback import LoopbackServer

NUMBER = "123456789012"  # the project's number, by which the service answers whoever gives its id
MODELS = ("gemini-2.5-flash-lite", "gemini-2.5-flash", "gemini-2.5-pro")
TOKENS = 250_000
_STATUS = {
    400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
    408: "DEADLINE_EXCEEDED", 409: "ABORTED", 429: "RESOURCE_EXHAUSTED", 500: "INTERNAL",
    502: "UNAVAILABLE", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED",
}  # fmt: skip
_LABEL = re.compile(r"[a-z0-9_-]{0,63}")
_SIZES = tuple(f"ADAPTER_SIZE_{size}" for size in ("ONE", "TWO", "FOUR", "EIGHT", "SIXTEEN"))
_FIELDS = {
    "baseModel", "tunedModelDisplayName", "description", "labels", "supervisedTuningSpec",
}  # fmt: skip
_SPEC = {
    "trainingDatasetUri", "validationDatasetUri", "hyperParameters", "exportLastCheckpointOnly",
}  # fmt: skip
SERIES = {
    "/train_total_loss": [(1, 3.0), (2, 2.0), (3, 1.5)],
    "/train_fraction_of_correct_next_step_preds": [(1, 0.3), (2, 0.4), (3, 0.6)],
    "/train_num_predictions": [(1, 900.0), (2, 900.0), (3, 900.0)],
    "/eval_total_loss": [(1, 2.8), (3, 1.9)],
    "/eval_fraction_of_correct_next_step_preds": [(1, 0.35), (3, 0.5)],
}


class Refused(Exception):
    """An answer other than 200."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.body = {"error": {"code": code, "message": message, "status": _STATUS[code]}}


@dataclass
class ServedTuning:
    """A job that was made, and so will be paid."""

    number: int
    project: str
    location: str
    asked: dict[str, Any]
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    state: str = "PENDING"
    polls: int = 0
    message: str = ""
    epochs_done: int | None = None
    told_tokens: bool = True
    endpoint: bool = True
    started: datetime | None = None
    ended: datetime | None = None

    @property
    def name(self) -> str:
        return f"{self.parent}/tuningJobs/{self.number}"

    @property
    def parent(self) -> str:
        return f"projects/{NUMBER}/locations/{self.location}"

    @property
    def experiment(self) -> str:
        return f"{self.parent}/metadataStores/default/contexts/tuning-experiment-{self.number}"

    def told(self) -> dict[str, Any]:
        """The job as the API tells of it: 64-bit numbers as text, nothing that is empty."""
        spec = dict(self.asked["supervisedTuningSpec"])
        spec["hyperParameters"] = spec["hyperParameters"] | {
            "epochCount": str(spec["hyperParameters"]["epochCount"])
        }
        job: dict[str, Any] = {
            **self.asked,
            "supervisedTuningSpec": spec,
            "name": self.name,
            "state": f"JOB_STATE_{self.state}",
            "createTime": _stamp(self.created),
            "updateTime": _stamp(self.ended or self.created),
        }
        if self.started:
            job["startTime"] = _stamp(self.started)
            job["experiment"] = self.experiment
            job["tuningJobState"] = "TUNING_JOB_STATE_TUNING"
            if self.told_tokens:
                job["tuningDataStats"] = {
                    "supervisedTuningDataStats": {
                        "tuningDatasetExampleCount": "1200",
                        "totalBillableTokenCount": str(TOKENS),
                        "totalBillableCharacterCount": str(TOKENS),
                        "tuningStepCount": "90",
                    }
                }
        if self.epochs_done is not None:
            job["tuningJobMetadata"] = {"completedEpochCount": str(self.epochs_done)}
        if self.ended:
            job["endTime"] = _stamp(self.ended)
        if self.state == "SUCCEEDED":
            job["tunedModel"] = {"model": f"{self.parent}/models/{self.number}@1"}
            if self.endpoint:
                job["tunedModel"]["endpoint"] = f"{self.parent}/endpoints/{self.number}"
        elif self.message:
            job["error"] = {"code": 13, "message": self.message}
        return job


@dataclass(frozen=True)
class Ending:
    """How a job ends: its state, what it says, and how far it came."""

    state: str = "SUCCEEDED"
    message: str = ""
    epochs_done: int | None = None
    started: bool = True
    told_tokens: bool = True
    endpoint: bool = True


class VertexServer(LoopbackServer):
    """The server; it runs in threads from `with` until the block ends."""

    def __init__(
        self,
        *,
        project: str = "lessons-1",
        token: str = "a-token-for-tests",
        polls_to_end: int | None = None,
        page_size: int = 50,
    ) -> None:
        self.project = project
        self.token = token
        self.calls: list[tuple[str, int]] = []  # those that were answered, with the status
        self.received: list[str] = []
        self.jobs: list[ServedTuning] = []
        self._numbers = count(4_000_000_000)
        self.endings: deque[Ending] = deque()
        self.faults = Faults()
        self.denied: set[str] = set()
        self.hidden = False  # whether jobs are made and not listed yet
        self.series = SERIES
        self.lock = threading.RLock()
        self.polls_to_end = polls_to_end
        self.page_size = page_size
        super().__init__(type("Handler", (_Handler,), {"vertex": self}))

    def named(self, name: str) -> list[ServedTuning]:
        """The jobs of that display name."""
        with self.lock:
            return [job for job in self.jobs if job.asked["tunedModelDisplayName"] == name]

    def asked(self, method: str) -> int:
        """How often a method was called, however that ended."""
        return sum(call == method for call, _ in list(self.calls))

    def fail(
        self, method: str, how: How | int, *, times: int = 1, skip: int = 0, seconds: float = 60.0
    ) -> None:
        """Make the next `times` calls of a method fail, after `skip` that do not."""
        self.faults.add(Fault(method, how, times, skip, seconds, None))

    def deny(self, method: str) -> None:
        """Refuse a method to whoever asks, as the service does when a role is missing."""
        self.denied.add(method)

    def finish(self, ending: Ending | None = None) -> None:
        """Bring every open job to its end."""
        for job in list(self.jobs):
            self.end(job, ending)

    def end(self, job: ServedTuning, ending: Ending | None = None) -> None:
        """Bring one job to its end; one that has ended stays as it is."""
        with self.lock:
            if job.ended:
                return
            ending = ending or (self.endings.popleft() if self.endings else Ending())
            if ending.started and job.started is None:
                job.started = datetime.now(UTC)
            job.state, job.message = ending.state, ending.message
            job.epochs_done, job.told_tokens = ending.epochs_done, ending.told_tokens
            job.endpoint = ending.endpoint
            job.ended = datetime.now(UTC)

    def forget(self) -> None:
        """Let the service know no job any more."""
        with self.lock:
            self.jobs.clear()

    def create(self, project: str, location: str, body: dict[str, Any]) -> dict[str, Any]:
        """Make a job: from here on it is paid."""
        _known(body, _FIELDS, "")
        spec = body.get("supervisedTuningSpec", {})
        _known(spec, _SPEC, "supervised_tuning_spec.")
        parameters = spec.get("hyperParameters", {})
        _known(parameters, {"epochCount", "adapterSize", "learningRateMultiplier"}, "")
        if body.get("baseModel") not in MODELS:
            raise Refused(400, f"Base model {body.get('baseModel')} is not supported.")
        for name in ("trainingDatasetUri", "validationDatasetUri"):
            uri = spec.get(name, "" if name.startswith("training") else "gs://none/x.jsonl")
            if not re.fullmatch(r"gs://[a-z0-9._-]+/.+\.jsonl", uri):
                raise Refused(400, f"{name} must be a JSONL file on Google Cloud Storage.")
        if parameters.get("adapterSize", _SIZES[0]) not in _SIZES:
            raise Refused(400, f"Invalid adapter size {parameters['adapterSize']}.")
        for key, value in body.get("labels", {}).items():
            if not (_LABEL.fullmatch(key) and _LABEL.fullmatch(value)):
                raise Refused(400, f"Invalid label {key}={value}.")
        if len(body.get("tunedModelDisplayName", "")) > 128:
            raise Refused(400, "The display name is longer than 128 characters.")
        with self.lock:
            job = ServedTuning(next(self._numbers), project, location, body)
            self.jobs.append(job)
            return job.told()

    def poll(self, number: str) -> dict[str, Any]:
        """A job, nearer to its end by one question."""
        with self.lock:
            job = self._job(number)
            if not job.ended:
                job.polls += 1
                job.state = "RUNNING"
                job.started = job.started or datetime.now(UTC)
                if self.polls_to_end is not None and job.polls >= self.polls_to_end:
                    self.end(job)
            return job.told()

    def cancel(self, number: str) -> dict[str, Any]:
        """Stop a job."""
        job = self._job(number)
        self.end(job, Ending("CANCELLED", "The job was cancelled.", 1, job.started is not None))
        return {}

    def _job(self, number: str) -> ServedTuning:
        for job in self.jobs:
            if str(job.number) == number:
                return job
        raise Refused(404, f"The TuningJob {number} does not exist.")


def _known(given: dict[str, Any], known: set[str], where: str) -> None:
    for name in given.keys() - known:
        raise Refused(
            400, f'Invalid JSON payload received. Unknown name "{where}{name}": Cannot find field.'
        )


_PARENT = r"projects/(?P<project>[^/]+)/locations/(?P<location>[^/]+)"
_BOARD = _PARENT + r"/tensorboards/1"
_RUNS = _BOARD + r"/experiments/tuning-experiment-(?P<number>\d+)/runs"
_ROUTES = (
    ("POST", r"/token", "token"),
    ("POST", rf"/v1beta1/{_PARENT}/tuningJobs", "tuningJobs.create"),
    ("GET", rf"/v1beta1/{_PARENT}/tuningJobs", "tuningJobs.list"),
    ("GET", rf"/v1beta1/{_PARENT}/tuningJobs/(?P<number>\d+)", "tuningJobs.get"),
    ("POST", rf"/v1beta1/{_PARENT}/tuningJobs/(?P<number>\d+):cancel", "tuningJobs.cancel"),
    (
        "GET",
        rf"/v1/{_PARENT}/metadataStores/default/contexts/tuning-experiment-(?P<number>\d+)",
        "contexts.get",
    ),
    ("GET", rf"/v1/{_RUNS}", "runs.list"),
    ("GET", rf"/v1/{_RUNS}/run-1/timeSeries", "timeSeries.list"),
    ("GET", rf"/v1/{_BOARD}:batchRead", "tensorboards.batchRead"),
)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    vertex: VertexServer

    def do_GET(self) -> None:
        self._take()

    def do_POST(self) -> None:
        self._take()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep quiet."""

    def _take(self) -> None:
        parts = urlsplit(self.path)
        self._query = parse_qs(parts.query)
        data = self.rfile.read(int(self.headers["Content-Length"] or 0))
        method, found = self._route(unquote(parts.path))
        self.vertex.received.append(method)
        fault = self.vertex.faults.take(method)
        how = fault.how if fault else None
        if fault and how == "slow":
            self.vertex.pause(fault.seconds)
        if how == "drop_before":
            self.vertex.calls.append((method, 0))
            self._hang_up()
            return
        status, body = self._answer(method, found, data, how)
        if fault and how == "slow_after":
            self.vertex.pause(fault.seconds)
        if how == "503_after_commit":
            status, body = 503, Refused(503, "The service is currently unavailable.").body
        self.vertex.calls.append((method, 0 if how == "drop_after" else status))
        if how == "drop_after":
            self._hang_up()
        else:
            self._send(status, b"<html>" if how == "garbage" else json.dumps(body).encode())

    def _route(self, path: str) -> tuple[str, dict[str, str]]:
        for verb, pattern, method in _ROUTES:
            match = re.fullmatch(pattern, path)
            if match and verb == self.command:
                return method, match.groupdict()
        return "unknown", {}

    def _answer(
        self, method: str, found: dict[str, str], data: bytes, how: How | int | None
    ) -> tuple[int, dict[str, Any]]:
        if isinstance(how, int):
            return how, Refused(how, f"The test asked for {how}.").body
        try:
            if method == "token":
                token = {"access_token": self.vertex.token, "token_type": "Bearer"}
                return 200, token | {"expires_in": 3599}
            if method == "unknown":
                raise Refused(404, f"There is no {self.path}.")
            self._check(method, found)
            return 200, self._routes()[method](found, json.loads(data or b"{}"))
        except Refused as error:
            return error.code, error.body

    def _check(self, method: str, found: dict[str, str]) -> None:
        if self.headers["Authorization"] != f"Bearer {self.vertex.token}":
            raise Refused(
                401,
                "Request had invalid authentication credentials. Expected OAuth 2 access token, "
                "login cookie or other valid authentication credential.",
            )
        if method in self.vertex.denied or found["project"] not in (self.vertex.project, NUMBER):
            raise Refused(
                403,
                f"Permission 'aiplatform.{method}' denied on resource "
                f"'//aiplatform.googleapis.com/projects/{found['project']}' (or it may not exist).",
            )

    def _routes(self) -> dict[str, Any]:
        vertex = self.vertex
        return {
            "tuningJobs.create": lambda found, body: vertex.create(
                found["project"], found["location"], body
            ),
            "tuningJobs.list": lambda _found, _body: self._list(),
            "tuningJobs.get": lambda found, _body: vertex.poll(found["number"]),
            "tuningJobs.cancel": lambda found, _body: vertex.cancel(found["number"]),
            "contexts.get": lambda found, _body: {
                "name": f"contexts/tuning-experiment-{found['number']}",
                "schemaTitle": "system.Experiment",
                "metadata": {
                    "experiment_deleted": False,
                    "backing_tensorboard_resource": (
                        f"projects/{NUMBER}/locations/{found['location']}/tensorboards/1"
                    ),
                },
            },
            "runs.list": lambda _found, _body: {
                "tensorboardRuns": [{"name": f"{self._path}/run-1", "displayName": "run-1"}]
            },
            "timeSeries.list": lambda _found, _body: {
                "tensorboardTimeSeries": [
                    {"name": f"{self._path}/{number}", "displayName": name, "valueType": "SCALAR"}
                    for number, name in enumerate(vertex.series)
                ]
            },
            "tensorboards.batchRead": lambda _found, _body: {
                "timeSeriesData": [
                    {
                        "tensorboardTimeSeriesId": name.rpartition("/")[2],
                        "valueType": "SCALAR",
                        "values": [
                            {
                                "wallTime": _stamp(datetime.now(UTC)),
                                "step": str(step),
                                "scalar": {"value": value},
                            }
                            for step, value in list(vertex.series.values())[
                                int(name.rpartition("/")[2])
                            ]
                        ],
                    }
                    for name in self._query["timeSeries"]
                ]
            },
        }

    @property
    def _path(self) -> str:
        return urlsplit(self.path).path.removeprefix("/v1/")

    def _list(self) -> dict[str, Any]:
        with self.vertex.lock:
            told = [] if self.vertex.hidden else [job.told() for job in self.vertex.jobs]
        size = min(int(self._query.get("pageSize", ["50"])[0]), self.vertex.page_size)
        start = int(self._query.get("pageToken", ["0"])[0])
        page: dict[str, Any] = {"tuningJobs": told[start : start + size]} if told else {}
        if start + size < len(told):
            page["nextPageToken"] = str(start + size)
        return page

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=UTF-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _hang_up(self) -> None:
        # A linger time of zero turns the close into a reset.
        linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close_connection = True
        self.connection.close()


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f") + "Z"
