"""Tuning on Vertex AI through google-genai: jobs made once, found, asked about, cancelled, measured.

Everything but `create` may be asked again and is, a bounded number of times. `create` costs money,
goes over the wire once, and says `Ambiguous` when nobody can know whether it was heard.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeVar

import google.auth
import httpx2
from google import genai
from google.auth.credentials import Credentials
from google.auth.transport.requests import AuthorizedSession
from google.genai import types
from google.genai.errors import APIError
from requests.exceptions import RequestException

from nko_assets.resources.gemini_errors import NotFound
from nko_assets.resources.patience import patiently
from nko_assets.resources.vertex_errors import WIRE_ERRORS, failure_of
from nko_assets.resources.vertex_wire import LABEL, RemoteTuning, remote_of
from nko_assets.tuning.jobs import MetricPoint

T = TypeVar("T")

ADDRESS_VARIABLE = "GOOGLE_VERTEX_BASE_URL"
"""Where google-genai looks for another address of the service; here it is honoured too."""

_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
_TIMEOUT_S = 60.0
_ATTEMPTS = 5
_PAGE = 100
# The time series that Vertex writes for a supervised tuning job: our split, and what they measure.
_SERIES = {
    "/train_total_loss": ("train", "loss"),
    "/train_fraction_of_correct_next_step_preds": ("train", "token_accuracy"),
    "/eval_total_loss": ("validation", "loss"),
    "/eval_fraction_of_correct_next_step_preds": ("validation", "token_accuracy"),
}
_TENSORBOARD = "backing_tensorboard_resource"


class VertexTunings:
    """The tuning jobs of one project in one region, at the service or at `base_url`.

    Without `base_url` that in `ADDRESS_VARIABLE` counts, without `credentials` the
    application default ones. Nothing is asked until a method is called.
    """

    def __init__(
        self,
        project: str,
        location: str,
        *,
        base_url: str | None = None,
        credentials: Credentials | None = None,
        timeout_s: float = _TIMEOUT_S,
        attempts: int = _ATTEMPTS,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Prepare; `attempts` bounds what may be asked again, `timeout_s` each silence on the wire."""
        self.project = project
        self.location = location
        self._address = (
            base_url
            or os.environ.get(ADDRESS_VARIABLE)
            or f"https://{location}-aiplatform.googleapis.com"
        ).rstrip("/")
        self._credentials = credentials
        self._timeout_s = timeout_s
        self._attempts = attempts
        self._sleep = sleep

    def create(
        self, name: str, base: str, train: str, validation: str | None, settings: Mapping[str, int]
    ) -> RemoteTuning:
        """Make the job `name`, asking once. `settings` are `epochs` and `adapter_size`.

        `train` and `validation` are gs:// addresses. Raises `Ambiguous` when the job may exist all
        the same, `Throttled` when there are too many, `ConfigurationError` when it can never work.
        """
        config = types.CreateTuningJobConfig(
            tuned_model_display_name=name,
            labels={LABEL: name},
            validation_dataset=types.TuningValidationDataset(gcs_uri=validation)
            if validation
            else None,
            epoch_count=settings["epochs"],
            adapter_size=_ADAPTERS[settings["adapter_size"]],
            export_last_checkpoint_only=True,
        )

        def ask() -> RemoteTuning:
            with warnings.catch_warnings():
                # The client calls its tuning experimental on every call; it is pinned and tested.
                warnings.simplefilter("ignore")
                return remote_of(
                    self._client.tunings.tune(
                        base_model=base,
                        training_dataset=types.TuningDataset(gcs_uri=train),
                        config=config,
                    )
                )

        return self._once(ask, f"the job {name}", committing=True)

    def jobs(self) -> Iterator[RemoteTuning]:
        """Every tuning job of the project in this region, whoever made it, newest first."""
        first = types.ListTuningJobsConfig(page_size=_PAGE)
        what = "the list of tuning jobs"
        found: list[RemoteTuning] = []
        pager = self._patiently(lambda: self._client.tunings.list(config=first), what)
        while True:
            found += [remote_of(job) for job in pager.page]
            if not pager.config.get("page_token"):
                break
            self._patiently(pager.next_page, what)
        # The service says nothing about the order of its list.
        return iter(sorted(found, key=lambda job: job.created_at, reverse=True))

    def find(self, name: str) -> RemoteTuning | None:
        """The newest job of that name, by its label or its display name; None when there is none."""
        return next((job for job in self.jobs() if job.name == name), None)

    def get(self, service_name: str) -> RemoteTuning:
        """Ask about one job; raises `NotFound` when the service does not know it."""
        return self._patiently(
            lambda: remote_of(self._client.tunings.get(name=service_name)), service_name
        )

    def cancel(self, service_name: str) -> None:
        """Ask the service to stop a job; what it has trained until then is paid all the same."""
        self._patiently(
            lambda: self._client.tunings.cancel(name=service_name), f"cancelling {service_name}"
        )

    def metrics(self, experiment: str) -> list[MetricPoint]:
        """What the service measured in the experiment of a job, by step; empty while it has nothing.

        `experiment` is the resource name that the job gives: a context of the metadata store, whose
        tensorboard holds the time series.
        """
        try:
            context = self._read(experiment)
            board = str(context.get("metadata", {}).get(_TENSORBOARD, ""))
            runs = self._listed(
                f"{board}/experiments/{experiment.rpartition('/')[2]}/runs", "tensorboardRuns"
            )
        except NotFound:
            return []
        points: dict[tuple[str, int], dict[str, float]] = {}
        for run in runs if board else ():
            series = {
                one["name"]: _SERIES[one["displayName"]]
                for one in self._listed(f"{run['name']}/timeSeries", "tensorboardTimeSeries")
                if one.get("displayName") in _SERIES
            }
            for name, step, value in self._values(board, list(series)):
                split, what = series[name]
                points.setdefault((split, step), {})[what] = value
        return [
            MetricPoint(step, split, **values)  # type: ignore[arg-type]
            for (split, step), values in sorted(points.items(), key=lambda item: item[0][::-1])
            if "loss" in values
        ]

    def _values(self, board: str, names: Sequence[str]) -> Iterator[tuple[str, int, float]]:
        """Time series, step and value of every scalar in these time series."""
        if not names:
            return
        answer = self._read(f"{board}:batchRead", {"timeSeries": list(names)})
        by_id = {name.rpartition("/")[2]: name for name in names}
        for series in answer.get("timeSeriesData", ()):
            for point in series.get("values", ()):
                # The API writes 64-bit numbers as text, and leaves out those that are zero.
                yield (
                    by_id[series["tensorboardTimeSeriesId"]],
                    int(point.get("step", 0)),
                    float(point.get("scalar", {}).get("value", 0.0)),
                )

    def _listed(self, path: str, name: str) -> Iterator[Mapping[str, Any]]:
        token = ""
        while True:
            answer = self._read(path, {"pageToken": token} if token else {})
            yield from answer.get(name, ())
            token = answer.get("nextPageToken", "")
            if not token:
                return

    def _read(self, path: str, query: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        """GET a resource of the same service that google-genai has no method for."""

        def ask() -> Mapping[str, Any]:
            try:
                response = self._session.get(
                    f"{self._address}/v1/{path}", params=query, timeout=self._timeout_s
                )
                body = response.json()
            except RequestException as error:
                raise httpx2.TransportError(str(error)) from error
            if not response.ok:
                raise APIError(response.status_code, body if isinstance(body, dict) else {})
            return body if isinstance(body, dict) else {}

        return self._patiently(ask, path)

    @cached_property
    def _who(self) -> Credentials:
        if self._credentials is not None:
            return self._credentials
        credentials, _ = google.auth.default(scopes=list(_SCOPES))
        return credentials

    @cached_property
    def _session(self) -> AuthorizedSession:
        return AuthorizedSession(self._who)  # type: ignore[no-untyped-call]

    @cached_property
    def _client(self) -> genai.Client:
        return genai.Client(
            # The key of the Gemini API, which may be set too, is for another service.
            vertexai=True,
            project=self.project,
            location=self.location,
            credentials=self._who,
            http_options=types.HttpOptions(
                base_url=self._address,
                timeout=int(self._timeout_s * 1000),
                httpx_client=httpx2.Client(timeout=self._timeout_s, follow_redirects=True),
            ),
        )

    def _once(self, call: Callable[[], T], what: str, *, committing: bool = False) -> T:
        try:
            return call()
        except WIRE_ERRORS as error:
            raise failure_of(error, what, committing=committing) from None

    def _patiently(self, call: Callable[[], T], what: str) -> T:
        """Ask, and ask again after failures that may heal at once; raise what remains."""
        return patiently(lambda: self._once(call, what), self._attempts, self._sleep)


_ADAPTERS = {
    1: types.AdapterSize.ADAPTER_SIZE_ONE,
    2: types.AdapterSize.ADAPTER_SIZE_TWO,
    4: types.AdapterSize.ADAPTER_SIZE_FOUR,
    8: types.AdapterSize.ADAPTER_SIZE_EIGHT,
    16: types.AdapterSize.ADAPTER_SIZE_SIXTEEN,
}
