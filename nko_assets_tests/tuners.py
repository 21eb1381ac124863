"""A tuner that does as a test says, and a data root with a dataset for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from nko_assets.failures import NkoError
from nko_assets.resources.lake import Lake
from nko_assets.resources.tuner import Work
from nko_assets.tuning.dataset import TuningDataset
from nko_assets.tuning.jobs import (
    NEW_MODEL,
    Estimate,
    MetricPoint,
    Receipt,
    TunerName,
    TuningRequest,
    TuningState,
    TuningStatus,
)

DONE = TuningStatus(TuningState.SUCCEEDED, "The model is tuned.", "endpoints/1", usd=2.5)
RUNNING = TuningStatus(TuningState.RUNNING, "The job is running: tuning.")
FAILED = TuningStatus(TuningState.FAILED, "The job has failed: no capacity.", usd=0.0)
POINTS = (
    MetricPoint(0, "validation", 3.0, token_accuracy=0.1),
    MetricPoint(1, "train", 2.9, token_accuracy=0.2),
    MetricPoint(2, "train", 2.0, token_accuracy=0.4),
    MetricPoint(2, "validation", 2.2, token_accuracy=0.3),
)


@dataclass
class ScriptedTuner:
    """Says the statuses that it is given, one after the other, the last one for ever."""

    statuses: list[TuningStatus] = field(default_factory=lambda: [DONE])
    points: Sequence[MetricPoint] = POINTS
    deferred: bool = True
    name: TunerName = "vertex"
    base: str = "gemini-2.5-flash"
    place_of_base: str = ""
    settings: dict[str, object] = field(default_factory=dict)
    refuses: NkoError | None = None
    hides: NkoError | None = None
    submitted: list[str] = field(default_factory=list)
    stopped: bool = False

    def request(self, dataset: TuningDataset) -> TuningRequest:
        return TuningRequest(self.name, self.base, dataset.digest, self.settings)

    def estimate(self, dataset: TuningDataset) -> Estimate:
        return Estimate(3.0, f"{dataset.train_tokens:,} tokens.")

    def submit(self, dataset: TuningDataset, work: Work) -> Receipt:
        if self.refuses:
            raise self.refuses
        request = self.request(dataset)
        self.submitted.append(request.name())
        work.say("handed over")
        work.observe({"step": 0})
        return Receipt(
            *(request.name(), self.name, request.base, request.dataset, request.settings),
            *("tuningJobs/1", 3.0, "a guess"),
        )

    def status(self, _receipt: Receipt) -> TuningStatus:
        return self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]

    def metrics(self, _receipt: Receipt) -> Sequence[MetricPoint]:
        if self.hides:
            raise self.hides
        return self.points

    def tuned_from(self, receipt: Receipt) -> str | None:
        return None if receipt.base == NEW_MODEL else self.place_of_base or receipt.base

    def cancel(self, say: Callable[[str], None]) -> None:
        self.stopped = True
        say("nko-tune-1 is being cancelled")


def put_dataset(lake: Lake, digest: str = "d1") -> None:
    """Write what `tuning_dataset` would have, as far as the steps after it look at it."""
    folder = lake.root / "tuning"
    files = {side: f"chat/{side}.jsonl" for side in ("train", "validation")}
    count = {"rows": 1200, "tokens": 200_000}
    facts = {
        "digest": digest,
        "folder": f"dataset/{digest}",
        "chat": files,
        "gemini": {side: f"gs://lessons/{digest}/{side}.jsonl" for side in files},
        "counts": {f"{shape}/{side}": count for shape in ("gemini", "chat") for side in files},
    }
    path = folder / "dataset.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(facts))
    lake.save_record("tuning_dataset", "", "f" * 64, [path], {"rows": 1200}, [])
