"""The recognizer's network: six convolutions, a bidirectional LSTM, and CTC classes."""

from __future__ import annotations

import torch
from torch import nn

from nko_assets.reading.charset import CLASSES

HIDDEN = 96


class LineNetwork(nn.Module):
    """Gray lines (count, 1, 40, width) to log probabilities (count, width / 4, classes)."""

    def __init__(self) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            *_block(1, 16),
            nn.MaxPool2d(2),
            *_block(16, 32),
            nn.MaxPool2d((2, 1)),
            *_block(32, 48),
            *_block(48, 64),
            nn.MaxPool2d(2),
            *_block(64, 96),
            # What is left of the height, 5 rows, becomes one.
            nn.Conv2d(96, 96, (5, 1), bias=False),
            nn.BatchNorm2d(96),
            nn.ReLU(),
        )
        self.dropout = nn.Dropout(0.1)
        self.sequence = nn.LSTM(96, HIDDEN, bidirectional=True, batch_first=True)
        self.classes = nn.Linear(2 * HIDDEN, len(CLASSES))

    def forward(self, lines: torch.Tensor) -> torch.Tensor:
        """Log probabilities of the classes at every fourth column."""
        return self.classify(self.features(lines))

    def features(self, lines: torch.Tensor) -> torch.Tensor:
        """What the convolutions see, (count, 96, 1, width / 4)."""
        return self.convolutions(lines)

    def classify(self, features: torch.Tensor) -> torch.Tensor:
        """Log probabilities from `features`."""
        steps = self.dropout(features.squeeze(2).transpose(1, 2))
        states, _ = self.sequence(steps)
        return self.classes(self.dropout(states)).log_softmax(2)


def _block(inputs: int, outputs: int) -> tuple[nn.Module, ...]:
    return (
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )
