"""The N'Ko script: one spelling, words, Latin by rule, and whether a text is real N'Ko.

    >>> from nko_assets.nko import normalize, romanize, validate, words
    >>> romanize("ߒߞߏ ߛߓߍ")
    'nko sɛbɛ'
    >>> validate("ߌ ߣߌ߫ ߛߐ߰ߡߊ߬", english="good morning")
    []

The order is: `repair` what may have been decoded wrongly, `normalize`, then everything else. Keep
the raw text beside the normalized one, and never reverse a string: text is in logical order, and
drawing it from right to left is for the renderer. Nothing here imports the rest of the project.
"""

from nko_assets.nko.mojibake import Repair, is_mojibake, repair
from nko_assets.nko.normalize import Normalized, normalize, normalize_with_notes
from nko_assets.nko.romanize import latin_agreement, romanize
from nko_assets.nko.tokenize import key, strip_tones, tone_key, words
from nko_assets.nko.validate import Signal, rejected, validate

__all__ = [
    "Normalized",
    "Repair",
    "Signal",
    "is_mojibake",
    "key",
    "latin_agreement",
    "normalize",
    "normalize_with_notes",
    "rejected",
    "repair",
    "romanize",
    "strip_tones",
    "tone_key",
    "validate",
    "words",
]
