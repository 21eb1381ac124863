"""From the ONNX file that the recognizer loads back to a network that can be trained on.

Exporting folded each batch normalization into the convolution before it. They come back as
normalizations that scale nothing and shift by the folded bias, so the network computes what the
file does; their statistics are not those of any training and have to stay as they are.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn

from nko_assets.failures import ConfigurationError
from nko_assets.reading.training.model import LineNetwork

# ONNX keeps the gates of an LSTM in the order input, output, forget, cell; torch has the output last.
_GATES = (0, 2, 3, 1)


def restore(path: Path) -> LineNetwork:
    """The network of the weights at `path`, in evaluation mode; it gives what the file gives.

    Raises ConfigurationError when there is no such file or it holds another network.
    """
    if not path.is_file():
        raise ConfigurationError(
            f"The recognizer's weights are not at {path}.", "Check NKO_READER_WEIGHTS."
        )
    try:
        onnx.checker.check_model(str(path))
        network = _restored(onnx.load(str(path)).graph)
    except (onnx.checker.ValidationError, ValueError) as error:
        raise ConfigurationError(
            f"{path} holds no network of this reader: {error}.",
            "Give weights that `python -m nko_assets.reading.training export` wrote.",
        ) from error
    return network.eval()


def _restored(graph: onnx.GraphProto) -> LineNetwork:
    constants = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    given = {
        kind: [
            [constants[name] for name in node.input if name in constants]
            for node in graph.node
            if node.op_type == kind
        ]
        for kind in ("Conv", "LSTM", "MatMul", "Add")
    }
    network = LineNetwork()
    state = network.state_dict()
    normalizations = [
        (place, layer.eps)
        for place, layer in enumerate(network.convolutions)
        if isinstance(layer, nn.BatchNorm2d)
    ]
    for (place, epsilon), (weight, bias) in zip(normalizations, given["Conv"], strict=True):
        _put(state, f"convolutions.{place - 1}.weight", weight)
        for name, value in (
            ("weight", np.ones_like(bias)),
            ("bias", bias),
            ("running_mean", np.zeros_like(bias)),
            ("running_var", np.full_like(bias, 1 - epsilon)),
        ):
            _put(state, f"convolutions.{place}.{name}", value)
    ((inputs, recurrent, biases),) = given["LSTM"]
    for direction, suffix in enumerate(("", "_reverse")):
        own, other = np.split(biases[direction], 2)
        for name, rows in (
            ("weight_ih", inputs[direction]),
            ("weight_hh", recurrent[direction]),
            ("bias_ih", own),
            ("bias_hh", other),
        ):
            gates = np.split(rows, len(_GATES))
            _put(state, f"sequence.{name}_l0{suffix}", np.concatenate([gates[g] for g in _GATES]))
    ((weight,),), ((bias,),) = given["MatMul"], given["Add"]
    _put(state, "classes.weight", weight.T)
    _put(state, "classes.bias", bias)
    return network


def _put(state: dict[str, torch.Tensor], name: str, value: np.ndarray) -> None:
    if state[name].shape != value.shape:
        raise ValueError(f"{name} has shape {value.shape}, not {tuple(state[name].shape)}")
    # The tensors of a state are those of the network.
    state[name].copy_(torch.from_numpy(np.array(value)))
