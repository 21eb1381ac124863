"""From a network to the ONNX file that the recognizer loads."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

import onnx
import torch

from nko_assets.failures import ConfigurationError
from nko_assets.files import atomic_path
from nko_assets.reading.recognizer import LINE_HEIGHT
from nko_assets.reading.training.model import LineNetwork


def export(checkpoint: Path, target: Path) -> int:
    """Write the averaged weights of `checkpoint` to `target` as ONNX; returns the size in bytes.

    Raises ConfigurationError when there is no such checkpoint.
    """
    if not checkpoint.is_file():
        raise ConfigurationError(f"There is no checkpoint {checkpoint}.", "Train first.")
    state = torch.load(checkpoint, weights_only=True)
    network = LineNetwork()
    network.load_state_dict(state["average"])
    return write_onnx(network, target, {key: state[key] for key in ("step", "lines", "seconds")})


def write_onnx(network: LineNetwork, target: Path, facts: Mapping[str, object]) -> int:
    """Write `network` to `target` as ONNX, `facts` in its metadata; returns the size in bytes.

    The same network and facts give the same bytes.
    """
    network.eval()
    with atomic_path(target) as part, warnings.catch_warnings():
        # The exporter cannot tell that the LSTM's first state follows the count of lines.
        warnings.filterwarnings("ignore", message="Exporting a model to ONNX with a batch_size")
        warnings.simplefilter("ignore", torch.jit.TracerWarning)  # type: ignore[attr-defined]
        torch.onnx.export(
            network,
            (torch.zeros(1, 1, LINE_HEIGHT, 320),),
            str(part),
            input_names=["lines"],
            output_names=["log_probabilities"],
            dynamic_axes={
                "lines": {0: "count", 3: "width"},
                "log_probabilities": {0: "count", 1: "steps"},
            },
            opset_version=17,
            dynamo=False,
        )
        model = onnx.load(str(part))
        for key, value in facts.items():
            fact = model.metadata_props.add()
            fact.key, fact.value = key, str(value)
        onnx.checker.check_model(model)
        onnx.save(model, str(part))
    return target.stat().st_size
