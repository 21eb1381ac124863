"""Reading a video file: what it is, and one frame at each point of a regular grid of times.

The grid is k · interval, counted from the first frame of the video stream, so that a file whose
clock starts late and its copy that starts at zero give equal timestamps. The sample at time t is
the frame that a player shows at t: the last one whose presentation time is not after t.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import count
from pathlib import Path

import av.error
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from nko_assets.clock import clock
from nko_assets.failures import ConfigurationError, PermanentFailure
from nko_assets.video.container import (
    DOWNLOAD_AGAIN,
    clockwise,
    last_packet_end,
    opened,
    stated_duration,
    states_its_length,
)
from nko_assets.video.decode import PacketReader, ShownFrame, UndecodableError

# A file that ends earlier, or of which more samples are damaged, fails instead of becoming a
# short lesson; what lies above is the last seconds of a stream, or one bad group of pictures.
READABLE_SHARE = 0.95
_PROBED_PACKETS = 500


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What a video file says about itself; width and height as shown, after rotation."""

    duration_s: float
    width: int
    height: int
    codec: str
    fps: float
    """Average frames a second."""
    size_bytes: int


@dataclass(frozen=True, slots=True)
class SampledFrame:
    """The frame shown at one point of the grid."""

    timestamp_ms: int
    """Milliseconds from the first frame: the point of the grid, not the frame's own time."""
    image: np.ndarray
    """BGR, uint8, H × W × 3, upright."""


@dataclass(frozen=True, slots=True)
class MissingSample:
    """A point of the grid whose frame could not be decoded, and why."""

    timestamp_ms: int
    reason: str


def probe(path: Path | str) -> VideoInfo:
    """What kind of video `path` is; decodes one frame, so a success means that it can be decoded.

    Raises PermanentFailure when the file is missing, empty, not a video, or has no picture.
    """
    path = Path(path)
    with opened(path) as (container, stream):
        first = _first_frame(path, container, stream)
        height, width = _upright_size(first)
        duration_s = stated_duration(container, stream)
        rate = float(stream.average_rate or stream.guessed_rate or 0)
        codec = stream.codec_context.name
    if duration_s is None:
        duration_s = last_packet_end(path)
    return VideoInfo(
        duration_s=duration_s,
        width=width,
        height=height,
        codec=codec,
        fps=rate,
        size_bytes=path.stat().st_size,
    )


def sample_frames(
    path: Path | str, interval_s: float = 5.0, expected_duration_s: float | None = None
) -> FrameSampler:
    """The frames of `path` at 0, `interval_s`, 2 · `interval_s`, … seconds, in order.

    Memory holds one interval of compressed packets and a few frames, however long the file. The
    whole file is read before the last frame is given, and then PermanentFailure is raised when it
    ended before 95 % of the length it states (or of `expected_duration_s`, which is what reveals a
    shortened file in containers that state no length, such as MPEG-TS), or when more than 5 % of
    the samples could not be decoded; so use the frames only after the iteration has ended.
    Samples that could not be decoded, below that bound, are listed in `FrameSampler.missing`.
    """
    if not (math.isfinite(interval_s) and interval_s >= 0.001):
        raise ConfigurationError(
            f"The sampling interval is {interval_s} seconds.", "Set it to 0.001 seconds or more."
        )
    return FrameSampler(Path(path), Fraction(str(interval_s)), expected_duration_s)


class FrameSampler(Iterator[SampledFrame]):
    """The sampled frames of one file, and after the last of them what was found out on the way."""

    def __init__(self, path: Path, interval_s: Fraction, expected_duration_s: float | None) -> None:
        self.path = path
        self.interval_s = interval_s
        self.expected_duration_s = expected_duration_s
        self.missing: list[MissingSample] = []
        self.duration_s = 0.0
        """Length of the video stream as read, in seconds; final after the last frame."""
        self._found = 0
        self._stated_s: float | None = None
        self._header_states_length = False
        self._error = ""
        self._samples = self._sample()

    def __next__(self) -> SampledFrame:
        return next(self._samples)

    def _sample(self) -> Iterator[SampledFrame]:
        try:
            yield from self._sample_on(leap=True)
        except UndecodableError:
            # Either the data is damaged, or its key frames are no place to begin at, as in streams
            # with open groups of pictures or a picture that is refreshed bit by bit.
            yield from self._sample_on(leap=False)
        self._check()

    def _sample_on(self, leap: bool) -> Iterator[SampledFrame]:
        """The samples that are still to come; `leap` to begin decoding at any key frame."""
        with opened(self.path) as (container, stream):
            self._stated_s = stated_duration(container, stream)
            self._header_states_length = states_its_length(container)
            packets = PacketReader(container, stream, leap)
            shown = ShownFrame(stream.codec_context, packets)
            for index in count(self._found + len(self.missing)):
                timestamp_ms = round(index * self.interval_s * 1000)
                ended = not packets.read_beyond(timestamp_ms)
                if ended and index > 0:
                    self._close_timeline(packets)
                    if timestamp_ms >= self.duration_s * 1000:
                        break
                try:
                    image = shown.at(timestamp_ms)
                except UndecodableError as reason:
                    if leap:
                        raise
                    self.missing.append(MissingSample(timestamp_ms, str(reason)))
                    continue
                self._found += 1
                yield SampledFrame(timestamp_ms, image)

    def _close_timeline(self, packets: PacketReader) -> None:
        """Set the length once all packets are read; a last frame may be held until the stated end."""
        if self.duration_s:
            return
        self.duration_s, self._error = packets.length_s, packets.error
        stated_s = self._stated_s
        if (
            stated_s is not None
            and not packets.error
            and self.duration_s < READABLE_SHARE * stated_s
            and last_packet_end(self.path) >= READABLE_SHARE * stated_s
        ):
            # Sound goes on to the end, so the file is whole and the last picture stands still.
            self.duration_s = stated_s

    def _check(self) -> None:
        detail = f" ({self._error})" if self._error else ""
        if self._found == 0:
            raise PermanentFailure(
                f"No frame of {self.path.name} can be decoded{detail}.", DOWNLOAD_AGAIN
            )
        expected_s = self._stated_s or 0.0
        if not self._header_states_length:
            # A listing rounds to whole seconds, and may be wrong: a header is believed before it.
            expected_s = max(expected_s, (self.expected_duration_s or 1.0) - 1.0)
        if self.duration_s < READABLE_SHARE * expected_s:
            raise PermanentFailure(
                f"{self.path.name} is cut short: its picture ends after "
                f"{clock(round(1000 * self.duration_s))} of {clock(round(1000 * expected_s))}"
                f"{detail}.",
                DOWNLOAD_AGAIN,
            )
        total = self._found + len(self.missing)
        if len(self.missing) > (1 - READABLE_SHARE) * total:
            raise PermanentFailure(
                f"{self.path.name} is damaged: {len(self.missing)} of {total} samples cannot be "
                f"decoded, the first at {clock(self.missing[0].timestamp_ms)} "
                f"({self.missing[0].reason}).",
                DOWNLOAD_AGAIN,
            )


def _first_frame(path: Path, container: InputContainer, stream: VideoStream) -> VideoFrame:
    packets = PacketReader(container, stream)
    attempts = 0
    while attempts < _PROBED_PACKETS:
        packet = packets.take()
        attempts += 1
        try:
            frames = stream.codec_context.decode(packet)
        except av.error.FFmpegError:
            frames = []
        clean = [frame for frame in frames if not frame.is_corrupt]
        if clean:
            return clean[0]
        if packet is None:
            break
    raise PermanentFailure(
        f"No frame of {path.name} can be decoded"
        + (f" ({packets.error})." if packets.error else "."),
        DOWNLOAD_AGAIN,
    )


def _upright_size(frame: VideoFrame) -> tuple[int, int]:
    turned = clockwise(frame) in (90, 270)
    return (frame.width, frame.height) if turned else (frame.height, frame.width)
