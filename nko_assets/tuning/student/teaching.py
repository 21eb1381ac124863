"""One student from beginning to end: trained on, written under the digest of its weights, judged.

Training takes minutes of one core and leaves nothing behind when it breaks off, so it is started
again and not gone on with. Needs the extra `train`.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from nko_assets.files import make_folder, sha256_of, write_atomically
from nko_assets.reading.recognizer import WEIGHTS
from nko_assets.reading.training.export import write_onnx
from nko_assets.reading.training.plan import RETRAINING, SETTLING_LINES, TrainingPlan
from nko_assets.reading.training.retrain import retrain
from nko_assets.reading.training.text import LineWriter
from nko_assets.tuning.student.accepted import WEIGHTS_FILE, student_folder
from nko_assets.tuning.student.card import Origin, model_card
from nko_assets.tuning.student.crops import Crop
from nko_assets.tuning.student.frozen import FrozenSet
from nko_assets.tuning.student.gate import Verdict, judge_weights
from nko_assets.tuning.student.settle import settle


@dataclass(frozen=True, slots=True)
class Student:
    """The SHA-256 of its weights, the files beside them, and what the gate says."""

    digest: str
    weights: Path
    card: Path
    told: Path
    verdict: Verdict


def teach(
    folder: Path,
    taught: Sequence[Crop],
    frozen: FrozenSet,
    before: Path,
    say: Callable[[str], None],
    *,
    left_out: int = 0,
    plan: TrainingPlan = RETRAINING,
    settling: int = SETTLING_LINES,
) -> Student:
    """Train the shipped weights on with `taught`, write them below `folder`, and judge them.

    `before` are the weights in use, to be beaten on `frozen`; `left_out` crops were kept from
    `taught` for its sake; `settling` rendered lines tell how far to go. `say` is told how far it is, and may
    raise to stop it.
    """
    run = retrain(
        WEIGHTS,
        [crop.line() for crop in taught],
        LineWriter([crop.text for crop in taught]),
        say,
        plan,
    )
    network, share = settle(WEIGHTS, run.network, say, settling)
    make_folder(folder)
    base = sha256_of(WEIGHTS)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".writing-") as beside:
        written = Path(beside) / WEIGHTS_FILE
        write_onnx(network, written, {"base": base, "steps": plan.steps})
        digest = sha256_of(written)
        own = student_folder(folder, digest)
        make_folder(own)
        weights = written.replace(own / WEIGHTS_FILE)
    say("reading the frozen set with the weights in use and with the new ones")
    verdict = judge_weights(before, weights, frozen)
    origin = Origin(base, sha256_of(before), plan, taught, left_out, run.rendered, run.real, share)
    student = Student(digest, weights, own / "MODEL_CARD.md", own / "verdict.json", verdict)
    write_atomically(student.card, model_card(digest, origin, frozen, verdict).encode())
    write_atomically(student.told, (json.dumps(asdict(verdict), indent=1) + "\n").encode())
    return student
