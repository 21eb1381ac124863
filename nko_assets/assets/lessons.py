"""The assets of one lesson, from first to last: what is made of each video before the corpus."""

from __future__ import annotations

from nko_assets.assets import channel, frames, readings

LESSON_ASSETS = tuple(
    step.name for module in (channel, frames, readings) for step in module.STEPS if step.per_video
)
