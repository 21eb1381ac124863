"""What people are asked about: the step that puts the readings of a video into the review queue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from functools import lru_cache
from typing import Any

import polars as pl

from nko_assets.assets.reviews import comparison, gate_identity
from nko_assets.checks import CheckSpec, judge
from nko_assets.previews import table_preview
from nko_assets.reading.review import review
from nko_assets.reading.reviews.items import review_items
from nko_assets.resources.review_desk import ReviewDesk
from nko_assets.resources.store import LazyStore
from nko_assets.steps import Context, Outcome, Step

DECISIONS_APPLY = CheckSpec(
    "decisions_apply", "What people decided is on the texts as they are read now."
)


def _identity(context: Context) -> Mapping[str, Any]:
    return {"queue": _queue(context.workshop.store), **gate_identity(context)}


@lru_cache(maxsize=8)
def _queue(store: LazyStore) -> str:
    """Asked for once a process, and not once a video."""
    return ReviewDesk(store).identity()


def _put(context: Context) -> Outcome:
    readings = context.lake.read_table("gemini_results", context.key)
    seen = context.lake.read_table("unique_frames", context.key, ["frame_id", "first_seen_ms"])
    compared = comparison(context, readings)
    judged = review(
        readings,
        dict(seen.iter_rows()),
        context.video.licence,
        accept=context.settings.accept_confidence,
        compared=compared,
    )
    items = review_items(judged, compared)
    put = ReviewDesk(context.workshop.store).put_items(context.key, items)
    first = sorted(items, key=lambda item: item.teaches, reverse=True)
    preview = pl.DataFrame(
        [
            {"nko": item.nko, "confidence": item.confidence, "gate": item.gate}
            | {said.reader: said.nko for said in item.said[1:]}
            for item in first
        ]
    )
    return Outcome(
        checks=[
            judge(
                DECISIONS_APPLY,
                put.outdated == 0,
                f"{put.outdated} of {put.items} readings were decided on with another text, and "
                "wait for a person again."
                if put.outdated
                else "Every decision is on the text as it is read now.",
            )
        ],
        facts={
            **asdict(put),
            "preview": {"markdown": table_preview(preview, preview.columns, 10)},
        },
    )


REVIEW_QUEUE = Step(
    name="review_queue",
    group="readings",
    description="Each reading as a question to people, first what an answer would teach most.",
    work=_put,
    per_video=True,
    inputs=("gemini_results", "second_readings", "unique_frames"),
    after=("reviewed_readings",),
    identity=_identity,
    checks=(DECISIONS_APPLY,),
    kinds=("postgres",),
)
