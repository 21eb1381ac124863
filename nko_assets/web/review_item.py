"""What the review page shows of an item: its place on the frame, and what each reader read there."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from PIL import Image

from nko_assets.nko import normalize, romanize, validate
from nko_assets.nko.validate import Signal
from nko_assets.reading.decisions import HumanDecision
from nko_assets.reading.reviews import ReviewItem, Said
from nko_assets.reading.reviews.differences import Compared, Difference, Piece, compare
from nko_assets.resources.lake import Lake
from nko_assets.resources.pictures import frame_jpeg

# Characters of a note, and of a correction unless what was read is long itself.
LONGEST_TEXT: Final = 2_000
# Of the height of the line, so that marks above and below it are seen; and pixels at the least.
_MARGIN: Final = 0.35
_LEAST_MARGIN: Final = 8.0
# Pixels between the letters and the line that is drawn around them.
_FREE: Final = 6
_TEXTS: Final = ("nko", "english", "french")


@dataclass(frozen=True, slots=True)
class Picture:
    """The frame of an item: pixels, and the box of the line in them where it is known."""

    url: str
    width: int
    height: int
    box: tuple[int, int, int, int] | None

    @property
    def outline(self) -> tuple[int, int, int, int]:
        """Left, top, width and height of a rectangle that leaves the line's letters free."""
        assert self.box is not None  # noqa: S101  asked for where there is a box
        x0, y0, x1, y1 = self.box
        return x0 - _FREE, y0 - _FREE, x1 - x0 + 2 * _FREE, y1 - y0 + 2 * _FREE

    @property
    def around(self) -> str:
        """The line with a margin, as the viewBox of an SVG."""
        assert self.box is not None  # noqa: S101  asked for where there is a box
        x0, y0, x1, y1 = self.box
        margin = max(_MARGIN * (y1 - y0), _LEAST_MARGIN)
        left, top = max(x0 - margin, 0), max(y0 - margin, 0)
        width, height = min(x1 + margin, self.width) - left, min(y1 + margin, self.height) - top
        return f"{left:g} {top:g} {width:g} {height:g}"


@dataclass(frozen=True, slots=True)
class Other:
    """What another reader read, marked where it differs from the reading; empty for nothing."""

    reader: str
    nko: str
    latin: str
    pieces: tuple[Piece, ...]
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Correction:
    """What stands in the fields of a correction."""

    nko: str
    english: str
    french: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a text says by rule: its Latin with the tones that are marked, and what speaks against it."""

    latin: str
    signals: Sequence[Signal]


def picture_of(lake: Lake, item: ReviewItem) -> Picture | None:
    """The frame of `item`; None when `lake` does not have it."""
    jpeg = frame_jpeg(lake, item.frame_id)
    if jpeg is None:
        return None
    with Image.open(io.BytesIO(jpeg)) as image:
        width, height = image.size
    url = f"/api/frames/{quote(item.frame_id, safe=':')}"
    return Picture(url, width, height, _within(item.box, width, height))


def _within(box: Sequence[int], width: int, height: int) -> tuple[int, int, int, int] | None:
    """The part of the box that is on the frame; None when there is none."""
    if len(box) != 4:
        return None
    x0, y0, x1, y1 = box
    x0, y0, x1, y1 = max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)
    return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None


def preview(nko: str, english: str | None = None) -> Preview:
    """What is shown while `nko` is typed."""
    text = normalize(nko)
    return Preview(
        romanize(text, marked=True), validate(nko, english=english or None) if text else ()
    )


def corrected(decision: HumanDecision | None) -> dict[str, str]:
    """The texts that a correction set, by their names; none where there is no correction."""
    if decision is None or decision.verdict != "correct":
        return {}
    texts = {name: getattr(decision, name) for name in _TEXTS}
    return {name: text for name, text in texts.items() if text is not None}


def longest_correction(item: ReviewItem) -> int:
    """How many characters a text of a correction of `item` may have, to have room for what is there."""
    there = [item.nko, *_as_it_stands(item), *(said.nko for said in item.said)]
    return max(LONGEST_TEXT, 2 * max(len(text) for text in there))


def shown(lake: Lake, item: ReviewItem, typed: Correction | None = None) -> dict[str, Any]:
    """What the template of an item wants to know of it, with what was `typed` in its fields.

    First comes the text as it stands: as it was read, or as it was corrected, and then what was
    read is the first of the others. It is marked against the first of these that differs, each of
    these against it.
    """
    nko, english, french = _as_it_stands(item)
    standing = corrected(item.decision)
    reader = item.said[0].reader if item.said else ""
    others = [Said(reader, item.nko), *item.said[1:]] if standing else item.said[1:]
    compared = [(said, compare(normalize(nko), normalize(said.nko))) for said in others]
    fields = typed or Correction(nko, english, french)
    return {
        "item": item,
        "picture": picture_of(lake, item),
        "corrected_by": item.decision.by if item.decision and standing else None,
        "reader": reader,
        "stands": {"english": english, "french": french},
        "latin": romanize(nko, marked=True),
        "pieces": _marked_against(normalize(nko), [found for _, found in compared]),
        "others": [
            Other(
                said.reader,
                said.nko,
                romanize(said.nko, marked=True),
                found.there,
                found.differences if said.nko else (),
            )
            for said, found in compared
        ],
        "fields": fields,
        "writing": typed is not None,
        "preview": preview(fields.nko, fields.english),
        "longest": longest_correction(item),
        "longest_note": LONGEST_TEXT,
    }


def _marked_against(nko: str, compared: Sequence[Compared]) -> tuple[Piece, ...]:
    for found in compared:
        if found.differences and found.there:
            return found.here
    return (Piece(nko, None),) if nko else ()


def _as_it_stands(item: ReviewItem) -> tuple[str, str, str]:
    """N'Ko, English and French with the correction that is in effect, where there is one."""
    read = (item.nko, item.english, item.french)
    changed = corrected(item.decision)
    nko, english, french = (
        changed.get(name, was) or "" for name, was in zip(_TEXTS, read, strict=True)
    )
    return nko, english, french
