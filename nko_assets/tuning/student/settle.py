"""How far to go from the shipped weights towards the retrained ones: as far as nothing is forgotten.

Weights on the straight line between the two read well too. Going all the way reads real lines best
and costs a little on rendered ones; a part of the way costs nothing. Rendered lines that neither
training nor the frozen set knows decide which part.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from nko_assets.reading.recognizer import NkoRecognizer
from nko_assets.reading.training.export import write_onnx
from nko_assets.reading.training.model import LineNetwork
from nko_assets.reading.training.restore import restore
from nko_assets.reading.training.trainer import follow
from nko_assets.tuning.student.frozen import rendered_lines
from nko_assets.tuning.student.gate import errors_on

SHARES: Final = (1.0, 0.85, 0.7, 0.5)
# Of 400 lines the error rate moves by more than retraining moves it.
LINES: Final = 1_000
_SEED: Final = 30_000_001


def settle(
    base: Path, network: LineNetwork, say: Callable[[str], None], lines: int = LINES
) -> tuple[LineNetwork, float]:
    """The furthest of SHARES at which errors on rendered lines are not above those of `base`.

    The last one where none is: the gate has the last word. Returns the network and its share.
    """
    known = rendered_lines(lines, _SEED)

    def edits(recognizer: NkoRecognizer) -> int:
        return sum(line.edits for line in errors_on(recognizer, known))

    most = edits(NkoRecognizer(base))
    for share in SHARES:
        blended = restore(base)
        follow(blended, network, 1 - share)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "blended.onnx"
            write_onnx(blended, path, {})
            found = edits(NkoRecognizer(path))
        say(f"{share:.0%} of the way: {found} errors on {lines} rendered lines, {most} before")
        if found <= most:
            break
    return blended, share
