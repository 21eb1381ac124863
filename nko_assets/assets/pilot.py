"""The pilot as it is run: frames of the data root to several models, and the page in `reports/`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import polars as pl

from nko_assets.assets.operations import known_video
from nko_assets.corpus.pilot_page import pilot_json, render_pilot
from nko_assets.failures import ConfigurationError, PermanentFailure
from nko_assets.files import write_atomically
from nko_assets.reading.answers import FrameRequest, Reading
from nko_assets.reading.frame_counts import count_frames
from nko_assets.reading.gemini.models import model_named
from nko_assets.reading.pilot import (
    Pilot,
    agreements,
    model_result,
    recommend,
    sample_frames,
    sample_videos,
)
from nko_assets.reading.reader import DeferredReader, Job, JobState, Reader
from nko_assets.reading.trust.dictionary import load_dictionary
from nko_assets.resources.reader import open_reader, open_second_reader
from nko_assets.settings import Settings
from nko_assets.steps import Workshop

Say = Callable[[str], None]
# Beside the model in use, one that costs more and may read better.
OTHER_MODEL = "gemini-3.8-flash"


@dataclass(frozen=True, slots=True)
class PilotFiles:
    """The pilot, and where its page and its data lie."""

    pilot: Pilot
    page: Path
    data: Path


def pilot_models(settings: Settings, named: Sequence[str]) -> list[str]:
    """The models to compare: those `named`, else the one in use and a dearer one.

    Raises ConfigurationError for fewer than two, for one that is not known, and without a key.
    """
    if settings.gemini_api_key is None:
        raise ConfigurationError(
            "The pilot asks Gemini, and GEMINI_API_KEY is not set.",
            "Set it, or read with the offline reader: `nko run`.",
        )
    models = list(dict.fromkeys(model_named(name).name for name in named))
    models = models or list(dict.fromkeys([model_named(settings.model).name, OTHER_MODEL]))
    if len(models) < 2:
        raise ConfigurationError(
            f"A pilot compares two models or more, and {models[0]} is one.",
            "Name another one with --models.",
        )
    return models


def videos_to_try(workshop: Workshop, count: int) -> list[str]:
    """The videos of a pilot over `count` videos, the same ones every time."""
    return sample_videos([one.video_id for one in workshop.lake.videos() if one.listed], count)


def run_pilot(
    workshop: Workshop,
    models: Sequence[str],
    *,
    videos: Sequence[str],
    frames: int,
    say: Say,
    pause: Callable[[float], None],
) -> PilotFiles:
    """Read the same `frames` of `videos` with each model, wait for the answers, write the page.

    Everything paid goes through the ledger: doing it again, after an interruption too, asks for
    nothing that was asked for before. `pause` waits for so many seconds, or raises. Raises
    PermanentFailure when no video has frames, `BudgetExceeded` when money does not suffice.
    """
    requests = _requests(workshop, videos, frames)
    readers = {model: _reader(workshop, model) for model in models}
    jobs = {model: reader.submit(requests) for model, reader in readers.items()}
    estimated = sum(job.estimated_cost_usd for job in jobs.values())
    say(f"{len(requests)} frames to each of {', '.join(models)}: about ${estimated:.2f} at most")
    for reader in readers.values():
        reader.flush(say, force=True)
    offline = _offline(workshop, requests, say)
    for model, job in jobs.items():
        _wait(readers[model], job, say, pause)
    read = {
        model: list(reader.collect(jobs[model], requests, say)) for model, reader in readers.items()
    }
    pilot = _evaluated(workshop, read, offline)
    folder = workshop.lake.root / "reports"
    page, data = folder / "pilot.html", folder / "pilot.json"
    write_atomically(data, pilot_json(pilot).encode())
    write_atomically(page, render_pilot(pilot).encode())
    return PilotFiles(pilot, page, data)


def _requests(workshop: Workshop, videos: Sequence[str], count: int) -> list[FrameRequest]:
    """The frames of the pilot, in the order of videos and time."""
    kept = {
        video: workshop.lake.read_table(
            "unique_frames", video, ["frame_id", "timestamp_ms", "status"]
        ).filter(status="kept")
        for video in videos
        if workshop.lake.record("unique_frames", video) is not None
    }
    chosen = sample_frames(
        {video: table["frame_id"].to_list() for video, table in kept.items()}, count
    )
    if not chosen:
        raise PermanentFailure(
            "No video of the pilot has frames yet.", "Run `nko run --only channel,frames` first."
        )
    return [
        FrameRequest(row["frame_id"], video, row["timestamp_ms"], row["jpeg"])
        for video, ids in chosen.items()
        for row in workshop.lake.read_table(
            "unique_frames", video, ["frame_id", "timestamp_ms", "jpeg"]
        )
        .filter(pl.col("frame_id").is_in(ids))
        .sort("timestamp_ms")
        .iter_rows(named=True)
    ]


def _asking(workshop: Workshop, model: str) -> Settings:
    return workshop.settings.model_copy(update={"reader": "gemini", "model": model})


def _reader(workshop: Workshop, model: str) -> DeferredReader:
    reader = open_reader(_asking(workshop, model), workshop.lake, workshop.store)
    return cast("DeferredReader", reader).for_sample()


def _offline(workshop: Workshop, requests: Sequence[FrameRequest], say: Say) -> list[Reading]:
    """The offline reader's readings of the same frames, read while the models answer."""
    second = workshop.second_reader or cast(
        "Reader", open_second_reader(_asking(workshop, workshop.settings.model))
    )
    return list(second.collect(second.submit(requests), requests, say))


def _wait(reader: DeferredReader, job: Job, say: Say, pause: Callable[[float], None]) -> None:
    while not (status := reader.poll(job)).state.final:
        say(f"{job.model}: {status.note}")
        pause(status.ask_again_s)
        # What is asked again need not wait for company.
        reader.flush(say, force=True)
    if status.state is JobState.FAILED:
        raise PermanentFailure(
            f"The frames of the pilot changed while {job.model} was asked: {status.note}.",
            "Start the pilot again.",
        )


def _evaluated(
    workshop: Workshop, read: Mapping[str, Sequence[Reading]], offline: Sequence[Reading]
) -> Pilot:
    settings = workshop.settings
    dictionary = load_dictionary(settings.dictionary) if settings.dictionary else None
    channel = count_frames(
        [known_video(workshop, one) for one in workshop.lake.videos() if one.listed],
        settings.interval_s,
    )
    results = tuple(
        model_result(
            model,
            settings.resolution,
            readings,
            offline,
            gate=settings.accept_confidence,
            dictionary=dictionary,
            channel_frames=channel.frames,
        )
        for model, readings in read.items()
    )
    return Pilot(
        frames=len(offline),
        videos=tuple(dict.fromkeys(reading.video_id for reading in offline)),
        channel_frames=channel.frames,
        channel_basis=channel.basis,
        gate=settings.accept_confidence,
        dictionary_words=len(dictionary) if dictionary else None,
        results=results,
        agreements=agreements(read),
        recommendation=recommend(results),
    )
