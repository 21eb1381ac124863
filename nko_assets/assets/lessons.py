"""The assets of one lesson and of one tuning, from first to last, and where each may wait."""

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

# From the data to a tuned model and its evaluation, and where the model is handed to the tuner.
TUNING_ASSETS = ("tuning_dataset", "tuning_job", "tuning_metrics", "evaluation")
HANDING_OVER = "tuning_job"
# What comes after that takes the end of the tuning, which at a service comes hours later.
TUNED_ASSETS = TUNING_ASSETS[TUNING_ASSETS.index(HANDING_OVER) + 1 :]
