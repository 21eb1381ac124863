"""How well frames are told apart, and what sampling costs: `python -m nko_assets_tests.benchmarks.frames`.

Lessons with known text are rendered and encoded once into a folder; then each method decides which
of their frames to keep. Times are CPU seconds of this process, all threads together, so another
program on the machine does not change what they mean; every decoder is asked for one thread.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import av
import cv2
import numpy as np

from nko_assets.video.deduplicate import THRESHOLD, deduplicate
from nko_assets.video.encode import decode_jpeg, encode_jpeg
from nko_assets.video.ink import frame_ink
from nko_assets.video.quality import perceptual_hash, to_gray
from nko_assets.video.sample import sample_frames
from nko_assets_tests.benchmarks import command
from nko_assets_tests.benchmarks.lesson_videos import (
    Lesson,
    Line,
    encode,
    lessons,
    pictures,
    ten_minutes,
)

Result = TypeVar("Result")

INTERVAL_S = 5.0
# 0.85 of 64 bits alike is nine and a half bits apart; ten is also the usual threshold.
_BITS_APART = 10


@dataclass(frozen=True)
class Sampled:
    """One frame of a lesson, as the next asset would read it back from JPEG."""

    timestamp_ms: int
    image: np.ndarray


# ---------------------------------------------------------------------------------- the methods


def keep_by_ink(frames: list[Sampled]) -> list[int]:
    """Ours: what `unique_frames` keeps."""
    decisions = deduplicate(frame_ink(frame.image, frame.timestamp_ms) for frame in frames)
    return [decision.index for decision in decisions if decision.status == "kept"]


def _keep_when(
    prepare: Callable[[np.ndarray], object], differs: Callable[..., bool]
) -> Callable[[list[Sampled]], list[int]]:
    """A method that keeps a frame when it differs from the last one kept."""

    def keep(frames: list[Sampled]) -> list[int]:
        kept: list[int] = []
        last: object = None
        for index, frame in enumerate(frames):
            prepared = prepare(frame.image)
            if not kept or differs(last, prepared):
                kept.append(index)
                last = prepared
        return kept

    return keep


def _ssim(first: np.ndarray, second: np.ndarray) -> float:
    """Mean structural similarity with the 11 × 11 Gaussian window of Wang et al. 2004."""

    def blur(image: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(image, (11, 11), 1.5)

    mean_1, mean_2 = blur(first), blur(second)
    variance_1 = blur(first * first) - mean_1 * mean_1
    variance_2 = blur(second * second) - mean_2 * mean_2
    covariance = blur(first * second) - mean_1 * mean_2
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    similar = ((2 * mean_1 * mean_2 + c1) * (2 * covariance + c2)) / (
        (mean_1**2 + mean_2**2 + c1) * (variance_1 + variance_2 + c2)
    )
    return float(similar.mean())


def _difference_hash(image: np.ndarray) -> str:
    reduced = cv2.resize(to_gray(image), (9, 8), interpolation=cv2.INTER_AREA)
    return np.packbits(reduced[:, 1:] > reduced[:, :-1]).tobytes().hex()


def hash_distance(first: str, second: str) -> int:
    """The number of bits in which two hexadecimal hashes differ."""
    return (int(first, 16) ^ int(second, 16)).bit_count()


def _apart(first: str, second: str) -> bool:
    return hash_distance(first, second) >= _BITS_APART


def _gray_float(image: np.ndarray) -> np.ndarray:
    return to_gray(image).astype(np.float32)


def _differs(first: str, second: str) -> bool:
    return first != second


METHODS: dict[str, Callable[[list[Sampled]], list[int]]] = {
    f"ink, threshold {THRESHOLD}": keep_by_ink,
    "SSIM < 0.85": _keep_when(_gray_float, lambda a, b: _ssim(a, b) < 0.85),
    "SSIM < 0.98": _keep_when(_gray_float, lambda a, b: _ssim(a, b) < 0.98),
    f"dHash, {_BITS_APART} of 64 bits": _keep_when(_difference_hash, _apart),
    "dHash, any bit": _keep_when(_difference_hash, _differs),
    f"pHash, {_BITS_APART} of 64 bits": _keep_when(perceptual_hash, _apart),
    "pHash, any bit": _keep_when(perceptual_hash, _differs),
}


# ------------------------------------------------------------------------- telling frames apart


@dataclass
class Score:
    """Counts over one or more lessons."""

    frames: int = 0
    kept: int = 0
    lines: int = 0
    lines_found: int = 0
    unchanged: int = 0
    unchanged_kept: int = 0
    cpu_s: float = 0.0

    def add(self, other: Score) -> None:
        """Add the counts of another lesson."""
        for name, value in asdict(other).items():
            setattr(self, name, getattr(self, name) + value)

    def summary(self) -> dict[str, float]:
        """The figures that are compared."""
        return {
            "new_lines_found_percent": 100 * self.lines_found / self.lines,
            "unchanged_frames_kept_percent": 100 * self.unchanged_kept / self.unchanged,
            "milliseconds_a_frame": 1000 * self.cpu_s / self.frames,
            "frames": self.frames,
            "frames_kept": self.kept,
        }


def score(
    lesson: Lesson, frames: list[Sampled], keep: Callable[[list[Sampled]], list[int]]
) -> Score:
    """What a method keeps of a lesson, against what is written in it.

    A line is found when a kept frame shows it, fully faded in. Of the frames that show one state
    of the screen all but one are unchanged, and so are kept needlessly if more than one is kept.
    """
    started = time.process_time()
    kept = keep(frames)
    cpu_s = time.process_time() - started
    states = [lesson.at(frame.timestamp_ms / 1000)[0] for frame in frames]
    shown_in: dict[Line, set[int]] = {}
    for index, (frame, state) in enumerate(zip(frames, states, strict=True)):
        if state == 0 or frame.timestamp_ms / 1000 >= lesson.visible_from(state):
            for line in lesson.states[state].lines:
                shown_in.setdefault(line, set()).add(index)
    found = sum(1 for indices in shown_in.values() if indices & set(kept))
    needless = sum(n - 1 for n in Counter(states[index] for index in kept).values())
    return Score(
        len(frames), len(kept), len(shown_in), found,
        len(frames) - len(set(states)), needless, cpu_s,
    )  # fmt: skip


def _sampled(lesson: Lesson, folder: Path) -> list[Sampled]:
    path = folder / f"{lesson.name.replace(' ', '-')}.mp4"
    encode({lesson.gop: path}, pictures(lesson), lesson.fps, lesson.crf)
    return [
        Sampled(frame.timestamp_ms, decode_jpeg(encode_jpeg(frame.image)))
        for frame in sample_frames(path, INTERVAL_S)
    ]


def tell_apart(folder: Path) -> dict[str, dict[str, object]]:
    """The figures of every method over all lessons, and by lesson."""
    totals = {name: Score() for name in METHODS}
    by_lesson: dict[str, dict[str, object]] = {name: {} for name in METHODS}
    for lesson in lessons():
        frames = _sampled(lesson, folder)
        for name, keep in METHODS.items():
            result = score(lesson, frames, keep)
            totals[name].add(result)
            by_lesson[name][lesson.name] = asdict(result)
    return {name: {**total.summary(), "lessons": by_lesson[name]} for name, total in totals.items()}


# ------------------------------------------------------------------------------------- sampling


def _ours(path: Path) -> dict[int, np.ndarray]:
    return {frame.timestamp_ms: _small(frame.image) for frame in sample_frames(path, INTERVAL_S)}


def _opencv(path: Path) -> dict[int, np.ndarray]:
    """Grab every frame and retrieve those at the grid: the usual way."""
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    step = round(capture.get(cv2.CAP_PROP_FPS) * INTERVAL_S)
    found: dict[int, np.ndarray] = {}
    number = 0
    while capture.grab():
        if number % step == 0:
            _, image = capture.retrieve()
            found[round(number // step * INTERVAL_S * 1000)] = _small(image)
        number += 1
    return found


def _decode_all(path: Path) -> int:
    """Decode every frame and look at none."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        return sum(1 for _ in container.decode(stream))


def _decode_key_frames(path: Path) -> int:
    """Decode key frames alone: the floor of any method, at times that nobody chose."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        stream.codec_context.skip_frame = "NONKEY"
        return sum(1 for _ in container.decode(stream))


def _small(image: np.ndarray) -> np.ndarray:
    return cv2.resize(image, (320, 180), interpolation=cv2.INTER_AREA)


def _cpu_seconds(work: Callable[[Path], Result], path: Path, times: int) -> tuple[float, Result]:
    """The least CPU time of several runs, and the last result."""
    spent = []
    for _ in range(times):
        started = time.process_time()
        result = work(path)
        spent.append(time.process_time() - started)
    return min(spent), result


def sampling(folder: Path, times: int = 3) -> dict[str, dict[str, float]]:
    """CPU seconds for sampling ten minutes of 720p, by distance of key frames."""
    lesson = ten_minutes()
    # At 133 key frames and samples fall apart, as in most downloads; at 125 they coincide.
    paths = {gop: folder / f"ten-minutes-gop-{gop}.mp4" for gop in (125, 133, 250)}
    encode(paths, pictures(lesson), lesson.fps, lesson.crf)
    figures: dict[str, dict[str, float]] = {}
    for gop, path in paths.items():
        ours_s, ours = _cpu_seconds(_ours, path, times)
        opencv_s, theirs = _cpu_seconds(_opencv, path, times)
        all_s, _ = _cpu_seconds(_decode_all, path, times)
        key_s, _ = _cpu_seconds(_decode_key_frames, path, times)
        difference = [
            float(cv2.absdiff(ours[at], theirs[at]).mean()) for at in sorted(ours.keys() & theirs)
        ]
        figures[f"GOP {gop} ({gop / lesson.fps:.1f} s)"] = {
            "ours_cpu_s": ours_s,
            "opencv_cpu_s": opencv_s,
            "times_less": opencv_s / ours_s,
            "decode_all_cpu_s": all_s,
            "decode_key_frames_cpu_s": key_s,
            "frames": len(ours),
            "frames_opencv": len(theirs),
            "largest_mean_difference_in_gray_levels": max(difference),
        }
    return figures


# --------------------------------------------------------------------------------------- output


def report(results: dict[str, dict]) -> str:
    """The results as plain text."""
    lines = ["Telling frames apart", ""]
    lines.append(f"{'':28}{'new lines':>12}{'unchanged':>12}{'ms a':>8}{'kept':>12}")
    lines.append(f"{'':28}{'found %':>12}{'kept %':>12}{'frame':>8}{'of frames':>12}")
    for name, figures in results["telling_apart"].items():
        lines.append(
            f"{name:28}{figures['new_lines_found_percent']:12.1f}"
            f"{figures['unchanged_frames_kept_percent']:12.1f}"
            f"{figures['milliseconds_a_frame']:8.1f}"
            f"{figures['frames_kept']:7d} of {figures['frames']}"
        )
    lines += ["", "Sampling ten minutes of 1280 × 720 H.264, one frame each 5 s, CPU seconds", ""]
    lines.append(
        f"{'':18}{'ours':>8}{'OpenCV':>8}{'times less':>12}{'decode all':>12}{'key frames':>12}"
    )
    for name, figures in results["sampling"].items():
        lines.append(
            f"{name:18}{figures['ours_cpu_s']:8.2f}{figures['opencv_cpu_s']:8.2f}"
            f"{figures['times_less']:12.1f}{figures['decode_all_cpu_s']:12.2f}"
            f"{figures['decode_key_frames_cpu_s']:12.2f}"
        )
    return "\n".join(lines)


def measure(folder: Path) -> dict[str, object]:
    """Both benchmarks."""
    return {"telling_apart": tell_apart(folder), "sampling": sampling(folder)}


if __name__ == "__main__":
    command.run("frames", __doc__, measure, report)
