"""The lineage: every step by its name, in order, and the groups they form."""

from __future__ import annotations

from nko_assets.assets import (
    channel,
    evaluation,
    frames,
    memory,
    operations,
    readings,
    report,
    student,
    training,
    tuning,
    tuning_data,
    tuning_job,
)
from nko_assets.steps import Step

STEPS: dict[str, Step] = {
    step.name: step
    for module in (
        *(channel, frames, readings, training, memory),
        *(tuning, tuning_data, tuning_job, evaluation, student, report, operations),
    )
    for step in module.STEPS
}
GROUPS = tuple(dict.fromkeys(step.group for step in STEPS.values()))
VIDEO_STEPS = tuple(step for step in STEPS.values() if step.per_video)
# The manifest comes before the videos and is made from nothing of ours; these come after them.
_AFTER_THE_VIDEOS = tuple(
    step for step in STEPS.values() if not step.per_video and (step.inputs or step.after)
)
CORPUS_STEPS = tuple(step for step in _AFTER_THE_VIDEOS if not step.on_request)
REQUESTED_STEPS = tuple(step for step in _AFTER_THE_VIDEOS if step.on_request)
