"""The readers that settings choose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from nko_assets.failures import ConfigurationError, PermanentFailure
from nko_assets.reading.ledger import Limits
from nko_assets.reading.reader import Reader
from nko_assets.resources.lake import Lake
from nko_assets.resources.store import LazyStore
from nko_assets.settings import Settings
from nko_assets.tuning.student.accepted import WEIGHTS_FILE, accepted_weights, students


def open_reader(settings: Settings, lake: Lake, store: LazyStore) -> Reader:
    """The reader in use; nothing is loaded, opened or asked before its first frame.

    Raises `ConfigurationError` when Gemini is to read and cannot be asked so.
    """
    if settings.reader_in_use == "offline":
        from nko_assets.reading.offline import OfflineReader

        return OfflineReader(weights=reader_weights(settings))
    from nko_assets.resources.gemini_batches import GeminiBatches
    from nko_assets.resources.gemini_reader import GeminiReader

    if settings.gemini_api_key is None:
        raise TypeError("settings let Gemini read without a key")
    return GeminiReader(
        GeminiBatches(settings.gemini_api_key),
        store,
        lambda video_id, frame_ids: kept_frames(lake, video_id, frame_ids),
        model=settings.model,
        resolution=settings.resolution,
        limits=limits_of(settings),
        folder=settings.data / "jobs",
    )


def open_second_reader(settings: Settings) -> Reader | None:
    """Who reads every frame too, so that two can be compared: the offline reader beside Gemini."""
    if settings.reader_in_use == "offline":
        return None
    from nko_assets.reading.offline import OfflineReader

    return OfflineReader(weights=reader_weights(settings))


def reader_weights(settings: Settings) -> Path:
    """The weights of the offline reader: the shipped ones, the accepted student's, or a folder's.

    Raises `ConfigurationError` when those that the settings name are not there.
    """
    named = settings.reader_weights
    if named is None:
        from nko_assets.reading.recognizer import WEIGHTS

        return WEIGHTS
    if named == "student":
        weights = accepted_weights(students(settings.data))
        if weights is None:
            raise ConfigurationError(
                "NKO_READER_WEIGHTS is student, and no student was accepted yet.",
                "Unset it, and materialize student first.",
            )
        return weights
    weights = Path(named) / WEIGHTS_FILE
    if not weights.is_file():
        raise ConfigurationError(
            f"NKO_READER_WEIGHTS names {named}, which holds no {WEIGHTS_FILE}.",
            "Name a folder with the weights of the offline reader, or `student`.",
        )
    return weights


def limits_of(settings: Settings) -> Limits:
    """What a job and all open jobs together may hold and cost."""
    return Limits(
        max_open_jobs=settings.max_open_jobs,
        max_open_tokens=settings.max_open_tokens,
        budget_usd=settings.budget_usd,
        daily_budget_usd=settings.daily_budget_usd,
    )


def kept_frames(lake: Lake, video_id: str, frame_ids: Sequence[str]) -> Mapping[str, bytes]:
    """The JPEG of each of these kept frames; those that are not there any more are left out."""
    try:
        table = lake.read_table("unique_frames", video_id, ["frame_id", "status", "jpeg"])
    except PermanentFailure:
        return {}
    wanted = set(frame_ids)
    return {
        row["frame_id"]: row["jpeg"]
        for row in table.filter(status="kept").iter_rows(named=True)
        if row["frame_id"] in wanted
    }
