"""The shapes that tuners want examples in, with the limits of each: Gemini on Vertex AI, and chat."""

from __future__ import annotations

from nko_assets.tuning.shapes.chat import CHAT
from nko_assets.tuning.shapes.gemini import GEMINI
from nko_assets.tuning.shapes.shape import Shape

SHAPES: tuple[Shape, ...] = (GEMINI, CHAT)

__all__ = ["CHAT", "GEMINI", "SHAPES", "Shape"]
