"""The sample channel: its videos, and each of them rendered on demand."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from nko_assets.sample import layouts, video
from nko_assets.sample.lessons import lesson, lessons

LICENCE = "CC-BY-SA-4.0 (source and licence of every row: nko_assets/sample/LICENCES.md)"


@dataclass(frozen=True, slots=True)
class SampleVideo:
    """A video of the channel as a listing shows it."""

    video_id: str
    title: str
    duration_s: float
    uploaded: str
    fingerprint: str


def sample_videos() -> list[SampleVideo]:
    """Every video of the channel, in order."""
    return [
        SampleVideo(key, known.title, known.duration_ms / 1000, known.uploaded, fingerprint(key))
        for key, known in lessons().items()
    ]


@lru_cache(maxsize=64)
def fingerprint(video_id: str) -> str:
    """Changes when anything that the video shows does: text, places, colours, or the encoding."""
    known = lesson(video_id)
    states = [
        (slide.state_ms, layouts.lay_out(known, number, visible))
        for number, slide in enumerate(known.slides)
        for visible in slide.states
    ]
    shown = repr((known.title, known.style, states, video.ENCODER))
    return hashlib.sha256(shown.encode()).hexdigest()[:16]


def render(video_id: str, folder: Path) -> Path:
    """Make `<video_id>.mp4` in `folder`, whole or not at all; one that is current is kept.

    Raises `KeyError` for an id that the channel does not have.
    """
    path = folder / f"{video_id}.mp4"
    if video.fingerprint_in(path) != fingerprint(video_id):
        video.encode_lesson(lesson(video_id), path, fingerprint(video_id))
    return path
