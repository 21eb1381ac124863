"""N'Ko, and text of any script, as markup: language, direction, isolation, digits."""

from __future__ import annotations

from typing import Final

from markupsafe import Markup

from nko_assets.corpus.display import cut, has_nko, one_line
from nko_assets.typeset import base_direction

_DIGITS: Final = str.maketrans("0123456789", "߀߁߂߃߄߅߆߇߈߉")


def nko(given: str, longest: int | None = None) -> Markup:
    """N'Ko text, each of its lines right to left whatever it begins with, apart from its surroundings."""
    lines = (_shortened(line, longest) for line in given.splitlines())
    return Markup("<br>").join(
        Markup('<bdi class="nko" lang="nqo" dir="rtl">{}</bdi>').format(line)
        for line in lines
        if line
    )


def text(given: str, longest: int | None = None) -> Markup:
    """Text of any script on one line, in the direction of its first letter."""
    line = _shortened(given, longest)
    if has_nko(line):
        return Markup('<bdi class="nko" lang="nqo" dir="{}">{}</bdi>').format(
            base_direction(line), line
        )
    return Markup("<bdi>{}</bdi>").format(line)


def direction(given: str) -> str:
    """`rtl` or `ltr`, by the first letter: for the block in which the text stands alone."""
    return base_direction(one_line(given))


def lines(given: str, longest: int | None = None) -> Markup:
    """Text of several lines, such as the translations of a frame, each line by itself."""
    return Markup("<br>").join(text(line, longest) for line in given.splitlines() if line.strip())


def nko_number(value: object) -> Markup:
    """A number, or a time such as 1:02, in N'Ko digits."""
    return nko(str(value).translate(_DIGITS))


def _shortened(given: str, longest: int | None) -> str:
    line = one_line(given)
    return line if longest is None else cut(line, longest)
