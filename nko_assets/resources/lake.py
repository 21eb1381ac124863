"""The data root: where each artefact lies, and the record of what made it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from nko_assets.channel import VideoEntry, read_manifest
from nko_assets.failures import PermanentFailure
from nko_assets.files import sha256_of, write_atomically

# Instead of a fingerprint: no real one begins like this, and each is another.
_OUTDATED = "outdated"

# How the names of records and of notes of failures end.
_MADE = ".json"
_FAILED = ".failed.json"


@dataclass(frozen=True, slots=True)
class Record:
    """What made an artefact, what it holds, and what its checks said.

    `fingerprint` covers code version, settings and inputs; `content` covers the files written.
    Equal fingerprints mean that making it again would give the same files.
    """

    asset: str
    key: str
    fingerprint: str
    content: str
    files: dict[str, int]
    facts: dict[str, Any] = field(default_factory=dict)
    checks: list[dict[str, Any]] = field(default_factory=list)

    @property
    def outdated(self) -> bool:
        """Whether `Lake.outdate` made it so, and nothing was made since."""
        return self.fingerprint.startswith(_OUTDATED)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt failed: the kind of failure by the name of its class, and the sentence shown."""

    kind: str
    reason: str


@dataclass(frozen=True, slots=True)
class Keys:
    """Whose artefact was made, and whose last attempt failed; one can be both."""

    done: frozenset[str]
    failed: frozenset[str]


def fingerprint(**parts: Any) -> str:
    """SHA-256 over `parts`, which have to be JSON-able; the order of keys does not matter."""
    return hashlib.sha256(
        json.dumps(parts, sort_keys=True, ensure_ascii=False).encode()
    ).hexdigest()


class Lake:
    """The files of one data root. Every write is atomic; every artefact has a record."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def manifest_path(self) -> Path:
        """The manifest of videos."""
        return self.root / "manifest" / "videos.json"

    @property
    def source_path(self) -> Path:
        """Which source the lessons came from; no fact of a record, since a URL may carry a key."""
        return self.root / "manifest" / "source.txt"

    @property
    def source(self) -> str | None:
        """The source that the lessons came from, or None when the data root is new."""
        try:
            return self.source_path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    @property
    def training(self) -> Path:
        """The folder of the training files."""
        return self.root / "training"

    def videos(self) -> list[VideoEntry]:
        """Every video of the manifest, in its order; none before the channel was listed."""
        return read_manifest(self.manifest_path) or []

    def path(self, asset: str, video_id: str, suffix: str = ".parquet") -> Path:
        """Where the artefact of one video lies."""
        return self.root / asset / f"{video_id}{suffix}"

    def read_table(
        self, asset: str, video_id: str, columns: list[str] | None = None
    ) -> pl.DataFrame:
        """One video's table; raises `PermanentFailure` when it was never made."""
        path = self.path(asset, video_id)
        if not path.is_file():
            raise PermanentFailure(
                f"{asset} of video {video_id} is not there.", f"Materialize {asset} first."
            )
        return pl.read_parquet(path, columns=columns, glob=False)

    def _record_path(self, asset: str, key: str) -> Path:
        return self.root / ".records" / asset / f"{key or 'all'}{_MADE}"

    def record(self, asset: str, key: str = "") -> Record | None:
        """What made the artefact, or None when there is none or one of its files is gone.

        A record that cannot be read, from another version or a damaged disk, is none either: the
        artefact is made again.
        """
        try:
            record = Record(**json.loads(self._record_path(asset, key).read_bytes()))
        except (FileNotFoundError, ValueError, TypeError):
            return None
        for name, size in record.files.items():
            path = self.root / name
            if not path.is_file() or path.stat().st_size != size:
                return None
        return record

    def keys(self, asset: str) -> Keys:
        """The keys that have a record or a failure of `asset`; nothing is opened."""
        folder = self._record_path(asset, "").parent
        names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
        failed = {name.removesuffix(_FAILED) for name in names if name.endswith(_FAILED)}
        done = {
            name.removesuffix(_MADE)
            for name in names
            if name.endswith(_MADE) and not name.endswith(_FAILED)
        }
        return Keys(frozenset(done), frozenset(failed))

    def save_record(
        self,
        asset: str,
        key: str,
        fingerprint: str,
        files: list[Path],
        facts: dict[str, Any],
        checks: list[dict[str, Any]],
    ) -> Record:
        """Record `files` as the artefact; written after them, so a crash between repeats the work."""
        content = hashlib.sha256()
        sizes: dict[str, int] = {}
        for path in sorted(files):
            name = path.relative_to(self.root).as_posix()
            sizes[name] = path.stat().st_size
            content.update(f"{name}\0{sha256_of(path)}\n".encode())
        record = Record(asset, key, fingerprint, content.hexdigest(), sizes, facts, checks)
        write_atomically(
            self._record_path(asset, key),
            json.dumps(asdict(record), ensure_ascii=False, indent=1).encode(),
        )
        return record

    def outdate(self, asset: str, key: str = "") -> None:
        """Have the artefact made again, because what it was made from may say something else now.

        It stays in use until then. Nothing happens to one that is not there.
        """
        record = self.record(asset, key)
        if record is None:
            return
        old = replace(record, fingerprint=f"{_OUTDATED} {datetime.now(UTC).isoformat()}")
        write_atomically(
            self._record_path(asset, key),
            json.dumps(asdict(old), ensure_ascii=False, indent=1).encode(),
        )

    def _failure_path(self, asset: str, key: str) -> Path:
        return self.root / ".records" / asset / f"{key or 'all'}{_FAILED}"

    def save_failure(self, asset: str, key: str, failure: Failure) -> None:
        """Remember why the last attempt on `key` failed."""
        write_atomically(
            self._failure_path(asset, key),
            json.dumps(asdict(failure), ensure_ascii=False).encode(),
        )

    def clear_failure(self, asset: str, key: str) -> None:
        """Forget an earlier failure, now that an attempt succeeded."""
        self._failure_path(asset, key).unlink(missing_ok=True)

    def failure(self, asset: str, key: str) -> Failure | None:
        """Why the last attempt on `key` failed, or None when it did not.

        A damaged note still says that an attempt failed, and no longer why.
        """
        path = self._failure_path(asset, key)
        try:
            return Failure(**json.loads(path.read_bytes()))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError):
            return Failure(
                PermanentFailure.__name__,
                f"The note of this failure, {path.relative_to(self.root)}, cannot be read. "
                f"Materialize {asset} again.",
            )

    def latest_failure(self, key: str) -> Failure | None:
        """Why the last attempt on any artefact of `key` failed, or None when none did."""
        folder = self.root / ".records"
        notes = [
            path
            for asset in (folder.iterdir() if folder.is_dir() else ())
            if (path := self._failure_path(asset.name, key)).is_file()
        ]
        if not notes:
            return None
        latest = max(notes, key=lambda path: path.stat().st_mtime_ns)
        return self.failure(latest.parent.name, key)
