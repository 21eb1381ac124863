"""Reading a video file: what it is, and one frame at each point of a regular grid of times.

The grid is k · interval, counted from the first frame of the video stream, so that a file whose
clock starts late and its copy that starts at zero give equal timestamps. The sample at time t is
the frame that a player shows at t: the last one whose presentation time is not after t.

All packets are read, few are decoded. Reading is cheap, works alike in containers with and
without an index, and shows where the file really ends; decoding begins at the last keyframe that
is not after the sample, or goes on from the last sample when that is nearer, and passes over the
frames that no other frame refers to.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import count
from pathlib import Path

import av
import av.error
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from nko_assets.failures import ConfigurationError, PermanentFailure

# A file that ends earlier, or of which more samples are damaged, fails instead of becoming a
# short lesson; what lies above is the last seconds of a stream, or one bad group of pictures.
READABLE_SHARE = 0.95
# 16k × 4k; beyond it a header is damaged or an image would not fit in memory beside others.
MAX_PIXELS = 64_000_000
# Demuxers that read pictures, and text drawn as a picture.
_NOT_MOVING = frozenset({"image2", "tty", "lrc", "ass"})
_PROBED_PACKETS = 500
# Decoding times never fall, and no picture stands still for an hour without a packet.
_CLOCK_BACK_MS = 1000
_CLOCK_AHEAD_MS = 3_600_000
_DOWNLOAD_AGAIN = "Download it again, or remove it from the source."


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What a video file says about itself; width and height as shown, after rotation."""

    duration_s: float
    width: int
    height: int
    rotation: int
    """Clockwise turn in degrees (0, 90, 180 or 270) that has been applied to width and height."""
    codec: str
    fps: float
    """Average frames a second."""
    frame_count: int
    """From the header where it says so, else estimated from duration and rate."""
    container: str
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
    with _opened(path) as (container, stream):
        first = _first_frame(path, container, stream)
        height, width = _upright_size(first)
        duration_s = _stated_duration(container, stream)
        rate = float(stream.average_rate or stream.guessed_rate or 0)
        container_name = container.format.name
        stated_count = stream.frames if container_name.startswith("mov") else 0
        codec = stream.codec_context.name
    if duration_s is None:
        duration_s = _last_packet_end(path)
    return VideoInfo(
        duration_s=duration_s,
        width=width,
        height=height,
        rotation=_clockwise(first),
        codec=codec,
        fps=rate,
        frame_count=stated_count or round(duration_s * rate),
        container=container_name,
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
        self._samples = self._sample()

    def __next__(self) -> SampledFrame:
        return next(self._samples)

    def _sample(self) -> Iterator[SampledFrame]:
        found = 0
        with _opened(self.path) as (container, stream):
            stated_s = _stated_duration(container, stream)
            packets = _PacketReader(container, stream)
            shown = _ShownFrame(stream.codec_context, packets)
            for index in count():
                timestamp_ms = round(index * self.interval_s * 1000)
                ended = not packets.read_beyond(timestamp_ms)
                if ended and index > 0:
                    self._close_timeline(packets, stated_s)
                    if timestamp_ms >= self.duration_s * 1000:
                        break
                try:
                    image = shown.at(timestamp_ms)
                except _UndecodableError as reason:
                    self.missing.append(MissingSample(timestamp_ms, str(reason)))
                    continue
                found += 1
                yield SampledFrame(timestamp_ms, image)
        self._check(found, stated_s, packets.error)

    def _close_timeline(self, packets: _PacketReader, stated_s: float | None) -> None:
        """Set the length once all packets are read; a last frame may be held until the stated end."""
        if self.duration_s:
            return
        self.duration_s = packets.length_s
        if (
            stated_s is not None
            and not packets.error
            and self.duration_s < READABLE_SHARE * stated_s
            and _last_packet_end(self.path) >= READABLE_SHARE * stated_s
        ):
            # Sound goes on to the end, so the file is whole and the last picture stands still.
            self.duration_s = stated_s

    def _check(self, found: int, stated_s: float | None, error: str) -> None:
        detail = f" ({error})" if error else ""
        if found == 0:
            raise PermanentFailure(
                f"No frame of {self.path.name} can be decoded{detail}.", _DOWNLOAD_AGAIN
            )
        # Listings round to whole seconds.
        listed_s = (self.expected_duration_s or 1.0) - 1.0
        expected_s = max(stated_s or 0.0, listed_s)
        if self.duration_s < READABLE_SHARE * expected_s:
            raise PermanentFailure(
                f"{self.path.name} is cut short: its picture ends after "
                f"{_clock(self.duration_s)} of {_clock(expected_s)}{detail}.",
                _DOWNLOAD_AGAIN,
            )
        total = found + len(self.missing)
        if len(self.missing) > (1 - READABLE_SHARE) * total:
            raise PermanentFailure(
                f"{self.path.name} is damaged: {len(self.missing)} of {total} samples cannot be "
                f"decoded, the first at {_clock(self.missing[0].timestamp_ms / 1000)} "
                f"({self.missing[0].reason}).",
                _DOWNLOAD_AGAIN,
            )


class _UndecodableError(Exception):
    """There is no clean frame for this time."""


class _PacketReader:
    """The packets of the stream that may still be needed, in decoding order, on one time line.

    Times are milliseconds since the first key frame, as exact fractions of the stream's clock.
    """

    def __init__(self, container: InputContainer, stream: VideoStream) -> None:
        self.pending: deque[Packet] = deque()
        self.error = ""
        self._packets = container.demux(stream)
        self._tick_ms = Fraction(stream.time_base or Fraction(1, 1000)) * 1000
        rate = stream.average_rate or stream.guessed_rate or Fraction(25)
        self._frame_ticks = max(1, round(1000 / rate / self._tick_ms))
        self._stated_start = stream.start_time
        self._origin: int | None = None
        self._last_dts: int | None = None
        self._shift = 0
        self._end = 0
        self._exhausted = False

    def to_ticks(self, timestamp_ms: int) -> int:
        """The stream's clock at `timestamp_ms`; a frame is shown by then if its pts is not after."""
        return (self._origin or 0) + math.floor(timestamp_ms / self._tick_ms)

    @property
    def length_s(self) -> float:
        """From the first frame to the end of the last one read, in seconds."""
        return float((self._end - (self._origin or 0)) * self._tick_ms / 1000)

    def read_beyond(self, timestamp_ms: int) -> bool:
        """Read until every frame due by `timestamp_ms` is pending; False when the file ends first.

        Decoding times rise from packet to packet and no frame is shown before it is decoded, so
        the first decoding time after the sample ends the search.
        """
        while self._last_dts is None or self._last_dts <= self.to_ticks(timestamp_ms):
            packet = self._next()
            if packet is None:
                return False
            if packet.is_keyframe and _pts(packet) <= self.to_ticks(timestamp_ms):
                self.pending.clear()
            self.pending.append(packet)
        return True

    def take(self) -> Packet | None:
        """The next packet in decoding order; None at the end of the file."""
        return self.pending.popleft() if self.pending else self._next()

    def _next(self) -> Packet | None:
        while not self._exhausted:
            try:
                packet = next(self._packets, None)
            except (av.error.FFmpegError, ValueError) as error:
                self.error = _describe(error)
                packet = None
            if packet is None:
                self._exhausted = True
            elif packet.size and self._place(packet):
                return packet
        return None

    def _place(self, packet: Packet) -> bool:
        """Put the packet on the time line; False for what precedes the first key frame."""
        dts = packet.dts if packet.dts is not None else packet.pts
        if dts is None:
            dts = (self._last_dts or 0) - self._shift + self._frame_ticks
        if self._origin is None:
            if not packet.is_keyframe:
                return False
            first = packet.pts if packet.pts is not None else dts
            # An edit list may begin inside a group of pictures: then the header knows the start.
            hidden = packet.is_discard and self._stated_start is not None
            self._origin = self._stated_start if hidden else first
        if self._last_dts is not None:
            step_ms = (dts + self._shift - self._last_dts) * self._tick_ms
            if not -_CLOCK_BACK_MS < step_ms < _CLOCK_AHEAD_MS:
                # A clock that starts again, as in joined recordings, or one damaged time: go on
                # from where the last packet ended.
                self._shift = self._last_dts + self._frame_ticks - dts
        packet.pts = (packet.pts if packet.pts is not None else dts) + self._shift
        self._last_dts = dts + self._shift
        self._end = max(self._end, packet.pts + (packet.duration or self._frame_ticks))
        return True


class _ShownFrame:
    """The decoder, moved forward as little as each sample needs, and the frame shown last."""

    # No codec holds back more than 16 frames to put them in order.
    _LONGEST_DELAY = 32

    def __init__(self, context: VideoCodecContext, packets: _PacketReader) -> None:
        self._context = context
        self._packets = packets
        self._in_flight: set[int] = set()
        self._decoded: dict[int, VideoFrame] = {}
        self._damaged = False
        self._suspect: set[int] = set()
        self._current: int | None = None
        self._image: np.ndarray | None = None

    def at(self, timestamp_ms: int) -> np.ndarray:
        """The upright BGR image shown at `timestamp_ms`; times must not decrease."""
        wanted = self._last_due(self._packets.to_ticks(timestamp_ms))
        if wanted is not None and wanted != self._current:
            self._current, self._image = wanted, None
            self._image = self._decode(wanted)
        if self._image is None:
            raise _UndecodableError("its frame cannot be decoded")
        return self._image

    def _last_due(self, time: int) -> int | None:
        due = [p for p in (*self._in_flight, *self._decoded) if p <= time]
        due += [_pts(p) for p in self._packets.pending if _pts(p) <= time and not p.is_discard]
        if self._current is not None:
            due.append(self._current)
        return max(due, default=None)

    def _decode(self, wanted: int) -> np.ndarray:
        if wanted not in self._decoded and wanted not in self._in_flight:
            self._approach(wanted)
        held_back = 0
        while wanted in self._in_flight and held_back < self._LONGEST_DELAY:
            packet = self._packets.take()
            self._feed(packet)
            if packet is None:
                break
            held_back += 1
        frame = self._decoded.get(wanted)
        damaged = frame is None or frame.is_corrupt or wanted in self._suspect
        # What is earlier than this is not asked for again.
        self._decoded = {pts: later for pts, later in self._decoded.items() if pts > wanted}
        self._in_flight = {pts for pts in self._in_flight if pts > wanted}
        self._suspect = {pts for pts in self._suspect if pts > wanted}
        if frame is None:
            raise _UndecodableError("its frame cannot be decoded")
        if damaged:
            raise _UndecodableError("the data before it is damaged")
        return _upright(frame)

    def _approach(self, wanted: int) -> None:
        """Feed the decoder up to the packet of `wanted`, from a key frame where one is pending."""
        start = None
        if self._packets.pending[0].is_keyframe:
            start = _pts(self._packets.pending[0])
            self._context.flush_buffers()
            self._in_flight.clear()
            self._damaged = False
        while (packet := self._packets.take()) is not None:
            pts = _pts(packet)
            # Frames shown before the key frame but stored after it refer to what was passed over.
            if start is None or pts >= start:
                self._feed(packet, skippable=pts < wanted)
            if pts == wanted:
                return

    def _feed(self, packet: Packet | None, skippable: bool = False) -> None:
        """Decode one packet (None: the end), passing over it if nothing refers to its frame."""
        self._context.skip_frame = "NONREF" if skippable else "DEFAULT"
        if packet is not None and packet.is_keyframe:
            self._damaged = False
        try:
            frames = self._context.decode(packet)
        except av.error.EOFError:
            frames = []
        except av.error.FFmpegError:
            self._damaged = True
            return
        if packet is not None and not skippable:
            self._in_flight.add(_pts(packet))
            if self._damaged:
                self._suspect.add(_pts(packet))
        for frame in frames:
            if frame.pts is None:
                continue
            self._in_flight.discard(frame.pts)
            self._decoded[frame.pts] = frame


@contextmanager
def _opened(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The file and its largest moving picture, decoded by one thread; the file is closed after."""
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except OSError as error:
        raise PermanentFailure(
            f"{path} cannot be read: {error.strerror}.", "Check the path, or download it again."
        ) from error
    if empty:
        raise PermanentFailure(f"{path.name} is empty: it has zero bytes.", _DOWNLOAD_AGAIN)
    try:
        # Only files: a playlist in disguise must not open the network.
        container = av.open(
            f"file:{path}", options={"protocol_whitelist": "file"}, metadata_errors="replace"
        )
    except (av.error.FFmpegError, ValueError) as error:
        raise PermanentFailure(
            f"{path.name} is not a video file, or only part of one ({_describe(error)}).",
            _DOWNLOAD_AGAIN,
        ) from error
    with container:
        yield container, _moving_picture(path, container)


def _moving_picture(path: Path, container: InputContainer) -> VideoStream:
    name = container.format.name
    if name in _NOT_MOVING or name.endswith("_pipe"):
        raise PermanentFailure(
            f"{path.name} is not a video (it was recognized as {name}).",
            "Remove it from the source.",
        )
    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not streams:
        held = "only sound" if container.streams.audio else "no picture"
        raise PermanentFailure(
            f"{path.name} holds {held}, no video stream.", "Download it with its video stream."
        )
    stream = max(streams, key=lambda s: (s.width or 0) * (s.height or 0))
    if stream.codec_context is None:
        raise PermanentFailure(
            f"{path.name} uses a video codec that cannot be decoded here.",
            "Convert it to H.264, or download another format.",
        )
    _bound_size(path, stream.width, stream.height)
    stream.codec_context.thread_count = 1
    return stream


def _bound_size(path: Path, width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise PermanentFailure(
            f"{path.name} claims frames of {width} × {height} pixels; at most {MAX_PIXELS} pixels "
            "are decoded.",
            "Convert it to a smaller size.",
        )


def _first_frame(path: Path, container: InputContainer, stream: VideoStream) -> VideoFrame:
    packets = _PacketReader(container, stream)
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
        _DOWNLOAD_AGAIN,
    )


def _stated_duration(container: InputContainer, stream: VideoStream) -> float | None:
    """The length in seconds that the header states, of the stream if it is there, else of all."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    if not container.duration:
        return None
    if container.format.name.startswith("matroska") and container.start_time:
        # Matroska states the end on its own clock, whose first frame may come late.
        ticks = container.duration - container.start_time
        return (ticks if ticks > 0 else container.duration) / av.time_base
    return container.duration / av.time_base


def _last_packet_end(path: Path) -> float:
    """The end of the last packet of any stream, in seconds on the container's own clock."""
    end = 0.0
    with _opened(path) as (container, _):
        try:
            for packet in container.demux():
                if packet.pts is not None and packet.time_base is not None:
                    end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
        except (av.error.FFmpegError, ValueError):
            return end
    return end


def _clockwise(frame: VideoFrame) -> int:
    """The turn that shows the frame upright: 0, 90, 180 or 270 degrees."""
    return round(-frame.rotation / 90) % 4 * 90


def _upright_size(frame: VideoFrame) -> tuple[int, int]:
    turned = _clockwise(frame) in (90, 270)
    return (frame.width, frame.height) if turned else (frame.height, frame.width)


def _upright(frame: VideoFrame) -> np.ndarray:
    image = frame.to_ndarray(format="bgr24")
    return np.ascontiguousarray(np.rot90(image, k=-_clockwise(frame) // 90))


def _pts(packet: Packet) -> int:
    """The presentation time, which `_PacketReader` has given to every packet."""
    assert packet.pts is not None  # noqa: S101 - an invariant of this module, for the type checker
    return packet.pts


def _describe(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"
