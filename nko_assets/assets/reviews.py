"""What is decided on each reading: the step that validates, gates, and heeds people's decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl

from nko_assets.checks import CheckSpec, judge
from nko_assets.failures import ConfigurationError
from nko_assets.files import sha256_of
from nko_assets.nko.characters import BLOCK_END, BLOCK_START
from nko_assets.previews import table_preview
from nko_assets.reading.decisions import HumanDecision
from nko_assets.reading.review import reading_id, review
from nko_assets.reading.reviews import Decided
from nko_assets.reading.trust.dictionary import LEAST_WORDS, Dictionary, load_dictionary
from nko_assets.reading.trust.judge import Comparison, compare_readings
from nko_assets.reading.trust.model import WEIGHTS
from nko_assets.resources.review_desk import ReviewDesk
from nko_assets.schemas.readings import ReviewedReadings
from nko_assets.steps import Context, Outcome, Step

# The decisions of people as Dagster knows them; they are in the store, where the explorer puts them.
REVIEW_DECISIONS = "review_decisions"
SCRIPT_PURITY = CheckSpec("script_purity", "What is accepted as N'Ko is N'Ko.")
ACCEPTED_SHARE = CheckSpec("accepted_share", "At least half of the entries pass the gate.")
NKO_SIGN = f"[{BLOCK_START}-{BLOCK_END}]"
# The fact that tells how far the history of decisions was when the video was reviewed.
LAST_DECISION = "last decision"
# The least share of N'Ko among the characters of a real line.
LEAST_NKO = 0.78


def _review_identity(context: Context) -> Mapping[str, Any]:
    decided = _decided(context)
    return {
        "decisions": [decision.to_json_line() for decision in decided.decisions],
        # What was decided and taken back changes nothing, but the review has to say it knows.
        LAST_DECISION: decided.last,
        **gate_identity(context),
    }


def gate_identity(context: Context) -> dict[str, Any]:
    """What changes the judgement of the gate, beside the readings."""
    return {
        "accept": context.settings.accept_confidence,
        "licence": context.video.licence,
        **_trust_identity(context),
    }


def _trust_identity(context: Context) -> dict[str, str]:
    if context.workshop.second_reader is None:
        return {}
    dictionaries = [_digest(path, *_state_of(path)) for path in _dictionary_files(context)]
    return {"trust": sha256_of(WEIGHTS), "dictionary": " ".join(dictionaries)}


def _dictionary_files(context: Context) -> tuple[Path, ...]:
    """The dictionary that is named, or else the words of everything that was imported."""
    named = context.settings.dictionary
    imported = (context.lake.root / "imports").glob("*.headwords.txt")
    return (named,) if named else tuple(sorted(imported))


def _state_of(path: Path) -> tuple[int, int]:
    """What changes with the content of a file; raises ConfigurationError when it is not there."""
    try:
        state = path.stat()
    except OSError as error:
        raise ConfigurationError(
            f"The dictionary {path} cannot be read: {error}.", "Check NKO_DICTIONARY."
        ) from error
    return state.st_mtime_ns, state.st_size


@lru_cache(maxsize=64)
def _digest(path: Path, _modified_ns: int, _size: int) -> str:
    return sha256_of(path)


@lru_cache(maxsize=1)
def _dictionary(files: tuple[tuple[Path, int, int], ...]) -> Dictionary:
    return load_dictionary(*(path for path, _modified_ns, _size in files))


def comparison(context: Context, readings: pl.DataFrame) -> Comparison | None:
    """What the offline reader says of the readings of another one; None for its own."""
    if context.workshop.second_reader is None:
        return None
    second = context.lake.read_table("second_readings", context.key)
    return compare_readings(readings, second, _dictionary_in_use(context))


def _dictionary_in_use(context: Context) -> Dictionary | None:
    files = tuple((path, *_state_of(path)) for path in _dictionary_files(context))
    dictionary = _dictionary(files)
    named = context.settings.dictionary is not None
    return dictionary if named or len(dictionary) >= LEAST_WORDS else None


def all_decisions(context: Context) -> Sequence[HumanDecision]:
    """What people decided about the readings of every video, oldest first.

    Raises ConfigurationError while some are in a file that nothing reads any more.
    """
    _refuse_unread_decisions(context)
    # Without a store nobody has decided anything; asking for it would make one.
    if not context.workshop.store.exists:
        return []
    return ReviewDesk(context.workshop.store).decisions()


def _refuse_unread_decisions(context: Context) -> None:
    """Decisions were in a file of the data root before they were in the store."""
    path = context.lake.root / "reviews" / "decisions.jsonl"
    if path.exists():
        raise ConfigurationError(
            f"{path} holds decisions of people, which are read from the store alone.",
            f"Run `nko reviews import {path}` with the same data root, then move the file away.",
        )


def _decided(context: Context) -> Decided:
    """What people decided about the readings of this video."""
    _refuse_unread_decisions(context)
    if not context.workshop.store.exists:
        return Decided((), 0)
    readings = context.lake.read_table("gemini_results", context.key, ["frame_id", "entries"])
    own = [
        reading_id(row["frame_id"], entry)
        for row in readings.iter_rows(named=True)
        for entry in range(len(row["entries"]))
    ]
    return ReviewDesk(context.workshop.store).decided(own)


def _review(context: Context) -> Outcome:
    readings = context.lake.read_table("gemini_results", context.key)
    seen = context.lake.read_table("unique_frames", context.key, ["frame_id", "first_seen_ms"])
    compared = comparison(context, readings)
    decided = _decided(context)
    table = review(
        readings,
        dict(seen.iter_rows()),
        context.video.licence,
        accept=context.settings.accept_confidence,
        decisions=decided.decisions,
        compared=compared,
    )
    entries = table.filter(pl.col("entry") >= 0)
    accepted = entries.filter(decision="accepted")
    impure = accepted.filter(
        pl.col("nko").str.count_matches(NKO_SIGN)
        < LEAST_NKO * pl.col("nko").str.count_matches(r"\S")
    )
    share = accepted.height / entries.height if entries.height else 1.0
    columns = ["timestamp_ms", "nko", "latin", "english", "french", "confidence", "reason"]
    return Outcome(
        table=table,
        checks=[
            judge(
                SCRIPT_PURITY,
                impure.is_empty(),
                f"{impure.height} of {accepted.height} accepted texts are less than {100 * LEAST_NKO:g} % N'Ko.",
                {"sample": {"markdown": table_preview(impure, columns)}},
            ),
            judge(
                ACCEPTED_SHARE,
                share >= 0.5,
                f"{accepted.height} of {entries.height} entries are accepted ({share:.0%}).",
                {
                    "sample": {
                        "markdown": table_preview(
                            entries.filter(pl.col("decision") != "accepted"), columns
                        )
                    }
                },
            ),
        ],
        facts={
            "rows": table.height,
            "decisions": dict(table.group_by("decision").len().sort("decision").iter_rows()),
            "gate": context.settings.accept_confidence,
            LAST_DECISION: decided.last,
            **_comparison_facts(compared),
            "preview": {"markdown": table_preview(entries, columns, 10)},
        },
    )


def _comparison_facts(compared: Comparison | None) -> dict[str, Any]:
    if compared is None:
        return {"confidence": "the reader's own"}
    return {
        "confidence": "by comparison with the offline reader",
        "lines that only the offline reader read": sum(map(len, compared.missed.values())),
    }


REVIEWED_READINGS = Step(
    name="reviewed_readings",
    group="readings",
    description=(
        "Each reading normalized, validated and decided: accepted, needs_review or rejected, "
        "with the reason."
    ),
    work=_review,
    per_video=True,
    inputs=("gemini_results", "second_readings", "unique_frames"),
    outside=(REVIEW_DECISIONS,),
    identity=_review_identity,
    code_version="3",
    model=ReviewedReadings,
    checks=(SCRIPT_PURITY, ACCEPTED_SHARE),
    kinds=("parquet", "polars"),
)
