"""What retraining on vouched-for lines is worth: `python -m nko_assets_tests.benchmarks.student`.

Real frames of a channel are not here, so a shift of domain is simulated: lessons in a typeface that
no training line shows (Conakry), with shadowed letters on a blurred picture, 640 × 360 pixels at a
poor quality of H.264. Their lines are exported as the lineage does it. Some lessons teach, some
make the frozen set, and others, which neither sees, tell how the student does afterwards: the
recognizer on cut-out lines, and the whole offline reader on frames. The text is FLORES-200 dev,
which the shipped weights never saw, where the reference data is there, else invented words.

A student is made twice: from every line of the lessons that teach, as after a review of all of
them, and from those lines alone that the shipped weights read rightly, as when two readers agree.
Each takes some three minutes of one core.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageDraw
from rapidfuzz.distance import Levenshtein

from nko_assets.corpus.ocr_samples import ocr_samples
from nko_assets.reading.charset import LATIN_WORD, fold, is_readable
from nko_assets.reading.recognizer import WEIGHTS, NkoRecognizer
from nko_assets.reading.training.evaluate import match, offline_reader
from nko_assets.reading.training.slides import Slide, SlideLine, through_h264
from nko_assets.reading.training.text import invented_lines, read_lines
from nko_assets.tuning.evaluation.intervals import compare, ratio
from nko_assets.tuning.student.crops import Crop, apart
from nko_assets.tuning.student.frozen import FrozenLine, frozen_set
from nko_assets.tuning.student.gate import Compared, compare_weights
from nko_assets.tuning.student.teaching import teach
from nko_assets.typeset import TYPEFACES, draw_line, measure_line
from nko_assets.video.encode import encode_jpeg
from nko_assets_tests.benchmarks import command
from nko_assets_tests.builders import reading, reviewed
from nko_assets_tests.shared import SHARED

FACE = TYPEFACES["conakry"]
WIDTH, HEIGHT, CRF = 640, 360, 36
SLIDES = 4
TEACHING, TESTING, AFTERWARDS = 8, 3, 3  # lessons
# Background and letters, RGB.
THEMES = (
    ((30, 60, 50), (235, 240, 215)),
    ((20, 36, 90), (255, 236, 140)),
    ((205, 190, 150), (70, 20, 10)),
    ((90, 40, 30), (250, 230, 200)),
)
SIZES = (11, 12, 13)  # pixels


@dataclass(frozen=True, slots=True)
class Lesson:
    """The frames (BGR) of one lesson as the video shows them, and what is written on each."""

    video_id: str
    slides: list[Slide]
    frames: list[np.ndarray]


def draw_lesson(number: int, said: Sequence[str]) -> Lesson:
    """A lesson of SLIDES slides that `said` is written on, each text in the middle, on few lines."""
    dice = np.random.default_rng(number)
    back, fore = THEMES[number % len(THEMES)]
    size = SIZES[number % len(SIZES)]
    lines = [line for text in said for line in _wrap(text, size)]
    slides = []
    for _ in range(SLIDES):
        ink = Image.new("L", (WIDTH, HEIGHT), 0)
        drawn, y = [], 20.0
        while lines and y < HEIGHT - 20 - 1.6 * size:
            text = lines.pop(0)
            left = (WIDTH - measure_line(text, FACE, size)[0]) / 2
            box = draw_line(ImageDraw.Draw(ink), left, y + size, text, FACE, size, 255)
            drawn.append(SlideLine(fold(text), box))
            y += 1.9 * size
        slides.append(Slide(_paint(dice, np.asarray(ink), back, fore), tuple(drawn)))
    return Lesson(f"lesson-{number}", slides, list(through_h264(slides, CRF)))


def _wrap(text: str, size: int) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and measure_line(longer, FACE, size)[0] > WIDTH - 60:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _paint(
    dice: np.random.Generator, ink: np.ndarray, back: Sequence[int], fore: Sequence[int]
) -> np.ndarray:
    """Letters with a shadow on something like a photograph out of focus; RGB."""
    coarse = dice.normal(0, 22, (9, 16)).astype(np.float32)
    picture = np.asarray(back, np.float32) + cv2.resize(coarse, (WIDTH, HEIGHT))[..., None]
    shadow = cv2.GaussianBlur(np.roll(ink, (2, 2), (0, 1)), (0, 0), 0.8)[..., None] / 255
    dark = sum(back) > sum(fore)
    picture = picture * (1 - 0.6 * shadow) + (255 if dark else 0) * 0.6 * shadow
    letters = ink[..., None].astype(np.float32) / 255
    picture = picture * (1 - letters) + np.asarray(fore, np.float32) * letters
    return np.clip(picture, 0, 255).astype(np.uint8)


def exported(lesson: Lesson) -> list[Crop]:
    """The lines of a lesson as `ocr_samples` exports them, a person having looked at each."""
    rows, frames = [], {}
    for number, (slide, frame) in enumerate(zip(lesson.slides, lesson.frames, strict=True)):
        frames[f"{lesson.video_id}:{5000 * number}"] = encode_jpeg(frame)
        rows += [
            reading(
                line.text,
                video_id=lesson.video_id,
                timestamp_ms=5000 * number,
                entry=entry,
                box=list(line.box),
                decided_by="a person",
            )
            for entry, line in enumerate(slide.lines)
        ]
    made = ocr_samples(reviewed(*rows), frames.__getitem__).rows
    return [
        Crop(
            row["id"],
            row["video_id"],
            row["text"],
            base64.b64decode(row["image"]),
            "person",
            row["licence"],
        )
        for row in made.iter_rows(named=True)
    ]


def as_lines(crops: Sequence[Crop]) -> list[FrozenLine]:
    """Crops as lines to be read and compared with what they say."""
    return [
        FrozenLine("real", one.id, one.video_id, one.text, one.jpeg, one.licence) for one in crops
    ]


def whole_reader(weights: Path, lessons: Sequence[Lesson]) -> list[tuple[int, int]]:
    """Edits and characters of each written line as the offline reader reads whole frames.

    What it reads where nothing is written counts with the last line of its frame.
    """
    read = offline_reader(weights)
    found = []
    for lesson in lessons:
        for slide, frame in zip(lesson.slides, lesson.frames, strict=True):
            texts, extra = match(slide, read(frame))
            edits = [
                Levenshtein.distance(text, line.text)
                for text, line in zip(texts, slide.lines, strict=True)
            ]
            edits[-1] += sum(map(len, extra))
            found += [(e, len(line.text)) for e, line in zip(edits, slide.lines, strict=True)]
    return found


def whole_readers(before: Path, after: Path, lessons: Sequence[Lesson]) -> Compared:
    """The error rates of the whole offline reader with either weights on the frames of `lessons`."""
    old, new = whole_reader(before, lessons), whole_reader(after, lessons)
    first, second = (ratio([e for e, _ in one], [n for _, n in one]) for one in (old, new))
    lines = [f"{number}" for number in range(len(old))]
    fell = compare([-e for e, _ in new], [-e for e, _ in old], lines)
    if first is None or second is None or fell is None:
        raise ValueError("There is no line on the frames.")
    scale = len(old) / sum(n for _, n in old)
    in_shares = replace(
        fell, difference=fell.difference * scale, low=fell.low * scale, high=fell.high * scale
    )
    return Compared(first, second, in_shares)


def texts() -> list[str]:
    """Lines of N'Ko alone that the typeface can draw."""
    given = (
        read_lines([SHARED / "data" / "flores_nqo_dev.tsv"])
        if SHARED
        else invented_lines(1_500, seed=5)
    )
    return [
        text
        for text in dict.fromkeys(given)
        if is_readable(text) and LATIN_WORD not in fold(text) and all(map(FACE.covers, fold(text)))
    ]


def measure(folder: Path) -> dict[str, Any]:
    """The students, and what each is worth."""
    pool = texts()
    count = TEACHING + TESTING + AFTERWARDS
    share = len(pool) // count
    lessons = [
        draw_lesson(number, pool[number * share : (number + 1) * share]) for number in range(count)
    ]
    cv2.imwrite(str(folder / "frame.png"), lessons[0].frames[0])
    teaching = [one for lesson in lessons[:TEACHING] for one in exported(lesson)]
    held_out = lessons[TEACHING : TEACHING + TESTING]
    frozen = frozen_set(
        folder / "frozen",
        [one for lesson in held_out for one in exported(lesson)],
        [lesson.video_id for lesson in held_out],
    )
    unseen = lessons[TEACHING + TESTING :]
    later = as_lines([one for lesson in unseen for one in exported(lesson)])
    taught, left_out = apart(teaching, frozen.videos, frozen.texts)
    shipped = NkoRecognizer()
    read = shipped.read([one.line().image for one in taught])
    agreed = [
        replace(one, by="agreement")
        for one, found in zip(taught, read, strict=True)
        if found.text == fold(one.text)
    ]
    students = {}
    for name, crops in (("reviewed", taught), ("agreed", agreed)):
        start = time.process_time()
        student = teach(folder / name, crops, frozen, WEIGHTS, print, left_out=len(left_out))
        students[name] = {
            "lines": len(crops),
            "cpu_seconds": time.process_time() - start,
            "status": student.verdict.status,
            "frozen_real": asdict(student.verdict.real),
            "frozen_rendered": asdict(student.verdict.rendered),
            "later_lines": asdict(compare_weights(shipped, NkoRecognizer(student.weights), later)),
            "later_frames": asdict(whole_readers(WEIGHTS, student.weights, unseen)),
        }
    return {"text": "FLORES-200 dev" if SHARED else "invented words", "students": students}


def report(results: dict[str, Any]) -> str:
    """The results as plain text."""
    lines = [f"Character errors of the offline reader on {results['text']}, 95 % intervals", ""]
    for name, student in results["students"].items():
        lines += [
            (
                f"Taught {student['lines']} lines ({name}), "
                f"{student['cpu_seconds']:.0f} CPU seconds: {student['status']}"
            ),
            f"{'':>34}{'lines':>7}{'before %':>10}{'after %':>9}{'fell by (points)':>26}",
        ]
        for label, key in (
            ("frozen set, real", "frozen_real"),
            ("frozen set, rendered", "frozen_rendered"),
            ("unseen lessons, lines", "later_lines"),
            ("unseen lessons, whole frames", "later_frames"),
        ):
            one = student[key]
            fell = one["fell"]
            interval = f"({100 * fell['low']:.2f} to {100 * fell['high']:.2f})"
            lines.append(
                f"{label:>34}{fell['count']:>7}{100 * one['before']['value']:>10.2f}"
                f"{100 * one['after']['value']:>9.2f}{100 * fell['difference']:>8.2f} {interval:>17}"
            )
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    command.run("student", __doc__, measure, report)
