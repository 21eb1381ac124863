"""Error rates on slides that were never trained on: the recognizer alone, and a whole reader."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from rapidfuzz.distance import Levenshtein

from nko_assets.nko.characters import MARKS
from nko_assets.reading.charset import fold
from nko_assets.reading.recognizer import WEIGHTS, NkoRecognizer
from nko_assets.reading.training.lines import TRAINED_FACES
from nko_assets.reading.training.slides import Box, Slide, draw_slides, through_h264
from nko_assets.typeset import TYPEFACES

FrameReader = Callable[[np.ndarray], Sequence[tuple[Box, str]]]
"""Reads a frame (BGR uint8): the box and the text, in logical order, of each line it found."""

_WITHOUT_MARKS = str.maketrans("", "", MARKS)
# A detector's box stands this share of the ink's height outside it.
_CROP_MARGIN = 0.12


@dataclass(frozen=True, slots=True)
class FaceReport:
    """Character error rates in one typeface, in percent; `missed` and `spurious` count lines.

    The end-to-end figures are None where no reader was given.
    """

    typeface: str
    trained: bool
    crf: int
    lines: int
    characters: int
    recognizer_cer: float
    recognizer_cer_without_marks: float
    recognizer_exact_lines: float
    end_to_end_cer: float | None
    end_to_end_cer_without_marks: float | None
    missed: int | None
    spurious: int | None


@dataclass(slots=True)
class _Tally:
    edits: int = 0
    characters: int = 0
    bare_edits: int = 0
    bare_characters: int = 0
    exact: int = 0

    def add(self, read: str, true: str) -> None:
        bare_read, bare_true = read.translate(_WITHOUT_MARKS), true.translate(_WITHOUT_MARKS)
        self.edits += Levenshtein.distance(read, true)
        self.characters += len(true)
        self.bare_edits += Levenshtein.distance(bare_read, bare_true)
        self.bare_characters += len(bare_true)
        self.exact += read == true

    @property
    def cer(self) -> float:
        return 100 * self.edits / self.characters

    @property
    def bare_cer(self) -> float:
        return 100 * self.bare_edits / self.bare_characters


def evaluate(
    recognizer: NkoRecognizer,
    texts: Sequence[str],
    *,
    faces: Sequence[str],
    slides: int,
    crf: int,
    reader: FrameReader | None = None,
) -> list[FaceReport]:
    """Reports for `faces`, over `slides` slides in each that say `texts`, at quality `crf`."""
    reports = []
    for name in faces:
        drawn = draw_slides(texts, TYPEFACES[name], slides)
        alone, whole = _Tally(), _Tally()
        missed = spurious = 0
        for slide, frame in zip(drawn, through_h264(drawn, crf), strict=True):
            crops = [cut(frame, line.box) for line in slide.lines]
            for line, read in zip(slide.lines, recognizer.read(crops), strict=True):
                alone.add(read.text, line.text)
            if reader is not None:
                found, extra = match(slide, reader(frame))
                for line, text in zip(slide.lines, found, strict=True):
                    whole.add(text, line.text)
                missed += sum(not text for text in found)
                spurious += len(extra)
                # What is read where nothing is written counts as insertions.
                for text in extra:
                    whole.edits += len(text)
                    whole.bare_edits += len(text.translate(_WITHOUT_MARKS))
        lines = sum(len(slide.lines) for slide in drawn)
        measured = reader is not None
        reports.append(
            FaceReport(
                typeface=name,
                trained=name in TRAINED_FACES,
                crf=crf,
                lines=lines,
                characters=alone.characters,
                recognizer_cer=alone.cer,
                recognizer_cer_without_marks=alone.bare_cer,
                recognizer_exact_lines=100 * alone.exact / lines,
                end_to_end_cer=whole.cer if measured else None,
                end_to_end_cer_without_marks=whole.bare_cer if measured else None,
                missed=missed if measured else None,
                spurious=spurious if measured else None,
            )
        )
    return reports


def offline_reader(weights: Path = WEIGHTS) -> FrameReader:
    """The offline reader as the lineage uses it: a JPEG frame in, lines of either script out."""
    from nko_assets.reading.answers import FrameRequest
    from nko_assets.reading.blocks import located
    from nko_assets.reading.offline import OfflineReader
    from nko_assets.video.encode import encode_jpeg

    reader = OfflineReader(weights=weights)

    def read(frame: np.ndarray) -> list[tuple[Box, str]]:
        request = FrameRequest("slide:0", "slide", 0, encode_jpeg(frame))
        (reading,) = reader.collect(reader.submit([request]), [request], lambda _: None)
        return [(located(line), line.text) for line in reading.lines]

    return read


def cut(frame: np.ndarray, box: Box) -> np.ndarray:
    """The line in the ink box `box`, with the margin that detection leaves."""
    x0, y0, x1, y1 = box
    margin = max(2, round((y1 - y0) * _CROP_MARGIN))
    return frame[max(y0 - margin, 0) : y1 + margin, max(x0 - margin, 0) : x1 + margin]


def match(slide: Slide, found: Sequence[tuple[Box, str]]) -> tuple[list[str], list[str]]:
    """What was read for each line of `slide` (empty where nothing was), and what belongs to none.

    A found box belongs to the line that covers most of it, if that is at least a third; the pieces
    of one line are joined from right to left.
    """
    pieces: list[list[tuple[Box, str]]] = [[] for _ in slide.lines]
    extra: list[str] = []
    for box, text in found:
        shares = [_covered(box, line.box) for line in slide.lines]
        best = int(np.argmax(shares)) if shares else -1
        if best >= 0 and shares[best] >= 1 / 3:
            pieces[best].append((box, text))
        else:
            extra.append(fold(text))
    return [
        fold(" ".join(text for _, text in sorted(line, key=lambda piece: -piece[0][2])))
        for line in pieces
    ], extra


def _covered(box: Box, line: Box) -> float:
    """The share of `box` that lies in `line`."""
    width = min(box[2], line[2]) - max(box[0], line[0])
    height = min(box[3], line[3]) - max(box[1], line[1])
    area = (box[2] - box[0]) * (box[3] - box[1])
    return max(width, 0) * max(height, 0) / area if area > 0 else 0.0


def table(reports: Sequence[FaceReport]) -> str:
    """`reports` as a plain text table."""
    rows: list[tuple[str, ...]] = [
        (
            *("typeface", "trained", "crf", "lines", "CER", "no marks", "exact"),
            *("end to end", "no marks", "missed", "spurious"),
        )
    ]
    for report in reports:
        facts = asdict(report)
        rows.append(
            (
                report.typeface,
                "yes" if report.trained else "held out",
                str(report.crf),
                str(report.lines),
                *(
                    "-" if facts[key] is None else f"{facts[key]:.2f} %"
                    for key in (
                        *("recognizer_cer", "recognizer_cer_without_marks"),
                        *("recognizer_exact_lines", "end_to_end_cer"),
                        "end_to_end_cer_without_marks",
                    )
                ),
                *("-" if facts[key] is None else str(facts[key]) for key in ("missed", "spurious")),
            )
        )
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )
