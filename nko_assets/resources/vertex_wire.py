"""Tuning jobs as Vertex AI tells of them: state, what went wrong, what is billed, where metrics are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from google.genai import types

from nko_assets.tuning.jobs import TuningState

LABEL = "nko_tuning"
"""The label under which a job carries its name, beside its display name."""

_STATES = {
    types.JobState.JOB_STATE_UNSPECIFIED: TuningState.WAITING,
    types.JobState.JOB_STATE_QUEUED: TuningState.WAITING,
    types.JobState.JOB_STATE_PENDING: TuningState.WAITING,
    types.JobState.JOB_STATE_PAUSED: TuningState.WAITING,
    types.JobState.JOB_STATE_RUNNING: TuningState.RUNNING,
    types.JobState.JOB_STATE_UPDATING: TuningState.RUNNING,
    types.JobState.JOB_STATE_CANCELLING: TuningState.RUNNING,
    types.JobState.JOB_STATE_SUCCEEDED: TuningState.SUCCEEDED,
    # A model that lost some of its data on the way is not the one that was asked for.
    types.JobState.JOB_STATE_PARTIALLY_SUCCEEDED: TuningState.FAILED,
    types.JobState.JOB_STATE_FAILED: TuningState.FAILED,
    types.JobState.JOB_STATE_CANCELLED: TuningState.CANCELLED,
    types.JobState.JOB_STATE_EXPIRED: TuningState.EXPIRED,
}


@dataclass(frozen=True, slots=True)
class RemoteTuning:
    """A tuning job of the service.

    `service_name` is its resource name, `name` what we called it, empty for a job of others.
    `billable_tokens` are those of the dataset, once; `epochs_done` how often they were trained on.
    """

    service_name: str
    name: str
    state: TuningState
    doing: str
    created_at: datetime
    started: bool
    endpoint: str | None
    experiment: str | None
    error: str
    billable_tokens: int | None
    dropped_examples: int
    epochs_done: int | None


def remote_of(job: types.TuningJob) -> RemoteTuning:
    """The job in an answer of the service.

    Raises `ValueError` when the answer names no job or no time at which it was made.
    """
    if not job.name or job.create_time is None:
        raise ValueError("the answer names no job")
    stats = job.tuning_data_stats and job.tuning_data_stats.supervised_tuning_data_stats
    metadata = job.tuning_job_metadata
    error = job.error
    state = _STATES.get(job.state or types.JobState.JOB_STATE_UNSPECIFIED, TuningState.RUNNING)
    return RemoteTuning(
        service_name=job.name,
        name=(job.labels or {}).get(LABEL) or job.tuned_model_display_name or "",
        state=state,
        doing=_doing(job),
        created_at=job.create_time,
        started=job.start_time is not None,
        endpoint=job.tuned_model.endpoint if job.tuned_model else None,
        experiment=job.experiment,
        error=(error.message or f"code {error.code}") if error else "",
        billable_tokens=stats.total_billable_token_count if stats else None,
        dropped_examples=(stats.total_truncated_example_count or 0) if stats else 0,
        epochs_done=metadata.completed_epoch_count if metadata else None,
    )


def _doing(job: types.TuningJob) -> str:
    """What the service does with a running job, in its own words made readable."""
    detail = job.tuning_job_state
    name = detail.value if detail is not None else ""
    return name.removeprefix("TUNING_JOB_STATE_").replace("_", " ").lower()
