"""Batches of rendered lines: batch k is a pure function of the seed and k, so a run can resume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import Dataset

from nko_assets.reading.charset import visual_classes
from nko_assets.reading.recognizer import STRIDE, line_input, stack_lines
from nko_assets.reading.training.lines import TRAINED_FACES, RenderedLine, has_room, render_sheet
from nko_assets.reading.training.text import LineWriter
from nko_assets.typeset import TYPEFACES

SHEET_LINES = 8
POOL_BATCHES = 4
MAX_TRAINING_WIDTH = 800


@dataclass(frozen=True, slots=True)
class TrainingLine:
    """A line as the network sees it: float32 (40, width), its classes in visual order, its text."""

    image: np.ndarray
    classes: list[int]
    text: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Lines as one tensor, their widths in steps of the network, and their classes one after another."""

    lines: torch.Tensor
    steps: torch.Tensor
    labels: torch.Tensor
    label_lengths: torch.Tensor
    texts: tuple[str, ...]


class RenderedBatches(Dataset[Batch]):
    """Batch k holds lines of about one width, `columns` pixel columns in all.

    Batches are drawn four at a time from a pool of lines that is sorted by width, so that little
    of a batch is padding.
    """

    def __init__(self, writer: LineWriter, seed: int, columns: int) -> None:
        self.writer, self.seed, self.columns = writer, seed, columns
        self._pool: tuple[int, list[Batch]] = (-1, [])

    def __getitem__(self, k: int) -> Batch:
        number, place = divmod(k, POOL_BATCHES)
        if self._pool[0] != number:
            self._pool = (number, self._render_pool(number))
        return self._pool[1][place]

    def _render_pool(self, number: int) -> list[Batch]:
        rng = np.random.default_rng((self.seed, number))
        lines: list[TrainingLine] = []
        total = 0
        while total < self.columns * POOL_BATCHES:
            face = TYPEFACES[TRAINED_FACES[rng.integers(len(TRAINED_FACES))]]
            # Code points in a line; one takes about 12 columns.
            length = int(np.exp(rng.uniform(np.log(6), np.log(52))))
            texts = [self.writer.line(rng, length, face) for _ in range(SHEET_LINES)]
            sheet = [prepare(line) for line in render_sheet(rng, texts, face)]
            lines += [line for line in sheet if line]
            total = sum(line.image.shape[1] for line in lines)
        return in_batches(rng, lines)


def in_batches(rng: np.random.Generator, lines: list[TrainingLine]) -> list[Batch]:
    """`lines` in POOL_BATCHES batches of about as many columns, each of lines of about one width.

    Every batch has a line, if no line is wider than a batch is to be.
    """
    lines = sorted(lines, key=lambda line: line.image.shape[1])
    ends = np.cumsum([line.image.shape[1] for line in lines])
    cuts = np.searchsorted(ends, np.arange(1, POOL_BATCHES) * ends[-1] / POOL_BATCHES)
    batches = [
        collate(lines[start:end])
        for start, end in zip([0, *cuts], [*cuts, len(lines)], strict=True)
    ]
    return [batches[i] for i in rng.permutation(POOL_BATCHES)]


def prepare(line: RenderedLine, widest: int = MAX_TRAINING_WIDTH) -> TrainingLine | None:
    """`line` as the network sees it; None where it is wider than `widest`, or too dense for CTC."""
    image = line_input(line.image)
    classes = visual_classes(line.text)
    if not has_room(image.shape[1], classes) or image.shape[1] > widest:
        return None
    return TrainingLine(image, classes, line.text)


def collate(lines: Sequence[TrainingLine]) -> Batch:
    """`lines`, at least one, as a batch."""
    return Batch(
        lines=torch.from_numpy(stack_lines([line.image for line in lines])),
        steps=torch.tensor([-(-line.image.shape[1] // STRIDE) for line in lines]),
        labels=torch.tensor([index for line in lines for index in line.classes]),
        label_lengths=torch.tensor([len(line.classes) for line in lines]),
        texts=tuple(line.text for line in lines),
    )
