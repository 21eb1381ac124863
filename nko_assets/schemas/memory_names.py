"""The names and sizes that rows of the memory share with their tables."""

from __future__ import annotations

from typing import Final

DIMENSIONS: Final = 384
"""Of every embedding."""

PHASES: Final = ("extraction", "validation")
EDGE_TYPES: Final = ("next", "same_topic")
MOTIF_TYPES: Final = ("vocabulary", "phrase", "pattern")
