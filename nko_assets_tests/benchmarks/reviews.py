"""How long a reviewer waits: `python -m nko_assets_tests.benchmarks.reviews`.

The queue of 532 videos with 188 readings each, one text on half of them and others often, in an
embedded Postgres of its own. Each call is timed with the connection that it opens.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles

from nko_assets.reading.decisions import HumanDecision
from nko_assets.reading.reviews import NewItem, Said
from nko_assets.resources.review_desk import ReviewDesk
from nko_assets.resources.store import open_store

VIDEOS, READINGS = 532, 188
ROUNDS = 200
LETTERS = "ߊߋߌߍߎߏߐߓߔߕߖߗߘߙߛߝߞߟߡߢߣߥ"


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds of one call, at the median, the 95th percentile and the worst."""

    p50_ms: float
    p95_ms: float
    worst_ms: float


def items_of(video_id: str, words: list[str], rng: random.Random) -> Iterator[NewItem]:
    """The readings of one video: the first words of `words` are the commonest, as in language."""
    for number in range(READINGS):
        word = words[min(int(rng.paretovariate(1.0)) - 1, len(words) - 1)]
        frame_id = f"{video_id}:{number * 5000}"
        confidence = rng.random()
        yield NewItem(
            reading_id=str(uuid.uuid5(uuid.NAMESPACE_DNS, frame_id)),
            video_id=video_id,
            frame_id=frame_id,
            entry=0,
            timestamp_ms=number * 5000,
            nko=word,
            latin="nko",
            latin_shown=None,
            english="hello",
            french=None,
            box=(0, 0, 100, 40),
            confidence=confidence,
            signals=(),
            gate="accepted" if confidence > 0.9 else "needs_review",
            reason="measured",
            said=(Said("gemini", word), Said("offline", word)),
            teaches=1.0 - confidence,
        )


def measured(rounds: int, work: Callable[[], object]) -> Times:
    """How long `work` takes, over and over."""
    taken = []
    for _ in range(rounds):
        begun = time.perf_counter()
        work()
        taken.append(1000 * (time.perf_counter() - begun))
    return Times(*(round(each, 1) for each in (median(taken), p95(taken), max(taken))))


def median(values: list[float]) -> float:
    """The 50th percentile."""
    return quantiles(values, n=100)[49]


def p95(values: list[float]) -> float:
    """The 95th percentile."""
    return quantiles(values, n=100)[94]


def measure(videos: int) -> dict[str, object]:
    """Fill a queue and review in it."""
    rng = random.Random(0)
    words = ["".join(rng.choices(LETTERS, k=rng.randint(2, 9))) for _ in range(40_000)]
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        open_store(None, Path(folder) / "store") as store,
    ):
        desk = ReviewDesk(lambda: store)
        begun = time.perf_counter()
        filling = [
            desk.put_items(name, list(items_of(name, words, rng)))
            for name in (f"video-{number:03}" for number in range(videos))
        ]
        filled = time.perf_counter() - begun
        names = iter(f"reviewer {number}" for number in range(10 * ROUNDS))

        def review() -> None:
            item = desk.next_item("Awa")
            assert item is not None
            at = datetime.now(UTC).isoformat()
            desk.decide(
                HumanDecision(item.reading_id, "accept", "Awa", at, item.nko), item.last_decision
            )

        return {
            "items": sum(put.items for put in filling),
            "put items a second": round(videos * READINGS / filled),
            "next_item": asdict(measured(ROUNDS, lambda: desk.next_item(next(names)))),
            "next_item again": asdict(measured(ROUNDS, lambda: desk.next_item("Awa"))),
            "next_item and decide": asdict(measured(ROUNDS, review)),
            "next_item after these": asdict(measured(ROUNDS, lambda: desk.next_item(next(names)))),
            "progress": asdict(measured(20, desk.progress)),
        }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--videos", type=int, default=VIDEOS, help="how many videos are queued")
    print(json.dumps(measure(parser.parse_args().videos), indent=2))
