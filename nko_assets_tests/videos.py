"""Small videos for tests, whose every frame carries its number as a row of black and white bars."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

WIDTH, HEIGHT = 160, 90
_BITS = 13
_BAR = 12


def numbered(number: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """A white picture with `number` in binary across its upper half."""
    picture = np.full((height, width, 3), 255, np.uint8)
    for bit in range(_BITS):
        if number >> bit & 1:
            picture[8:40, 2 + bit * _BAR : 2 + bit * _BAR + 10] = 0
    return picture


def number_of(picture: np.ndarray) -> int:
    """The number that a picture carries."""
    return sum(1 << bit for bit in range(_BITS) if picture[24, 7 + bit * _BAR, 0] < 128)


def write_video(
    path: Path,
    count: int = 60,
    *,
    fps: int = 10,
    codec: str = "libx264",
    gop: int = 250,
    times_ms: Sequence[int] | None = None,
    start_ms: int = 0,
    rotation: int = 0,
    faststart: bool = False,
    with_sound_s: float = 0.0,
    x264: str = "",
) -> Path:
    """`count` numbered frames, at `fps` or at `times_ms`; the container follows from the suffix."""
    # AVI counts frames instead of timing them.
    tick = Fraction(1, fps if path.suffix == ".avi" else 1000)
    with av.open(
        str(path), "w", container_options={"movflags": "faststart"} if faststart else {}
    ) as container:
        options = {"g": str(gop), "threads": "1"}
        if x264:
            options["x264-params"] = x264
        stream = container.add_stream(codec, rate=fps, options=options)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.time_base = tick
        if rotation:
            stream.set_display_rotation(rotation)
        sound = container.add_stream("aac", rate=8000, layout="mono") if with_sound_s else None
        for number in range(count):
            frame = av.VideoFrame.from_ndarray(numbered(number), format="bgr24")
            at_ms = (times_ms[number] if times_ms else number * 1000 // fps) + start_ms
            frame.pts, frame.time_base = round(Fraction(at_ms, 1000) / tick), tick
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if sound is not None:
            _write_sound(container, sound, with_sound_s)
    return path


def write_sound(path: Path, seconds: float = 2.0) -> Path:
    """A file with sound and no picture."""
    with av.open(str(path), "w") as container:
        _write_sound(container, container.add_stream("aac", rate=8000, layout="mono"), seconds)
    return path


def _write_sound(container, stream, seconds: float) -> None:
    for start in range(0, round(seconds * 8000), 1024):
        samples = np.zeros((1, 1024), np.float32)
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 8000, start, Fraction(1, 8000)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def shown_at(path: Path, times_ms: Sequence[int]) -> list[int]:
    """The numbers shown at times from the first frame, found by decoding everything."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = sorted(
            (frame.pts * stream.time_base * 1000, number_of(frame.to_ndarray(format="bgr24")))
            for frame in container.decode(stream)
        )
    first = frames[0][0]
    return [max(frame for frame in frames if frame[0] - first <= at)[1] for at in times_ms]
