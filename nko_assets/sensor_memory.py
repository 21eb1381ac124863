"""What the sensor of answers remembers from one tick to the next: its cursor, as JSON."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

# A reading run that did not read its videos is launched again after this long, so many times.
AGAIN_AFTER = timedelta(hours=1)
MOST_LAUNCHES = 3


class Tried(BaseModel):
    """How often a run was launched for a receipt, and when it last was."""

    receipt: str
    times: int
    last: AwareDatetime


class SensorMemory(BaseModel):
    """`read`: the receipt of each video that was read. `tried`: launches for those that were not.

    `told`: when each job that has ended was last told of. Receipts go by their names.
    """

    model_config = ConfigDict(extra="forbid")

    read: dict[str, str] = Field(default_factory=dict)
    tried: dict[str, Tried] = Field(default_factory=dict)
    told: dict[str, AwareDatetime] = Field(default_factory=dict)

    @classmethod
    def of(cls, cursor: str | None) -> Self:
        """The memory of a cursor; an empty one for none, or for one of another version."""
        try:
            return cls.model_validate_json(cursor or "{}")
        except ValidationError:
            return cls()

    def remember_read(self, video_id: str, receipt: str) -> None:
        """The video was read with this receipt: nothing is launched for it any more."""
        self.read[video_id] = receipt
        self.tried.pop(video_id, None)

    def remember_launch(self, video_id: str, receipt: str, now: datetime) -> None:
        """A run was launched that should read the video."""
        self.tried[video_id] = Tried(
            receipt=receipt, times=self.launches(video_id, receipt) + 1, last=now
        )

    def launches(self, video_id: str, receipt: str) -> int:
        """How many runs were launched for this receipt of the video and did not read it."""
        tried = self.tried.get(video_id)
        return tried.times if tried is not None and tried.receipt == receipt else 0

    def may_launch(self, video_id: str, receipt: str, now: datetime, *, running: bool) -> bool:
        """Whether a run should be launched for the video; not again while any is `running`."""
        launches = self.launches(video_id, receipt)
        if launches == 0:
            return True
        return (
            not running
            and launches < MOST_LAUNCHES
            and now >= self.tried[video_id].last + AGAIN_AFTER
        )

    def forget_launches(self, video_ids: Iterable[str]) -> None:
        """These videos wait for answers (again); what was launched for them before is past."""
        for video_id in video_ids:
            self.tried.pop(video_id, None)

    def to_tell(self, ended: Collection[str], now: datetime, again_after: timedelta) -> list[str]:
        """Those of the jobs that have `ended` that were not told of since `again_after`.

        They are told of now; jobs that are not among the ended are forgotten.
        """
        self.told = {name: when for name, when in self.told.items() if name in ended}
        new = [
            name for name in ended if name not in self.told or now - self.told[name] >= again_after
        ]
        self.told |= dict.fromkeys(new, now)
        return new
