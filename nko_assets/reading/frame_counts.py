"""How many frames there will be to read: counted, or expected from what is known of each video."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

# What the 532 lessons of the channel are known or estimated to have: 56 minutes each, sampled each
# five seconds, and 43,000 frames that show something new.
USUAL_DURATION_S = 56 * 60.0
USUAL_KEPT_SHARE = 43_000 / (532 * USUAL_DURATION_S / 5)
USUAL_SIZE = (854, 480)


@dataclass(frozen=True, slots=True)
class KnownVideo:
    """What is known of one video, None for what is not.

    `sampled` is how many frames were taken from it, `kept` how many of them show something new.
    """

    video_id: str
    duration_s: float | None = None
    sampled: int | None = None
    kept: int | None = None
    size: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class FrameCount:
    """Frames by width and height in pixels, and how sure the number is.

    `counted` videos have their frames, those of `by_duration` were estimated from how long they
    last, and of those `assumed` not even that is known.
    """

    sizes: Counter[tuple[int, int]]
    counted: int
    by_duration: int
    assumed: int
    kept_share: float
    share_is_measured: bool

    @property
    def frames(self) -> int:
        """All of them."""
        return self.sizes.total()

    @property
    def basis(self) -> str:
        """In one sentence, where the number comes from."""
        usual = f"as if they lasted {USUAL_DURATION_S / 60:g} minutes like the channel's lessons"
        parts = (
            (self.counted, "counted"),
            (self.by_duration, "by how long they last"),
            (self.assumed, usual),
        )
        text = f"{self.frames:,} frames of "
        text += ", ".join(f"{videos} videos {how}" for videos, how in parts if videos)
        if self.by_duration or self.assumed:
            whence = "as of those counted" if self.share_is_measured else "as assumed for slides"
            text += f"; {self.kept_share:.0%} of their sampled frames show something new, {whence}"
        return f"{text}."


def count_frames(videos: Sequence[KnownVideo], interval_s: float) -> FrameCount:
    """The frames of `videos`, of which one is sampled each `interval_s` seconds."""
    whole = [video for video in videos if video.kept is not None and video.sampled]
    sampled = sum(video.sampled or 0 for video in whole)
    measured = sampled > 0
    share = (
        sum(video.kept or 0 for video in whole) / sampled
        if measured
        # Of frames taken more often fewer are new.
        else min(1.0, USUAL_KEPT_SHARE * interval_s / 5)
    )
    sizes: Counter[tuple[int, int]] = Counter()
    counted = by_duration = assumed = 0
    for video in videos:
        size = video.size or USUAL_SIZE
        if video.kept is not None:
            sizes[size] += video.kept
            counted += 1
            continue
        if video.sampled is None and video.duration_s is None:
            assumed += 1
        else:
            by_duration += 1
        frames = video.sampled or (video.duration_s or USUAL_DURATION_S) / interval_s
        sizes[size] += max(1, round(share * frames))
    return FrameCount(+sizes, counted, by_duration, assumed, share, measured)
