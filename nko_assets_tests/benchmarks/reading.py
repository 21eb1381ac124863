"""How fast and how well frames are read offline: `python -m nko_assets_tests.benchmarks.reading`.

The sample channel is rendered once into a folder, sampled and told apart as the frames group does
it, and every kept frame is read. Times are CPU seconds of this process, all threads together, so a
frame a second means one frame a second on one core, whatever else the machine does.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np

from nko_assets.reading.answers import FrameRequest, Reading, readings_table
from nko_assets.reading.detect import TextDetector, padded
from nko_assets.reading.latin import LatinRecognizer
from nko_assets.reading.offline import OfflineReader
from nko_assets.reading.recognizer import NkoRecognizer
from nko_assets.sample.channel import render
from nko_assets.sample.lessons import lessons
from nko_assets.sample.score import comparable, score_readings
from nko_assets.sample.truth import truth_for
from nko_assets.video.deduplicate import deduplicate
from nko_assets.video.encode import encode_jpeg
from nko_assets.video.ink import frame_ink
from nko_assets.video.sample import sample_frames
from nko_assets_tests.benchmarks import command

Result = TypeVar("Result")

GATES = (0.6, 0.7, 0.8, 0.85, 0.9, 0.95)


def kept_frames(folder: Path) -> list[FrameRequest]:
    """The frames that a reader is asked about, over all lessons of the sample channel."""
    requests = []
    for video_id in lessons():
        sampled = list(sample_frames(render(video_id, folder)))
        decisions = deduplicate(frame_ink(frame.image, frame.timestamp_ms) for frame in sampled)
        requests += [
            FrameRequest(
                f"{video_id}:{frame.timestamp_ms}",
                video_id,
                frame.timestamp_ms,
                encode_jpeg(frame.image),
            )
            for frame, decision in zip(sampled, decisions, strict=True)
            if decision.status == "kept"
        ]
    return requests


def timed(work: Callable[[], Result]) -> tuple[Result, float]:
    """What `work` gives, and the CPU seconds it took."""
    start = time.process_time()
    result = work()
    return result, time.process_time() - start


def speed(reader: OfflineReader, requests: list[FrameRequest]) -> tuple[list[Reading], dict]:
    """The readings, and CPU milliseconds a frame: the whole, and its parts measured by themselves."""
    list(reader.collect(reader.submit(requests[:1]), requests[:1], lambda _: None))  # loads weights
    job = reader.submit(requests)
    readings, whole = timed(lambda: list(reader.collect(job, requests, lambda _: None)))
    images = [cv2.imdecode(np.frombuffer(r.jpeg, np.uint8), cv2.IMREAD_COLOR) for r in requests]
    detector = TextDetector(reader.longest_side)
    detector.find(images[0])
    _, detection = timed(lambda: [detector.find(image) for image in images])

    def crops(script: str) -> list[list[np.ndarray]]:
        cut = []
        for image, reading in zip(images, readings, strict=True):
            boxes = [padded(one.box, image.shape) for one in reading.lines if one.script == script]
            cut.append([np.ascontiguousarray(image[b[1] : b[3], b[0] : b[2]]) for b in boxes])
        return cut

    nko, latin = NkoRecognizer(), LatinRecognizer()
    latin.read([np.zeros((40, 100, 3), np.uint8)])
    nko_crops, latin_crops = crops("nko"), crops("latin")
    # Every line is read once for its script, and N'Ko lines again for their confidence.
    _, every = timed(
        lambda: [nko.read(a + b) for a, b in zip(nko_crops, latin_crops, strict=True) if a or b]
    )
    _, again = timed(lambda: [nko.read(a * reader.rereads) for a in nko_crops if a])
    _, other = timed(lambda: [latin.read(b) for b in latin_crops])
    frames = len(requests)
    return readings, {
        "frames": frames,
        "lines_a_frame": sum(len(reading.lines) for reading in readings) / frames,
        "frames_a_second_per_core": frames / whole,
        "milliseconds_a_frame": {
            "whole": 1000 * whole / frames,
            "detection": 1000 * detection / frames,
            "nko": 1000 * (every + again) / frames,
            "latin": 1000 * other / frames,
        },
    }


def gates(readings: list[Reading]) -> dict[str, dict[str, float]]:
    """For each gate the share of N'Ko lines that pass, and of those the share read wrong."""
    judged = []
    for reading in readings:
        slide = truth_for(reading.video_id).slide_at(reading.timestamp_ms)
        known = {comparable(line.text) for line in slide.lines}
        judged += [
            (line.confidence, comparable(line.text) in known)
            for line in reading.lines
            if line.script == "nko"
        ]
    figures = {}
    for gate in GATES:
        passed = [right for sure, right in judged if sure >= gate]
        figures[f"{gate:.2f}"] = {
            "passed": len(passed) / len(judged),
            "wrong_of_passed": passed.count(False) / max(len(passed), 1),
        }
    return figures


def quality(readings: list[Reading]) -> dict:
    """Errors and pairing against the known text, and what each gate would let through."""
    score = score_readings(readings_table(readings))
    return {
        **asdict(score),
        "cer": score.cer,
        "pairing": score.pairing,
        "naming": score.naming,
        "gates": gates(readings),
    }


def report(results: dict) -> str:
    """The results as plain text."""
    fast, good = results["speed"], results["quality"]
    parts = fast["milliseconds_a_frame"]
    lines = [
        f"Reading {fast['frames']} frames of the sample channel offline ({results['model']})",
        "",
        (
            f"{fast['frames_a_second_per_core']:.2f} frames a second on one core, "
            f"{fast['lines_a_frame']:.1f} lines a frame"
        ),
        "CPU milliseconds a frame: "
        + ", ".join(f"{name} {milliseconds:.0f}" for name, milliseconds in parts.items()),
        "",
        (
            f"N'Ko character errors {100 * good['cer']:.2f} % of {good['characters']}, "
            f"lines exact {good['lines_exact']} of {good['lines_expected']}, "
            f"{good['lines_spurious']} that are not there"
        ),
        (
            f"Known pairs found {100 * good['pairing']:.1f} % of {good['pairs_expected']}, "
            f"also told apart by language {100 * good['naming']:.1f} %, "
            f"{good['pairs_spurious']} that are not there"
        ),
        "",
        f"{'gate':>6}{'passed %':>12}{'of them wrong %':>18}",
    ]
    lines += [
        f"{gate:>6}{100 * figures['passed']:12.1f}{100 * figures['wrong_of_passed']:18.2f}"
        for gate, figures in good["gates"].items()
    ]
    return "\n".join(lines)


def measure(folder: Path) -> dict[str, object]:
    """How long reading the sample channel takes, and how well it goes."""
    reader = OfflineReader()
    readings, figures = speed(reader, kept_frames(folder))
    return {"model": reader.model, "speed": figures, "quality": quality(readings)}


if __name__ == "__main__":
    command.run("reading", __doc__, measure, report)
