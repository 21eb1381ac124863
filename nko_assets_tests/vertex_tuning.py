"""A Vertex tuner for tests: the real client and ledger, a small dataset, and a clock that is set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from google.oauth2.credentials import Credentials

from nko_assets.reading.ledger import Limits
from nko_assets.resources.store import Store
from nko_assets.resources.tuner import Work
from nko_assets.resources.vertex_tuner import VertexTuner
from nko_assets.resources.vertex_tunings import VertexTunings
from nko_assets.tuning.dataset import TuningDataset
from nko_assets_tests.gemini_reading import SetClock

TOKEN = "a-token-for-tests"
MODEL = "gemini-2.5-flash"


def dataset(which: str = "one", **over: Any) -> TuningDataset:
    """A dataset as the step makes it; another name is another content."""
    digest = sha256(which.encode()).hexdigest()[:32]
    made = TuningDataset(
        digest=digest,
        chat_train=Path("train.jsonl"),
        chat_validation=Path("validation.jsonl"),
        gemini_train=f"gs://lessons/datasets/{digest}/gemini/train.jsonl",
        gemini_validation=f"gs://lessons/datasets/{digest}/gemini/validation.jsonl",
        train_rows=1200,
        validation_rows=90,
        train_tokens=200_000,
        validation_tokens=15_000,
        chat_train_rows=1100,
        chat_validation_rows=80,
    )
    return replace(made, **over)


@dataclass
class Desk:
    """Where a tuner works in a test: it keeps what is said and shown, and pausing moves the clock."""

    clock: SetClock = field(default_factory=SetClock)
    said: list[str] = field(default_factory=list)
    shown: list[Mapping[str, object]] = field(default_factory=list)

    @property
    def work(self) -> Work:
        return Work(self.said.append, self.shown.append, lambda s: self.clock.forward(seconds=s))


def tunings(url: str, **over: Any) -> VertexTunings:
    """The service at `url`, asked with patience and without waiting."""
    given = {"credentials": Credentials(TOKEN), "timeout_s": 10.0, "attempts": 3}
    project = over.pop("project", "lessons-1")
    return VertexTunings(
        project, "us-central1", base_url=url, **(given | {"sleep": lambda _: None} | over)
    )


def vertex_tuner(
    url: str, store: Store, desk: Desk, *, limits: Limits | None = None, **over: Any
) -> VertexTuner:
    """A tuner of the server at `url`."""
    model = over.pop("model", MODEL)
    return VertexTuner(
        tunings(url, **over),
        lambda: store,
        model=model,
        limits=limits or Limits(budget_usd=10.0),
        clock=desk.clock,
    )
