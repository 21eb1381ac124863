"""A lesson as H.264 in MP4: the slides in their time, the speaker and the pointer over them."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from nko_assets.files import atomic_path
from nko_assets.sample.camera import PHASES, paste, pointer, pointer_at, speaker, to_planes
from nko_assets.sample.layouts import lay_out
from nko_assets.sample.lessons import FRAME_MS, Lesson
from nko_assets.sample.page import HEIGHT, WIDTH, camera_box
from nko_assets.sample.slides import draw_slide

RATE = 1000 // FRAME_MS
_POINTER_STAY_MS = 3_100

# What a channel's own encoder does to a shared screen: legible, with visible ringing. One thread,
# so that the same lesson gives the same bytes on any number of cores.
ENCODER = {"crf": "29", "preset": "veryfast", "threads": "1", "g": str(5 * RATE)}


def encode_lesson(lesson: Lesson, path: Path, fingerprint: str) -> None:
    """Write a lesson to `path` in one step; `fingerprint` goes into the file's comment."""
    with atomic_path(path) as temporary, av.open(
        str(temporary), "w", format="mp4", options={"movflags": "+faststart", "fflags": "+bitexact"}
    ) as container:  # fmt: skip
        container.metadata.update({"title": lesson.title, "comment": fingerprint})
        stream = container.add_stream("libx264", rate=RATE, options=ENCODER)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.time_base = Fraction(1, RATE)
        for number, planes in enumerate(frames(lesson)):
            frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def frames(lesson: Lesson) -> Iterator[np.ndarray]:
    """Every frame of a lesson in order, planar 4:2:0 (1080 × 1280, uint8)."""
    corner = camera_box(lesson.style)
    number = 0
    for slide_number, slide in enumerate(lesson.slides):
        for visible in slide.states:
            layout = lay_out(lesson, slide_number, visible)
            still = to_planes(draw_slide(layout))
            # The pointer stops left of lines, as a teacher's does, and hides no text.
            stops = [
                (max(0, line.box[0] - 34) & ~1, line.box[1] + 8 & ~1)
                for line in layout.lines
                if line.piece.role == "nko"
            ]
            for _ in range(slide.state_ms // FRAME_MS):
                moving = corner is not None or (lesson.style.pointer and stops)
                planes = still.copy() if moving else still
                if corner:
                    paste(planes, speaker()[number % PHASES], *corner[:2])
                if lesson.style.pointer and stops:
                    place = pointer_at(number * FRAME_MS, stops, _POINTER_STAY_MS)
                    paste(planes, pointer(), *place)
                yield planes
                number += 1


def fingerprint_in(path: Path) -> str | None:
    """The fingerprint of the lesson a file was made from; None when it is no file of ours."""
    try:
        with av.open(str(path)) as container:
            return container.metadata.get("comment")
    except (av.FFmpegError, OSError):
        return None
