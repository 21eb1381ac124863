"""Where every line of a slide goes: the layouts of real lessons, without drawing anything.

Positions do not depend on how many rows are visible, so a slide that builds up never moves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from math import ceil, floor
from typing import Literal

from nko_assets.sample.lessons import Header, Lesson, Row, Slide, Style
from nko_assets.typeset import TYPEFACES, Typeface, measure_line

WIDTH, HEIGHT = 1280, 720
BAR_HEIGHT = 36
CAMERA_WIDTH, CAMERA_HEIGHT = 224, 168
CAMERA_MARGIN = 8

Box = tuple[int, int, int, int]
Align = Literal["left", "right", "centre"]
Role = Literal["nko", "digits", "speaker", "latin_shown", "english", "french", "label"]

LATIN_FACE = TYPEFACES["dejavu"]
_LATIN_SHARE = 0.64  # Latin letters look as tall as N'Ko ones at this share of the size
_SMALLEST = 20


@dataclass(frozen=True, slots=True)
class PlacedLine:
    """One line of text with its place; `left` and `baseline` in pixels, `box` around its ink."""

    text: str
    role: Role
    row: Row | None
    face: Typeface
    size: int
    colour: str
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


def mix(first: str, second: str, share: float) -> str:
    """The colour that lies `share` of the way from `first` to `second`."""
    one, two = ([int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in (first, second))
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in zip(one, two, strict=True))


def lay_out(lesson: Lesson, slide_number: int, visible: int) -> SlideLayout:
    """Place slide `slide_number` (from 0) of a lesson with its first `visible` rows.

    Raises `ValueError` when its text does not fit.
    """
    slide, style = lesson.slides[slide_number], lesson.style
    layout = SlideLayout()
    area = _page(layout, style)
    if slide.layout == "blank":
        return layout
    _bar(layout, style, slide_number, len(lesson.slides))
    if slide.heading:
        area = _heading(layout, area, style, slide.heading)
    if style.page_numbers:
        area = _page_number(layout, area, style, slide_number + 1)
    _PLACERS[slide.layout](layout, area, style, slide, visible)
    for line in layout.lines:
        x0, y0, x1, y1 = line.box
        if x0 < 0 or y0 < 0 or x1 > WIDTH or y1 > HEIGHT:
            raise ValueError(
                f"{lesson.video_id}, slide {slide_number + 1}: no room for {line.text}"
            )
    return layout


def camera_box(style: Style) -> Box | None:
    """Where the moving speaker is, or None; even coordinates, as 4:2:0 video needs."""
    if style.camera is None:
        return None
    right = style.camera.endswith("right")
    x0 = WIDTH - CAMERA_WIDTH - CAMERA_MARGIN if right else CAMERA_MARGIN
    top = style.camera.startswith("top")
    y0 = BAR_HEIGHT + CAMERA_MARGIN if top else HEIGHT - CAMERA_HEIGHT - CAMERA_MARGIN
    return x0, y0, x0 + CAMERA_WIDTH, y0 + CAMERA_HEIGHT


# --- the page around the rows ---------------------------------------------------------------


def _page(layout: SlideLayout, style: Style) -> Area:
    """The page itself; returns the area inside its margins."""
    top = BAR_HEIGHT if style.bar else 0
    left = CAMERA_WIDTH + 3 * CAMERA_MARGIN if style.camera and "left" in style.camera else 0
    right = WIDTH - (CAMERA_WIDTH + 3 * CAMERA_MARGIN if style.camera == "bottom-right" else 0)
    if style.page == "pdf":
        surround = "#4a4d52"
        sheet = Area(max(left, 110), top + 16, min(right, WIDTH - 110), HEIGHT - 14)
        layout.shapes += [
            Shape("rectangle", (0, 0, WIDTH, HEIGHT), surround),
            Shape("rectangle", _inset(sheet, -3), "#33363a"),
            Shape("rectangle", _inset(sheet, 0), style.background),
        ]
        return Area(sheet.x0 + 56, sheet.y0 + 26, sheet.x1 - 56, sheet.y1 - 18)
    if style.page == "board":
        layout.shapes += [
            Shape("rectangle", (0, 0, WIDTH, HEIGHT), "#6b4a2b"),
            Shape("rectangle", (14, top + 14, WIDTH - 14, HEIGHT - 14), style.background),
        ]
        return Area(max(left, 14) + 46, top + 34, min(right, WIDTH - 14) - 46, HEIGHT - 34)
    layout.shapes.append(Shape("rectangle", (0, 0, WIDTH, HEIGHT), style.background))
    return Area(left + 60, top + 24, right - 60, HEIGHT - 26)


def _inset(area: Area, by: int) -> Box:
    return area.x0 + by, area.y0 + by, area.x1 - by, area.y1 - by


def _bar(layout: SlideLayout, style: Style, slide_number: int, slides: int) -> None:
    """The title bar of a shared window: three dots, the file's name, the page counter."""
    if not style.bar:
        return
    layout.shapes.append(Shape("rectangle", (0, 0, WIDTH, BAR_HEIGHT), "#26282c"))
    for index, colour in enumerate(("#ee5f57", "#f5bd4f", "#62c554")):
        x = 16 + 22 * index
        layout.shapes.append(Shape("ellipse", (x, 12, x + 13, 25), colour))
    small = replace_size(style, 20)
    _put(
        layout,
        style.bar,
        "label",
        None,
        small,
        colour="#d7d9dc",
        columns=(100, 700),
        baseline=25,
        align="left",
    )
    counter = f"{slide_number + 1} / {slides}"
    _put(
        layout,
        counter,
        "label",
        None,
        small,
        colour="#d7d9dc",
        columns=(1000, 1256),
        baseline=25,
        align="right",
    )


def _heading(layout: SlideLayout, area: Area, style: Style, row: Row) -> Area:
    """The slide's title with its translation at the other side, over a rule."""
    size = round(style.size * 1.12)
    baseline = area.y0 + round(size * 1.05)
    middle = area.x0 + area.width // 2
    if row.nko:
        _put(
            layout,
            row.nko,
            "nko",
            row,
            replace_size(style, size),
            colour=style.accent,
            columns=(middle, area.x1),
            baseline=baseline,
            align="right",
        )
    latin = replace_size(style, round(size * _LATIN_SHARE))
    for role, text in _translations(row):
        _put(
            layout,
            text,
            role,
            row,
            latin,
            colour=style.accent,
            columns=(area.x0, middle - 30),
            baseline=baseline,
            align="left",
        )
    rule = baseline + round(size * 0.5)
    layout.shapes.append(Shape("rectangle", (area.x0, rule, area.x1, rule + 3), style.accent))
    return replace(area, y0=rule + 14)


def _page_number(layout: SlideLayout, area: Area, style: Style, number: int) -> Area:
    digits = "".join(chr(0x07C0 + int(digit)) for digit in str(number))
    small = replace_size(style, 30)
    _put(
        layout,
        digits,
        "digits",
        None,
        small,
        colour=style.translation,
        columns=(area.x0, area.x1),
        baseline=area.y1 - 2,
        align="centre",
    )
    return replace(area, y1=area.y1 - 44)


# --- lines ----------------------------------------------------------------------------------


def replace_size(style: Style, size: int) -> Style:
    """The same style with another size of text (not validated: small print is allowed here)."""
    return style.model_copy(update={"size": size})


def _translations(row: Row) -> Iterator[tuple[Role, str]]:
    if row.english:
        yield "english", row.english
    if row.french:
        yield "french", row.french


def _face(style: Style, role: Role) -> Typeface:
    return TYPEFACES[style.typeface] if role in ("nko", "digits", "speaker") else LATIN_FACE


def _put(
    layout: SlideLayout,
    text: str,
    role: Role,
    row: Row | None,
    style: Style,
    *,
    colour: str,
    columns: tuple[int, int],
    baseline: int,
    align: Align,
) -> PlacedLine:
    """Place one line between two columns of pixels, set smaller until it fits."""
    face, size = _face(style, role), style.size
    width, ascent, descent = measure_line(text, face, size)
    room = columns[1] - columns[0]
    while width > room:
        size -= 1
        if size < min(_SMALLEST, style.size):
            raise ValueError(f"no room for {text!r} in {room} pixels")
        width, ascent, descent = measure_line(text, face, size)
    left = {
        "left": columns[0],
        "right": columns[1] - width,
        "centre": (columns[0] + columns[1] - width) / 2,
    }[align]
    box = (floor(left), baseline - ascent, ceil(left + width), baseline + descent)
    line = PlacedLine(text, role, row, face, size, colour, left, baseline, box)
    layout.lines.append(line)
    return line


# --- the layouts ----------------------------------------------------------------------------


def _slots(area: Area, count: int, tallest: int) -> list[Area]:
    """`count` equal rows from the top of `area`, none taller than `tallest`."""
    pitch = min(area.height / count, tallest)
    tops = [area.y0 + round(index * pitch) for index in range(count + 1)]
    return [replace(area, y0=top, y1=below) for top, below in pairwise(tops)]


def _columns(layout: SlideLayout, area: Area, style: Style, slide: Slide, visible: int) -> None:
    """N'Ko on the right, its translation on the left."""
    latin = replace_size(style, round(style.size * _LATIN_SHARE))
    middle = area.x0 + area.width // 2
    for row, slot in zip(
        slide.rows[:visible], _slots(area, len(slide.rows), round(style.size * 2.7)), strict=False
    ):
        baseline = slot.y0 + round(slot.height / 2 + style.size * 0.28)
        if row.nko:
            _put(
                layout,
                row.nko,
                "nko",
                row,
                style,
                colour=style.ink,
                columns=(middle + 20, area.x1),
                baseline=baseline,
                align="right",
            )
        start = area.x0
        for role, text in _translations(row):
            _put(
                layout,
                text,
                role,
                row,
                latin,
                colour=style.translation,
                columns=(start, middle - 40),
                baseline=baseline,
                align="left",
            )


def _under_each_other(
    layout: SlideLayout, area: Area, style: Style, slide: Slide, visible: int, *, align: Align
) -> None:
    latin = replace_size(style, round(style.size * _LATIN_SHARE))
    step = round(latin.size * 1.5)
    tallest = max(_stack_height(row, style, step) for row in slide.rows)
    if tallest * len(slide.rows) > area.height:
        raise ValueError(f"{len(slide.rows)} rows of {tallest} px do not fit in {area.height} px")
    gap = (area.height - tallest * len(slide.rows)) / len(slide.rows)
    pitch = tallest + round(min(gap, style.size * 0.9))
    if align == "centre":
        area = replace(area, y0=area.y0 + (area.height - pitch * len(slide.rows)) // 2)
    for row, slot in zip(slide.rows[:visible], _slots(area, len(slide.rows), pitch), strict=False):
        baseline = slot.y0 + round(style.size * 1.15)
        if row.nko:
            _put(
                layout,
                row.nko,
                "nko",
                row,
                style,
                colour=style.ink,
                columns=(area.x0, area.x1),
                baseline=baseline,
                align=align,
            )
            baseline += round(style.size * 0.25)
        if row.latin:
            baseline += step
            _put(
                layout,
                row.latin,
                "latin_shown",
                row,
                latin,
                colour=style.accent,
                columns=(area.x0, area.x1),
                baseline=baseline,
                align=align,
            )
        for role, text in _translations(row):
            baseline += step
            _put(
                layout,
                text,
                role,
                row,
                latin,
                colour=style.translation,
                columns=(area.x0, area.x1),
                baseline=baseline,
                align=align,
            )


def _stack_height(row: Row, style: Style, step: int) -> int:
    latin_lines = bool(row.latin) + bool(row.english) + bool(row.french)
    return round(style.size * (1.75 if row.nko else 0.4)) + step * latin_lines


def _stacked(layout: SlideLayout, area: Area, style: Style, slide: Slide, visible: int) -> None:
    """N'Ko in the middle of the page, its translation under it."""
    _under_each_other(layout, area, style, slide, visible, align="centre")


def _three_lines(layout: SlideLayout, area: Area, style: Style, slide: Slide, visible: int) -> None:
    """N'Ko, its romanization and its translation, flush right."""
    _under_each_other(layout, area, style, slide, visible, align="right")


def _table(layout: SlideLayout, area: Area, style: Style, slide: Slide, visible: int) -> None:
    """Ruled columns from right to left: digits, N'Ko, English, French."""
    latin = replace_size(style, round(style.size * _LATIN_SHARE))
    edges = _table_edges(area, slide.rows)
    if slide.header:
        area = _table_header(layout, area, latin, slide.header, edges)
    rule = mix(style.background, style.ink, 0.25)
    for index, slot in enumerate(_slots(area, len(slide.rows), round(style.size * 2.0))):
        layout.shapes.append(Shape("rectangle", (area.x0, slot.y1, area.x1, slot.y1 + 2), rule))
        if index >= visible:
            continue
        row = slide.rows[index]
        baseline = slot.y0 + round(slot.height / 2 + style.size * 0.28)
        if row.digits:
            _put(
                layout,
                row.digits,
                "digits",
                row,
                style,
                colour=style.accent,
                columns=edges["digits"],
                baseline=baseline,
                align="right",
            )
        if row.nko:
            _put(
                layout,
                row.nko,
                "nko",
                row,
                style,
                colour=style.ink,
                columns=edges["nko"],
                baseline=baseline,
                align="right",
            )
        for role, text in _translations(row):
            _put(
                layout,
                text,
                role,
                row,
                latin,
                colour=style.translation,
                columns=edges[role],
                baseline=baseline,
                align="left",
            )


def _table_header(
    layout: SlideLayout, area: Area, latin: Style, header: Header, edges: dict[str, tuple[int, int]]
) -> Area:
    height = round(latin.size * 2)
    band = (area.x0, area.y0, area.x1, area.y0 + height)
    layout.shapes.append(Shape("rectangle", band, latin.accent))
    baseline = area.y0 + round(latin.size * 1.35)
    for name, label in (("english", header.english), ("french", header.french)):
        if label:
            _put(
                layout,
                label,
                "label",
                None,
                latin,
                colour=latin.background,
                columns=edges[name],
                baseline=baseline,
                align="left",
            )
    return replace(area, y0=area.y0 + height)


def _table_edges(area: Area, rows: Sequence[Row]) -> dict[str, tuple[int, int]]:
    """The left and right edge of each column that the rows need."""
    shares = {
        "french": 0.30 if any(row.french for row in rows) else 0,
        "english": 0.30 if any(row.english for row in rows) else 0,
        "nko": 0.40,
        "digits": 0.20 if any(row.digits for row in rows) else 0,
    }
    whole, x, edges = sum(shares.values()), float(area.x0), {}
    for name, share in shares.items():
        after = x + area.width * share / whole
        edges[name] = (round(x) + 14, round(after) - 14)
        x = after
    return edges


def _dialogue(layout: SlideLayout, area: Area, style: Style, slide: Slide, visible: int) -> None:
    """Turns in speech bubbles, each speaker on a side, the name above."""
    latin = replace_size(style, round(style.size * _LATIN_SHARE))
    name_style = replace_size(style, round(style.size * 0.8))
    speakers = list(dict.fromkeys(row.speaker for row in slide.rows))
    slots = _slots(area, len(slide.rows), round(style.size * 4.2))
    for row, slot in zip(slide.rows[:visible], slots, strict=False):
        on_right = speakers.index(row.speaker) % 2 == 0
        colour = style.accent if on_right else mix(style.accent, style.ink, 0.5)
        shades = Shape("ellipse", (0, 0, 0, 0), colour)
        top = slot.y0 + round(style.size * 1.15)
        texts = SlideLayout()
        columns = (area.x0 + 84, area.x1 - 84)
        baseline = top + round(style.size * 1.2)
        align: Align = "right" if on_right else "left"
        if row.nko:
            _put(
                texts,
                row.nko,
                "nko",
                row,
                style,
                colour=style.ink,
                columns=columns,
                baseline=baseline,
                align=align,
            )
        for role, text in _translations(row):
            baseline += round(latin.size * 1.65)
            _put(
                texts,
                text,
                role,
                row,
                latin,
                colour=style.translation,
                columns=columns,
                baseline=baseline,
                align=align,
            )
        left = min(line.box[0] for line in texts.lines) - 20
        right = max(line.box[2] for line in texts.lines) + 20
        bottom = baseline + round(latin.size * 0.75)
        circle = area.x1 - 50 if on_right else area.x0
        layout.shapes += [
            replace(shades, box=(circle, top, circle + 50, top + 50)),
            Shape("rectangle", (left, top, right, bottom), mix(style.background, colour, 0.16), 18),
        ]
        if row.speaker:
            _put(
                layout,
                row.speaker,
                "speaker",
                row,
                name_style,
                colour=colour,
                columns=columns,
                baseline=top - round(name_style.size * 0.35),
                align=align,
            )
        layout.lines += texts.lines


def _prose(layout: SlideLayout, area: Area, style: Style, slide: Slide, visible: int) -> None:
    """Running text, broken into lines that fill the page, flush right."""
    lines = [
        (row, text)
        for row in slide.rows[:visible]
        for text in wrap(row.nko or "", TYPEFACES[style.typeface], style.size, area.width)
    ]
    for (row, text), slot in zip(
        lines, _slots(area, max(len(lines), 1), round(style.size * 1.9)), strict=True
    ):
        baseline = slot.y0 + round(style.size * 1.2)
        _put(
            layout,
            text,
            "nko",
            row,
            style,
            colour=style.ink,
            columns=(area.x0, area.x1),
            baseline=baseline,
            align="right",
        )


def wrap(text: str, face: Typeface, size: int, width: int) -> list[str]:
    """Break `text` at spaces into lines no wider than `width` pixels."""
    lines: list[str] = []
    for word in text.split():
        if lines and measure_line(f"{lines[-1]} {word}", face, size)[0] <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


_PLACERS: dict[str, Callable[[SlideLayout, Area, Style, Slide, int], None]] = {
    "columns": _columns,
    "stacked": _stacked,
    "three-lines": _three_lines,
    "table": _table,
    "dialogue": _dialogue,
    "prose": _prose,
}
