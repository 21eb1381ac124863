"""Rendered lessons: real H.264 of the known length, showing the slides at their times."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from nko_assets.sample.camera import PHASES, paste, pointer, pointer_at, speaker, to_planes
from nko_assets.sample.layouts import lay_out
from nko_assets.sample.lessons import Lesson, lesson
from nko_assets.sample.page import HEIGHT, WIDTH, camera_box
from nko_assets.sample.slides import draw_slide
from nko_assets.sample.video import RATE, encode_lesson, fingerprint_in, frames


def shortened(video_id: str, slides: slice, **seconds: float) -> Lesson:
    """A lesson with some of its slides only, and those perhaps shorter."""
    known = lesson(video_id)
    kept = tuple(slide.model_copy(update=seconds) for slide in known.slides[slides])
    return known.model_copy(update={"slides": kept})


@pytest.fixture(scope="module")
def short() -> Lesson:
    """A blank slide and a table of days, 6.3 seconds each."""
    return shortened("Kd3x9LwPaRA", slice(0, 2), seconds=6.3)


@pytest.fixture(scope="module")
def video(short: Lesson, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("video") / "short.mp4"
    encode_lesson(short, path, "0123456789abcdef")
    return path


def test_the_file_is_h264_of_the_known_length(short: Lesson, video: Path) -> None:
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert (stream.width, stream.height) == (WIDTH, HEIGHT)
        assert stream.average_rate == RATE
        assert container.duration is not None
        assert container.duration / av.time_base == short.duration_ms / 1000
        assert len(container.streams) == 1
        assert sum(1 for _ in container.decode(stream)) == short.duration_ms * RATE // 1000


def test_each_frame_shows_the_slide_of_its_time(short: Lesson, video: Path) -> None:
    stills = [
        draw_slide(lay_out(short, number, len(slide.rows)))
        for number, slide in enumerate(short.slides)
    ]
    change = short.slides[0].state_ms / 1000
    with av.open(str(video)) as container:
        for frame in container.decode(video=0):
            if abs(frame.time - change) < 0.25 or frame.time in (0.0, 12.0):
                shown = frame.to_ndarray(format="rgb24").astype(int)
                still = stills[frame.time >= change].astype(int)
                assert np.abs(shown - still).mean() < 3


def test_text_survives_the_encoder(short: Lesson, video: Path) -> None:
    layout = lay_out(short, 1, len(short.slides[1].rows))
    with av.open(str(video)) as container:
        container.seek(10 * av.time_base)
        shown = next(container.decode(video=0)).to_ndarray(format="gray")
    for line in layout.lines:
        x0, y0, x1, y1 = line.box
        assert np.ptp(shown[y0:y1, x0:x1].astype(int)) > 120


def test_the_same_lesson_gives_the_same_bytes(tmp_path: Path) -> None:
    known = shortened("hN4z-QsEm7I", slice(0, 1), step_seconds=1.0)
    for name in ("one.mp4", "two.mp4"):
        encode_lesson(known, tmp_path / name, "f")
    assert (tmp_path / "one.mp4").read_bytes() == (tmp_path / "two.mp4").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.mp4", "two.mp4"]


def test_the_fingerprint_can_be_read_back(video: Path, tmp_path: Path) -> None:
    assert fingerprint_in(video) == "0123456789abcdef"
    assert fingerprint_in(tmp_path / "missing.mp4") is None
    (tmp_path / "broken.mp4").write_bytes(video.read_bytes()[:500])
    assert fingerprint_in(tmp_path / "broken.mp4") is None


def test_a_fault_while_encoding_leaves_no_file(tmp_path: Path) -> None:
    known = lesson("-bQ7m_ZtK0s")
    slide = known.slides[1]
    crowded = slide.model_copy(update={"rows": slide.rows * 3})
    with pytest.raises(ValueError, match="do not fit"):
        encode_lesson(
            known.model_copy(update={"slides": (known.slides[0], crowded)}), tmp_path / "x.mp4", "f"
        )
    assert list(tmp_path.iterdir()) == []


def test_the_speaker_moves_in_every_frame_and_nothing_else_does() -> None:
    known = shortened("hN4z-QsEm7I", slice(0, 1))
    pictures = iter(frames(known))
    one, two = next(pictures)[:HEIGHT], next(pictures)[:HEIGHT]
    changed = np.argwhere(one != two)
    box = camera_box(known.style)
    assert box is not None
    assert len(changed) > 500
    assert changed[:, 1].min() >= box[0]
    assert changed[:, 1].max() < box[2]
    assert changed[:, 0].min() >= box[1]
    assert changed[:, 0].max() < box[3]
    assert len(speaker()) == PHASES


def test_the_pointer_travels_and_is_cut_at_the_edges() -> None:
    stops = [(100, 100), (1278, 718)]
    places = [pointer_at(time, stops, 3_100) for time in range(0, 6_200, 100)]
    assert places[0] == (100, 100)
    assert places[31] == (1278, 718)
    assert all(x % 2 == 0 and y % 2 == 0 for x, y in places)
    planes = to_planes(np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    for place in places:
        paste(planes, pointer(), *place)
    assert planes[:HEIGHT].max() > 200
