"""What a person decided about a reading, and decisions as JSON Lines.

One JSON object a line, oldest first. `seen` is the N'Ko text that the reviewer had before them:
when the frame is read again and the text differs, the decision no longer applies.

    {"reading_id": "…", "verdict": "accept" | "correct" | "reject", "by": "…",
     "at": "2026-11-24T09:30:00+00:00", "seen": "…", "nko": "…", "english": "…", "french": "…",
     "note": "…"}

`nko`, `english` and `french` are for `correct` and replace what was read; one that is absent or
null leaves it as it is, an empty translation removes it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime

from nko_assets.failures import ConfigurationError
from nko_assets.nko import normalize

VERDICTS = ("accept", "correct", "reject")


@dataclass(frozen=True, slots=True)
class HumanDecision:
    """One decision by one person on one reading.

    `at` is when it was taken, in ISO 8601; without a zone it is UTC. Raises ValueError, saying
    what is wrong, for what cannot be a decision.
    """

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
            if value is None and not required:
                continue
            if not isinstance(value, str):
                raise ValueError(f"{field.name} has to be text")  # noqa: TRY004  as all the others
            if not _storable(value):
                raise ValueError(f"{field.name} holds what is no character")
        if self.verdict not in VERDICTS:
            raise ValueError(f"verdict {self.verdict!r} is none of {', '.join(VERDICTS)}")
        person(self.by)
        if self.nko is not None and not self.nko.strip():
            raise ValueError("a corrected nko cannot be empty: reject the reading instead")
        _moment(self.at)

    @property
    def moment(self) -> datetime:
        """When it was taken, in UTC."""
        return _moment(self.at)

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


def in_effect(taken: Iterable[HumanDecision], nko: str) -> HumanDecision | None:
    """Of the decisions on one reading, oldest first, the last that is about `nko`.

    `nko` is the normalized text of the reading as it is read now. A decision is about the text that
    the person saw. Read again, the frame may also give what they had corrected it to, which holds
    unless a later decision on the text that they saw overruled it.
    """
    decided_later: set[str] = set()
    for decision in reversed([*taken]):
        seen = normalize(decision.seen)
        corrected = decision.nko if decision.verdict == "correct" else None
        if seen == nko:
            return decision
        if corrected is not None and seen not in decided_later and normalize(corrected) == nko:
            return decision
        decided_later.add(seen)
    return None


def parse_decisions(lines: Iterable[str], name: str) -> list[HumanDecision]:
    """The decisions of the file `name`, in order; blank lines are skipped.

    Raises ConfigurationError, naming the line, when one cannot be understood: a decision that a
    person took is never passed over.
    """
    decisions = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            decisions.append(HumanDecision(**json.loads(line)))
        except (ValueError, TypeError, RecursionError) as error:
            raise ConfigurationError(
                f"Line {number} of {name} is no review decision: {error}.",
                "Correct or remove that line.",
            ) from error
    return decisions


def person(name: str) -> str:
    """The name of who decides, without space around it; raises ValueError when it is none."""
    if not name.strip() or not _storable(name):
        raise ValueError("by has to name who decided")
    return name.strip()


def _storable(text: str) -> bool:
    """Whether a database takes it as text: no NUL and no half of a character."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"at {text!r} is no time in ISO 8601") from None
