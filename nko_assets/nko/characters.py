"""The N'Ko repertoire: letters, marks, digits, punctuation, and the classes built from them.

Tables only; no function here looks at a text. Values follow the Unicode Character Database and
the ALA-LC table "Mande languages in N'Ko script". Mind the Unicode names: NKO LETTER EE is *e*,
E is *ɛ*, OO is *o*, O is *ɔ*.
"""

from __future__ import annotations

from typing import Final

BLOCK_START: Final = "\u07c0"
BLOCK_END: Final = "\u07ff"
UNASSIGNED: Final = "\u07fb\u07fc"

DIGITS: Final = "߀߁߂߃߄߅߆߇߈߉"

VOWELS: Final[dict[str, str]] = {
    "ߊ": "a",
    "ߋ": "e",
    "ߌ": "i",
    "ߍ": "ɛ",
    "ߎ": "u",
    "ߏ": "o",
    "ߐ": "ɔ",
}

CONSONANTS: Final[dict[str, str]] = {
    "ߓ": "b",
    "ߔ": "p",
    "ߕ": "t",
    "ߖ": "j",
    "ߗ": "c",
    "ߘ": "d",
    "ߙ": "r",
    "ߚ": "rr",
    "ߛ": "s",
    "ߜ": "gb",
    "ߝ": "f",
    "ߞ": "k",
    "ߟ": "l",
    "ߠ": "n",  # an l after a nasal
    "ߡ": "m",
    "ߢ": "ɲ",
    "ߣ": "n",
    "ߤ": "h",
    "ߥ": "w",
    "ߦ": "y",
    "ߧ": "ɲ",  # a y after a nasal
    "ߨ": "j",  # archaic, as the next two
    "ߩ": "c",
    "ߪ": "r",
}

SYLLABIC_NASAL: Final = "ߒ"
DAGBASINNA: Final = "ߑ"  # "no vowel here": marks a true consonant cluster, silent

LETTERS: Final = "".join(VOWELS) + DAGBASINNA + SYLLABIC_NASAL + "".join(CONSONANTS)

SHORT_HIGH: Final = "\u07eb"
SHORT_LOW: Final = "\u07ec"
SHORT_RISING: Final = "\u07ed"
LONG_FALLING: Final = "\u07ee"
LONG_HIGH: Final = "\u07ef"
LONG_LOW: Final = "\u07f0"
LONG_RISING: Final = "\u07f1"
SHORT_TONES: Final = SHORT_HIGH + SHORT_LOW + SHORT_RISING
LONG_TONES: Final = LONG_FALLING + LONG_HIGH + LONG_LOW + LONG_RISING
TONES: Final = SHORT_TONES + LONG_TONES

NASALIZATION: Final = "\u07f2"
DOUBLE_DOT: Final = "\u07f3"
ABBREVIATION: Final = "\u07fd"
MARKS: Final = TONES + NASALIZATION + DOUBLE_DOT + ABBREVIATION

HIGH_APOSTROPHE: Final = "ߴ"  # an elided vowel of high tone
LOW_APOSTROPHE: Final = "ߵ"  # an elided vowel of low tone
APOSTROPHES: Final = HIGH_APOSTROPHE + LOW_APOSTROPHE
LAJANYALAN: Final = "ߺ"  # a stretch of the baseline, also used as a hyphen

# A tone mark or a double dot on a letter that writes a sound from another language. On these
# letters the mark is part of the letter and carries no tone.
FOREIGN_SOUNDS: Final[dict[str, str]] = {
    "ߖ\u07ed": "z",
    "ߗ\u07ed": "zh",
    "ߛ\u07ed": "sh",
    "ߜ\u07ed": "g",
    "ߝ\u07ed": "v",
    "ߞ\u07ed": "kh",
    "ߕ\u07ed": "ṭ",
    "ߘ\u07ed": "ḍ",
    "ߤ\u07ed": "ḥ",
    "ߓ\u07ed": "ɓ",
    "ߛ\u07eb": "ṣ",
    "ߜ\u07eb": "gh",
    "ߞ\u07eb": "q",
    "ߛ\u07f3": "th",
    "ߜ\u07f3": "kp",
    "ߖ\u07f3": "ẓ",
    "ߊ\u07f3": "ʿa",
    "ߋ\u07f3": "ə",
    "ߎ\u07f3": "ü",
}

# What N'Ko writers use beside letters and digits, and what Latin puts in its place. Arabic marks
# are at home in N'Ko text and stay what they are there: ، and ߸ sometimes stand in contrast.
PUNCTUATION: Final[dict[str, str]] = {
    "߸": ",",
    "،": ",",
    "؛": ";",
    "؟": "?",
    "߹": "!",
    "߷": "•",  # ends a section
    "﴿": "(",  # opens in logical order, whatever its Unicode name says
    "﴾": ")",
    "⸜": "‹",  # a low paraphrase bracket opens
    "⸝": "›",
    "߶": "ŏ",  # oo dennen, an o that points to what is far
    "߾": "đ",  # dorome, a unit of money
    "߿": "ŧ",  # taman, a unit of money
}
"""N'Ko punctuation and the Latin equivalent."""

SHARED_PUNCTUATION: Final = ".:!?,;()[]«»‹›\"'–—-…“”"
"""Punctuation that N'Ko shares with Latin."""

# Latin combining marks that look like N'Ko ones; keyboards and models put them on N'Ko letters.
MARK_LOOKALIKES: Final[dict[str, str]] = {
    "\u0304": SHORT_HIGH,  # macron
    "\u0303": SHORT_LOW,  # tilde
    "\u0307": SHORT_RISING,  # dot above
    "\u0302": LONG_FALLING,  # circumflex
    "\u0323": NASALIZATION,  # dot below
    "\u0308": DOUBLE_DOT,  # diaeresis
}

# Between N'Ko letters each of these stands for ߴ or ߵ; which of the two only the tone tells.
APOSTROPHE_LOOKALIKES: Final = "\u2019\u02bc\u2018\u02bb"
