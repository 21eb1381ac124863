"""Setting N'Ko and Latin text as pixels: typefaces that ship with the package, and line drawing.

Used by the sample channel, the recognizer's training renderer, benchmarks and contact sheets.
"""

from nko_assets.typeset.fonts import TYPEFACES, Typeface
from nko_assets.typeset.lines import base_direction, draw_line, measure_line

__all__ = ["TYPEFACES", "Typeface", "base_direction", "draw_line", "measure_line"]
