"""Weights that were exported come back as a network that says what the file says."""

from __future__ import annotations

import numpy as np
import pytest

from nko_assets.failures import ConfigurationError
from nko_assets.reading.recognizer import WEIGHTS

torch = pytest.importorskip("torch", reason="needs the extra train")
onnxruntime = pytest.importorskip("onnxruntime")

from nko_assets.reading.training.export import write_onnx  # noqa: E402
from nko_assets.reading.training.model import LineNetwork  # noqa: E402
from nko_assets.reading.training.restore import restore  # noqa: E402


def lines_of(count: int, width: int) -> np.ndarray:
    """Something like lines: mostly background, some ink."""
    dice = np.random.default_rng(5)
    ink = dice.random((count, 1, 40, width)) < 0.2
    return (ink * dice.normal(0.6, 0.3, ink.shape)).astype(np.float32)


def said_by(path, lines: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, {"lines": lines})[0]


@torch.no_grad()
def test_the_shipped_weights_come_back_as_the_network_that_they_are():
    lines = lines_of(3, 320)
    expected = said_by(WEIGHTS, lines)
    got = restore(WEIGHTS)(torch.from_numpy(lines)).numpy()
    assert np.abs(expected - got).max() < 1e-4
    assert (expected.argmax(2) == got.argmax(2)).all()


@torch.no_grad()
def test_any_network_survives_the_way_there_and_back(tmp_path):
    torch.manual_seed(3)
    network = LineNetwork()
    lines = torch.from_numpy(lines_of(2, 160))
    network.train()(lines)  # so that the normalizations have statistics of their own
    network.eval()
    write_onnx(network, tmp_path / "weights.onnx", {})
    again = restore(tmp_path / "weights.onnx")
    assert torch.allclose(network(lines), again(lines), atol=1e-4)


def test_exporting_what_was_restored_gives_the_same_bytes_each_time(tmp_path):
    for name in ("one.onnx", "other.onnx"):
        write_onnx(restore(WEIGHTS), tmp_path / name, {"steps": 1})
    assert (tmp_path / "one.onnx").read_bytes() == (tmp_path / "other.onnx").read_bytes()


def test_missing_weights_are_told(tmp_path):
    with pytest.raises(ConfigurationError, match="not at"):
        restore(tmp_path / "nowhere.onnx")


def test_a_file_that_is_no_network_of_the_reader_is_told(tmp_path):
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(WEIGHTS.read_bytes()[:5000])
    with pytest.raises(ConfigurationError, match="holds no network"):
        restore(damaged)


def test_a_network_of_another_shape_is_told(tmp_path):
    other = tmp_path / "other.onnx"
    torch.onnx.export(
        torch.nn.Linear(4, 4), (torch.zeros(1, 4),), str(other), opset_version=17, dynamo=False
    )
    with pytest.raises(ConfigurationError, match="holds no network"):
        restore(other)
