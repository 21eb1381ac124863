"""The pilot: the same few frames through several models, and which of them to take for all frames."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import polars as pl

from nko_assets.nko import validate
from nko_assets.reading.answers import Reading, readings_table
from nko_assets.reading.review import review
from nko_assets.reading.self_agreement import compare
from nko_assets.reading.trust.dictionary import Dictionary
from nko_assets.reading.trust.judge import compare_readings
from nko_assets.schemas.readings import FINE

# A model whose answers fail more often is not taken while another one can be.
MOST_FAILURES = 0.05
# A cheaper model is as good when it gives so much of what the best one gives.
AS_GOOD = 0.95
# What real usage may exceed the estimate by.
_HEADROOM = 1.25


@dataclass(frozen=True, slots=True)
class ModelResult:
    """What one model made of the sample. Shares are 0 to 1, None where there is nothing to divide.

    `accepted` entries pass the gate, `translated` ones of them have English; `confirmed` is the
    share of all entries that the offline reader read as the very same, `signalled` the share
    against which the validator raises something; `missed` lines only the offline reader read;
    `offline_cer` are the characters in which the two differ, over all frames read by both.
    `channel_usd` is what all frames of the channel would cost at the price of these.
    """

    model: str
    resolution: str
    frames: int
    statuses: Mapping[str, int]
    entries: int
    accepted: int
    translated: int
    confirmed: float | None
    signalled: float | None
    missed: int
    offline_cer: float | None
    input_tokens: int
    output_tokens: int
    usd: float
    channel_usd: float

    @property
    def failed_share(self) -> float:
        """The share of frames that came to no result."""
        return 1 - sum(self.statuses.get(status, 0) for status in FINE) / self.frames

    @property
    def usd_per_frame(self) -> float:
        """Dollars for one frame, attempts that failed included."""
        return self.usd / self.frames

    @property
    def accepted_per_dollar(self) -> float | None:
        """Entries that pass the gate for one dollar."""
        return self.accepted / self.usd if self.usd else None


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far two models read the same: the share of frames alike, and characters that differ."""

    one: str
    other: str
    frames: int
    exact_share: float | None
    character_error_rate: float | None


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The model to take, None when none will do, with reasons and the settings to set."""

    model: str | None
    reasons: tuple[str, ...]
    settings: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Pilot:
    """Everything that the decision page says."""

    frames: int
    videos: tuple[str, ...]
    channel_frames: int
    channel_basis: str
    gate: float
    dictionary_words: int | None
    results: tuple[ModelResult, ...]
    agreements: tuple[Agreement, ...]
    recommendation: Recommendation


def sample_videos(video_ids: Sequence[str], count: int) -> list[str]:
    """`count` of the videos, the same ones whatever their order; all when there are fewer."""
    return sorted(sorted(video_ids, key=_place)[:count])


def sample_frames(frames: Mapping[str, Sequence[str]], count: int) -> dict[str, list[str]]:
    """`count` of the frame ids of each video, as many from each as there are; all when fewer.

    The same frames give the same sample, and a larger sample holds every smaller one.
    """
    waiting = {video: sorted(ids, key=_place) for video, ids in sorted(frames.items())}
    turns = sorted(
        ((turn, video, one) for video, ids in waiting.items() for turn, one in enumerate(ids)),
        key=lambda item: (item[0], _place(item[1])),
    )
    taken: dict[str, list[str]] = {video: [] for video in waiting}
    for _, video, one in turns[:count]:
        taken[video].append(one)
    return {video: ids for video, ids in taken.items() if ids}


def _place(identity: str) -> str:
    return hashlib.sha256(f"pilot {identity}".encode()).hexdigest()


def model_result(
    model: str,
    resolution: str,
    readings: Sequence[Reading],
    offline: Sequence[Reading],
    *,
    gate: float,
    dictionary: Dictionary | None,
    channel_frames: int,
) -> ModelResult:
    """What `readings` of one model are worth, beside the `offline` readings of the same frames.

    They are decided on as in the lineage: by trust, signals and `gate`.
    """
    table, other = readings_table(readings), readings_table(offline)
    compared = compare_readings(table, other, dictionary)
    seen = dict.fromkeys(table["frame_id"], 0)
    entries = review(table, seen, "pilot", accept=gate, compared=compared).filter(
        pl.col("entry") >= 0
    )
    accepted = entries.filter(decision="accepted")
    signalled = sum(
        bool(validate(nko, english=english, latin=latin))
        for nko, english, latin in entries.select("nko", "english", "latin_shown").iter_rows()
    )
    usd = float(table["cost_usd"].sum())
    return ModelResult(
        model=model,
        resolution=resolution,
        frames=len(readings),
        statuses=dict(sorted(Counter(reading.status for reading in readings).items())),
        entries=entries.height,
        accepted=accepted.height,
        translated=accepted.filter(pl.col("english").is_not_null()).height,
        confirmed=_share(sum(one.same for one in compared.entries.values()), entries.height),
        signalled=_share(signalled, entries.height),
        missed=sum(map(len, compared.missed.values())),
        offline_cer=compare(readings, offline).character_error_rate,
        input_tokens=int(table["input_tokens"].sum()),
        output_tokens=int(table["output_tokens"].sum()),
        usd=usd,
        channel_usd=usd / len(readings) * channel_frames,
    )


def agreements(readings: Mapping[str, Sequence[Reading]]) -> tuple[Agreement, ...]:
    """How far each two of the models, by name, read the same frames the same."""
    found = []
    for one, other in combinations(readings, 2):
        both = compare(readings[one], readings[other])
        found.append(
            Agreement(one, other, both.compared, both.exact_share, both.character_error_rate)
        )
    return tuple(found)


def recommend(results: Sequence[ModelResult]) -> Recommendation:
    """The cheapest model that gives nearly as many accepted entries as the best one."""
    reliable = [one for one in results if one.failed_share <= MOST_FAILURES]
    unreliable = tuple(
        f"{one.model} is left out: {one.failed_share:.0%} of its answers failed, and "
        f"{MOST_FAILURES:.0%} is the most."
        for one in results
        if one not in reliable
    )
    best = max(reliable, key=lambda one: (one.accepted, -one.usd), default=None)
    if best is None:
        nothing = "Every model failed too often: look at the statuses, and try other models."
        return Recommendation(None, (*unreliable, nothing), {})
    if not best.accepted:
        nothing = (
            "No entry of any model passes the gate, so none can be told better than another: look "
            "at the frames and at what both readers read."
        )
        return Recommendation(None, (*unreliable, nothing), {})
    good = [one for one in reliable if one.accepted >= AS_GOOD * best.accepted]
    chosen = min(good, key=lambda one: (one.usd, one.model))
    gives = f"{chosen.model} gives {chosen.accepted:,} entries that pass the gate from "
    reasons = [f"{gives}{chosen.frames:,} frames, {chosen.translated:,} of them with English."]
    if chosen is best:
        reasons.append("No other model gives more.")
    else:
        reasons.append(
            f"That is {chosen.accepted / best.accepted:.0%} of the most, which {best.model} gives "
            f"for {best.usd / chosen.usd if chosen.usd else 0:.1f} times the money."
        )
    reasons.append(
        f"A frame cost ${chosen.usd_per_frame:.5f}, so the channel will cost about "
        f"${chosen.channel_usd:,.2f}."
    )
    reasons.extend(
        f"{one.model} is cheaper but gives only {one.accepted / best.accepted:.0%} of the most."
        for one in reliable
        if one.usd < chosen.usd and one not in good
    )
    return Recommendation(
        chosen.model,
        (*reasons, *unreliable),
        {
            "NKO_MODEL": chosen.model,
            "NKO_RESOLUTION": chosen.resolution,
            "NKO_BUDGET_USD": f"{max(chosen.channel_usd * _HEADROOM, 1):.0f}",
        },
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
