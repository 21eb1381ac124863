"""The offline reader: detection, our N'Ko recognizer and RapidOCR's Latin one, on this machine.

It needs no key and costs nothing, so a job is done as soon as it is submitted; the reading itself
happens when the job is collected.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from statistics import fmean

import cv2
import numpy as np

from nko_assets.failures import ConfigurationError, PermanentFailure
from nko_assets.files import sha256_of
from nko_assets.reading.answers import FrameRequest, Line, Reading
from nko_assets.reading.detect import LONGEST_SIDE, TextDetector
from nko_assets.reading.pairing import pair
from nko_assets.reading.reader import Job, JobState, JobStatus, Progress, request_hash
from nko_assets.reading.recognizer import WEIGHTS
from nko_assets.reading.transcribe import REREADS, Transcriber

_REVISION = 1  # of detection, transcription and pairing: raise it when their answers change
_REPORT_EVERY = 10


class OfflineReader:
    """Reads frames without leaving the machine; loads its weights when it first reads.

    `longest_side` is the size to which frames shrink for detection, in pixels; `rereads` is how
    many times each N'Ko line is read again, slightly shifted, to judge the first reading.
    """

    name = "offline"
    deferred = False

    def __init__(
        self,
        *,
        longest_side: int = LONGEST_SIDE,
        rereads: int = REREADS,
        weights: Path = WEIGHTS,
    ) -> None:
        """`weights` is an ONNX file of our recognizer."""
        self.longest_side = longest_side
        self.rereads = rereads
        self._weights = weights

    @cached_property
    def model(self) -> str:
        """Our weights by their hash, and the release that brings the others."""
        if not self._weights.is_file():
            raise ConfigurationError(
                f"The recognizer's weights are not at {self._weights}.",
                "Check NKO_READER_WEIGHTS, or install the package again.",
            )
        return (
            f"nko-lines-{sha256_of(self._weights)[:12]}+rapidocr-{version('rapidocr')}+r{_REVISION}"
        )

    @property
    def settings(self) -> Mapping[str, object]:
        """Its own settings, and the revision of the code that uses them."""
        return {
            "longest_side": self.longest_side,
            "rereads": self.rereads,
            "revision": _REVISION,
        }

    def request_hash(self, request: FrameRequest) -> str:
        """What identifies the reading of one frame with these settings."""
        return request_hash(request, reader=self.name, model=self.model, settings=self.settings)

    def submit(self, requests: Sequence[FrameRequest], *, reading: int = 1) -> Job:  # noqa: ARG002
        """The receipt; nothing is read yet. Every `reading` is the first: it always says the same."""
        hashes = [self.request_hash(request) for request in requests]
        return Job.of(self.name, self.model, hashes, estimated_cost_usd=0.0)

    def flush(self, say: Progress, *, force: bool = False) -> None:
        """Nothing: there is nobody to send anything to."""

    def poll(self, job: Job) -> JobStatus:
        """Always done: there is nobody to wait for."""
        return JobStatus(JobState.DONE, f"{job.frames} frames can be read")

    def collect(
        self, job: Job, requests: Sequence[FrameRequest], progress: Progress
    ) -> Iterator[Reading]:
        """Read the frames, one after the other; each gives a reading, whatever it shows.

        Raises PermanentFailure for a frame that the job does not hold: it was submitted with
        other weights or settings.
        """
        known = set(job.request_hashes)
        for number, request in enumerate(requests, start=1):
            hashed = self.request_hash(request)
            if hashed not in known:
                raise PermanentFailure(
                    f"Frame {request.frame_id} is not part of job {job.name}.",
                    "Materialize gemini_batches: the reader or its settings have changed.",
                )
            yield self._read(request, hashed)
            if number % _REPORT_EVERY == 0 or number == len(requests):
                progress(f"Read {number} of {len(requests)} frames")

    def _read(self, request: FrameRequest, hashed: str) -> Reading:
        image = _decode(request.jpeg)
        if image is None:
            return self._without_text(request, hashed, "error", "the frame is not a JPEG picture")
        found = self._detector.find(image)
        lines = self._transcriber.transcribe(image, found)
        if not lines:
            return self._without_text(request, hashed, "no_text", "no text was found on the frame")
        told, entries = pair(lines)
        return Reading(
            frame_id=request.frame_id,
            video_id=request.video_id,
            timestamp_ms=request.timestamp_ms,
            status="ok",
            reason="",
            lines=told,
            entries=entries,
            confidence=_confidence(told),
            reader=self.name,
            model=self.model,
            request_hash=hashed,
            raw_answer="\n".join(line.raw for line in told),
        )

    def _without_text(
        self, request: FrameRequest, hashed: str, status: str, reason: str
    ) -> Reading:
        return Reading.without_text(
            request,
            status=status,
            reason=reason,
            reader=self.name,
            model=self.model,
            request_hash=hashed,
        )

    @cached_property
    def _detector(self) -> TextDetector:
        return TextDetector(self.longest_side)

    @cached_property
    def _transcriber(self) -> Transcriber:
        return Transcriber(self.rereads, self._weights)


def _decode(jpeg: bytes) -> np.ndarray | None:
    if not jpeg:
        return None
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    return None if image is None else np.asarray(image)


def _confidence(lines: Sequence[Line]) -> float:
    """Of a frame: the mean over its N'Ko lines, over all lines where it has none."""
    nko = [line.confidence for line in lines if line.script in {"nko", "mixed"}]
    return fmean(nko or [line.confidence for line in lines])
