"""Drawing one line of mixed N'Ko and Latin text, with a fallback font for missing glyphs.

Text is stored in logical order; shaping and direction belong to raqm. A line is cut into runs
by direction and by font coverage, and the runs are placed in visual order.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Any

from PIL import ImageDraw

from nko_assets.typeset.fonts import TYPEFACES, Typeface

FALLBACK = TYPEFACES["dejavu"]


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of text with one direction and one typeface."""

    text: str
    direction: str
    face: Typeface


def base_direction(text: str) -> str:
    """'rtl' when the first strong character of `text` is right-to-left, else 'ltr'."""
    for character in text:
        bidi = unicodedata.bidirectional(character)
        if bidi in ("R", "AL"):
            return "rtl"
        if bidi == "L":
            return "ltr"
    return "ltr"


def _directions(text: str, base: str) -> list[str]:
    """The direction of each character; neutrals between equal neighbours follow them, else the base."""
    strong: list[str | None] = []
    for character in text:
        bidi = unicodedata.bidirectional(character)
        if bidi in ("R", "AL"):
            strong.append("rtl")
        elif bidi in ("L", "EN"):
            strong.append("ltr")
        elif bidi == "NSM" and strong:
            strong.append(strong[-1])
        else:
            strong.append(None)
    following: list[str] = [base] * len(strong)
    after = base
    for index in range(len(strong) - 1, -1, -1):
        after = strong[index] or after
        following[index] = after
    before = base
    resolved: list[str] = []
    for direction, after in zip(strong, following, strict=True):
        neutral = before if before == after else base
        resolved.append(direction or neutral)
        before = direction or before
    return resolved


def split_runs(text: str, face: Typeface) -> list[Run]:
    """Cut `text` into runs, in visual order from left to right; `FALLBACK` draws what `face` cannot."""
    base = base_direction(text)
    groups: list[tuple[str, list[Run]]] = []
    for character, direction in zip(text, _directions(text, base), strict=True):
        if not groups or groups[-1][0] != direction:
            groups.append((direction, []))
        runs = groups[-1][1]
        # Marks stay with their base and spaces with their word, or shaping breaks.
        sticky = unicodedata.combining(character) or character == " "
        chosen = (
            runs[-1].face
            if runs and sticky
            else (face if face.covers(character) or not FALLBACK.covers(character) else FALLBACK)
        )
        if runs and runs[-1].face == chosen:
            runs[-1] = Run(runs[-1].text + character, direction, chosen)
        else:
            runs.append(Run(character, direction, chosen))
    if base == "rtl":
        groups.reverse()
    return [
        run
        for direction, runs in groups
        for run in (reversed(runs) if direction == "rtl" else runs)
    ]


def _language(run: Run) -> str | None:
    return "nqo" if run.direction == "rtl" else None


def measure_line(text: str, face: Typeface, size: int) -> tuple[float, int, int]:
    """Width, ascent and descent of `text` in pixels; ascent and descent are the inked extremes."""
    width, top, bottom = 0.0, 0, 0
    for run in split_runs(text, face):
        font = run.face.at(size)
        box = font.getbbox(run.text, direction=run.direction, language=_language(run), anchor="ls")
        width += font.getlength(run.text, direction=run.direction, language=_language(run))
        top, bottom = min(top, int(box[1])), max(bottom, int(box[3]))
    return width, -top, bottom


def draw_line(
    draw: ImageDraw.ImageDraw,
    left: float,
    baseline: float,
    text: str,
    face: Typeface,
    size: int,
    fill: int | str | tuple[int, ...],
) -> tuple[int, int, int, int]:
    """Draw `text` with its left edge at `left` on `baseline`; returns the inked box (x0, y0, x1, y1).

    For right-aligned text compute `left` from `measure_line`. All units are pixels.
    """
    x = left
    boxes: list[tuple[float, float, float, float]] = []
    for run in split_runs(text, face):
        font = run.face.at(size)
        options: dict[str, Any] = {"direction": run.direction, "language": _language(run)}
        draw.text((x, baseline), run.text, font=font, fill=fill, anchor="ls", **options)
        box = font.getbbox(run.text, anchor="ls", **options)
        boxes.append((x + box[0], baseline + box[1], x + box[2], baseline + box[3]))
        x += font.getlength(run.text, **options)
    if not boxes:
        return int(left), int(baseline), int(left), int(baseline)
    return (
        int(min(b[0] for b in boxes)),
        int(min(b[1] for b in boxes)),
        int(max(b[2] for b in boxes)),
        int(max(b[3] for b in boxes)),
    )
