"""The gate lets new weights in when they are surely better on real lines and no worse on rendered."""

from __future__ import annotations

import pytest

from nko_assets.reading.recognizer import WEIGHTS

torch = pytest.importorskip("torch", reason="needs the extra train")

from nko_assets.reading.training.export import write_onnx  # noqa: E402
from nko_assets.reading.training.restore import restore  # noqa: E402
from nko_assets.tuning.student.frozen import FrozenSet  # noqa: E402
from nko_assets.tuning.student.gate import judge_weights  # noqa: E402
from nko_assets_tests.student_lines import frozen_line  # noqa: E402

FROZEN = FrozenSet(
    "f" * 64,
    tuple(frozen_line(number, kind) for kind in ("real", "rendered") for number in range(32)),
)


@pytest.fixture(scope="module")
def dull(tmp_path_factory):
    """Weights that read badly: the shipped ones, less sure of everything but the space."""
    network = restore(WEIGHTS)
    with torch.no_grad():
        network.classes.bias[1] += 12
    path = tmp_path_factory.mktemp("dull") / "nko_lines.onnx"
    write_onnx(network, path, {})
    return path


def test_better_weights_are_accepted(dull):
    verdict = judge_weights(dull, WEIGHTS, FROZEN)
    assert verdict.status == "accepted"
    assert verdict.real.after.value < verdict.real.before.value
    fell = verdict.real.fell
    assert 0 < fell.low <= fell.difference <= fell.high
    assert fell.difference == pytest.approx(verdict.real.before.value - verdict.real.after.value)


def test_the_same_weights_are_refused():
    verdict = judge_weights(WEIGHTS, WEIGHTS, FROZEN)
    assert verdict.status == "refused"
    assert "do not fall for sure" in verdict.reason
    assert verdict.real.fell.difference == 0


def test_worse_weights_are_refused(dull):
    assert judge_weights(WEIGHTS, dull, FROZEN).status == "refused"


def test_weights_that_read_real_lines_better_and_rendered_ones_worse_are_refused(dull):
    """The lines of one kind say what `dull` reads, so that it is the better one there."""
    from nko_assets.reading.recognizer import NkoRecognizer
    from nko_assets_tests.student_lines import crop

    real = FROZEN.of("real")
    said = NkoRecognizer(dull).read([crop(number).line().image for number in range(32)])
    told = [(line, found.text) for line, found in zip(real, said, strict=True) if found.text]
    assert len(told) >= 30
    as_dull = [
        type(line)("real", line.id, line.video_id, text, line.encoded, "") for line, text in told
    ]
    mixed = FrozenSet("f" * 64, (*as_dull, *FROZEN.of("rendered")))
    verdict = judge_weights(WEIGHTS, dull, mixed)
    assert verdict.real.fell.better
    assert verdict.status == "refused"
    assert "rendered lines rise" in verdict.reason
