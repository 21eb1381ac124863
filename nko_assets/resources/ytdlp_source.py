"""Any page that yt-dlp can list as a source: politely, one at a time, whole files or none."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import av
import yt_dlp
from filelock import FileLock, Timeout
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt
from yt_dlp.utils import YoutubeDLError

from nko_assets.channel import VideoEntry
from nko_assets.failures import PermanentFailure, TransientFailure
from nko_assets.files import disk_errors
from nko_assets.resources.download_archive import DownloadArchive
from nko_assets.resources.source import SourceOptions, ignore
from nko_assets.resources.urls import redact
from nko_assets.resources.video_files import (
    CONTAINERS,
    find_whole,
    incoming,
    put_whole,
)
from nko_assets.resources.ytdlp_errors import Diagnosis, diagnose
from nko_assets.resources.ytdlp_listing import Info, entry_of, resolve, video_id_of, videos
from nko_assets.resources.ytdlp_options import ydl_params

Progress = Callable[[str], None]
T = TypeVar("T")

# After this many refusals in a row the site is not asked again: it means all of us.
_REFUSALS = 3
_PROGRESS_STEP = 0.1
_PROGRESS_STEP_MB = 2.0
# FFmpeg's name of a container and our extension for it.
_EXTENSIONS = {
    "mp4": "mp4",
    "matroska": "mkv",
    "mpegts": "ts",
    "avi": "avi",
    "flv": "flv",
    "ogg": "ogv",
    "asf": "wmv",
    "mpeg": "mpg",
}
_NOT_YET = ("is_live", "is_upcoming", "post_live")


class YtDlpSource:
    """A channel, a playlist, a feed, a page of videos or one video, through yt-dlp.

    Downloads are paced and happen one at a time, also across processes that share a folder.
    This class is the one place that tries again; yt-dlp's own retries are off.
    """

    def __init__(
        self,
        url: str,
        options: SourceOptions,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Name the page; nothing is asked until videos are listed or fetched."""
        self.url = url
        self.expected_videos = options.expected_videos
        self._options = options
        self._sleep = sleep
        self._archive = DownloadArchive(options.archive) if options.archive else None
        self._refusals = 0

    @property
    def name(self) -> str:
        """The page's URL, without secrets."""
        return redact(self.url)

    def list_videos(self, progress: Progress = ignore, /) -> list[VideoEntry]:
        """List the videos without asking for each of them; the order is the site's."""
        licence = self._options.licence

        def attempt() -> list[VideoEntry]:
            with self._ydl(progress) as ydl:
                found = videos(ydl, resolve(ydl, self.url))
                return [entry_of(info, licence) for info in found]

        entries = self._patiently(attempt, self.name, None, progress)
        if not entries:
            raise TransientFailure(
                f"{self.name} lists no videos.",
                "Open it in a browser: if its videos are there, try again later.",
            )
        return entries

    def fetch(self, entry: VideoEntry, folder: Path, progress: Progress) -> Path:
        """Download one video to `folder`, continuing an interrupted download."""
        present = find_whole(folder, entry.video_id)
        if present is not None:
            return present
        if self._refusals >= _REFUSALS:
            raise TransientFailure(
                f"{entry.display_title}: not asked for, because the site refused the last "
                f"{self._refusals} videos.",
                "Wait an hour and run again; what is already downloaded is kept.",
            )
        with disk_errors(folder):
            growing = incoming(folder, entry.video_id)

        def attempt() -> Path:
            with self._turn(growing.parent, progress):
                # Another process may have had the same task, and its turn before ours.
                made = find_whole(folder, entry.video_id)
                if made is not None:
                    return made
                whole = self._download(entry, growing, progress)
                return put_whole(whole, folder, entry.video_id, _extension(whole, entry))

        try:
            path = self._patiently(attempt, entry.display_title, folder, progress)
        finally:
            with suppress(OSError):
                growing.rmdir()  # unless it holds a part to continue
        self._refusals = 0
        if self._archive is not None:
            self._archive.add(entry)
        return path

    def _download(self, entry: VideoEntry, growing: Path, progress: Progress) -> Path:
        report = _Progress(entry, progress)
        with self._ydl(progress, growing, report) as ydl:
            video = self._find(entry, list(videos(ydl, resolve(ydl, entry.url))))
            if video.get("live_status") in _NOT_YET or video.get("is_live"):
                raise TransientFailure(
                    f"{entry.display_title}: it is being broadcast or has yet to be.",
                    "Run again when it has been broadcast.",
                )
            done = ydl.process_ie_result(video, download=True)
        downloads = (done or {}).get("requested_downloads") or []
        if not downloads:
            raise PermanentFailure(
                f"{entry.display_title}: its page holds several videos.",
                "List that page as a source of its own.",
            )
        height = downloads[0].get("height")
        if height is not None and height < self._options.min_height:
            progress(f"{entry.display_title}: only {height} lines high, text may be illegible")
        return Path(downloads[0]["filepath"])

    def _find(self, entry: VideoEntry, found: list[Info]) -> Info:
        """Return the entry's video among those of its page."""
        for video in found:
            if video_id_of(video) == entry.video_id:
                return video
        # The only video of a page of its own may have another id than the link to the page.
        own_page = entry.source != "youtube" and entry.url != self.url
        if own_page and len(found) == 1:
            return found[0]
        raise PermanentFailure(
            f"{entry.display_title}: its page no longer shows it.", "List the source again."
        )

    @contextmanager
    def _ydl(
        self,
        progress: Progress,
        folder: Path | None = None,
        report: Callable[[Info], None] | None = None,
    ) -> Iterator[yt_dlp.YoutubeDL]:
        params: dict[str, Any] = ydl_params(self._options) | {"logger": _Log(progress)}
        if folder is not None:
            # The name holds the format, so that a part of one is never continued with another.
            params |= {
                # Of an address of one video within a list, the video; a listing takes the list.
                "noplaylist": True,
                "paths": {"home": str(folder)},
                "outtmpl": {"default": "%(format_id)s.%(ext)s"},
                "progress_hooks": [report] if report else [],
            }
        with yt_dlp.YoutubeDL(params) as ydl:
            yield ydl

    def _patiently(
        self, attempt: Callable[[], T], what: str, folder: Path | None, progress: Progress
    ) -> T:
        """Try, and try again after failures that may heal at once; raise what remains."""

        def once() -> T:
            try:
                return attempt()
            except (YoutubeDLError, OSError) as error:
                raise _Failed(diagnose(error, what, folder)) from error

        def wait(state: RetryCallState) -> float:
            doubled = self._options.retry_wait_s * 2 ** (state.attempt_number - 1)
            return max(doubled, _failed(state).diagnosis.wait_s)

        def say(state: RetryCallState) -> None:
            message = _failed(state).diagnosis.failure.message
            progress(f"{message} Trying again in {state.upcoming_sleep:.0f} s.")

        retrying = Retrying(
            retry=retry_if_exception(lambda e: isinstance(e, _Failed) and e.diagnosis.again),
            stop=stop_after_attempt(self._options.retries + 1),
            wait=wait,
            before_sleep=say,
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return retrying(once)
        except _Failed as failed:
            self._refusals = self._refusals + 1 if failed.diagnosis.refused else 0
            # Without its causes: their texts hold whole URLs, signatures included.
            raise failed.diagnosis.failure from None

    @contextmanager
    def _turn(self, folder: Path, progress: Progress) -> Iterator[None]:
        """Wait for our turn: one download at a time, and a pause since the last one ended."""
        stamp = folder / ".last"
        lock = FileLock(folder / ".lock")
        try:
            lock.acquire(blocking=False)
        except Timeout:
            progress("Waiting for another download to end.")
            lock.acquire()
        try:
            pause = random.uniform(*self._options.sleep_s)  # noqa: S311  pacing, not secrecy
            if stamp.exists() and (rest := stamp.stat().st_mtime + pause - time.time()) > 0:
                self._sleep(min(rest, pause))
            yield
        finally:
            try:
                stamp.touch()
            finally:
                lock.release()


class _Failed(Exception):
    def __init__(self, diagnosis: Diagnosis) -> None:
        super().__init__(str(diagnosis.failure))
        self.diagnosis = diagnosis


def _failed(state: RetryCallState) -> _Failed:
    error = state.outcome.exception() if state.outcome else None
    assert isinstance(error, _Failed)  # noqa: S101  nothing else is tried again
    return error


class _Log:
    """What yt-dlp says: warnings to the progress, without secrets; errors are raised anyway."""

    # Said of every page that has no extractor of its own, that is, of most pages.
    _USUAL = ("generic information extractor", "could be a direct video link")

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def debug(self, message: str) -> None:
        """Say nothing."""

    def warning(self, message: str) -> None:
        """Pass a warning on."""
        if not any(usual in message for usual in self._USUAL):
            self._progress(redact(message))

    def error(self, message: str) -> None:
        """Say nothing: the error follows as an exception."""


class _Progress:
    """Tells of a download at every tenth of it, but not oftener than each two megabytes."""

    def __init__(self, entry: VideoEntry, progress: Progress) -> None:
        self._title = entry.display_title
        self._progress = progress
        self._told = 0.0

    def __call__(self, state: Info) -> None:
        """Take yt-dlp's report of a download under way."""
        megabytes = (state.get("downloaded_bytes") or 0) / 1e6
        total = (state.get("total_bytes") or state.get("total_bytes_estimate") or 0) / 1e6
        step = max(total * _PROGRESS_STEP, _PROGRESS_STEP_MB)
        if state.get("status") == "downloading" and megabytes >= self._told + step:
            self._told = megabytes
            of = f" of {total:.1f}" if total else ""
            self._progress(f"{self._title}: {megabytes:.1f}{of} MB")


def _extension(whole: Path, entry: VideoEntry) -> str:
    """Return the extension for a downloaded file, from its content where its name says nothing."""
    named = whole.suffix[1:].lower()
    if named in CONTAINERS:
        return named
    try:
        with av.open(str(whole)) as container:
            names = container.format.name if container.streams.video else ""
    except (av.FFmpegError, OSError):
        names = ""
    for part, extension in _EXTENSIONS.items():
        if part in names.split(","):
            return extension
    whole.unlink()
    raise PermanentFailure(
        f"{entry.display_title}: what its address serves is not a video.",
        "Open the address in a browser; it may ask to sign in.",
    )
