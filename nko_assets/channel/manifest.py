"""The manifest: every video a source ever listed, merged so that none is lost by a bad listing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from nko_assets.channel.entries import VideoEntry
from nko_assets.failures import ConfigurationError, PermanentFailure, TransientFailure

_MAX_LOST = 2
_MAX_LOST_SHARE = 0.10
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Manifest:
    """Every known video in the order of the source, then those it no longer lists."""

    videos: tuple[VideoEntry, ...]
    added: tuple[str, ...] = ()
    """Ids that the previous manifest did not have."""
    vanished: tuple[str, ...] = ()
    """Ids that were listed before and are not now."""
    changed: tuple[str, ...] = ()
    """Ids whose content is no longer what it was (another fingerprint)."""

    @property
    def listed(self) -> tuple[VideoEntry, ...]:
        """The videos that the source lists now."""
        return tuple(video for video in self.videos if video.listed)


def merge(
    previous: Sequence[VideoEntry] | None, listed: Sequence[VideoEntry], allow_shrink: bool = False
) -> Manifest:
    """Merge a new listing with what was known before.

    Videos that vanished from the listing stay, marked `listed=False`. An entry that a source
    lists twice counts once. Raises `TransientFailure` when nothing is listed or when more than
    a tenth (and more than two) of the listed videos vanished at once, unless `allow_shrink`;
    `PermanentFailure` when one id stands for two different videos.
    """
    current = _unique(listed)
    if not current:
        raise TransientFailure(
            "The source lists no videos at all, which is never taken as 'all gone'.",
            "Open it in a browser: if its videos are there, try again later.",
        )
    known = {video.video_id: video for video in previous or ()}
    before = [video.video_id for video in known.values() if video.listed]
    vanished = tuple(video_id for video_id in before if video_id not in current)
    if (
        not allow_shrink
        and len(vanished) > _MAX_LOST
        and len(vanished) > _MAX_LOST_SHARE * len(before)
    ):
        sample = ", ".join(vanished[:5]) + (", …" if len(vanished) > 5 else "")
        raise TransientFailure(
            f"The source lists {len(current)} videos and no longer {len(vanished)} of the "
            f"{len(before)} it listed before ({sample}); a listing cut short looks the same.",
            "Try again later, or accept the loss with NKO_ALLOW_SHRINK=1 or "
            "`nko run --allow-shrink`.",
        )
    gone = tuple(
        replace(video, listed=False) for video in known.values() if video.video_id not in current
    )
    return Manifest(
        videos=(*current.values(), *gone),
        added=tuple(video_id for video_id in current if video_id not in known),
        vanished=vanished,
        changed=tuple(
            video_id
            for video_id, video in current.items()
            if video_id in known and known[video_id].fingerprint != video.fingerprint
        ),
    )


def read_manifest(path: Path) -> list[VideoEntry] | None:
    """Read the videos of a manifest file, or None when there is none yet."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return [_from_record(record) for record in document["videos"]]
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(
            f"{path} is not a manifest that can be read ({type(error).__name__}: {error}).",
            "Move it away; the next run lists the source afresh.",
        ) from error


def manifest_bytes(manifest: Manifest) -> bytes:
    """The manifest as a JSON file; the same videos give the same bytes."""
    document = {"version": _VERSION, "videos": [_to_record(video) for video in manifest.videos]}
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()


def _unique(listed: Sequence[VideoEntry]) -> dict[str, VideoEntry]:
    unique: dict[str, VideoEntry] = {}
    for video in listed:
        first = unique.setdefault(video.video_id, video)
        if first.url != video.url and first.title != video.title:
            raise PermanentFailure(
                f"Two videos of the source share the id {video.video_id!r}: "
                f"{first.title!r} and {video.title!r}.",
                "List them as separate sources.",
            )
    return unique


def _to_record(video: VideoEntry) -> dict[str, object]:
    record = asdict(video)
    return {
        "video_id": record.pop("video_id"),
        "title": video.display_title,
        "raw_title": record.pop("title"),
        **record,
    }


def _from_record(record: dict[str, object]) -> VideoEntry:
    fields = {name: value for name, value in record.items() if name not in ("title", "raw_title")}
    return VideoEntry(title=str(record["raw_title"]), **fields)  # type: ignore[arg-type]
