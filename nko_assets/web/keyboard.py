"""The keys of the N'Ko keyboard: what each writes, and the key of a Latin keyboard that stands for it.

Letters lie under the Latin letters of their sound, with Shift where one letter has two uses; tones
lie under q, x, z and v, which N'Ko words in Latin letters do not have. The keys are told by the
character they type, not by their place, so AZERTY and QWERTY do alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from nko_assets.nko import characters as c

DOTTED_CIRCLE: Final = "◌"


@dataclass(frozen=True, slots=True)
class Key:
    """A key: what it writes, what is typed for it (empty when nothing is), its sound or name.

    `name` is the key of a text of the interface; letters have none, they are called by their sound.
    """

    text: str
    typed: str
    sound: str = ""
    name: str = ""

    @property
    def shown(self) -> str:
        """What is on the key: a mark stands over a dotted circle."""
        return DOTTED_CIRCLE + self.text if self.text in c.MARKS else self.text


# Where the Latin letter of the sound is taken, or is no single letter.
_TYPED: Final = {
    "ߍ": "E",
    "ߐ": "O",
    "ߚ": "R",
    "ߜ": "g",
    "ߢ": "Y",
    "ߧ": "J",
    "ߠ": "L",
    "ߨ": "",
    "ߩ": "",
    "ߪ": "",
}
_MARKS: Final = (
    (c.SHORT_HIGH, "q", "short_high"),
    (c.SHORT_LOW, "x", "short_low"),
    (c.SHORT_RISING, "z", "short_rising"),
    (c.LONG_HIGH, "Q", "long_high"),
    (c.LONG_LOW, "X", "long_low"),
    (c.LONG_RISING, "Z", "long_rising"),
    (c.LONG_FALLING, "V", "long_falling"),
    (c.NASALIZATION, "v", "nasalization"),
    (c.DOUBLE_DOT, "D", "double_dot"),
    (c.ABBREVIATION, "", "abbreviation"),
)
_PUNCTUATION: Final = (
    (c.HIGH_APOSTROPHE, "'", "high_apostrophe"),
    (c.LOW_APOSTROPHE, '"', "low_apostrophe"),
    ("߸", ",", "comma"),
    ("،", "<", "arabic_comma"),
    ("؛", ";", "semicolon"),
    ("؟", "?", "question_mark"),
    ("߹", "!", "exclamation_mark"),
    (c.LAJANYALAN, "_", "lajanyalan"),
    ("߷", "*", "section_end"),
    ("«", "", "quotation_begins"),
    ("»", "", "quotation_ends"),
)

ROWS: Final[tuple[tuple[str, tuple[Key, ...]], ...]] = (
    ("marks", tuple(Key(text, typed, name=name) for text, typed, name in _MARKS)),
    (
        "vowels",
        (
            *(Key(letter, _TYPED.get(letter, sound), sound) for letter, sound in c.VOWELS.items()),
            Key(c.SYLLABIC_NASAL, "N", "n", "syllabic_nasal"),
            Key(c.DAGBASINNA, "W", "", "dagbasinna"),
        ),
    ),
    (
        "consonants",
        tuple(
            Key(letter, _TYPED.get(letter, sound), sound) for letter, sound in c.CONSONANTS.items()
        ),
    ),
    ("digits", tuple(Key(digit, str(value), str(value)) for value, digit in enumerate(c.DIGITS))),
    ("punctuation", tuple(Key(text, typed, name=name) for text, typed, name in _PUNCTUATION)),
)
"""The rows by the name of their group, each from right to left."""
