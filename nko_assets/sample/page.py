"""What a slide is placed on: the page, its title bar, heading and number, and lines put on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from math import ceil, floor
from typing import Literal

from nko_assets.nko.characters import DIGITS
from nko_assets.sample.lessons import Row, Style
from nko_assets.typeset import TYPEFACES, Typeface, measure_line

WIDTH, HEIGHT = 1280, 720
BAR_HEIGHT = 36
FOOT_HEIGHT = 44
CAMERA_WIDTH, CAMERA_HEIGHT = 224, 168
CAMERA_MARGIN = 8

Box = tuple[int, int, int, int]
"""x0, y0, x1, y1 in pixels of the frame, y downwards."""
Align = Literal["left", "right", "centre"]
Role = Literal["nko", "digits", "speaker", "latin_shown", "english", "french", "label"]

_LATIN_FACE = TYPEFACES["dejavu"]
_LATIN_SHARE = 0.64  # Latin letters look as tall as N'Ko ones at this share of the size
_SMALLEST = 20


@dataclass(frozen=True, slots=True)
class Piece:
    """A line of text, what it is, and the row it belongs to."""

    text: str
    role: Role
    row: Row | None = None


@dataclass(frozen=True, slots=True)
class Pen:
    """What text is written with; `size` in pixels."""

    face: Typeface
    size: int
    colour: str

    @classmethod
    def for_nko(cls, style: Style, share: float = 1.0) -> Pen:
        """The pen of a lesson's N'Ko, at a share of its size."""
        return cls(TYPEFACES[style.typeface], round(style.size * share), style.ink)

    @classmethod
    def for_latin(cls, style: Style, share: float = 1.0) -> Pen:
        """The pen of a lesson's translations, at a share of their size."""
        return cls(_LATIN_FACE, round(style.size * share * _LATIN_SHARE), style.translation)

    def coloured(self, colour: str) -> Pen:
        """The same pen with another colour."""
        return replace(self, colour=colour)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a line goes: between two columns of pixels, on a baseline."""

    x0: int
    x1: int
    baseline: int
    align: Align


@dataclass(frozen=True, slots=True)
class PlacedLine:
    """A line with its place; `left` and `baseline` in pixels, `box` around its ink."""

    piece: Piece
    pen: Pen
    left: float
    baseline: int
    box: Box


@dataclass(frozen=True, slots=True)
class Shape:
    """Something drawn below the text."""

    kind: Literal["rectangle", "ellipse"]
    box: Box
    fill: str
    radius: int = 0


@dataclass(slots=True)
class SlideLayout:
    """A state of a slide, placed: what lies below, and the lines in reading order."""

    shapes: list[Shape] = field(default_factory=list)
    lines: list[PlacedLine] = field(default_factory=list)

    def fill(self, box: Box, colour: str, radius: int = 0) -> None:
        """Lay a rectangle."""
        self.shapes.append(Shape("rectangle", box, colour, radius))

    def put(self, piece: Piece, pen: Pen, place: Place) -> None:
        """Place one line, set smaller until it fits; raises `ValueError` when it never does."""
        room, size = place.x1 - place.x0, pen.size
        width, ascent, descent = measure_line(piece.text, pen.face, size)
        while width > room:
            size -= 1
            if size < min(_SMALLEST, pen.size):
                raise ValueError(f"no room for {piece.text!r} in {room} pixels")
            width, ascent, descent = measure_line(piece.text, pen.face, size)
        left = {
            "left": place.x0,
            "right": place.x1 - width,
            "centre": (place.x0 + place.x1 - width) / 2,
        }[place.align]
        top, bottom = place.baseline - ascent, place.baseline + descent
        box = (floor(left), top, ceil(left + width), bottom)
        self.lines.append(PlacedLine(piece, replace(pen, size=size), left, place.baseline, box))


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle to place things in, in pixels."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def width(self) -> int:
        """Pixels from left to right."""
        return self.x1 - self.x0

    @property
    def height(self) -> int:
        """Pixels from top to bottom."""
        return self.y1 - self.y0

    def grown(self, by: int) -> Box:
        """The box `by` pixels larger on each side."""
        return self.x0 - by, self.y0 - by, self.x1 + by, self.y1 + by


def mix(first: str, second: str, share: float) -> str:
    """The colour that lies `share` of the way from `first` to `second`."""
    one, two = ([int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in (first, second))
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in zip(one, two, strict=True))


def translations(row: Row) -> Iterator[Piece]:
    """The translations that a row shows, English first."""
    if row.english:
        yield Piece(row.english, "english", row)
    if row.french:
        yield Piece(row.french, "french", row)


def camera_box(style: Style) -> Box | None:
    """Where the moving speaker is, or None; even coordinates, as 4:2:0 video needs."""
    if style.camera is None:
        return None
    right, top = style.camera.endswith("right"), style.camera.startswith("top")
    x0 = WIDTH - CAMERA_WIDTH - CAMERA_MARGIN if right else CAMERA_MARGIN
    y0 = BAR_HEIGHT + CAMERA_MARGIN if top else HEIGHT - CAMERA_HEIGHT - CAMERA_MARGIN
    return x0, y0, x0 + CAMERA_WIDTH, y0 + CAMERA_HEIGHT


def lay_page(layout: SlideLayout, style: Style) -> Area:
    """Lay the page; returns the area inside its margins, clear of the speaker."""
    top = BAR_HEIGHT if style.bar else 0
    aside = CAMERA_WIDTH + 3 * CAMERA_MARGIN
    left = aside if style.camera and style.camera.endswith("left") else 0
    right = WIDTH - (aside if style.camera and style.camera.endswith("right") else 0)
    if style.page == "pdf":
        sheet = Area(max(left, 110), top + 16, min(right, WIDTH - 110), HEIGHT - 14)
        layout.fill((0, 0, WIDTH, HEIGHT), "#4a4d52")
        layout.fill(sheet.grown(3), "#33363a")
        layout.fill(sheet.grown(0), style.background)
        return Area(sheet.x0 + 56, sheet.y0 + 26, sheet.x1 - 56, sheet.y1 - 18)
    if style.page == "board":
        layout.fill((0, 0, WIDTH, HEIGHT), "#6b4a2b")
        layout.fill((14, top + 14, WIDTH - 14, HEIGHT - 14), style.background)
        return Area(max(left, 14) + 46, top + 34, min(right, WIDTH - 14) - 46, HEIGHT - 34)
    layout.fill((0, 0, WIDTH, HEIGHT), style.background)
    return Area(left + 60, top + 24, right - 60, HEIGHT - 26)


def lay_bar(layout: SlideLayout, name: str, number: int, slides: int) -> None:
    """Lay the title bar of a shared window: three dots, the file's name, the page counter."""
    layout.fill((0, 0, WIDTH, BAR_HEIGHT), "#26282c")
    for index, colour in enumerate(("#ee5f57", "#f5bd4f", "#62c554")):
        x = 16 + 22 * index
        layout.shapes.append(Shape("ellipse", (x, 12, x + 13, 25), colour))
    pen = Pen(_LATIN_FACE, 20, "#d7d9dc")
    layout.put(Piece(name, "label"), pen, Place(100, 700, 25, "left"))
    layout.put(Piece(f"{number} / {slides}", "label"), pen, Place(1000, 1256, 25, "right"))


def lay_heading(layout: SlideLayout, area: Area, style: Style, row: Row) -> Area:
    """Lay the title, its translation at the other side, over a rule; returns the area below."""
    nko = Pen.for_nko(style, 1.12).coloured(style.accent)
    latin = Pen.for_latin(style, 1.12).coloured(style.accent)
    baseline = area.y0 + round(nko.size * 1.05)
    middle = area.x0 + area.width // 2
    if row.nko:
        layout.put(Piece(row.nko, "nko", row), nko, Place(middle, area.x1, baseline, "right"))
    for piece in translations(row):
        layout.put(piece, latin, Place(area.x0, middle - 30, baseline, "left"))
    rule = baseline + round(nko.size * 0.5)
    layout.fill((area.x0, rule, area.x1, rule + 3), style.accent)
    return replace(area, y0=rule + 14)


def lay_page_number(layout: SlideLayout, area: Area, style: Style, number: int) -> None:
    """Lay the number of the page in N'Ko digits at its foot."""
    digits = "".join(DIGITS[int(digit)] for digit in str(number))
    pen = replace(Pen.for_nko(style), size=30, colour=style.translation)
    layout.put(Piece(digits, "digits"), pen, Place(area.x0, area.x1, area.y1 - 2, "centre"))
