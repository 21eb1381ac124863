"""Small real channels for tests: folders of short H.264 lessons whose text is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageDraw

from nko_assets.reading.answers import Entry, FrameRequest, Line, Reading
from nko_assets.reading.reader import Job, JobState, JobStatus, Progress, request_hash
from nko_assets.settings import Settings, load_settings
from nko_assets.typeset import TYPEFACES, draw_line, measure_line

SIZE = (320, 180)
GREETINGS = (
    ("ߌ ߣߌ߫ ߛߐ߰ߡߊ߬", "good morning"),
    ("ߌ ߣߌ߫ ߕߟߋ߬", "good afternoon"),
    ("ߌ ߣߌ߫ ߥߎߙߊ߫", "good evening"),
    ("ߌ ߣߌ߫ ߛߣߍ߫", "welcome"),
    ("ߌ ߣߌ߫ ߗߋ߫", "thank you"),
    ("ߌ ߞߊ߫ ߞߍ߲ߘߍ߫؟", "how are you?"),
)


def slide(lines: Sequence[str], size: tuple[int, int] = SIZE) -> np.ndarray:
    """A white slide with `lines` under each other, RGB."""
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    for number, text in enumerate(lines):
        width, _, _ = measure_line(text, TYPEFACES["noto"], 20)
        left = (size[0] - width) / 2
        draw_line(draw, left, 45 + 45 * number, text, TYPEFACES["noto"], 20, "black")
    return np.asarray(image)


def write_lesson(
    path: Path,
    slides: Sequence[Sequence[str]],
    seconds_each: float = 6.0,
    size: tuple[int, int] = SIZE,
) -> Path:
    """An H.264 file that shows each slide for `seconds_each`, two frames a second."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=2, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.time_base = Fraction(1, 2)
        for lines in slides:
            picture = av.VideoFrame.from_ndarray(slide(lines, size), format="rgb24")
            for _ in range(round(seconds_each * 2)):
                picture.pts = None
                container.mux(stream.encode(picture))
        container.mux(stream.encode())
    return path


def write_channel(folder: Path, count: int = 3) -> Path:
    """A folder of `count` lessons, each with two of the greetings."""
    for number in range(count):
        first, second = (GREETINGS[(number * 2 + place) % len(GREETINGS)] for place in (0, 1))
        write_lesson(folder / f"lesson {number}.mp4", [[*first], [*second]])
    return folder


def settings_for(tmp_path: Path, source: Path | str, **over: object) -> Settings:
    """Settings over a data root in `tmp_path`, untouched by the environment's sleep and workers."""
    return load_settings(
        data=tmp_path / "data", source=str(source), accept_confidence=0.5, workers=2, **over
    )


@dataclass
class ScriptedReader:
    """A reader that answers from a script instead of looking: what each video shows, in turn.

    It stands where a paid service would: it counts what it was asked, and fails when told to.
    """

    greetings: Sequence[tuple[str, str]] = GREETINGS
    name: str = "scripted"
    model: str = "script-1"
    settings: Mapping[str, object] = field(default_factory=dict)
    deferred: bool = False
    asked: list[str] = field(default_factory=list)

    def submit(self, requests: Sequence[FrameRequest], *, reading: int = 1) -> Job:
        return Job.of(self.name, self.model, [self._hash(one) for one in requests], 0.0)

    def flush(self, say: Progress, *, force: bool = False) -> None:
        pass

    def poll(self, job: Job) -> JobStatus:
        return JobStatus(JobState.DONE, "all frames answered")

    def collect(
        self, job: Job, requests: Sequence[FrameRequest], progress: Progress
    ) -> Iterator[Reading]:
        for number, request in enumerate(requests):
            self.asked.append(request.frame_id)
            place = sum(request.video_id.encode()) + number
            nko, english = self.greetings[place % len(self.greetings)]
            yield self._answer(request, nko, english)

    def _hash(self, request: FrameRequest) -> str:
        return request_hash(request, reader=self.name, model=self.model, settings={})

    def _answer(self, request: FrameRequest, nko: str, english: str) -> Reading:
        box = (40, 20, 280, 60)
        return Reading(
            frame_id=request.frame_id,
            video_id=request.video_id,
            timestamp_ms=request.timestamp_ms,
            status="ok",
            reason="",
            lines=(Line(0, box, "nko", "nqo", nko, nko, 0.99),),
            entries=(Entry(0, "phrase", nko, nko, None, english, None, None, box, 0.99, "frame"),),
            confidence=0.99,
            reader=self.name,
            model=self.model,
            request_hash=self._hash(request),
        )
