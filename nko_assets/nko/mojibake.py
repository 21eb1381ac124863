"""N'Ko that was decoded with the wrong encoding: recognise it, undo it, or say that it is lost.

Every N'Ko character is the byte DF followed by one of 80–BF in UTF-8, so text decoded wrongly
shows one lead character before every other one: `ß` in Windows and Latin-1 code pages, `ﬂ` in Mac
Roman, `▀` in DOS ones. Where each character stands for one byte the damage is undone exactly.
Windows-1252 has no character for five of the bytes; what was lost there is not guessed at.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

import ftfy.bad_codecs  # noqa: F401  registers the "sloppy" codecs, which keep undefined bytes

from nko_assets.nko import characters as c

Status = Literal["sound", "repaired", "lost"]

# Most common first: of two that explain a text alike, the first is named.
_CODECS: Final = (
    "latin-1",
    "sloppy-windows-1252",
    "mac_roman",
    "cp437",
    "cp850",
    "sloppy-windows-1251",
    "koi8-r",
    "sloppy-windows-1250",
    "sloppy-windows-1254",
    "iso-8859-15",
    "cp866",
)
_REPLACEMENT = "\ufffd"
_LEAD = 0xDF
_CONTINUATION = bytes(range(0x80, 0xC0))
_NKO = re.compile(f"[{c.BLOCK_START}-{c.BLOCK_END}]")
# The DOS code pages share most characters, so two of them may explain one text; spelling decides.
_ILL_FORMED = re.compile(f"(?<![{c.LETTERS}{c.DIGITS}{c.MARKS}])[{c.MARKS}]|{c.ABBREVIATION}")
_MAX_ROUNDS = 3  # a text can have been decoded wrongly, saved and decoded wrongly again


@dataclass(frozen=True)
class Repair:
    """What became of a text: the text as it should be, or the damaged one when it is lost."""

    status: Status
    text: str
    codec: str = ""


def _characters(codec: str) -> str:
    return "".join(bytes([byte]).decode(codec, errors="ignore") for byte in _CONTINUATION)


def _lead(codec: str) -> str:
    return bytes([_LEAD]).decode(codec)


# In words of other languages (weiß, объявление) these leads follow a letter.
_LETTER_LEADS: Final = "ßЯъ"
_NO_WORD_BEFORE: Final = "(?<![A-Za-zА-Юа-щы-я])"


def _pairs() -> str:
    """Return a pattern for what two bytes of one N'Ko character look like in any encoding."""
    followers: dict[str, str] = {}
    for codec in _CODECS:
        followers[_lead(codec)] = followers.get(_lead(codec), "") + _characters(codec)
    return "|".join(
        f"{_NO_WORD_BEFORE if lead in _LETTER_LEADS else ''}"
        f"{lead}[{re.escape(''.join(sorted(set(chars))))}]"
        for lead, chars in followers.items()
    )


# A lead character that was itself decoded wrongly, once more, as Latin-1 or Windows-1252.
_TWICE = "Ã[\x9fŸ](?:Â.|[âÅÆË].+?)"
_LEADS: Final = "".join(sorted({_lead(codec) for codec in _CODECS}))
_WORTH_LOOKING = re.compile(f"[{_LEADS}Ã]")
_PAIR = re.compile(f"{_pairs()}|{_TWICE}")
# The follower has become a space, was replaced or has vanished.
_HALF = re.compile(f"{_NO_WORD_BEFORE}[{_LEADS}](?=[{_REPLACEMENT}{_LEADS}\\s]|$)")


def is_mojibake(text: str) -> bool:
    """Whether `text` looks like N'Ko that was decoded with the wrong encoding.

    It does when pairs of a lead character and a follower, or leads that lost their follower, make
    up two thirds of what is not ASCII. German *Straße* and Russian *Я* have none, or one.
    """
    if not _WORTH_LOOKING.search(text):
        return False
    pairs, halves = _PAIR.findall(text), _HALF.findall(text)
    explained = sum(map(len, pairs)) + len(halves)
    not_ascii = sum(not ch.isascii() for ch in text)
    return (bool(pairs) or len(halves) > 1) and 3 * explained >= 2 * not_ascii


def repair(text: str) -> Repair:
    """Undo a wrong decoding: `sound` (nothing to do), `repaired` (exactly), or `lost`.

    Give it the text as it was found: normalizing turns the no-break space, which stands for a byte
    here, into a space. When two encodings explain the text equally well, it counts as lost.
    """
    if not is_mojibake(text):
        return Repair("sound", text)
    current, codecs = text, []
    for _ in range(_MAX_ROUNDS):
        undone = ((_undo(current, codec), codec) for codec in reversed(_CODECS))
        readings = {reading: codec for reading, codec in undone if reading}
        if len(readings) > 1:
            readings = {r: codec for r, codec in readings.items() if not _ILL_FORMED.search(r)}
        if len(readings) != 1:
            return Repair("lost", text)
        current, codec = readings.popitem()
        codecs.append(codec.removeprefix("sloppy-"))
        if not is_mojibake(current):
            return Repair("repaired", current, "+".join(codecs))
    return Repair("lost", text)


def _undo(text: str, codec: str) -> str | None:
    """Read `text` as UTF-8 that was decoded with `codec`; None when that explains nothing."""
    if _REPLACEMENT in text:
        byte = _only_undefined_byte(codec)
        if byte is None:
            return None
        text = text.replace(_REPLACEMENT, byte.decode(codec))
    try:
        reading = text.encode(codec).decode("utf-8")
    except UnicodeError:
        return None
    plausible = is_mojibake(reading) or (
        _NKO.search(reading) and not any(ch in c.UNASSIGNED for ch in reading)
    )
    return reading if plausible else None


@cache
def _only_undefined_byte(codec: str) -> bytes | None:
    """Return the byte that U+FFFD must have been, where the encoding leaves one choice."""
    strict = codec.removeprefix("sloppy-")
    undefined = [byte for byte in _CONTINUATION if not bytes([byte]).decode(strict, "ignore")]
    return bytes(undefined) if len(undefined) == 1 else None
