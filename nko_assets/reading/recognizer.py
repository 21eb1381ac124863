"""Reading N'Ko lines that were cut out of a picture, with the shipped weights and onnxruntime."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import onnxruntime

from nko_assets.failures import ConfigurationError
from nko_assets.reading.charset import BLANK, CLASSES, LATIN_WORD, logical_order

WEIGHTS = Path(__file__).parent / "weights" / "nko_lines.onnx"
LINE_HEIGHT = 40
# Four columns of pixels are one step of the network.
STRIDE = 4
MAX_WIDTH = 2400
MIN_WIDTH = 16


@dataclass(frozen=True, slots=True)
class RecognizedLine:
    """What one line says.

    `text` is in logical order and NFC; each word in another script is `charset.LATIN_WORD`.
    `probabilities` and `positions` have one value for each code point of `text`: the network's
    probability, and where it stands, from the left edge of the crop, as a share of its width; a
    Latin word stands somewhere between the spaces around it.
    `confidence` is the mean probability, 0 for an empty line. `latin_share` is the share of words
    that are in another script.
    """

    text: str
    confidence: float
    latin_share: float
    probabilities: tuple[float, ...]
    positions: tuple[float, ...]


def line_input(crop: np.ndarray) -> np.ndarray:
    """One line for the network: float32 (LINE_HEIGHT, width), ink positive, background about 0.

    `crop` is gray (height, width) or BGR (height, width, 3), uint8, of any size and polarity.
    """
    gray = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY) if crop.ndim == 3 else crop
    height, width = gray.shape
    new_width = int(np.clip(round(width * LINE_HEIGHT / height), MIN_WIDTH, MAX_WIDTH))
    shrinking = height > LINE_HEIGHT
    method = cv2.INTER_AREA if shrinking else cv2.INTER_CUBIC
    line = cv2.resize(gray, (new_width, LINE_HEIGHT), interpolation=method).astype(np.float32)
    line -= np.median(line)
    # Ink is the smaller part of a line, on whichever side of the background it lies.
    spread = np.percentile(line, (1, 99))
    if -spread[0] > spread[1]:
        line = -line
    return line / max(float(np.abs(spread).max()), 8.0)


def stack_lines(lines: Sequence[np.ndarray]) -> np.ndarray:
    """Lines of different widths as one batch (count, 1, LINE_HEIGHT, width), padded on the right."""
    width = max(line.shape[1] for line in lines)
    width = -(-width // STRIDE) * STRIDE
    batch = np.zeros((len(lines), 1, LINE_HEIGHT, width), np.float32)
    for row, line in enumerate(lines):
        batch[row, 0, :, : line.shape[1]] = line
    return batch


class NkoRecognizer:
    """Reads cut-out lines; one thread, no state between calls."""

    def __init__(self, path: Path = WEIGHTS) -> None:
        """Loads the weights at `path`; raises ConfigurationError where they are missing."""
        if not path.is_file():
            raise ConfigurationError(
                f"The recognizer's weights are not at {path}.",
                "Reinstall the package, or export them from a checkpoint.",
            )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )

    def read(self, crops: Sequence[np.ndarray]) -> list[RecognizedLine]:
        """What each of `crops` (gray or BGR, uint8, one line each) says, in the same order."""
        lines = [line_input(crop) for crop in crops]
        read: list[RecognizedLine | None] = [None] * len(lines)
        # Lines of about the same width share a batch, so that little of it is padding.
        by_width = sorted(range(len(lines)), key=lambda i: lines[i].shape[1])
        for start in range(0, len(by_width), 8):
            members = by_width[start : start + 8]
            batch = stack_lines([lines[i] for i in members])
            (log_probabilities,) = self._session.run(None, {"lines": batch})
            for row, i in enumerate(members):
                steps = -(-lines[i].shape[1] // STRIDE)
                read[i] = decode(np.exp(log_probabilities[row, :steps]))
        return [line for line in read if line is not None]


def decode(probabilities: np.ndarray) -> RecognizedLine:
    """Best-path CTC decoding of `probabilities` (steps, classes) for one line."""
    best = probabilities.argmax(axis=1)
    classes: list[int] = []
    peaks: list[tuple[float, float]] = []
    previous = BLANK
    for step, index in enumerate(best):
        peak = float(probabilities[step, index])
        if index != BLANK:
            place = (step + 0.5) / len(best)
            if index != previous:
                classes.append(int(index))
                peaks.append((peak, place))
            elif peak > peaks[-1][0]:
                peaks[-1] = (peak, place)
        previous = index
    order = logical_order(classes)
    text = "".join(CLASSES[classes[i]] for i in order)
    words = text.split()
    return RecognizedLine(
        text=text,
        confidence=float(np.mean([peak for peak, _ in peaks])) if peaks else 0.0,
        latin_share=sum(LATIN_WORD in word for word in words) / len(words) if words else 0.0,
        probabilities=tuple(peaks[i][0] for i in order),
        positions=tuple(peaks[i][1] for i in order),
    )
