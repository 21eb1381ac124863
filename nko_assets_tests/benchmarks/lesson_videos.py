"""Rendered lessons with known text, for the frame benchmarks: slides, speakers, transitions, noise.

Everything follows from the seeds here, so two machines measure the same pictures.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from PIL import Image, ImageDraw

from nko_assets.typeset import TYPEFACES, base_direction, draw_line, measure_line

WIDTH, HEIGHT = 1280, 720

_CONSONANTS = "ߓߔߕߖߗߘߙߛߜߝߞߟߡߢߣߤߥߦ"
_VOWELS = "ߊߋߌߍߎߏߐ"
_MARKS = ["", "", "߫", "߬", "߲", "߯"]


def nko_phrase(words: int, source: random.Random) -> str:
    """A phrase that looks like N'Ko, of invented words."""
    return " ".join(
        "".join(
            source.choice(_CONSONANTS) + source.choice(_VOWELS) + source.choice(_MARKS)
            for _ in range(source.randint(1, 3))
        )
        for _ in range(words)
    )


@dataclass(frozen=True)
class Line:
    """One line of text on a slide; its right edge for N'Ko, its left edge for Latin, at `x`."""

    text: str
    x: int
    baseline: int
    size: int = 28
    colour: tuple[int, int, int] = (20, 20, 40)
    face: str = "noto"


@dataclass(frozen=True)
class State:
    """What is on screen from `start_s` on."""

    start_s: float
    lines: tuple[Line, ...]
    paper: str = "white"
    fade_s: float = 0.0
    """How long the change from the state before it takes."""


@dataclass(frozen=True)
class Lesson:
    """A lesson and everything that is written in it."""

    name: str
    states: tuple[State, ...]
    duration_s: float
    speaker: tuple[int, int, int, int] | None = None
    """x, y, width, height of the patch in which a person moves."""
    pointer: bool = False
    crf: int = 28
    fps: int = 10
    gop: int = 50

    def at(self, second: float) -> tuple[int, State]:
        """Number and state shown at `second`."""
        index = max(i for i, state in enumerate(self.states) if state.start_s <= second + 1e-9)
        return index, self.states[index]

    def visible_from(self, index: int) -> float:
        """When the state is fully shown."""
        return self.states[index].start_s + self.states[index].fade_s


# ------------------------------------------------------------------------------------- lessons


def lessons() -> list[Lesson]:
    """One lesson for each way in which text comes and goes."""
    return [
        _build_up(),
        _small_print(),
        _slides_with_fades(),
        _same_layout(),
        _cards(),
        _fast_cards(),
        _pale_on_photograph(),
        _subtitles(),
        _white_on_dark(),
        _scrolled_page(),
        _pointer(),
        _static_talk(),
    ]


def ten_minutes() -> Lesson:
    """A lesson of the usual kind, for measuring what decoding costs: 1280 × 720 at 25 a second."""
    source = random.Random(13)
    states: list[State] = []
    for slide in range(10):
        states += _grow(_column(9, source), slide * 60.0, 6.5)
    return Lesson("ten minutes", tuple(states), 600, _CORNER, fps=25)


_CORNER = (1000, 520, 256, 180)


def _column(
    count: int,
    source: random.Random,
    *,
    top: int = 90,
    pitch: int = 52,
    size: int = 28,
    words: int = 3,
    x: int = 1180,
) -> list[Line]:
    return [Line(nko_phrase(words, source), x, top + i * pitch, size) for i in range(count)]


def _grow(lines: list[Line], start: float, step: float, keep: int = 1) -> list[State]:
    return [State(start + i * step, tuple(lines[: keep + i])) for i in range(len(lines) - keep + 1)]


def _build_up() -> Lesson:
    source = random.Random(1)
    states: list[State] = []
    for slide in range(3):
        title = Line(f"ߥߟߊ߬ߘߊ {nko_phrase(1, source)}", 1180, 60, 40)
        states += _grow([title, *_column(8, source, top=130)], slide * 75.0, 8.0)
    return Lesson("lines appear one by one", tuple(states), 225, _CORNER)


def _small_print() -> Lesson:
    source = random.Random(2)
    page = [
        Line(nko_phrase(6, source), 400 + 400 * column, 60 + row * 26, 15)
        for column in range(3)
        for row in range(22)
    ]
    states = [State(0, tuple(page[:60]))] + [
        State(14.0 + i * 14, tuple(page[: 61 + i])) for i in range(6)
    ]
    return Lesson("one line more on a full page of small print", tuple(states), 112, crf=30)


def _slides_with_fades() -> Lesson:
    source = random.Random(3)
    states = [
        State(i * 13.5, tuple(_column(9, source, size=30)), fade_s=1.6 if i else 0.0)
        for i in range(14)
    ]
    return Lesson("slides that fade into each other", tuple(states), 190, (24, 520, 240, 180))


def _same_layout() -> Lesson:
    source = random.Random(4)
    title = Line("ߞߎߡߊߘߋ߲ ߠߎ߬", 1180, 60, 40)
    states = []
    rows = _column(8, source, top=130, words=2)
    for i in range(14):
        # Two words of the list change in their places, everything else stands still.
        for row in source.sample(range(8), 2):
            rows[row] = Line(nko_phrase(2, source), 1180, 130 + row * 52)
        states.append(State(i * 12.0, (title, *rows)))
    return Lesson("words replaced in their places", tuple(states), 168, _CORNER)


def _cards() -> Lesson:
    source = random.Random(5)
    states = [
        State(i * 11.0, (Line(nko_phrase(1, source), 740, 380, 96),), paper="cream")
        for i in range(16)
    ]
    return Lesson("one large word on each card", tuple(states), 176, _CORNER)


def _fast_cards() -> Lesson:
    source = random.Random(6)
    states = [
        State(
            i * 5.0,
            (
                Line(nko_phrase(1, source), 740, 340, 72),
                Line(f"word {i + 1}", 560, 430, 34, face="dejavu"),
            ),
        )
        for i in range(36)
    ]
    return Lesson("a new card every five seconds", tuple(states), 180, _CORNER)


def _pale_on_photograph() -> Lesson:
    source = random.Random(7)
    lines = [Line(nko_phrase(3, source), 1150, 120 + i * 60, 32, (165, 165, 165)) for i in range(6)]
    states = [State(s.start_s, s.lines, "photograph") for s in _grow(lines, 0.0, 18.0)]
    return Lesson("pale text beside a photograph, strongly compressed", tuple(states), 120, crf=34)


def _subtitles() -> Lesson:
    source = random.Random(8)
    page = _column(6, source)
    states = [State(i * 6.0, (*page, Line(nko_phrase(4, source), 900, 690, 30))) for i in range(24)]
    return Lesson("subtitles under a slide", tuple(states), 144, (24, 24, 220, 165))


def _white_on_dark() -> Lesson:
    source = random.Random(9)
    lines = [
        Line(nko_phrase(4, source), 1180, 100 + i * 64, 36, (235, 235, 220), "conakry")
        for i in range(8)
    ]
    states = [State(s.start_s, s.lines, "dark") for s in _grow(lines, 0.0, 15.0)]
    return Lesson("white text on a dark slide", tuple(states), 135, _CORNER)


def _scrolled_page() -> Lesson:
    source = random.Random(10)
    page = [Line(nko_phrase(5, source), 1150, 0, 24) for _ in range(60)]
    states = []
    for i in range(8):
        shown = page[i * 6 : i * 6 + 16]
        states.append(
            State(
                i * 20.0,
                tuple(Line(line.text, line.x, 50 + j * 42, 24) for j, line in enumerate(shown)),
            )
        )
    return Lesson("a page scrolled six lines at a time", tuple(states), 160, (24, 24, 220, 165))


def _pointer() -> Lesson:
    source = random.Random(11)
    states = [State(i * 60.0, tuple(_column(10, source))) for i in range(3)]
    return Lesson("a mouse pointer over slides", tuple(states), 180, pointer=True)


def _static_talk() -> Lesson:
    source = random.Random(12)
    states = [State(i * 100.0, tuple(_column(10, source))) for i in range(3)]
    return Lesson("a long talk over three slides", tuple(states), 300, _CORNER, crf=32)


# ------------------------------------------------------------------------------------- pictures


def draw_state(state: State) -> np.ndarray:
    """The slide as BGR."""
    image = Image.fromarray(_paper(state.paper))
    draw = ImageDraw.Draw(image)
    for line in state.lines:
        face = TYPEFACES[line.face]
        left = float(line.x)
        if base_direction(line.text) == "rtl":
            left -= measure_line(line.text, face, line.size)[0]
        draw_line(draw, left, line.baseline, line.text, face, line.size, line.colour)
    return np.asarray(image)[:, :, ::-1].copy()


def _paper(kind: str) -> np.ndarray:
    colours = {"white": (255, 255, 255), "cream": (250, 244, 225), "dark": (24, 32, 56)}
    if kind in colours:
        return np.full((HEIGHT, WIDTH, 3), colours[kind], np.uint8)
    page = np.full((HEIGHT, WIDTH, 3), (236, 236, 236), np.uint8)
    page[80:640, 40:640] = _texture(random.Random(99), 600, 560)
    return page


def _texture(source: random.Random, width: int, height: int) -> np.ndarray:
    """Something like a photograph: noise at all scales, in colour."""
    noise = np.random.default_rng(source.randint(0, 2**31))
    picture = np.zeros((height, width, 3), np.float32)
    for scale, weight in ((4, 90), (12, 45), (40, 25), (120, 12), (300, 6)):
        grain = noise.normal(size=(max(2, height * scale // 600), max(2, width * scale // 600), 3))
        picture += weight * cv2.resize(
            grain.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC
        )
    return np.clip(picture + 120, 0, 255).astype(np.uint8)


class Speaker:
    """A person who talks: a head that sways, a mouth, shoulders, now and then a hand, and grain."""

    def __init__(self, width: int, height: int, seed: int = 0) -> None:
        self._size = (width, height)
        self._room = _texture(random.Random(seed), width, height) // 2 + 90
        self._grain = np.random.default_rng(seed)
        self._face = _texture(random.Random(seed + 1), width, height)

    def at(self, second: float) -> np.ndarray:
        """The patch at `second`, BGR."""
        width, height = self._size
        picture = self._room.copy()
        sway = 0.06 * width * np.sin(0.9 * second) + 0.03 * width * np.sin(3.1 * second + 1)
        nod = 0.03 * height * np.sin(1.7 * second) + 0.015 * height * np.sin(5.3 * second)
        x, y = int(width / 2 + sway), int(height * 0.42 + nod)
        head = (int(width * 0.15), int(height * 0.25))
        cv2.ellipse(
            picture, (int(width / 2 + sway * 0.5), height), (int(width * 0.36), int(height * 0.35)),
            0, 180, 360, (130, 60, 40), -1, cv2.LINE_AA,
        )  # fmt: skip
        cv2.ellipse(picture, (x, y), head, 0, 0, 360, (60, 90, 140), -1, cv2.LINE_AA)
        cv2.ellipse(picture, (x, y - head[1] // 2), (head[0], head[1] // 2), 0, 180, 360,
                    (25, 25, 25), -1, cv2.LINE_AA)  # fmt: skip
        for side in (-1, 1):
            cv2.circle(picture, (x + side * head[0] // 3, y - 2), 3, (15, 15, 15), -1, cv2.LINE_AA)
        opening = int(3 + 3 * np.sin(11 * second))
        cv2.ellipse(picture, (x, y + head[1] // 2), (head[0] // 3, max(1, opening)), 0, 0, 360,
                    (40, 30, 90), -1, cv2.LINE_AA)  # fmt: skip
        if second % 23 > 17:
            hand = (int(width * 0.82 + 9 * np.sin(6 * second)), int(height * 0.62))
            cv2.circle(picture, hand, int(width * 0.06), (60, 90, 140), -1, cv2.LINE_AA)
        picture = cv2.addWeighted(picture, 0.85, self._face, 0.15, 0)
        grain = self._grain.normal(0, 4, (height, width, 1))
        return np.clip(picture + grain, 0, 255).astype(np.uint8)


_POINTER = np.array([[0, 0], [0, 17], [4, 13], [7, 19], [10, 18], [7, 12], [12, 12]], np.int32)


def pictures(lesson: Lesson) -> Iterator[np.ndarray]:
    """Every frame of the lesson, BGR."""
    drawn: dict[int, np.ndarray] = {}

    def slide(index: int) -> np.ndarray:
        if index not in drawn:
            for old in [known for known in drawn if known < index - 1]:
                del drawn[old]
            drawn[index] = draw_state(lesson.states[index])
        return drawn[index]

    person = Speaker(lesson.speaker[2], lesson.speaker[3]) if lesson.speaker else None
    for number in range(round(lesson.duration_s * lesson.fps)):
        second = number / lesson.fps
        index, state = lesson.at(second)
        picture = slide(index)
        into = second - state.start_s
        if index and into < state.fade_s:
            share = into / state.fade_s
            picture = cv2.addWeighted(picture, share, slide(index - 1), 1 - share, 0)
        else:
            picture = picture.copy()
        if person is not None and lesson.speaker is not None:
            x, y, width, height = lesson.speaker
            picture[y : y + height, x : x + width] = person.at(second)
        if lesson.pointer:
            at = (640 + 420 * np.sin(0.31 * second), 330 + 250 * np.sin(0.23 * second + 1))
            outline = (_POINTER + np.array(at)).astype(np.int32)
            cv2.fillPoly(picture, [outline], (255, 255, 255), cv2.LINE_AA)
            cv2.polylines(picture, [outline], True, (0, 0, 0), 1, cv2.LINE_AA)
        yield picture


# ------------------------------------------------------------------------------------- encoding


def encode(
    paths: dict[int, Path], frames: Iterator[np.ndarray], fps: int, crf: int
) -> dict[int, Path]:
    """Write the frames as H.264 in MP4, once for each distance of key frames (in frames).

    Single-threaded and deterministic; files that are there are left as they are.
    """
    absent = {gop: path for gop, path in paths.items() if not path.exists()}
    if not absent:
        return paths
    with ExitStack() as stack:
        outputs = []
        for gop, path in absent.items():
            container = stack.enter_context(av.open(str(_partial(path)), "w"))
            stream = container.add_stream(
                "libx264",
                rate=fps,
                options={"crf": str(crf), "preset": "veryfast", "g": str(gop), "threads": "1"},
            )
            stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
            outputs.append((container, stream))
        for number, picture in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24").reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, fps)
            for container, stream in outputs:
                container.mux(stream.encode(frame))
        for container, stream in outputs:
            container.mux(stream.encode(None))
    for path in absent.values():
        _partial(path).replace(path)
    return paths


def _partial(path: Path) -> Path:
    return path.with_suffix(".partial.mp4")
