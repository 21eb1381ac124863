"""Which tuned model is in use, and every decision about it: `tuning/models.json`.

A model becomes the champion only by a win on the frozen test that cannot be chance: against the
champion, or where there is none, against everything that costs nothing to have instead.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

from filelock import FileLock

from nko_assets.failures import PermanentFailure
from nko_assets.files import make_folder, write_atomically
from nko_assets.tuning.evaluation.intervals import LEAST_EXAMPLES, MOST_FAILED, Comparison

_NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_DNS, "models.nko-assets")

Verdict = Literal["promoted", "kept", "undecided"]


@dataclass(frozen=True, slots=True)
class Model:
    """A tuned model: the digest of what it is, its folder or endpoint, and what made it.

    `base` is what it was tuned from (None: from nothing), `dataset` the digest of the files it was tuned on.
    """

    digest: str
    name: str
    model: str
    tuner: str
    base: str | None
    dataset: str


@dataclass(frozen=True, slots=True)
class Rival:
    """Whom the challenger was compared with, on what both answered; None: nothing in common."""

    name: str
    comparison: Comparison | None


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision: about which model, against whom, on which test, and why so.

    `asked` and `failed` count the challenger's questions and those without an answer.
    """

    id: str
    at: str
    challenger: Model
    champion: str | None
    frozen_test: str
    asked: int
    failed: int
    rivals: tuple[Rival, ...]
    verdict: Verdict
    reason: str


def decide(
    challenger: Model,
    champion: Model | None,
    frozen_test: str,
    rivals: Sequence[Rival],
    *,
    asked: int,
    failed: int,
    at: datetime,
) -> Decision:
    """What is to become of `challenger`: it is promoted when it beats every rival for sure."""
    verdict, reason = _verdict(rivals, asked, failed)
    former = champion.digest if champion else ""
    return Decision(
        id=str(uuid.uuid5(_NAMESPACE, "\x1f".join((challenger.digest, former, frozen_test)))),
        at=at.isoformat(timespec="seconds"),
        challenger=challenger,
        champion=champion.name if champion else None,
        frozen_test=frozen_test,
        asked=asked,
        failed=failed,
        rivals=tuple(rivals),
        verdict=verdict,
        reason=reason,
    )


def _verdict(rivals: Sequence[Rival], asked: int, failed: int) -> tuple[Verdict, str]:
    if not rivals:
        return "undecided", "nobody was there to compare it with"
    if failed > MOST_FAILED * asked:
        return "undecided", f"{failed} of {asked} questions have no answer"
    for rival in rivals:
        found = rival.comparison
        if found is None or found.count < LEAST_EXAMPLES:
            count = found.count if found else 0
            return "undecided", (
                f"the frozen test has {count} examples that {rival.name} answered too, and fewer "
                f"than {LEAST_EXAMPLES} prove nothing"
            )
        if not found.better:
            how = "is worse than" if found.worse else "is not better for sure than"
            return "kept", f"it {how} {rival.name}: {_told(found)}"
    told = "; ".join(f"{one.name} by {_told(one.comparison)}" for one in rivals if one.comparison)
    return "promoted", f"it beats {told}"


def _told(found: Comparison) -> str:
    return (
        f"{100 * found.difference:+.1f} points ({100 * found.low:+.1f} to {100 * found.high:+.1f}, "
        f"p {found.p:.3f}, {found.count} examples)"
    )


class Registry:
    """The record at `path`; a file that is not there is one without decisions."""

    def __init__(self, path: Path) -> None:
        """Reads nothing yet."""
        self._path = path

    @property
    def champion(self) -> Model | None:
        """The model in use, None while no tuned one has won."""
        given = self._read()["champion"]
        return Model(**given) if given else None

    @property
    def decisions(self) -> list[Decision]:
        """Every decision, oldest first."""
        return [_decision(row) for row in self._read()["decisions"]]

    def record(self, decision: Decision) -> None:
        """Keep a decision and do what it says; the same one again changes nothing.

        The same challenger against the same champion on the same test is the same decision, and
        the last measurement of it counts.
        """
        make_folder(self._path.parent)
        with FileLock(self._path.with_suffix(".lock")):
            document = self._read()
            known = {row["id"]: _decision(row) for row in document["decisions"]}
            before = known.get(decision.id)
            if before is not None and replace(decision, at=before.at) == before:
                decision = before
            known[decision.id] = decision
            if decision.verdict == "promoted":
                document["champion"] = asdict(decision.challenger)
            document["decisions"] = [asdict(one) for one in known.values()]
            self._write(document)

    def _read(self) -> dict[str, Any]:
        try:
            return dict(json.loads(self._path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return {"champion": None, "decisions": []}
        except ValueError as error:
            raise PermanentFailure(
                f"{self._path} is no record of models: {error}.",
                "Put it back from a copy, or move it away to begin without a champion.",
            ) from error

    def _write(self, document: dict[str, Any]) -> None:
        text = json.dumps(document, ensure_ascii=False, indent=1) + "\n"
        write_atomically(self._path, text.encode())


def _decision(row: dict[str, Any]) -> Decision:
    rivals = tuple(
        Rival(each["name"], Comparison(**each["comparison"]) if each["comparison"] else None)
        for each in row["rivals"]
    )
    return Decision(**(row | {"challenger": Model(**row["challenger"]), "rivals": rivals}))
