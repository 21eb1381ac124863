"""Opening a video file safely: its moving picture, its stated length, which way is up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import av.error
import numpy as np
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from nko_assets.failures import PermanentFailure

# 16k × 4k; beyond it a header is damaged or an image would not fit in memory beside others.
MAX_PIXELS = 64_000_000
# Demuxers that read pictures, and text drawn as a picture.
_NOT_MOVING = frozenset({"image2", "tty", "lrc", "ass"})
DOWNLOAD_AGAIN = "Download it again, or remove it from the source."


@contextmanager
def opened(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The file and its largest moving picture, decoded by one thread; the file is closed after."""
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except OSError as error:
        raise PermanentFailure(
            f"{path} cannot be read: {error.strerror}.", "Check the path, or download it again."
        ) from error
    if empty:
        raise PermanentFailure(f"{path.name} is empty: it has zero bytes.", DOWNLOAD_AGAIN)
    try:
        # Only files: a playlist in disguise must not open the network.
        container = av.open(
            f"file:{path}", options={"protocol_whitelist": "file"}, metadata_errors="replace"
        )
    except (av.error.FFmpegError, ValueError) as error:
        raise PermanentFailure(
            f"{path.name} is not a video file, or only part of one ({describe(error)}).",
            DOWNLOAD_AGAIN,
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
    # A decoder that is not told to stop at an error hides the damage under something plausible.
    stream.codec_context.options = {"err_detect": "explode"}
    return stream


def _bound_size(path: Path, width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise PermanentFailure(
            f"{path.name} claims frames of {width} × {height} pixels; at most {MAX_PIXELS} pixels "
            "are decoded.",
            "Convert it to a smaller size.",
        )


def stated_duration(container: InputContainer, stream: VideoStream) -> float | None:
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


def states_its_length(container: InputContainer) -> bool:
    """Whether the length comes from a header, written when the file was whole.

    Of streams that have none (MPEG-TS, MPEG-PS, Ogg) it is estimated from what is there.
    """
    return container.format.name not in ("mpegts", "mpeg", "ogg")


def last_packet_end(path: Path) -> float:
    """The end of the last packet of any stream, in seconds on the container's own clock."""
    end = 0.0
    with opened(path) as (container, _):
        try:
            for packet in container.demux():
                if packet.pts is not None and packet.time_base is not None:
                    end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
        except (av.error.FFmpegError, ValueError):
            return end
    return end


def clockwise(frame: VideoFrame) -> int:
    """The turn that shows the frame upright: 0, 90, 180 or 270 degrees."""
    return round(-frame.rotation / 90) % 4 * 90


def upright(frame: VideoFrame) -> np.ndarray:
    """The frame as BGR, uint8, H × W × 3, turned as its rotation says."""
    image = frame.to_ndarray(format="bgr24")
    return np.ascontiguousarray(np.rot90(image, k=-clockwise(frame) // 90))


def describe(error: Exception) -> str:
    """What went wrong, in the decoder's words."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
