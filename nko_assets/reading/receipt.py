"""The receipt that is kept of a video's frames: the job, and the one that asks some of them again."""

from __future__ import annotations

import json
from dataclasses import dataclass

from nko_assets.failures import PermanentFailure
from nko_assets.reading.reader import Job


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was handed to the reader: every frame in `job`, a sample once more in `again`."""

    job: Job
    again: Job | None = None

    @property
    def request_hashes(self) -> tuple[str, ...]:
        """The requests of both jobs."""
        return self.job.request_hashes + (self.again.request_hashes if self.again else ())

    @property
    def estimated_cost_usd(self) -> float:
        """What both jobs are estimated to cost, in dollars."""
        again = self.again.estimated_cost_usd if self.again else 0.0
        return self.job.estimated_cost_usd + again

    def to_json(self) -> str:
        """The receipt as JSON: the job's own, with the other under `again` where there is one."""
        if self.again is None:
            return self.job.to_json()
        both = json.loads(self.job.to_json()) | {"again": json.loads(self.again.to_json())}
        return json.dumps(both, ensure_ascii=False, indent=2)

    @classmethod
    def from_json(cls, text: str) -> Receipt:
        """The receipt that `to_json` wrote; raises PermanentFailure when `text` is none."""
        try:
            data = json.loads(text)
            again = data.pop("again", None)
        except (ValueError, TypeError, AttributeError) as error:
            raise PermanentFailure(
                f"A receipt of a reader's job cannot be read: {error!r}.",
                "Materialize gemini_batches again.",
            ) from error
        return cls(
            Job.from_json(json.dumps(data)),
            Job.from_json(json.dumps(again)) if again is not None else None,
        )
