"""The typefaces that ship with the package, and which characters each can draw."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

FONT_FOLDER = Path(__file__).parent / "fonts"


@dataclass(frozen=True, slots=True)
class Typeface:
    """One font file: its name, the file inside the package, and its licence."""

    name: str
    file: str
    licence: str

    @property
    def path(self) -> Path:
        """Where the file lies."""
        return FONT_FOLDER / self.file

    def at(self, size: int) -> ImageFont.FreeTypeFont:
        """The font at `size` pixels, laid out by raqm (joined, right to left where the text is)."""
        return _load(str(self.path), size)

    def covers(self, character: str) -> bool:
        """Whether the font has a glyph for `character`."""
        return ord(character) in _coverage(str(self.path))


@lru_cache(maxsize=256)
def _load(path: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.RAQM)


@lru_cache(maxsize=32)
def _coverage(path: str) -> frozenset[int]:
    from fontTools.ttLib import TTFont

    with TTFont(path, lazy=True) as font:
        return frozenset(font.getBestCmap())


TYPEFACES: dict[str, Typeface] = {
    face.name: face
    for face in (
        Typeface("noto", "NotoSansNKo-Regular.ttf", "OFL-1.1"),
        Typeface("noto-unjoined", "NotoSansNKoUnjoined-Regular.ttf", "OFL-1.1"),
        Typeface("dejavu", "DejaVuSans.ttf", "Bitstream-Vera"),
        Typeface("dejavu-bold", "DejaVuSans-Bold.ttf", "Bitstream-Vera"),
        Typeface("conakry", "Conakry.ttf", "OFL-1.1"),
    )
}
