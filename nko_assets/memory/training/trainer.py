"""Distilling the N'Ko model: each text is drawn to where its translation lies, and away from others.

The loss is the contrastive one over a batch (each N'Ko text must find its translation among those
of the batch, and the other way round), with the translations as the sentence model embeds them.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sentence_transformers.sentence_transformer.modules import StaticEmbedding
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from torch.nn import functional

from nko_assets.failures import ConfigurationError
from nko_assets.memory.embeddings import require_nko, write_config
from nko_assets.memory.nko_model import UNKNOWN, NkoModel, pieces_of, plain, write_nko_model
from nko_assets.memory.rows import DIMENSIONS
from nko_assets.memory.sentence_model import SentenceModel
from nko_assets.memory.training.pairs import Pair

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DistillationPlan:
    """What decides the weights, besides the pairs and the sentence model."""

    seed: int = 1
    pieces: int = 16_000
    steps: int = 600
    batch: int = 512
    learning_rate: float = 0.02
    warmup: int = 100
    temperature: float = 0.05
    # A sentence model made for English places French less well.
    french_weight: float = 0.5


def train_tokenizer(texts: Sequence[str], pieces: int) -> Tokenizer:
    """A Unigram tokenizer of at most `pieces` pieces over N'Ko `texts` without tones."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.train_from_iterator(
        map(plain, texts),
        trainers.UnigramTrainer(
            vocab_size=pieces, unk_token=UNKNOWN, special_tokens=[UNKNOWN], show_progress=False
        ),
    )
    return tokenizer


def distil(
    pairs: Sequence[Pair],
    teacher: SentenceModel,
    teacher_name: str,
    folder: Path,
    plan: DistillationPlan,
) -> NkoModel:
    """Train on `pairs`, write the model to `folder`, and give it back as it will be read.

    Raises ConfigurationError when there is no pair, or when what came of it knows no N'Ko.
    """
    if not pairs:
        raise ConfigurationError("There is no pair to train on.", "Give files with --pairs.")
    torch.set_num_threads(1)
    torch.manual_seed(plan.seed)
    texts = [pair.nko for pair in pairs]
    tokenizer = train_tokenizer(texts, plan.pieces)
    network = StaticEmbedding(tokenizer, embedding_dim=DIMENSIONS)
    torch.nn.init.normal_(network.embedding.weight, std=0.05)
    tasks = [
        _Task(pieces_of(tokenizer, [texts[row] for row in rows]), teacher.embed(meanings), weight)
        for rows, meanings, weight in _meanings(pairs, plan)
    ]
    log.info(
        "%d pieces; %s translations", tokenizer.get_vocab_size(), [len(t.pieces) for t in tasks]
    )
    _descend(network, tasks, plan)
    write_nko_model(folder, tokenizer, network.embedding.weight.detach().numpy())
    write_config(folder, teacher_name)
    model = NkoModel.load(folder)
    require_nko(model)
    return model


@dataclass(frozen=True, slots=True)
class _Task:
    """N'Ko texts as pieces, where each should lie, and how much that counts."""

    pieces: list[list[int]]
    targets: np.ndarray
    weight: float


def _meanings(
    pairs: Sequence[Pair], plan: DistillationPlan
) -> list[tuple[list[int], list[str], float]]:
    """Rows with their translations, language by language, and the weight of the language."""
    languages = []
    for language, weight in (("english", 1.0), ("french", plan.french_weight)):
        found = [(row, getattr(pair, language)) for row, pair in enumerate(pairs)]
        known = [(row, text) for row, text in found if text]
        if known and weight:
            languages.append(([row for row, _ in known], [text for _, text in known], weight))
    return languages


def _descend(network: Any, tasks: Sequence[_Task], plan: DistillationPlan) -> None:
    rng = np.random.default_rng(plan.seed)
    optimizer = torch.optim.Adam(network.parameters(), lr=plan.learning_rate)
    for step in range(plan.steps):
        rising, falling = (step + 1) / plan.warmup, 1 - step / plan.steps
        for group in optimizer.param_groups:
            group["lr"] = plan.learning_rate * min(1.0, rising) * falling
        loss = torch.zeros(())
        for task in tasks:
            size = min(max(int(plan.batch * task.weight), 2), len(task.pieces))
            rows = rng.choice(len(task.pieces), size, replace=False)
            vectors = _embed(network, [task.pieces[row] for row in rows])
            targets = torch.from_numpy(task.targets[rows])
            loss = loss + task.weight * _contrast(vectors, targets, plan.temperature)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if step % 100 == 0 or step == plan.steps - 1:
            log.info("step %d of %d: loss %.3f", step + 1, plan.steps, loss.item())


def _embed(network: Any, pieces: Sequence[Sequence[int]]) -> torch.Tensor:
    starts = np.cumsum([0, *(len(ids) for ids in pieces[:-1])])
    features = {
        "input_ids": torch.from_numpy(np.concatenate(pieces).astype(np.int64)),
        "offsets": torch.from_numpy(starts),
    }
    return network(features)["sentence_embedding"]


def _contrast(vectors: torch.Tensor, targets: torch.Tensor, temperature: float) -> torch.Tensor:
    similar = functional.normalize(vectors, dim=1) @ targets.T / temperature
    own = torch.arange(len(vectors))
    return (functional.cross_entropy(similar, own) + functional.cross_entropy(similar.T, own)) / 2
