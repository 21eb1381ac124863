"""The real yt-dlp against a local web server: listing, downloading, and all that goes wrong."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import yt_dlp
from yt_dlp.utils import OnDemandPagedList

from nko_assets.channel import VideoEntry, merge
from nko_assets.failures import ConfigurationError, NkoError, PermanentFailure, TransientFailure
from nko_assets.resources.download_archive import DownloadArchive
from nko_assets.resources.source import open_source
from nko_assets.resources.video_files import incoming
from nko_assets.resources.ytdlp_listing import Info, entry_of, video_id_of, videos
from nko_assets.resources.ytdlp_source import YtDlpSource
from nko_assets_tests.servers.media import (
    MediaServer,
    Request,
    Reset,
    Slow,
    Status,
    Truncated,
    feed,
    master_playlist,
    media_playlist,
    page,
)
from nko_assets_tests.source_options import source_options

CONTENT = random.Random(7).randbytes(200_000)
OPTIONS = source_options(retries=2, retry_wait_s=10)
LESSON = "/lessons/ߥߟߊ߬ߘߊ-1.mp4"


@pytest.fixture
def server() -> Iterator[MediaServer]:
    with MediaServer() as running:
        for number in (1, 2, 3):
            running.add(f"/lessons/ߥߟߊ߬ߘߊ-{number}.mp4", CONTENT + bytes([number]))
        yield running


class Sleeps(list[float]):
    """Stands for `time.sleep`: remembers how long, and does not."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def source(server: MediaServer, path: str = LESSON, **changes: Any) -> YtDlpSource:
    options = dataclasses.replace(OPTIONS, **changes)
    return YtDlpSource(server.at(path), options, sleep=Sleeps())


def only(found: YtDlpSource) -> VideoEntry:
    (entry,) = found.list_videos()
    return entry


def silent(_line: str) -> None:
    """Take a line of progress and say nothing."""


def files(folder: Path) -> list[str]:
    """The names a reader of the folder sees."""
    return sorted(path.name for path in folder.glob("[!.]*"))


def continued_at(request: Request) -> int:
    """The byte at which a request goes on with an earlier download; 0 if it does not."""
    return int(request.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))


def segmented(server: MediaServer) -> str:
    """Serve a video in segments at four heights; returns the path of its playlist."""
    heights = (240, 480, 720, 1080)
    for height in heights:
        names = [f"/hls/{height}-{number}.ts" for number in range(3)]
        for number, name in enumerate(names):
            server.add(name, f"{height}:{number};".encode() * 100, "video/mp2t")
        server.add(f"/hls/{height}.m3u8", media_playlist(names), "application/x-mpegurl")
    variants = [(height, height * 1000, f"/hls/{height}.m3u8") for height in heights]
    server.add("/hls/lesson.m3u8", master_playlist(variants), "application/x-mpegurl")
    return "/hls/lesson.m3u8"


# Listing


def test_the_channel_is_known_to_have_532_videos() -> None:
    for spec in ("@babamamadidiane", "https://www.youtube.com/@babamamadidiane"):
        channel = open_source(spec, OPTIONS)
        assert channel.expected_videos == 532
        assert channel.name == "https://www.youtube.com/@babamamadidiane/videos"
    own = dataclasses.replace(OPTIONS, expected_videos=540)
    assert open_source("@babamamadidiane", own).expected_videos == 540
    assert open_source("@another", OPTIONS).expected_videos is None


def test_a_page_lists_every_video_on_it(server: MediaServer) -> None:
    names = [f"/lessons/ߥߟߊ߬ߘߊ-{number}.mp4" for number in (2, 1, 3)]
    server.add("/page.html", page("ߒߞߏ", names), "text/html")
    entries = source(server, "/page.html").list_videos()
    assert [entry.video_id[:8] for entry in entries] == ["ߥߟߊ߬ߘߊ-2", "ߥߟߊ߬ߘߊ-1", "ߥߟߊ߬ߘߊ-3"]
    assert {entry.licence for entry in entries} == {"ask the author"}


def test_an_id_does_not_depend_on_the_place_on_the_page(server: MediaServer) -> None:
    def listed(*numbers: int) -> set[str]:
        names = [f"/lessons/ߥߟߊ߬ߘߊ-{number}.mp4" for number in numbers]
        server.add("/page.html", page("ߒߞߏ", names), "text/html")
        return {entry.video_id for entry in source(server, "/page.html").list_videos()}

    assert listed(2, 3) < listed(1, 2, 3)


def test_a_feed_lists_titles_dates_and_durations(server: MediaServer) -> None:
    title = "ߥߟߊ߬ߘߊ ߁߀߲  ߄ ߂߄ ߂߀߂߅"
    items = [(title, server.at(LESSON), "lesson-guid"), ("two", server.at("/b.mp4"), None)]
    server.add("/feed.xml", feed("ߒߞߏ", items), "application/rss+xml")
    first, second = source(server, "/feed.xml").list_videos()
    assert (first.title, first.uploaded, first.duration_s) == (title, "2025-04-24", 3360.0)
    assert first.display_title == title.replace("  ", " ")
    assert "smuggle" not in first.url
    assert first.video_id != second.video_id
    assert not server.asked(LESSON)


def test_a_feed_whose_links_are_signed_anew_lists_the_same_videos(server: MediaServer) -> None:
    def listed(token: str) -> list[str]:
        items = [
            ("one", server.at(f"/a.mp4?token={token}"), None),
            ("two", server.at(f"/{token}/b.mp4"), "guid of two"),
        ]
        server.add("/feed.xml", feed("ߒߞߏ", items), "application/rss+xml")
        return [entry.video_id for entry in source(server, "/feed.xml").list_videos()]

    assert listed("a1") == listed("b2")


def test_the_address_of_one_file_is_a_source_of_one_video(server: MediaServer) -> None:
    found = open_source(server.at(LESSON), OPTIONS)
    assert [entry.source for entry in found.list_videos()] == ["generic"]


def test_a_page_without_videos_fails_and_lists_nothing(server: MediaServer) -> None:
    server.add("/empty.html", page("ߒߞߏ", []), "text/html")
    server.add("/feed.xml", feed("ߒߞߏ", []), "application/rss+xml")
    with pytest.raises(PermanentFailure, match="no video that yt-dlp recognizes"):
        source(server, "/empty.html").list_videos()
    with pytest.raises(TransientFailure, match="lists no videos"):
        source(server, "/feed.xml").list_videos()


def test_a_listing_is_tried_again_after_a_server_error(server: MediaServer) -> None:
    server.add("/page.html", page("ߒߞߏ", [LESSON]), "text/html")
    server.trouble("/page.html", Status(503), Reset())
    found = source(server, "/page.html")
    assert len(found.list_videos()) == 1
    assert len(server.asked("/page.html")) == 3


def test_entries_of_a_channel_keep_their_ids() -> None:
    def entry(video_id: str) -> VideoEntry:
        info = {
            "_type": "url",
            "ie_key": "Youtube",
            "id": video_id,
            "url": f"https://www.youtube.com/watch?v={video_id}",
            "title": "ߒߞߏ",
            "duration": 3360,
        }
        return entry_of(info, "ask the author")

    entries = [entry(video_id) for video_id in ("-aB_cD-eF12", "_aB_cD-eF12", "-Ab_cD-eF12")]
    assert [found.video_id for found in entries] == ["-aB_cD-eF12", "_aB_cD-eF12", "-Ab_cD-eF12"]
    assert {found.source for found in entries} == {"youtube"}
    assert len(merge(None, entries).videos) == 3


def channel_video(number: int) -> Info:
    """A video as a channel's tab lists it."""
    return {
        "_type": "url",
        "ie_key": "Youtube",
        "id": f"video-{number:05}",
        "url": f"https://www.youtube.com/watch?v=video-{number:05}",
        "title": f"ߥߟߊ߬ߘߊ {number}",
    }


def test_lists_within_lists_are_walked() -> None:
    tabs = [
        {"_type": "playlist", "title": "Videos", "entries": [channel_video(1), channel_video(2)]},
        {"_type": "playlist", "title": "Live", "entries": (channel_video(n) for n in (3, 4))},
    ]
    with yt_dlp.YoutubeDL({"quiet": True}) as ydl:
        found = list(videos(ydl, {"_type": "playlist", "entries": tabs}))
    assert [video["id"] for video in found] == [f"video-{n:05}" for n in (1, 2, 3, 4)]


def test_pages_of_a_long_list_are_asked_for_as_they_are_needed() -> None:
    asked: list[int] = []

    def page_of(number: int) -> Iterator[Info]:
        asked.append(number)
        first = number * 30
        return (channel_video(n) for n in range(first, min(first + 30, 532)))

    channel = {"_type": "playlist", "entries": OnDemandPagedList(page_of, 30)}
    with yt_dlp.YoutubeDL({"quiet": True}) as ydl:
        found = videos(ydl, channel)
        next(found)
        assert asked == [0]
        assert len(list(found)) == 531
    assert asked == list(range(18))


def test_ids_of_other_sites_carry_their_name() -> None:
    link = {
        "_type": "url",
        "ie_key": "Vimeo",
        "id": "76979871",
        "url": "https://vimeo.com/76979871",
    }
    assert video_id_of(link) == "vimeo-76979871"
    odd = {**link, "id": "a/b c"}
    assert video_id_of(odd).startswith("a-b-c-")


# Downloading


def test_a_download_appears_whole_under_its_id(server: MediaServer, tmp_path: Path) -> None:
    found = source(server)
    entry = only(found)
    path = found.fetch(entry, tmp_path, silent)
    assert path == tmp_path / f"{entry.video_id}.mp4"
    assert path.read_bytes() == CONTENT + b"\x01"
    assert files(tmp_path) == [path.name]
    assert not list((tmp_path / ".incoming").glob("[!.]*"))


def test_what_is_there_is_not_asked_for_again(server: MediaServer, tmp_path: Path) -> None:
    found = source(server)
    entry = only(found)
    found.fetch(entry, tmp_path, silent)
    asked = len(server.requests)
    assert found.fetch(entry, tmp_path, silent).is_file()
    assert len(server.requests) == asked


def test_each_video_of_a_page_gets_its_own_content(server: MediaServer, tmp_path: Path) -> None:
    names = [f"/lessons/ߥߟߊ߬ߘߊ-{number}.mp4" for number in (1, 2, 3)]
    server.add("/page.html", page("ߒߞߏ", names), "text/html")
    found = source(server, "/page.html")
    paths = [found.fetch(entry, tmp_path, silent) for entry in found.list_videos()]
    assert [path.read_bytes()[-1] for path in paths] == [1, 2, 3]


def test_a_video_that_left_its_page_is_never_replaced_by_another(
    server: MediaServer, tmp_path: Path
) -> None:
    names = [f"/lessons/ߥߟߊ߬ߘߊ-{number}.mp4" for number in (1, 2)]
    server.add("/page.html", page("ߒߞߏ", names), "text/html")
    found = source(server, "/page.html")
    first, _ = found.list_videos()
    server.add("/page.html", page("ߒߞߏ", names[1:]), "text/html")
    with pytest.raises(PermanentFailure, match="no longer shows it"):
        found.fetch(first, tmp_path, silent)
    assert not files(tmp_path)


def test_a_feed_is_downloaded_by_its_links(server: MediaServer, tmp_path: Path) -> None:
    items = [("one", server.at(LESSON), "guid"), ("two", server.at("/nothing.mp4"), None)]
    server.add("/feed.xml", feed("ߒߞߏ", items), "application/rss+xml")
    found = source(server, "/feed.xml")
    first, second = found.list_videos()
    assert found.fetch(first, tmp_path, silent).read_bytes()[-1] == 1
    with pytest.raises(PermanentFailure, match="two: The file is no longer there"):
        found.fetch(second, tmp_path, silent)


def test_of_segmented_streams_the_smallest_legible_is_joined_without_ffmpeg(
    server: MediaServer, tmp_path: Path
) -> None:
    found = source(server, segmented(server))
    path = found.fetch(only(found), tmp_path, silent)
    assert path.read_bytes() == b"".join(f"480:{n};".encode() * 100 for n in range(3))


def test_a_segment_that_is_missing_fails_the_video_and_leaves_no_hole(
    server: MediaServer, tmp_path: Path
) -> None:
    found = source(server, segmented(server))
    server.remove("/hls/480-1.ts")
    with pytest.raises(NkoError):
        found.fetch(only(found), tmp_path, silent)
    assert not files(tmp_path)


def test_segments_that_arrived_are_kept_when_one_is_tried_again(
    server: MediaServer, tmp_path: Path
) -> None:
    found = source(server, segmented(server))
    server.trouble("/hls/480-2.ts", Status(503))
    path = found.fetch(only(found), tmp_path, silent)
    assert path.read_bytes() == b"".join(f"480:{n};".encode() * 100 for n in range(3))
    assert len(server.asked("/hls/480-0.ts")) == 1


def test_a_picture_too_small_to_read_is_taken_with_a_warning(
    server: MediaServer, tmp_path: Path
) -> None:
    server.add("/240.ts", b"low", "video/mp2t")
    server.add("/240.m3u8", media_playlist(["/240.ts"]), "application/x-mpegurl")
    playlist = master_playlist([(240, 240_000, "/240.m3u8")])
    server.add("/low.m3u8", playlist, "application/x-mpegurl")
    found = source(server, "/low.m3u8")
    said: list[str] = []
    assert found.fetch(only(found), tmp_path, said.append).is_file()
    assert any("only 240 lines high" in line for line in said)


def test_a_file_without_an_extension_is_named_after_its_content(
    server: MediaServer, tmp_path: Path
) -> None:
    made = tmp_path / "made.mkv"
    with av.open(str(made), "w") as container:
        stream = container.add_stream("mpeg4", rate=Fraction(5))
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    server.add("/download", made.read_bytes(), "application/octet-stream")
    found = source(server, "/download")
    path = found.fetch(only(found), tmp_path / "files", silent)
    assert path.suffix == ".mkv"


def test_what_is_not_a_video_is_not_kept(server: MediaServer, tmp_path: Path) -> None:
    server.add("/download", b'{"error": "sign in"}', "application/json")
    found = source(server, "/download")
    with pytest.raises(PermanentFailure, match="not a video"):
        found.fetch(only(found), tmp_path, silent)
    assert not files(tmp_path)


def test_a_slow_server_is_waited_for(server: MediaServer, tmp_path: Path) -> None:
    found = source(server)
    entry = only(found)
    server.trouble(LESSON, Slow(0.05), Slow(0.05, pieces=4))
    assert found.fetch(entry, tmp_path, silent).stat().st_size == len(CONTENT) + 1


# What goes wrong


@pytest.mark.parametrize(
    ("status", "failure", "attempts"),
    [
        (401, PermanentFailure, 1),
        (403, PermanentFailure, 1),
        (404, PermanentFailure, 1),
        (410, PermanentFailure, 1),
        (451, PermanentFailure, 1),
        (429, TransientFailure, 1),
        (500, TransientFailure, 3),
        (503, TransientFailure, 3),
    ],
)
def test_a_status_is_told_apart_and_tried_again_only_if_that_may_help(
    server: MediaServer,
    tmp_path: Path,
    status: int,
    failure: type[NkoError],
    attempts: int,
) -> None:
    found = source(server)
    entry = only(found)
    asked = len(server.requests)
    server.trouble(LESSON, *[Status(status)] * 9)
    with pytest.raises(failure) as error:
        found.fetch(entry, tmp_path, silent)
    assert len(server.requests) - asked == attempts
    assert str(status) in error.value.message
    assert error.value.next_step
    assert error.value.__cause__ is None
    assert not files(tmp_path)
    assert not list((tmp_path / ".incoming").glob("[!.]*"))


def test_attempts_wait_twice_as_long_each_time(server: MediaServer, tmp_path: Path) -> None:
    sleeps = Sleeps()
    found = YtDlpSource(server.at(LESSON), OPTIONS, sleep=sleeps)
    entry = only(found)
    server.trouble(LESSON, Status(503), Reset())
    said: list[str] = []
    found.fetch(entry, tmp_path, said.append)
    assert sleeps == [10, 20]
    assert any("Trying again in 20 s" in line for line in said)


def test_a_server_that_names_a_short_break_gets_it(server: MediaServer, tmp_path: Path) -> None:
    sleeps = Sleeps()
    found = YtDlpSource(server.at(LESSON), OPTIONS, sleep=sleeps)
    entry = only(found)
    server.trouble(LESSON, Status(429, {"Retry-After": "120"}))
    assert found.fetch(entry, tmp_path, silent).is_file()
    assert sleeps == [120]


def test_a_server_that_wants_a_long_break_is_left_alone(
    server: MediaServer, tmp_path: Path
) -> None:
    found = source(server)
    entry = only(found)
    server.trouble(LESSON, Status(429, {"Retry-After": "3600"}))
    with pytest.raises(TransientFailure, match="limits how fast"):
        found.fetch(entry, tmp_path, silent)


def test_a_site_that_turns_us_away_is_not_asked_on_and_on(
    server: MediaServer, tmp_path: Path
) -> None:
    names = [f"/many/{number}.mp4" for number in range(6)]
    for name in names:
        server.add(name, CONTENT)
        server.trouble(name, *[Status(429)] * 9)
    items = [(name, server.at(name), None) for name in names]
    server.add("/feed.xml", feed("ߒߞߏ", items), "application/rss+xml")
    found = source(server, "/feed.xml")
    for entry in found.list_videos():
        with pytest.raises(TransientFailure):
            found.fetch(entry, tmp_path, silent)
    assert [len(server.asked(name)) for name in names] == [1, 1, 1, 0, 0, 0]


def test_a_download_cut_short_is_continued(server: MediaServer, tmp_path: Path) -> None:
    found = source(server)
    entry = only(found)
    server.trouble(LESSON, Slow(0), Truncated(0.6))
    path = found.fetch(entry, tmp_path, silent)
    assert path.read_bytes() == CONTENT + b"\x01"
    assert continued_at(server.asked(LESSON)[-1]) > 0


def test_a_download_always_cut_short_fails_and_looks_like_nothing(
    server: MediaServer, tmp_path: Path
) -> None:
    found = source(server, retries=0)
    entry = only(found)
    server.trouble(LESSON, Slow(0), Truncated(0.5))
    with pytest.raises(TransientFailure, match="broke off"):
        found.fetch(entry, tmp_path, silent)
    assert not files(tmp_path)
    # Another process, later: it goes on from the middle.
    path = source(server).fetch(entry, tmp_path, silent)
    assert path.read_bytes() == CONTENT + b"\x01"
    assert continued_at(server.asked(LESSON)[-1]) > 0


def test_a_kill_between_the_last_byte_and_the_rename_costs_nothing(
    server: MediaServer, tmp_path: Path
) -> None:
    found = source(server)
    entry = only(found)
    growing = incoming(tmp_path, entry.video_id)
    (growing / "mp4.mp4").write_bytes(CONTENT + b"\x01")
    assert found.fetch(entry, tmp_path, silent).read_bytes() == CONTENT + b"\x01"


def test_two_processes_download_one_after_the_other_and_once(
    server: MediaServer, tmp_path: Path
) -> None:
    entry = only(source(server))
    said: list[str] = []
    asked = len(server.asked(LESSON))
    server.trouble(LESSON, Slow(0.2), Slow(0.2))

    def fetch(_number: int) -> Path:
        return source(server).fetch(entry, tmp_path, said.append)

    with ThreadPoolExecutor(2) as pool:
        paths = list(pool.map(fetch, range(2)))
    assert paths[0] == paths[1]
    assert "Waiting for another download to end." in said
    # One look at the address, one download.
    assert len(server.asked(LESSON)) - asked == 2
    assert paths[0].read_bytes() == CONTENT + b"\x01"


def test_nobody_listening_is_transient(tmp_path: Path) -> None:
    with MediaServer() as gone:
        url = gone.at("/a.mp4")
    with pytest.raises(TransientFailure, match="did not answer"):
        YtDlpSource(url, OPTIONS, sleep=Sleeps()).list_videos()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, as Linux has it")
def test_a_full_disk_is_one_sentence(server: MediaServer, tmp_path: Path) -> None:
    found = source(server)
    entry = only(found)
    growing = incoming(tmp_path, entry.video_id)
    (growing / "mp4.mp4.part").symlink_to("/dev/full")
    with pytest.raises(ConfigurationError, match="is full") as error:
        found.fetch(entry, tmp_path, silent)
    assert "Free some space" in error.value.next_step
    assert not files(tmp_path)


def test_secrets_in_the_address_are_not_said(server: MediaServer, tmp_path: Path) -> None:
    secret = f"{server.at('/private.mp4')}?token=s3cret"
    server.add("/private.mp4", CONTENT)
    found = YtDlpSource(secret, OPTIONS, sleep=Sleeps())
    said: list[str] = [found.name]
    entry = only(found)
    assert entry.url == secret
    server.trouble("/private.mp4", Status(503), *[Status(403)] * 3)
    with pytest.raises(PermanentFailure) as error:
        found.fetch(entry, tmp_path, said.append)
    said += [str(error.value), error.value.message, repr(error.value)]
    assert not [line for line in said if "s3cret" in line]


# Manners, archive


def test_a_pause_lies_between_two_downloads_but_not_before_the_first(
    server: MediaServer, tmp_path: Path
) -> None:
    names = ["/a.mp4", "/b.mp4"]
    items = [(name, server.add(name, CONTENT), None) for name in names]
    server.add("/feed.xml", feed("ߒߞߏ", items), "application/rss+xml")
    sleeps = Sleeps()
    options = dataclasses.replace(OPTIONS, sleep_s=(1000, 1001))
    plain = source(server, "/feed.xml")
    first, second = plain.list_videos()
    found = YtDlpSource(server.at("/feed.xml"), options, sleep=sleeps)
    found.fetch(first, tmp_path, silent)
    assert sleeps == []
    found.fetch(second, tmp_path, silent)
    assert [900 < pause <= 1001 for pause in sleeps] == [True]


def test_a_download_is_recorded_in_the_archive_once(server: MediaServer, tmp_path: Path) -> None:
    archive = tmp_path / "archive.txt"
    found = source(server, archive=archive)
    entry = only(found)
    path = found.fetch(entry, tmp_path / "files", silent)
    assert archive.read_text(encoding="utf-8") == f"generic {entry.video_id}\n"
    # A file that was deleted is needed again, whatever the archive says.
    path.unlink()
    assert found.fetch(entry, tmp_path / "files", silent) == path
    assert archive.read_text(encoding="utf-8") == f"generic {entry.video_id}\n"


def test_a_failed_download_is_not_recorded_in_the_archive(
    server: MediaServer, tmp_path: Path
) -> None:
    archive = tmp_path / "archive.txt"
    found = source(server, archive=archive, retries=0)
    entry = only(found)
    server.trouble(LESSON, Slow(0), Truncated())
    with pytest.raises(TransientFailure):
        found.fetch(entry, tmp_path / "files", silent)
    assert not archive.exists()


def test_the_archive_is_written_as_yt_dlp_writes_it(tmp_path: Path) -> None:
    def entry(source: str, video_id: str) -> VideoEntry:
        return VideoEntry(video_id, "ߒߞߏ", "https://example.org", None, None, source, "ours")

    archive = DownloadArchive(tmp_path / "archive.txt")
    archive.add(entry("youtube", "-aB_cD-eF12"))
    archive.add(entry("vimeo", "vimeo-76979871"))
    archive.add(entry("vimeo", "vimeo-76979871"))
    assert entry("youtube", "-aB_cD-eF12") in archive
    assert entry("youtube", "-Ab_cD-eF12") not in archive
    with yt_dlp.YoutubeDL({"quiet": True, "download_archive": str(archive.path)}) as ydl:
        assert ydl.in_download_archive({"extractor_key": "Youtube", "id": "-aB_cD-eF12"})
        assert ydl.in_download_archive({"extractor_key": "Vimeo", "id": "76979871"})
    assert len(archive.path.read_text(encoding="utf-8").splitlines()) == 2
