"""Slides made of `Line` objects, as a perfect recognizer would read them, for layout tests."""

from __future__ import annotations

from nko_assets.reading.answers import Entry, Line

SIZE = 40  # pixels, the height of an N'Ko line
LATIN_SIZE = 26


def width_of(text: str, height: int) -> int:
    """About as wide as the text would be drawn."""
    letters = sum(not "\u07eb" <= character <= "\u07f3" for character in text)
    return max(round(0.55 * height * letters), 8)


class Slide:
    """Collects lines; each call places one and returns its number."""

    def __init__(self) -> None:
        self.lines: list[Line] = []

    def put(self, text: str, x: int, y: int, align: str = "left", height: int = 0) -> int:
        """A line with its top at `y` and its left, right or middle at `x`; script by its text."""
        nko = any("\u07c0" <= character <= "\u07ff" for character in text)
        height = height or (SIZE if nko else LATIN_SIZE)
        width = width_of(text, height)
        left = {"left": x, "right": x - width, "middle": x - width // 2}[align]
        line = Line(
            line=len(self.lines),
            box=(left, y, left + width, y + height),
            script="nko" if nko else "latin",
            language="nqo" if nko else "und",
            text=text,
            raw=text,
            confidence=0.9,
        )
        self.lines.append(line)
        return line.line


def partners(entries: tuple[Entry, ...]) -> dict[str, tuple[str | None, str | None, str | None]]:
    """For each N'Ko text its English, French and romanization."""
    return {entry.nko: (entry.english, entry.french, entry.latin_shown) for entry in entries}
