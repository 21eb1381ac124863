"""How far a reader agrees with itself: which frames are read twice, and what comes of comparing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from rapidfuzz.distance import Levenshtein

from nko_assets.nko import normalize
from nko_assets.reading.answers import Reading
from nko_assets.schemas.readings import FINE


@dataclass(frozen=True, slots=True)
class SelfAgreement:
    """Counts over the frames that were read twice.

    `compared` of the `frames` came to a result both times; of these, `exact` have the same N'Ko
    lines. `errors` are the edits from the first reading to the second, over `characters` of the
    longer one.
    """

    frames: int
    compared: int
    exact: int
    errors: int
    characters: int

    @property
    def character_error_rate(self) -> float | None:
        """Edits over characters; None when neither reading has any."""
        return self.errors / self.characters if self.characters else None

    @property
    def exact_share(self) -> float | None:
        """The share of the compared frames that were read the same twice."""
        return self.exact / self.compared if self.compared else None


def place_in_draw(frame_id: str) -> float:
    """Where a frame stands in the draw of those that are read twice, from 0 up to 1.

    A share takes the frames below it: the same ones every time, and all of a smaller share's.
    """
    return int.from_bytes(hashlib.sha256(frame_id.encode()).digest()[:6], "big") / 2**48


def compare(first: Iterable[Reading], second: Iterable[Reading]) -> SelfAgreement:
    """Compare the readings of the same frames; frames without a second reading are left out."""
    one = {reading.frame_id: reading for reading in first}
    frames = compared = exact = errors = characters = 0
    for reading in second:
        other = one.get(reading.frame_id)
        if other is None:
            continue
        frames += 1
        if reading.status not in FINE or other.status not in FINE:
            continue
        compared += 1
        texts = _nko_text(other), _nko_text(reading)
        exact += texts[0] == texts[1]
        errors += Levenshtein.distance(*texts)
        characters += max(map(len, texts))
    return SelfAgreement(frames, compared, exact, errors, characters)


def _nko_text(reading: Reading) -> str:
    return "\n".join(
        normalize(line.text) for line in reading.lines if line.script in ("nko", "mixed")
    )
