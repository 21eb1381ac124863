"""What people decided about readings: the append-only file `reviews/decisions.jsonl`.

One JSON object a line, in the order in which they were taken; of several for one reading the last
counts. `seen` is the N'Ko text that the reviewer had before them: when the frame is read again
and the text differs, the decision no longer applies and the row says so.

    {"reading_id": "…", "verdict": "accept" | "correct" | "reject", "by": "…", "at": "2026-11-24T…",
     "seen": "…", "nko": "…", "english": "…", "french": "…", "note": "…"}

`nko`, `english` and `french` are for `correct` and replace what was read; one that is absent or
null leaves it as it is, an empty translation removes it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields

from nko_assets.failures import ConfigurationError
from nko_assets.nko import normalize

VERDICTS = ("accept", "correct", "reject")


@dataclass(frozen=True, slots=True)
class HumanDecision:
    """One decision by one person on one reading."""

    reading_id: str
    verdict: str
    by: str
    at: str
    seen: str
    nko: str | None = None
    english: str | None = None
    french: str | None = None
    note: str | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            required = field.name in {"reading_id", "verdict", "by", "at", "seen"}
            if not (isinstance(value, str) or (value is None and not required)):
                raise ValueError(f"{field.name} has to be text")
        if self.verdict not in VERDICTS:
            raise ValueError(f"verdict {self.verdict!r} is none of {', '.join(VERDICTS)}")
        if not self.by.strip():
            raise ValueError("by has to name who decided")
        if self.nko is not None and not self.nko.strip():
            raise ValueError("a corrected nko cannot be empty: reject the reading instead")

    @property
    def read_right(self) -> bool:
        """Whether the N'Ko was right as it was read; of a rejected reading it is taken not to be."""
        if self.verdict == "correct" and self.nko is not None:
            return normalize(self.nko) == normalize(self.seen)
        return self.verdict != "reject"

    def to_json_line(self) -> str:
        """The decision as one line of the file, line end included."""
        known = {key: value for key, value in asdict(self).items() if value is not None}
        return json.dumps(known, ensure_ascii=False) + "\n"


def parse_decisions(lines: Iterable[str]) -> list[HumanDecision]:
    """The decisions of a file, in order; blank lines are skipped.

    Raises ConfigurationError, naming the line, when one cannot be understood: a decision that a
    person took is never passed over.
    """
    decisions = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            decisions.append(HumanDecision(**json.loads(line)))
        except (ValueError, TypeError) as error:
            raise ConfigurationError(
                f"Line {number} of the review decisions cannot be read: {error}.",
                "Correct or remove that line of reviews/decisions.jsonl.",
            ) from error
    return decisions
