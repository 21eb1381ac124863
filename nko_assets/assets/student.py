"""The student: the offline reader trained on with vouched-for lines, used once it has proved better."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from nko_assets.checks import CheckSpec, judge
from nko_assets.corpus.exports import OCR_SAMPLES
from nko_assets.corpus.splits import TRAIN, VALIDATION
from nko_assets.failures import ConfigurationError, PermanentFailure
from nko_assets.files import sha256_of
from nko_assets.reading.recognizer import WEIGHTS
from nko_assets.reading.training.plan import (
    KEEPING,
    RETRAINED_DECAY,
    RETRAINING,
    SETTLING_LINES,
    SHARES,
)
from nko_assets.steps import Context, Outcome, Step
from nko_assets.tuning.evaluation.frozen_test import read_frozen_test
from nko_assets.tuning.student.accepted import (
    accepted,
    accepted_file,
    accepted_weights,
    students,
)
from nko_assets.tuning.student.crops import Crop, Voucher, apart, crops, vouchers
from nko_assets.tuning.student.frozen import FrozenSet, frozen_lines_digest, frozen_set

if TYPE_CHECKING:
    from nko_assets.tuning.student.teaching import Student

ACCEPTED = CheckSpec(
    "student_accepted",
    "Errors on real lines of the frozen set fall for sure, and on rendered ones they do not rise.",
)
LEAST_TAUGHT = 100
MOST_TAUGHT = 4_000
"""A run does not see more lines than that."""


def _vouchers(context: Context) -> dict[str, Voucher]:
    found: dict[str, Voucher] = {}
    for video_id in context.video_ids:
        found |= vouchers(
            context.lake.read_table("reviewed_readings", video_id),
            context.lake.read_table("gemini_results", video_id, ["frame_id", "entries"]),
            context.lake.read_table("second_readings", video_id, ["frame_id", "lines"]),
        )
    return found


def _taught(
    context: Context, frozen: FrozenSet, by: Mapping[str, Voucher]
) -> tuple[list[Crop], int]:
    """The lines that teach, and how many of those vouched for a frozen set keeps from it."""
    splits = context.lake.root / "splits"
    other = read_frozen_test(context.lake.root / "tuning" / "frozen_test")
    kept, left = apart(
        crops(splits / TRAIN / f"{OCR_SAMPLES}.jsonl", by),
        {*frozen.videos, *(example.video_id for example in other.examples)},
        [*frozen.texts, *(text for example in other.examples for text in example.nko)],
    )
    if len(kept) < LEAST_TAUGHT:
        raise PermanentFailure(
            f"A student is taught {LEAST_TAUGHT} lines or more that a person accepted or corrected, "
            f"or on which two readers agree; there are {len(kept)} in train.",
            f"Review at least {LEAST_TAUGHT - len(kept)} more (nko explore), or let Gemini read "
            "beside the offline reader (GEMINI_API_KEY); then materialize splits again.",
        )
    # What a person looked at comes first: there the reader was wrong, or not sure. Ids are a lot.
    kept.sort(key=lambda crop: (crop.by != "person", crop.id))
    return kept[:MOST_TAUGHT], len(left)


def _student(context: Context) -> Outcome:
    missing = [name for name in ("torch", "onnx") if find_spec(name) is None]
    if missing:
        raise ConfigurationError(
            f"Training the student needs {' and '.join(missing)}, not installed here.",
            "Install the extra: pip install -e '.[train]'",
        )
    from nko_assets.tuning.student.teaching import teach

    return make_student(context, teach)


def make_student(context: Context, teach: Callable[..., Student]) -> Outcome:
    """Have `teach` train and judge a student, and put it in use where the gate lets it."""
    folder = students(context.lake.root)
    by = _vouchers(context)
    frozen = frozen_set(folder / "frozen", _held_out(context, by), _validation_videos(context))
    taught, left_out = _taught(context, frozen, by)
    before = accepted_weights(folder) or WEIGHTS
    context.say(f"{len(taught)} real lines, beside as many columns of rendered ones")

    def say(message: str) -> None:
        context.pause(0)
        context.say(message)

    student = teach(folder, taught, frozen, before, say, left_out=left_out)
    verdict = student.verdict
    in_use = verdict.status == "accepted"
    return Outcome(
        in_place=[student.weights, student.card, student.told],
        files={accepted_file(folder): accepted(student.digest)} if in_use else {},
        checks=[judge(ACCEPTED, in_use, f"{verdict.status.capitalize()}: {verdict.reason}.")],
        facts={
            "status": verdict.status,
            "reason": verdict.reason,
            "weights": student.digest[:12],
            "weights before": sha256_of(before)[:12],
            "weights in use": (student.digest if in_use else sha256_of(before))[:12],
            "lines taught": dict(Counter(crop.by for crop in taught)),
            "left out for the frozen sets": left_out,
            "frozen set": frozen.digest[:12],
            "real lines, error before": verdict.real.before.value,
            "real lines, error after": verdict.real.after.value,
            "rendered lines, error before": verdict.rendered.before.value,
            "rendered lines, error after": verdict.rendered.after.value,
            "card": {"markdown": student.card.read_text(encoding="utf-8")},
        },
    )


def _held_out(context: Context, by: Mapping[str, Voucher]) -> list[Crop]:
    return crops(context.lake.root / "splits" / VALIDATION / f"{OCR_SAMPLES}.jsonl", by)


def _validation_videos(context: Context) -> list[str]:
    record = context.lake.record("splits")
    return list(record.facts.get("validation videos", ())) if record else []


def _to_beat(context: Context) -> str | None:
    """The weights that a student has to beat, or had to before it was put in use itself."""
    in_use = sha256_of(accepted_weights(students(context.lake.root)) or WEIGHTS)[:12]
    record = context.lake.record("student")
    if record is None or record.facts["weights"] != in_use:
        return in_use
    return record.facts.get("weights before")


def _identity(context: Context) -> Mapping[str, Any]:
    root = context.lake.root
    return {
        "base": sha256_of(WEIGHTS),
        "plan": asdict(RETRAINING),
        "keeping": [KEEPING, RETRAINED_DECAY],
        "settling": [SHARES, SETTLING_LINES],
        "lines": MOST_TAUGHT,
        "to beat": _to_beat(context),
        "frozen set": frozen_lines_digest(
            students(root) / "frozen",
            lambda: _held_out(context, _vouchers(context)),
            _validation_videos(context),
        ),
        "frozen test": read_frozen_test(root / "tuning" / "frozen_test").digest,
    }


STEPS = (
    Step(
        name="student",
        group="tuning",
        description=(
            "The offline reader trained on with lines that people or two readers vouch for; in use "
            "(NKO_READER_WEIGHTS=student) once it proved better on the frozen set."
        ),
        work=_student,
        per_video=False,
        inputs=("splits", "reviewed_readings", "gemini_results", "second_readings"),
        identity=_identity,
        code_version="2",
        checks=(ACCEPTED,),
        on_request=True,
        kinds=("onnx", "torch"),
    ),
)
