"""Reading lines in Latin script, with the recognition weights in RapidOCR's wheel.

Those weights know 18,000 characters. Here only the Latin ones compete that English, French and
romanized N'Ko use, which keeps Greek, Cyrillic and Chinese look-alikes out; where the weights
prefer a look-alike for ɛ or ɔ, it counts as that letter. They see ɲ as n: there is no evidence in
the picture's probabilities to tell the two apart, so ɲ is read as n.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np

from nko_assets.reading.detect import rapidocr_model

_HEIGHT = 48
_MIN_WIDTH, _MAX_WIDTH = 48, 2400
_ALPHABET = frozenset(
    " !\"#%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]_abcdefghijklmnopqrstuvwxyz"
    "ÀÂÇÈÉÊËÎÏÔŒÙÛÜàâæçèéêëîïôœùûüÿ«»°·–—‘’“”…•€£×"
    "áíóúìòǎěǐǒǔñɛɔɲŋƐƆƝŊ"
)
# What the weights answer for letters that they have, but were hardly taught.
_LOOK_ALIKES = {"ε": "ɛ", "ϵ": "ɛ", "є": "ɛ", "ə": "ɔ", "⊃": "ɔ", "ͻ": "ɔ", "η": "ŋ"}


@dataclass(frozen=True, slots=True)
class LatinLine:
    """What one line says: NFC text, and the mean probability of its characters (0 for none)."""

    text: str
    confidence: float


class LatinRecognizer:
    """Reads cut-out lines; loads its weights when first used, runs on one thread."""

    def read(self, crops: Sequence[np.ndarray]) -> list[LatinLine]:
        """What each of `crops` (BGR uint8, one line each) says, in the same order."""
        return [self._decode(self._probabilities(crop)) for crop in crops]

    def _probabilities(self, crop: np.ndarray) -> np.ndarray:
        height, width = crop.shape[:2]
        width = int(np.clip(round(width * _HEIGHT / height), _MIN_WIDTH, _MAX_WIDTH))
        line = cv2.resize(crop, (width, _HEIGHT)).astype(np.float32) / 127.5 - 1
        session = self._session
        (answer,) = session.run(None, {session.get_inputs()[0].name: line.transpose(2, 0, 1)[None]})
        return np.asarray(answer[0])

    def _decode(self, probabilities: np.ndarray) -> LatinLine:
        columns, characters = self._classes
        chosen = probabilities[:, columns]
        best = chosen.argmax(axis=1)
        text: list[str] = []
        peaks: list[float] = []
        previous = 0
        for step, index in enumerate(best):
            if index and index != previous:
                text.append(characters[index])
                peaks.append(float(chosen[step, index]))
            previous = index
        return LatinLine(
            text=unicodedata.normalize("NFC", "".join(text)).strip(),
            confidence=float(np.mean(peaks)) if peaks else 0.0,
        )

    @cached_property
    def _session(self) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        return onnxruntime.InferenceSession(
            str(rapidocr_model("rec")), options, providers=["CPUExecutionProvider"]
        )

    @cached_property
    def _classes(self) -> tuple[np.ndarray, list[str]]:
        """The columns of the weights' answer that compete, and what each stands for."""
        known = self._session.get_modelmeta().custom_metadata_map["character"].splitlines()
        columns, characters = [0], [""]  # the CTC blank
        for column, character in enumerate([*known, " "], start=1):
            meant = _LOOK_ALIKES.get(character, character)
            if meant in _ALPHABET:
                columns.append(column)
                characters.append(meant)
        return np.array(columns), characters
