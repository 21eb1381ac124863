"""The assets of one lesson, from first to last: what is made of each video before the corpus."""

from __future__ import annotations

from nko_assets.assets import channel, frames, memory, readings

LESSON_ASSETS = tuple(
    step.name
    for module in (channel, frames, readings, memory)
    for step in module.STEPS
    if step.per_video
)
# Hands the frames to the reader. What comes after it needs the answers, which may take a day.
SUBMISSION = "gemini_batches"
READING_ASSETS = LESSON_ASSETS[LESSON_ASSETS.index(SUBMISSION) + 1 :]
# The first step that needs them.
COLLECTION = "gemini_results"
