"""Where the rows of a slide go: the layouts of real lessons, without drawing anything.

Positions do not depend on how many rows are visible, so a slide that builds up never moves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

from nko_assets.sample.lessons import Header, Lesson, Row, Slide, Style
from nko_assets.sample.page import (
    FOOT_HEIGHT,
    HEIGHT,
    WIDTH,
    Align,
    Area,
    Pen,
    Piece,
    Place,
    Shape,
    SlideLayout,
    lay_bar,
    lay_heading,
    lay_page,
    lay_page_number,
    mix,
    translations,
)
from nko_assets.typeset import measure_line


def lay_out(lesson: Lesson, slide_number: int, visible: int) -> SlideLayout:
    """Place slide `slide_number` (from 0) of a lesson with its first `visible` rows.

    Raises `ValueError` when its text does not fit.
    """
    slide, style = lesson.slides[slide_number], lesson.style
    layout = SlideLayout()
    area = lay_page(layout, style)
    if slide.layout == "blank":
        return layout
    if style.bar:
        lay_bar(layout, style.bar, slide_number + 1, len(lesson.slides))
    if slide.heading:
        area = lay_heading(layout, area, style, slide.heading)
    above = replace(area, y1=area.y1 - FOOT_HEIGHT) if style.page_numbers else area
    _LAYOUTS[slide.layout](layout, above, style, slide, visible)
    if style.page_numbers:
        lay_page_number(layout, area, style, slide_number + 1)
    for line in layout.lines:
        x0, y0, x1, y1 = line.box
        if x0 < 0 or y0 < 0 or x1 > WIDTH or y1 > HEIGHT:
            raise ValueError(
                f"{lesson.video_id}, slide {slide_number + 1}: no room for {line.piece.text!r}"
            )
    return layout


def _slots(area: Area, count: int, tallest: int) -> list[Area]:
    """`count` equal rows from the top of `area`, none taller than `tallest`."""
    pitch = min(area.height / count, tallest)
    tops = [area.y0 + round(index * pitch) for index in range(count + 1)]
    return [replace(area, y0=top, y1=below) for top, below in pairwise(tops)]


def _middle(slot: Area, size: int) -> int:
    """The baseline that centres letters of a size in a slot."""
    return slot.y0 + round(slot.height / 2 + size * 0.28)


def _columns(layout: SlideLayout, area: Area, style: Style, slide: Slide, visible: int) -> None:
    """N'Ko on the right, its translation on the left."""
    nko, latin = Pen.for_nko(style), Pen.for_latin(style)
    middle = area.x0 + area.width // 2
    slots = _slots(area, len(slide.rows), round(style.size * 2.7))
    for row, slot in zip(slide.rows[:visible], slots, strict=False):
        baseline = _middle(slot, style.size)
        if row.nko:
            place = Place(middle + 20, area.x1, baseline, "right")
            layout.put(Piece(row.nko, "nko", row), nko, place)
        for piece in translations(row):
            layout.put(piece, latin, Place(area.x0, middle - 40, baseline, "left"))


def _stacked(layout: SlideLayout, area: Area, style: Style, slide: Slide, visible: int) -> None:
    """N'Ko in the middle of the page, its translation under it."""
    _under_each_other(layout, area, style, slide, visible, align="centre")


def _three_lines(layout: SlideLayout, area: Area, style: Style, slide: Slide, visible: int) -> None:
    """N'Ko, its romanization and its translation, flush right."""
    _under_each_other(layout, area, style, slide, visible, align="right")


def _under_each_other(
    layout: SlideLayout, area: Area, style: Style, slide: Slide, visible: int, *, align: Align
) -> None:
    nko, latin = Pen.for_nko(style), Pen.for_latin(style)
    step, count = round(latin.size * 1.5), len(slide.rows)
    tallest = max(
        round(style.size * (1.75 if row.nko else 0.4)) + step * len(_under(row))
        for row in slide.rows
    )
    if tallest * count > area.height:
        raise ValueError(f"{count} rows of {tallest} px do not fit in {area.height} px")
    pitch = min(area.height // count, tallest + round(style.size * 0.9))
    if align == "centre":
        area = replace(area, y0=area.y0 + (area.height - pitch * count) // 2)
    for row, slot in zip(slide.rows[:visible], _slots(area, count, pitch), strict=False):
        baseline = slot.y0 + round(style.size * 1.15)
        if row.nko:
            place = Place(area.x0, area.x1, baseline, align)
            layout.put(Piece(row.nko, "nko", row), nko, place)
            baseline += round(style.size * 0.25)
        for piece in _under(row):
            baseline += step
            pen = latin.coloured(style.accent) if piece.role == "latin_shown" else latin
            layout.put(piece, pen, Place(area.x0, area.x1, baseline, align))


def _under(row: Row) -> list[Piece]:
    """What stands under the N'Ko of a row: the romanization, then the translations."""
    shown = [Piece(row.latin, "latin_shown", row)] if row.latin else []
    return [*shown, *translations(row)]


def _table(layout: SlideLayout, area: Area, style: Style, slide: Slide, visible: int) -> None:
    """Ruled columns from right to left: digits, N'Ko, English, French."""
    nko, latin = Pen.for_nko(style), Pen.for_latin(style)
    edges = _table_edges(area, slide.rows)
    if slide.header:
        area = _table_header(layout, area, style, slide.header, edges)
    rule = mix(style.background, style.ink, 0.25)
    slots = _slots(area, len(slide.rows), round(style.size * 2.0))
    for slot in slots:
        layout.fill((area.x0, slot.y1, area.x1, slot.y1 + 2), rule)
    for row, slot in zip(slide.rows[:visible], slots, strict=False):
        baseline = _middle(slot, style.size)
        if row.digits:
            place = Place(*edges["digits"], baseline, "right")
            layout.put(Piece(row.digits, "digits", row), nko.coloured(style.accent), place)
        if row.nko:
            layout.put(Piece(row.nko, "nko", row), nko, Place(*edges["nko"], baseline, "right"))
        for piece in translations(row):
            layout.put(piece, latin, Place(*edges[piece.role], baseline, "left"))


def _table_header(
    layout: SlideLayout, area: Area, style: Style, header: Header, edges: dict[str, tuple[int, int]]
) -> Area:
    pen = Pen.for_latin(style).coloured(style.background)
    bottom = area.y0 + round(pen.size * 2)
    layout.fill((area.x0, area.y0, area.x1, bottom), style.accent)
    for name, label in (("english", header.english), ("french", header.french)):
        if label:
            place = Place(*edges[name], area.y0 + round(pen.size * 1.35), "left")
            layout.put(Piece(label, "label"), pen, place)
    return replace(area, y0=bottom)


def _table_edges(area: Area, rows: Sequence[Row]) -> dict[str, tuple[int, int]]:
    """The left and right edge of each column that the rows need."""
    shares = {
        "french": 0.30 if any(row.french for row in rows) else 0,
        "english": 0.30 if any(row.english for row in rows) else 0,
        "nko": 0.40,
        "digits": 0.20 if any(row.digits for row in rows) else 0,
    }
    whole, x = sum(shares.values()), float(area.x0)
    edges: dict[str, tuple[int, int]] = {}
    for name, share in shares.items():
        after = x + area.width * share / whole
        edges[name] = (round(x) + 14, round(after) - 14)
        x = after
    return edges


def _dialogue(layout: SlideLayout, area: Area, style: Style, slide: Slide, visible: int) -> None:
    """Turns in speech bubbles, each speaker on a side, the name above."""
    names = list(dict.fromkeys(row.speaker for row in slide.rows))
    slots = _slots(area, len(slide.rows), round(style.size * 4.2))
    for row, slot in zip(slide.rows[:visible], slots, strict=False):
        _turn(layout, slot, style, row, on_right=names.index(row.speaker) % 2 == 0)


def _turn(layout: SlideLayout, slot: Area, style: Style, row: Row, *, on_right: bool) -> None:
    latin, name = Pen.for_latin(style), Pen.for_nko(style, 0.8)
    colour = style.accent if on_right else mix(style.accent, style.ink, 0.5)
    x0, x1 = slot.x0 + 84, slot.x1 - 84
    align: Align = "right" if on_right else "left"
    top = slot.y0 + round(style.size * 1.15)
    baseline = top + round(style.size * 1.2)
    if row.speaker:
        place = Place(x0, x1, top - round(name.size * 0.35), align)
        layout.put(Piece(row.speaker, "speaker", row), name.coloured(colour), place)
    said = SlideLayout()
    if row.nko:
        place = Place(x0, x1, baseline, align)
        said.put(Piece(row.nko, "nko", row), Pen.for_nko(style), place)
    for piece in translations(row):
        baseline += round(latin.size * 1.65)
        said.put(piece, latin, Place(x0, x1, baseline, align))
    left = min(line.box[0] for line in said.lines) - 20
    right = max(line.box[2] for line in said.lines) + 20
    bubble = (left, top, right, baseline + round(latin.size * 0.75))
    layout.fill(bubble, mix(style.background, colour, 0.16), radius=18)
    circle = slot.x1 - 50 if on_right else slot.x0
    layout.shapes.append(Shape("ellipse", (circle, top, circle + 50, top + 50), colour))
    layout.lines += said.lines


def _prose(layout: SlideLayout, area: Area, style: Style, slide: Slide, visible: int) -> None:
    """Running text that fills the page from the right, each paragraph over its translations."""
    nko, latin = Pen.for_nko(style), Pen.for_latin(style)
    baseline = area.y0
    for row in slide.rows[:visible]:
        for piece in _broken(Piece(row.nko or "", "nko", row), nko, area.width):
            baseline += round(nko.size * 1.75)
            layout.put(piece, nko, Place(area.x0, area.x1, baseline, "right"))
        for translation in translations(row):
            baseline += round(latin.size * 0.4)
            for piece in _broken(translation, latin, area.width):
                baseline += round(latin.size * 1.5)
                layout.put(piece, latin, Place(area.x0, area.x1, baseline, "left"))
        baseline += round(style.size * 0.25)
    if baseline > area.y1:
        raise ValueError(f"the text needs {baseline - area.y1} px more than there are")


def _broken(piece: Piece, pen: Pen, width: int) -> list[Piece]:
    """The piece broken at spaces into lines no wider than `width` pixels."""
    lines: list[str] = []
    for word in piece.text.split():
        if lines and measure_line(f"{lines[-1]} {word}", pen.face, pen.size)[0] <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return [replace(piece, text=line) for line in lines]


_LAYOUTS: dict[str, Callable[[SlideLayout, Area, Style, Slide, int], None]] = {
    "columns": _columns,
    "stacked": _stacked,
    "three-lines": _three_lines,
    "table": _table,
    "dialogue": _dialogue,
    "prose": _prose,
}
