"""Who tunes: the protocol of tuners, and the one that settings choose."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from nko_assets.resources.store import LazyStore
from nko_assets.settings import Settings
from nko_assets.tuning.jobs import (
    Estimate,
    MetricPoint,
    Receipt,
    TunerName,
    TuningRequest,
    TuningStatus,
)

if TYPE_CHECKING:
    from nko_assets.tuning.dataset import TuningDataset


@dataclass(frozen=True, slots=True)
class Work:
    """What a tuner may do while it works: tell, show figures, and wait (which may be interrupted)."""

    say: Callable[[str], None]
    observe: Callable[[Mapping[str, object]], None]
    pause: Callable[[float], None]


class Tuner(Protocol):
    """Makes a tuned model of a base model and a dataset, here or at a service.

    One that is `deferred` hands its jobs over and returns; they take hours. The same request is
    one job, whatever is interrupted when and asked for how often.
    """

    name: TunerName
    deferred: bool

    def request(self, dataset: TuningDataset) -> TuningRequest:
        """What would be asked; raises `ConfigurationError` where the settings make no job."""
        ...

    def estimate(self, dataset: TuningDataset) -> Estimate:
        """What that would cost."""
        ...

    def submit(self, dataset: TuningDataset, work: Work) -> Receipt:
        """Have the job made, once; one that ended badly is made again.

        Raises `BudgetExceeded`, `ConfigurationError`, or `TransientFailure` when it has to be
        asked again later: nothing is paid twice by doing so.
        """
        ...

    def status(self, receipt: Receipt) -> TuningStatus:
        """How far the job is; what it cost is booked when it has ended."""
        ...

    def metrics(self, receipt: Receipt) -> Sequence[MetricPoint]:
        """What was measured so far, in the order of steps; empty when there is nothing yet."""
        ...

    def tuned_from(self, receipt: Receipt) -> str | None:
        """What the model of a job that succeeded was tuned from, as `open_chat` opens it.

        None for one that began from nothing.
        """
        ...

    def cancel(self, say: Callable[[str], None]) -> None:
        """Stop every job that was begun here and has not ended, and tell of each."""
        ...


def tuner_of(settings: Settings, store: LazyStore) -> Tuner:
    """The tuner in use; nothing is loaded, opened or asked before it is used."""
    if settings.tuner_in_use == "vertex":
        from nko_assets.resources.reader import limits_of
        from nko_assets.resources.vertex_tuner import VertexTuner
        from nko_assets.resources.vertex_tunings import VertexTunings

        if settings.gcp_project is None:
            raise TypeError("settings let Vertex AI tune without a project")
        return VertexTuner(
            VertexTunings(settings.gcp_project, settings.gcp_location),
            store,
            model=settings.tuning_model,
            limits=limits_of(settings),
        )
    from nko_assets.resources.open_tuner import OpenTuner

    return OpenTuner(settings.tuning_config, settings.data / "tuning" / "runs")
