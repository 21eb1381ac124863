"""How far to go from the shipped weights towards the retrained ones: as far as nothing is forgotten.

Weights on the straight line between the two read well too. Going all the way reads real lines best
and may cost a little on rendered ones; a part of the way costs less. Rendered lines that neither
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
from nko_assets.reading.training.plan import SETTLING_LINES, SHARES
from nko_assets.reading.training.restore import restore
from nko_assets.reading.training.trainer import follow
from nko_assets.tuning.student.frozen import rendered_lines
from nko_assets.tuning.student.gate import compare_weights

_SEED: Final = 30_000_001


def settle(
    base: Path, network: LineNetwork, say: Callable[[str], None], lines: int = SETTLING_LINES
) -> tuple[LineNetwork, float]:
    """The furthest of SHARES at which errors on rendered lines are not surely above those of `base`.

    The last one where none is: the gate has the last word. Returns the network and its share.
    """
    known = rendered_lines(lines, _SEED)
    old = NkoRecognizer(base)
    for share in SHARES:
        blended = restore(base)
        follow(blended, network, 1 - share)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "blended.onnx"
            write_onnx(blended, path, {})
            compared = compare_weights(old, NkoRecognizer(path), known)
        say(
            f"{share:.0%} of the way: {100 * compared.after.value:.2f} % on {lines} rendered lines, "
            f"{100 * compared.before.value:.2f} % before"
        )
        if not compared.fell.worse:
            break
    return blended, share
