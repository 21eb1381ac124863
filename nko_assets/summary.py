"""What a data root holds, counted from the records of its artefacts; the end of `nko run` and `nko status`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from nko_assets.assets.lessons import LESSON_ASSETS
from nko_assets.channel import VideoEntry
from nko_assets.lineage import STEPS
from nko_assets.resources.lake import Lake, Record

# A video is done when its readings are decided; the memory comes after that.
_DECIDED = LESSON_ASSETS[LESSON_ASSETS.index("reviewed_readings") :]
CORPUS_ASSETS = tuple(name for name, step in STEPS.items() if not step.per_video)
# What can fail for no one video: assets of the corpus, and what ends a range of videos.
FAILING_TOGETHER = tuple(
    name for name, step in STEPS.items() if not step.per_video or step.finish is not None
)


@dataclass(frozen=True, slots=True)
class VideoStatus:
    """How far one video has come: the last step that is done, or the one that failed and why."""

    video_id: str
    title: str
    done: str
    failed: str = ""
    reason: str = ""
    listed: bool = True


@dataclass(frozen=True, slots=True)
class WarnedCheck:
    """A check that did not pass and stopped nothing."""

    asset: str
    video_id: str
    name: str
    message: str


@dataclass(frozen=True)
class Summary:
    """Counts over a data root.

    `videos`, `videos_done` and `failed` are about the videos that the source lists now; `no_longer_listed`
    are those it dropped, whose lessons stay in the corpus. `broken` gives the reason of each asset
    that failed for no one video: of the corpus, or in sending what a range of videos asks. `error_rate` is the reader's, against known text, where there is any.
    """

    data: str
    source: str
    videos: int
    videos_done: int
    no_longer_listed: int
    frames: int
    unique_frames: int
    readings: int
    accepted: int
    pairs: int
    conversations: int
    ocr_samples: int
    words: int
    synthetic: int
    checks_passed: int
    checks_failed: int
    error_rate: float | None
    pairing_rate: float | None
    failed: list[VideoStatus] = field(default_factory=list)
    broken: dict[str, str] = field(default_factory=dict)
    warnings: list[WarnedCheck] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The summary as `--json` prints it."""
        return asdict(self)


def summarize(lake: Lake) -> Summary:
    """Count what the records of `lake` say; cheap, for it opens no table."""
    entries = lake.videos()
    listed = [entry for entry in entries if entry.listed]
    statuses = [video_status(lake, entry) for entry in listed]
    records = list(_records(lake, entries))
    rows: Counter[str] = Counter()
    for record in records:
        rows[record.asset] += int(record.facts.get("rows", 0))
    checks = [(record, check) for record in records for check in record.checks]
    manifest = lake.record("video_manifest")
    report = lake.record("training_report")
    facts = report.facts if report else {}
    return Summary(
        data=str(lake.root),
        source=str(manifest.facts["source"]) if manifest else "",
        videos=len(listed),
        videos_done=sum(status.done in _DECIDED and not status.failed for status in statuses),
        no_longer_listed=len(entries) - len(listed),
        frames=rows["frames"],
        unique_frames=sum(
            int(record.facts["kept"]) for record in records if record.asset == "unique_frames"
        ),
        readings=rows["gemini_results"],
        accepted=sum(
            int(record.facts["decisions"].get("accepted", 0))
            for record in records
            if record.asset == "reviewed_readings"
        ),
        pairs=rows["translation_pairs"],
        conversations=rows["conversations"],
        ocr_samples=rows["ocr_samples"],
        words=rows["vocabulary"],
        synthetic=rows["synthetic_examples"],
        checks_passed=sum(check["passed"] for _, check in checks),
        checks_failed=sum(not check["passed"] for _, check in checks),
        error_rate=facts.get("character error rate"),
        pairing_rate=facts.get("pairs right"),
        failed=[status for status in statuses if status.failed],
        broken={
            step: failure.reason
            for step in FAILING_TOGETHER
            if (failure := lake.failure(step, "")) is not None
        },
        warnings=[
            WarnedCheck(record.asset, record.key, check["name"], check["message"])
            for record, check in checks
            if not check["passed"]
        ],
        files={
            name: str(lake.root / path)
            for name, path in (
                ("training files", "training"),
                ("splits", "splits"),
                ("report", "training/report.html"),
            )
            if (lake.root / path).exists()
        },
    )


def video_status(lake: Lake, entry: VideoEntry) -> VideoStatus:
    """How far the video `entry` has come; one that the source dropped cannot fail any more."""
    done, whole = "", True
    for step in LESSON_ASSETS:
        failure = lake.failure(step, entry.video_id)
        if failure is not None and entry.listed:
            return VideoStatus(entry.video_id, entry.display_title, done, step, failure.reason)
        whole = whole and lake.record(step, entry.video_id) is not None
        if whole:
            done = step
    return VideoStatus(entry.video_id, entry.display_title, done, listed=entry.listed)


def _records(lake: Lake, entries: list[VideoEntry]) -> Iterator[Record]:
    for step in CORPUS_ASSETS:
        if (record := lake.record(step)) is not None:
            yield record
    for entry in entries:
        for step in LESSON_ASSETS:
            if (record := lake.record(step, entry.video_id)) is not None:
                yield record
