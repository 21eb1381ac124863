"""Packets and frames of one video stream: reading all of it, decoding little of it.

Reading packets is cheap and works alike in containers with and without an index. Decoding begins
at the last key frame that is not after the wanted frame, or goes on from the last one decoded when
that is nearer, and passes over the frames that no other frame refers to.
"""

from __future__ import annotations

import math
from collections import deque
from fractions import Fraction

import av.error
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from nko_assets.video.container import describe, upright

# Decoding times never fall, and no picture stands still for an hour without a packet.
_CLOCK_BACK_MS = 1000
_CLOCK_AHEAD_MS = 3_600_000
# As many packets as a codec may hold back; if more have no decoding time, the file has none.
_UNTIMED_PACKETS = 16


class UndecodableError(Exception):
    """There is no clean frame for this time."""


class PacketReader:
    """The packets of the stream that may still be needed, in decoding order, on one time line.

    Times are milliseconds since the first key frame, as exact fractions of the stream's clock.
    With `leap`, what precedes a key frame is forgotten once no sample needs it, and decoding
    begins there; without, everything is decoded but frames that no other refers to.
    """

    def __init__(self, container: InputContainer, stream: VideoStream, leap: bool = True) -> None:
        self.pending: deque[Packet] = deque()
        self.leap = leap
        self.error = ""
        self._packets = container.demux(stream)
        self._tick_ms = Fraction(stream.time_base or Fraction(1, 1000)) * 1000
        rate = stream.average_rate or stream.guessed_rate or Fraction(25)
        self._frame_ticks = max(1, round(1000 / rate / self._tick_ms))
        self._stated_start = stream.start_time
        self._origin: int | None = None
        self._last_dts: int | None = None
        self._untimed = 0
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
            due = _pts(packet) <= self.to_ticks(timestamp_ms)
            if self.leap and packet.is_keyframe and due:
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
                self.error = describe(error)
                packet = None
            if packet is None:
                self._exhausted = True
            elif packet.size and self._place(packet):
                return packet
        return None

    def _place(self, packet: Packet) -> bool:
        """Put the packet on the time line; False for what precedes the first key frame."""
        if self._origin is None:
            first = packet.pts if packet.pts is not None else packet.dts
            if first is None or not packet.is_keyframe:
                return False
            # An edit list may begin inside a group of pictures: then the header knows the start.
            hidden = packet.is_discard and self._stated_start is not None
            self._origin = self._stated_start if hidden else first
        dts = self._decoding_time(packet)
        packet.pts = dts if packet.pts is None else packet.pts + self._shift
        self._end = max(self._end, packet.pts + (packet.duration or self._frame_ticks))
        return True

    def _decoding_time(self, packet: Packet) -> int:
        """The packet's decoding time on the time line, from its neighbours where it has none."""
        dts = packet.dts
        if dts is None and self._untimed >= _UNTIMED_PACKETS:
            dts = packet.pts
        if dts is None:
            # Matroska's first packets: those that follow may be shown before them.
            self._untimed += 1
            before = self._last_dts if self._last_dts is not None else self._origin or 0
            return before + self._frame_ticks
        if self._last_dts is not None:
            step_ms = (dts + self._shift - self._last_dts) * self._tick_ms
            if not -_CLOCK_BACK_MS < step_ms < _CLOCK_AHEAD_MS:
                # A clock that starts again, as in joined recordings, or one damaged time: go on
                # from where the last packet ended.
                self._shift = self._last_dts + self._frame_ticks - dts
        self._last_dts = dts + self._shift
        return self._last_dts


class ShownFrame:
    """The decoder, moved forward as little as each sample needs, and the frame shown last."""

    # No codec holds back more than 16 frames to put them in order.
    _LONGEST_DELAY = 32

    def __init__(self, context: VideoCodecContext, packets: PacketReader) -> None:
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
            raise UndecodableError("its frame cannot be decoded")
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
            raise UndecodableError("its frame cannot be decoded")
        if damaged:
            raise UndecodableError("the data before it is damaged")
        return upright(frame)

    def _approach(self, wanted: int) -> None:
        """Feed the decoder up to the packet of `wanted`, from a key frame where one is pending."""
        start = None
        entry = self._packets.pending[0]
        if self._packets.leap and entry.is_keyframe and _pts(entry) <= wanted:
            start = _pts(entry)
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


def _pts(packet: Packet) -> int:
    """The presentation time, which `PacketReader` has given to every packet."""
    assert packet.pts is not None  # noqa: S101 - an invariant of this module, for the type checker
    return packet.pts
