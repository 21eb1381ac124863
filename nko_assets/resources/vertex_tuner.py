"""Vertex AI as the tuner: one paid job a request, found again whatever was interrupted when.

Every step is in the ledger before the next begins. `create` is the one step that costs money; it is
taken only when the service does not list the job, and not again before enough time has passed for
it to appear.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from nko_assets.failures import (
    ConfigurationError,
    NkoError,
    PermanentFailure,
    TransientFailure,
)
from nko_assets.reading import ledger as readings
from nko_assets.reading.ledger import Limits
from nko_assets.resources.gemini_errors import Ambiguous, NotFound
from nko_assets.resources.store import LazyStore, Store
from nko_assets.resources.tuner import Work
from nko_assets.resources.vertex_tunings import VertexTunings
from nko_assets.resources.vertex_wire import RemoteTuning
from nko_assets.tuning import ledger
from nko_assets.tuning.jobs import (
    Estimate,
    MetricPoint,
    Receipt,
    TunerName,
    TuningRequest,
    TuningState,
    TuningStatus,
)
from nko_assets.tuning.ledger import JobState, TuningJob
from nko_assets.tuning.vertex_prices import EPOCHS, READ_ON, SOURCE, training_usd, tunable

if TYPE_CHECKING:
    from nko_assets.tuning.dataset import TuningDataset

ADAPTER_SIZE: Final = 4
"""Rank of the adapter: a script and its words are more than a tone of voice, for which 1 does."""

# A job whose making was asked for is listed within seconds, or when a slow call has ended, within
# minutes; no second one is asked for before this.
_SETTLING = timedelta(minutes=5)
_LOOK_EVERY_S = 15.0
# A job that the service does not know any more this long after it was sent has been forgotten.
_FORGOTTEN_AFTER = timedelta(days=14)


def utc_now() -> datetime:
    """The time, aware of its zone."""
    return datetime.now(UTC)


class VertexTuner:
    """Hands tuning jobs to Vertex AI and follows them."""

    name: TunerName = "vertex"
    deferred = True

    def __init__(
        self,
        service: VertexTunings,
        store: LazyStore | Callable[[], Store],
        *,
        model: str,
        limits: Limits,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """`model` is the Gemini that is tuned, `limits` hold the budgets; nothing is asked yet."""
        self._service = service
        self._store = store
        self._model = model
        self._limits = limits
        self._clock = clock

    def request(self, dataset: TuningDataset) -> TuningRequest:
        """The job by its content: files are named by theirs, so the dataset's digest is enough."""
        if not dataset.gemini_train.startswith("gs://"):
            raise ConfigurationError(
                f"Vertex AI reads its files from Google Cloud Storage, not from "
                f"{dataset.gemini_train}.",
                "Set NKO_BUCKET, and materialize tuning_dataset again.",
            )
        return TuningRequest(
            "vertex",
            tunable(self._model).name,
            dataset.digest,
            {
                "project": self._service.project,
                "location": self._service.location,
                "train": dataset.gemini_train,
                "validation": dataset.gemini_validation,
                "epochs": EPOCHS,
                "adapter_size": ADAPTER_SIZE,
            },
        )

    def estimate(self, dataset: TuningDataset) -> Estimate:
        """Tokens of the data, as reckoned when it was made, times epochs, times the price."""
        model = tunable(self._model)
        return Estimate(
            training_usd(model, dataset.train_tokens, EPOCHS),
            f"About {dataset.train_tokens:,} tokens in {EPOCHS} epochs at "
            f"${model.training_usd:g} a million ({SOURCE}, {READ_ON}).",
        )

    def submit(self, dataset: TuningDataset, work: Work) -> Receipt:
        """Have the job at the service, once; waits only while it cannot be known whether it is."""
        dataset.require("gemini")
        request, estimate = self.request(dataset), self.estimate(dataset)
        with self._store().session() as conn:
            job = ledger.plan(conn, request, estimate.usd, self._limits, self._clock())
        while not job.state.sent:
            with self._store().session() as lock, readings.hold(lock, job.name) as held:
                if held:
                    self._carry_out(job.name, request, estimate.usd, work)
            job = self._read(job.name)
            if not job.state.sent:
                work.pause(_LOOK_EVERY_S)
        if job.service_name is None:
            raise RuntimeError(f"{job.name} was sent and has no name at the service")
        return Receipt(
            name=job.name,
            tuner=self.name,
            base=request.base,
            dataset=request.dataset,
            settings=request.settings,
            place=job.service_name,
            estimated_usd=round(estimate.usd, 4),
            basis=estimate.basis,
        )

    def _carry_out(self, name: str, request: TuningRequest, usd: float, work: Work) -> None:
        """Bring the job, which this process holds, to the service, unless it may be there."""
        job = self._read(name)
        if job.state.sent:
            return
        try:
            remote = self._service.find(name)
        except BaseException as error:
            if job.state is JobState.PLANNED:
                # Nothing was asked for: what was set aside for it is free again.
                with self._store().session() as conn:
                    ledger.mark_refused(conn, name, str(error))
            raise
        if remote is None:
            now = self._clock()
            if job.state is JobState.ASKED and job.ask_after is not None and now < job.ask_after:
                work.say(
                    f"{name} may be on its way: the service is asked for it again after "
                    f"{job.ask_after:%H:%M:%S} UTC, if it is not listed until then."
                )
                return
            remote = self._create(name, request, usd, work)
        if remote is None:
            return
        with self._store().session() as conn:
            ledger.mark_submitted(conn, name, remote.service_name, self._clock())
        work.say(f"{name} is at the service as {remote.service_name}.")

    def _create(
        self, name: str, request: TuningRequest, usd: float, work: Work
    ) -> RemoteTuning | None:
        """Ask for the job, once; None when it may be there and is not listed yet."""
        with self._store().session() as conn:
            # Another process may have been refused since, and what it set aside is free again.
            ledger.plan(conn, request, usd, self._limits, self._clock())
            ledger.mark_asked(conn, name, self._clock() + _SETTLING)
        settings = request.settings
        try:
            return self._service.create(
                name,
                request.base,
                str(settings["train"]),
                str(settings["validation"]) or None,
                {"epochs": EPOCHS, "adapter_size": ADAPTER_SIZE},
            )
        except Ambiguous as error:
            work.say(f"{error.message} It is looked for.")
            return self._service.find(name)
        except (ConfigurationError, PermanentFailure, TransientFailure) as error:
            # Refused, or never sent.
            with self._store().session() as conn:
                ledger.mark_refused(conn, name, error.message)
            raise

    def status(self, receipt: Receipt) -> TuningStatus:
        """Ask the service, and book what the job cost when it has ended."""
        job = self._job_of(receipt)
        if job.state.final:
            return TuningStatus(TuningState(job.state.value), job.note, job.tuned_model, job.usd)
        try:
            status = self._status_of(self._service.get(receipt.place), receipt)
        except NotFound:
            if self._clock() < (job.submitted_at or job.created_at) + _FORGOTTEN_AFTER:
                raise
            # What nobody can look up any more may have been paid: the estimate stands.
            status = TuningStatus(
                TuningState.FAILED,
                "The service has forgotten the job.",
                usd=receipt.estimated_usd,
            )
        with self._store().session() as conn:
            ledger.record(conn, receipt.name, status, self._clock())
        return status

    def _status_of(self, remote: RemoteTuning, receipt: Receipt) -> TuningStatus:
        match remote.state:
            case TuningState.SUCCEEDED if remote.endpoint:
                dropped = (
                    f" It left out {remote.dropped_examples:,} examples."
                    if remote.dropped_examples
                    else ""
                )
                return TuningStatus(
                    remote.state,
                    f"The model is tuned.{dropped}",
                    remote.endpoint,
                    self._cost(remote, receipt),
                )
            case TuningState.SUCCEEDED:
                # Its endpoint is still being made.
                return TuningStatus(TuningState.RUNNING, "The model is being deployed.")
            case TuningState.FAILED | TuningState.CANCELLED | TuningState.EXPIRED:
                said = remote.error or "no reason given"
                return TuningStatus(
                    remote.state,
                    f"The job has {remote.state.value}: {said}."
                    if remote.state is TuningState.FAILED
                    else f"The job was {remote.state.value} at the service."
                    if not remote.error
                    else f"The job was {remote.state.value} at the service: {said}.",
                    usd=self._cost(remote, receipt),
                )
            case _:
                doing = f": {remote.doing}" if remote.doing else ""
                return TuningStatus(remote.state, f"The job is {remote.state.value}{doing}.")

    def _cost(self, remote: RemoteTuning, receipt: Receipt) -> float:
        """What an ended job cost: tokens that the service counted, times epochs that it trained.

        Where it does not say, what may have been paid is taken for paid; a job that never began
        to run is not.
        """
        epochs = EPOCHS if remote.state is TuningState.SUCCEEDED else remote.epochs_done
        if remote.state is not TuningState.SUCCEEDED and not remote.started:
            return 0.0
        if remote.billable_tokens is None or epochs is None:
            return receipt.estimated_usd
        return training_usd(tunable(receipt.base), remote.billable_tokens, epochs)

    def metrics(self, receipt: Receipt) -> Sequence[MetricPoint]:
        """From the experiment that the service keeps for the job."""
        remote = self._service.get(receipt.place)
        return self._service.metrics(remote.experiment) if remote.experiment else ()

    def tuned_from(self, receipt: Receipt) -> str | None:
        """The Gemini by its name, by which it is asked."""
        return receipt.base

    def cancel(self, say: Callable[[str], None]) -> None:
        """Ask the service to stop what it has; how that ended is asked for as always.

        What cannot be stopped keeps nothing else from it; the first such failure is raised at the
        end.
        """
        with self._store().session() as conn:
            under_way = ledger.open_jobs(conn)
        failures: list[NkoError] = []
        for job in under_way:
            try:
                self._cancel(job, say)
            except NkoError as error:
                failures.append(error)
        if failures:
            raise failures[0]

    def _cancel(self, job: TuningJob, say: Callable[[str], None]) -> None:
        if job.service_name is not None:
            remote = self._service.get(job.service_name)
        elif (found := self._service.find(job.name)) is not None:
            remote = found
        elif job.state is JobState.ASKED:
            when = f" after {job.ask_after:%H:%M:%S} UTC" if job.ask_after else ""
            raise TransientFailure(
                f"{job.name} may be on its way to the service, which does not list it yet.",
                f"Cancel again{when}.",
            )
        else:
            return
        if remote.state.final:
            say(f"{job.name} had ended by itself: it has {remote.state.value}.")
            return
        self._service.cancel(remote.service_name)
        say(f"{job.name} is being cancelled; what was trained until now is paid.")

    def _read(self, name: str) -> TuningJob:
        with self._store().session() as conn:
            found = ledger.job(conn, name)
        if found is None:
            raise RuntimeError(f"{name} was planned and is not in the ledger")
        return found

    def _job_of(self, receipt: Receipt) -> TuningJob:
        """The row of the receipt's job, made anew from the receipt when the ledger was lost."""
        with self._store().session() as conn:
            return ledger.job(conn, receipt.name) or ledger.adopt(conn, receipt, self._clock())
